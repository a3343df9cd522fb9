"""torch's RNN, LSTM, GRU and their cells as Keras layers: weights, directions, states."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnext import layers
from rnnext.interop.torch_module import TorchModule
from rnnext.interop.torch_projection import Projection, recurrent_weight

__all__ = ["RECURRENT", "Recurrent"]

Array = NDArray[Any]


class _Kind(NamedTuple):
    layer: Any
    gates: tuple[int, ...]  # for each of Keras's gates its place among torch's
    states: int


_RNN = _Kind(layers.SimpleRNN, (0,), 1)
_LSTM = _Kind(layers.LSTM, (0, 1, 2, 3), 2)  # i, f, g, o in both
_GRU = _Kind(layers.GRU, (1, 0, 2), 1)  # torch: r, z, n; Keras: z, r, h

_STACKS = {"RNN": _RNN, "LSTM": _LSTM, "GRU": _GRU}
_CELLS = {"RNNCell": _RNN, "LSTMCell": _LSTM, "GRUCell": _GRU}
RECURRENT = (*_STACKS, *_CELLS)


class Recurrent:
    """A recurrent module of torch, or a cell, which is one for a single step.

    Args:
        source: The module.

    Attributes:
        source: The module.
        is_cell: Whether it takes (B, D) instead of (B, T, D).
        dtype: The dtype of its parameters.
        batch_first: Whether samples are on the first axis of what torch's module takes.
        features: Size D of its inputs.
        units: Size of each of its states: H, or `proj_size` for the first of a projected LSTM.
        bidirectional: Whether it also runs backwards.
        projected: Whether `proj_size` makes what an LSTM returns smaller than its cell state.
        states: How many states a layer of one direction has: 2 for LSTM, else 1.
        runs: How often a sequence is run over: layers times directions.

    Raises:
        UnsupportedError: For an option that rnnext does not have.
    """

    def __init__(self, source: TorchModule) -> None:
        self.source = source
        name = source.class_name or ""
        self.is_cell = name in _CELLS
        self._kind = _CELLS[name] if self.is_cell else _STACKS[name]
        self.features, self._cells = source.option("input_size"), source.option("hidden_size")
        proj_size = 0 if self.is_cell else source.option("proj_size")
        self.projected = proj_size > 0
        self.states = self._kind.states
        self.units = (proj_size or self._cells, self._cells)[: self.states]
        self.batch_first = self.is_cell or source.option("batch_first")
        self._layers = 1 if self.is_cell else source.option("num_layers")
        self.bidirectional = not self.is_cell and source.option("bidirectional")
        self._directions = 2 if self.bidirectional else 1
        self.runs = self._layers * self._directions
        self.dtype = source.dtype or "float32"
        self._options = {"dtype": self.dtype, "use_bias": source.option("bias")}
        if self._kind is _RNN:
            self._options["activation"] = source.option("nonlinearity", accepted=("tanh", "relu"))

    def connect(
        self, x: Any, take: str | None, initial: Sequence[Any] | None, mask: Any = None
    ) -> tuple[Any, Any]:
        """Calls the layers on a symbolic tensor.

        Args:
            x: (B, T, D).
            take: "sequence", "last" or "state": see `from_torch`; None for the sequence and the
                states of all layers.
            initial: The states (B, H) the layers start from, in torch's order, each layer's and
                direction's together; or None for zeros.
            mask: (B, T), false after the end of a sequence; or None.

        Returns:
            What is taken, and the last states in the order of `initial` (empty unless `take` is
            None).
        """
        states: list[Any] = []
        step = self._directions * self.states
        for k in range(self._layers):
            above = k < self._layers - 1
            start = self._layer_start(k, initial[k * step : (k + 1) * step]) if initial else None
            whole = above or self._needs_sequence(take)
            results = self.source.applied(
                x,
                functools.partial(self._layer, k, whole, take is None),
                functools.partial(self._layer_weights, k),
                part=f"l{k}",
                **({} if start is None else {"initial_state": start}),
                **({} if mask is None else {"mask": mask}),
            )
            x, *last = results if take is None else [results]
            if self.projected:
                x = self._projection.of_outputs(k, x)
                last = self._projection.of_states(k, last)
            states += last
        return (x[:, -1] if take == "last" and self.bidirectional else x), states

    def _layer_start(self, k: int, start: Sequence[Any]) -> list[Any]:
        return self._projection.before(k, start) if self.projected else list(start)

    def _needs_sequence(self, take: str | None) -> bool:
        # Forwards, the last step's output is the last state. Both directions' last states are
        # what Bidirectional returns without the sequence; its last step's output is another thing.
        return take in ("sequence", None) or (take == "last" and self.bidirectional)

    def _layer(self, k: int, return_sequences: bool, return_state: bool) -> Any:
        name = self.source.layer_name + (f"_l{k}" if self._layers > 1 else "")
        layer = self._kind.layer(
            self._cells,
            return_sequences=return_sequences,
            return_state=return_state,
            name=name,
            **self._options,
        )
        if not self.bidirectional:
            return layer
        return layers.Bidirectional(layer, name=name, dtype=self._options["dtype"])

    # Weights -----------------------------------------------------------------------------------

    def _run_names(self, k: int) -> list[str]:
        """What the names of a layer's parameters end with, direction by direction."""
        if self.is_cell:
            return [""]
        return [f"_l{k}", f"_l{k}_reverse"][: self._directions]

    @functools.cached_property
    def _arrays(self) -> dict[str, Array]:
        parts = ["weight_ih", "weight_hh"]
        parts += ["bias_ih", "bias_hh"] if self._options["use_bias"] else []
        parts += ["weight_hr"] if self.projected else []
        runs = [run for k in range(self._layers) for run in self._run_names(k)]
        return self.source.arrays([part + run for run in runs for part in parts])

    @functools.cached_property
    def _projection(self) -> Projection:
        weights = [
            [self._arrays["weight_hr" + run] for run in self._run_names(k)]
            for k in range(self._layers)
        ]
        return Projection(self.source, weights)

    def _layer_weights(self, k: int) -> list[Array]:
        return [weight for run in self._run_names(k) for weight in self._weights(run)]

    def _weights(self, run: str) -> list[Array]:
        """Kernel, recurrent kernel and bias of one layer and direction, in Keras's layout."""
        arrays = self._arrays
        recurrent = arrays["weight_hh" + run]
        if self.projected:
            recurrent = recurrent_weight(recurrent, arrays["weight_hr" + run])
        weights = [self._in_keras_order(w).T for w in (arrays["weight_ih" + run], recurrent)]
        if not self._options["use_bias"]:
            return weights
        biases = [self._in_keras_order(arrays[part + run]) for part in ("bias_ih", "bias_hh")]
        if self._kind is _GRU:  # reset_after: the reset gate acts on the second bias alone
            return [*weights, np.stack(biases)]
        # torch adds both at every step; their sum, rounded once, is Keras's only bias.
        return [*weights, biases[0] + biases[1]]

    def _in_keras_order(self, array: Array) -> Array:
        """The gates along the first axis in Keras's order."""
        gates = np.split(array, len(self._kind.gates))
        return np.concatenate([gates[place] for place in self._kind.gates])
