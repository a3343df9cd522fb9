"""The modules: torch's own, with another `forward`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import torch

from rnnext.errors import DataError, ShapeError, UnsupportedError
from rnnext.torch.function import run_layer
from rnnext.torch.kernels import CELLS, KernelCache
from rnnext.torch.projection import projected, unprojected
from rnnext.torch.sequences import sequences_of

__all__ = ["GRU", "LSTM", "RNN"]

_STATE_NAMES = ("h_0", "c_0")
_DTYPES = (torch.float32, torch.float64)


class _Recurrent(torch.nn.modules.rnn.RNNBase):
    """What the three modules share; a base class of each, before torch's."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._kernels = KernelCache()

    def forward(self, input: Any, hx: Any = None) -> Any:  # noqa: A002 (torch's name)
        """Returns the output and the last states, as torch's module does."""
        if torch.compiler.is_compiling() or "torch._dynamo" in sys.modules:
            from rnnext.torch.uncompiled import run_uncompiled

            return run_uncompiled(self._compute, input, hx)
        return self._compute(input, hx)

    def _compute(self, given: Any, hx: Any) -> Any:
        if torch.jit.is_tracing() or torch.compiler.is_compiling():
            self._refuse("torch.jit and torch.export cannot record it; use torch's module there")
        sequences = sequences_of(given, self.batch_first, self._label)
        x = sequences.samples_first()
        self._check_input(x)
        states = None if hx is None else self._states(hx, sequences, x)
        lasts = []
        for k in range(self.num_layers):
            if k and self.training and self.dropout:
                x = x * sequences.noise(self.dropout, x.shape[2])
            x, *last = self._run_layer(k, sequences.mask, x, states)
            lasts.append(last)
        joined = [each[0] if len(each) == 1 else torch.cat(each) for each in zip(*lasts)]  # noqa: B905
        after = tuple(map(sequences.state_after, joined))
        return sequences.output(x), after if len(after) == 2 else after[0]

    def _run_layer(self, k: int, mask: Any, x: Any, states: Sequence[Any] | None) -> Any:
        names = [f"_l{k}", f"_l{k}_reverse"][: 2 if self.bidirectional else 1]
        weights = [self._weights(name) for name in names]
        if states is not None:
            runs = slice(k * len(names), (k + 1) * len(names))
            states = [state[runs] for state in states]
        if not self.proj_size:
            return self._run_kernels(names, weights, mask, x, states)
        projections = [getattr(self, f"weight_hr{name}") for name in names]
        given = unprojected(weights, projections, mask, x, states)
        output, h, c = self._run_kernels(names, given[0], mask, *given[1:])
        return (*projected(output, h, projections), c)

    def _run_kernels(
        self, names: list[str], weights: list[list[Any]], mask: Any, x: Any, states: Any
    ) -> Any:
        cell = CELLS[self.mode]
        directions = [
            self._kernels.get(name, cell, each) for name, each in zip(names, weights, strict=True)
        ]
        return run_layer(directions, mask, x, states, [w for each in weights for w in each])

    def _weights(self, name: str) -> list[Any]:
        parts = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")[: 4 if self.bias else 2]
        return [getattr(self, part + name) for part in parts]

    # Checks ------------------------------------------------------------------------------------

    @property
    def _label(self) -> str:
        return f"rnnext.torch.{type(self).__name__}"

    def _refuse(self, reason: str) -> NoReturn:
        raise UnsupportedError(f"{self._label}: {reason}.")

    def __prepare_scriptable__(self) -> NoReturn:
        self._refuse("torch.jit and torch.export cannot record it; use torch's module there")

    def _check_input(self, x: Any) -> None:
        weight = self.weight_ih_l0
        for tensor, name in ((weight, "weight_ih_l0"), (x, "the input")):
            if tensor.device.type != "cpu" or tensor.dtype not in _DTYPES:
                self._refuse(
                    f"{name} is {tensor.dtype} on {tensor.device}; accepted are torch.float32 and "
                    "torch.float64 on the CPU"
                )
        if x.dtype != weight.dtype:
            raise DataError(
                f"{self._label}: the input is {x.dtype}, the parameters are {weight.dtype}; "
                "convert one of them with .to(dtype)."
            )
        if x.shape[2] != self.input_size:
            raise ShapeError(
                f"{self._label}: input_size is {self.input_size}, received "
                f"{x.shape[2]} features on the last axis."
            )
        if not x.shape[1]:
            raise ShapeError(f"{self._label}: the input has no step; at least one is needed.")

    def _states(self, hx: Any, sequences: Any, x: Any) -> list[Any]:
        """h_0, or h_0 and c_0, checked: (layers * directions, B, units), samples as inside."""
        count = CELLS[self.mode].states
        given = (hx,) if count == 1 else hx
        if not isinstance(given, (tuple, list)) or len(given) != count:
            self._wrong_states("the states must be the pair (h_0, c_0)", hx)
        runs = self.num_layers * (2 if self.bidirectional else 1)
        sizes = (self.proj_size or self.hidden_size, self.hidden_size)
        states = []
        for state, name, size in zip(given, _STATE_NAMES, sizes, strict=False):
            expected = (runs, sequences.batch, size)
            if not isinstance(state, torch.Tensor):
                self._wrong_states(f"{name} must be a tensor", state)
            if state.dtype != x.dtype or state.device != x.device:
                raise DataError(
                    f"{self._label}: {name} is {state.dtype} on {state.device}, the input is "
                    f"{x.dtype} on {x.device}; they must be the same."
                )
            state = sequences.state_before(state, name, self._label)
            if state.shape != expected:
                raise ShapeError(
                    f"{self._label}: {name} must be (layers * directions, B, units) = {expected}, "
                    f"whatever batch_first is, received {tuple(state.shape)}."
                )
            states.append(state)
        return states

    def _wrong_states(self, what: str, received: Any) -> NoReturn:
        count = f" of {len(received)}" if isinstance(received, (tuple, list)) else ""
        raise DataError(f"{self._label}: {what}, received {type(received).__name__}{count}.")


