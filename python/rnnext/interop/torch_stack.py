"""torch modules one after the other as a graph of Keras's layers, in torch's own axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rnnext import layers, ops
from rnnext.errors import UnsupportedError
from rnnext.interop.torch_layers import connect_plain, features_of
from rnnext.interop.torch_module import TorchModule
from rnnext.interop.torch_recurrent import Recurrent

__all__ = ["TorchStack", "as_torch"]

_TAKES = (None, "sequence", "last", "state")


def as_torch(states: Sequence[Any]) -> Any:
    """Returns one state as it is, LSTM's two as a pair."""
    return states[0] if len(states) == 1 else tuple(states)


class TorchStack:
    """Modules of which each takes what the one before returns. Inside, samples come first.

    Args:
        parts: The modules.
        take: What the last recurrent one passes on.
        batch_first: Whether samples come first in the model's inputs and outputs; None: as the
            modules say.

    Raises:
        UnsupportedError: If the options do not fit the modules.
    """

    def __init__(
        self, parts: Sequence[TorchModule | Recurrent], take: str | None, batch_first: bool | None
    ) -> None:
        self._parts = parts
        self._recurrent = [part for part in parts if isinstance(part, Recurrent)]
        if take not in _TAKES:
            raise UnsupportedError(f"from_torch: take must be one of {_TAKES}, received {take!r}.")
        if take is not None and not self._recurrent:
            raise UnsupportedError(f"from_torch: take={take!r}, but no module is recurrent.")
        if take is None and self._recurrent and self._recurrent[-1] is not parts[-1]:
            take = "sequence"
        self._take = take
        layouts = {part.batch_first for part in self._recurrent if not part.is_cell}
        if len(layouts) > 1:
            raise UnsupportedError(
                "from_torch: some recurrent modules have batch_first=True, others False; one "
                "sequence cannot have both layouts."
            )
        if batch_first is not None and not layouts:
            raise UnsupportedError(
                f"from_torch: batch_first={batch_first}, but no module takes a sequence."
            )
        self._dtype = self._common_dtype()
        self._has_time = bool(layouts)
        self._time_major = False in layouts if batch_first is None else not batch_first

    # Inputs ------------------------------------------------------------------------------------

    def input(self, input_shape: Sequence[int | None] | None) -> Any:
        """Returns the symbolic input for samples of this shape, by default of the modules' own."""
        features = next(filter(None, map(_features, self._parts)), None)
        if input_shape is None:
            if features is None:
                raise UnsupportedError(
                    "from_torch: no module tells the size of its input; pass input_shape=, the "
                    "sizes of one sample, e.g. (None, 8)."
                )
            last = () if features == "ids" else (features,)
            input_shape = (None, *last) if self._has_time or features == "ids" else last
        shape = (None, *input_shape)
        if self._time_major:
            shape = (shape[1], None, *shape[2:])
        dtype = "int64" if features == "ids" else self._dtype
        return layers.Input(batch_shape=shape, dtype=dtype, name="input")

    def _common_dtype(self) -> str:
        """The dtype of all modules that have parameters."""
        common = None
        for part in self._parts:
            source = part.source if isinstance(part, Recurrent) else part
            if common is not None and source.dtype not in (None, common):
                source.refuse(f"its parameters are {source.dtype}, those before it {common}")
            common = common or source.dtype
        return common or "float32"

    def state_inputs(self) -> list[Any]:
        """Returns the symbolic states that the only recurrent module starts from.

        Raises:
            UnsupportedError: If there is not exactly one.
        """
        if len(self._recurrent) != 1:
            raise UnsupportedError(
                "from_torch: initial_state=True needs exactly one recurrent module, received "
                f"{len(self._recurrent)}."
            )
        (part,) = self._recurrent
        runs = () if part.is_cell else (part.runs,)
        return [
            layers.Input(batch_shape=(*runs, None, part.units), dtype=self._dtype, name=name)
            for name in ("h_0", "c_0")[: part.states]
        ]

    # The graph ---------------------------------------------------------------------------------

    def connect(self, x: Any, state_inputs: Sequence[Any]) -> Any:
        """Calls the layers; returns the symbolic output, nested and with axes as torch's."""
        if self._time_major:
            x = _swapped(x)
        states: list[Any] = []
        for part in self._parts:
            if isinstance(part, Recurrent):
                x, states = self._connect_recurrent(part, x, state_inputs)
            else:
                x = self._connect_plain(part, x)
        if self._take is None and states:
            last = self._recurrent[-1]
            if last.is_cell:
                return as_torch(states)
            x = _swapped(x) if self._time_major else x
            return x, as_torch(
                [ops.stack(states[k :: last.states], axis=0) for k in range(last.states)]
            )
        return _swapped(x) if self._time_major and self._has_time else x

    def _connect_recurrent(self, part: Recurrent, x: Any, state_inputs: Any) -> tuple[Any, Any]:
        takes = "(B, D)" if part.is_cell else "a sequence (B, T, D)"
        if len(x.shape) != (2 if part.is_cell else 3):
            part.source.refuse(f"it takes {takes}, received the shape {tuple(x.shape)}")
        is_last = part is self._recurrent[-1]
        if part.is_cell:
            x = layers.Reshape((1, part.features), dtype=self._dtype)(x)
            take = None if is_last and self._take is None else "last"
            return part.connect(x, take, state_inputs)
        take = self._take if is_last else "sequence"
        self._has_time = take in (None, "sequence")
        unstacked = [ops.unstack(state, part.runs, axis=0) for state in state_inputs]
        initial = [state for run in zip(*unstacked, strict=True) for state in run]
        return part.connect(x, take, initial)

    def _connect_plain(self, source: TorchModule, x: Any) -> Any:
        if source.class_name == "Flatten":
            if self._time_major and self._has_time:
                source.refuse(
                    "with batch_first=False it would join samples; take='last' or 'state' leaves "
                    "no time axis"
                )
            self._has_time = False
        return connect_plain(source, x)


def _swapped(x: Any) -> Any:
    """Batch and time exchanged."""
    return ops.transpose(x, (1, 0, *range(2, len(x.shape))))


def _features(part: TorchModule | Recurrent) -> Any:
    return part.features if isinstance(part, Recurrent) else features_of(part)