class LSTM(_Recurrent, torch.nn.LSTM):
    """`torch.nn.LSTM` that computes with rnnext's kernels, forwards and backwards.

    Arguments, parameters and their initialisation, state_dict, and what a call takes and returns
    are those of `torch.nn.LSTM`. Parameters and inputs are float32 or float64 on the CPU. With
    `proj_size` the recurrent product has the size of an LSTM without it.

    Raises:
        UnsupportedError: For other dtypes and devices, `torch.jit`, `torch.export`.
        ShapeError: If the input or a state does not have the shape that torch takes.
        DataError: If they are not tensors, or not of the dtype of the parameters.

    Example:
        >>> import torch
        >>> import rnnext.torch
        >>> lstm = rnnext.torch.LSTM(8, 16, batch_first=True)
        >>> output, (h_n, c_n) = lstm(torch.ones(4, 30, 8))
        >>> output.sum().backward()
        >>> output.shape, lstm.weight_ih_l0.grad.shape
        (torch.Size([4, 30, 16]), torch.Size([64, 8]))
    """


class GRU(_Recurrent, torch.nn.GRU):
    """`torch.nn.GRU` that computes with rnnext's kernels, forwards and backwards.

    Arguments, parameters and their initialisation, state_dict, and what a call takes and returns
    are those of `torch.nn.GRU`. Parameters and inputs are float32 or float64 on the CPU.

    Raises:
        UnsupportedError: For other dtypes and devices, `torch.jit`, `torch.export`.
        ShapeError: If the input or the state does not have the shape that torch takes.
        DataError: If they are not tensors, or not of the dtype of the parameters.

    Example:
        >>> import torch
        >>> import rnnext.torch
        >>> gru = rnnext.torch.GRU(8, 16, bidirectional=True)
        >>> output, h_n = gru(torch.ones(30, 4, 8))
        >>> output.shape, h_n.shape
        (torch.Size([30, 4, 32]), torch.Size([2, 4, 16]))
    """


class RNN(_Recurrent, torch.nn.RNN):
    """`torch.nn.RNN` that computes with rnnext's kernels, forwards and backwards.

    Arguments, parameters and their initialisation, state_dict, and what a call takes and returns
    are those of `torch.nn.RNN`. Parameters and inputs are float32 or float64 on the CPU.

    Raises:
        UnsupportedError: For other dtypes and devices, `torch.jit`, `torch.export`.
        ShapeError: If the input or the state does not have the shape that torch takes.
        DataError: If they are not tensors, or not of the dtype of the parameters.

    Example:
        >>> import torch
        >>> import rnnext.torch
        >>> rnn = rnnext.torch.RNN(8, 16, nonlinearity="relu")
        >>> output, h_n = rnn(torch.ones(30, 4, 8))
        >>> output.shape, h_n.shape
        (torch.Size([30, 4, 16]), torch.Size([1, 4, 16]))
    """
