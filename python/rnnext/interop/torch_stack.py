"""torch modules one after the other as a graph of Keras's layers, in torch's own axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rnnext import layers, nest, ops
from rnnext.errors import UnsupportedError
from rnnext.interop.torch_layers import (
    PLAIN,
    connect_plain,
    features_of,
    needs_samples_first,
    works_per_step,
    works_unbatched,
)
from rnnext.interop.torch_module import TorchModule
from rnnext.interop.torch_recurrent import RECURRENT, Recurrent
from rnnext.models.functional import Functional

__all__ = ["TorchStack", "as_torch", "supported_part", "swapped"]

_TAKES = (None, "sequence", "last", "state")


def as_torch(states: Sequence[Any]) -> Any:
    """Returns one state as it is, LSTM's two as a pair."""
    return states[0] if len(states) == 1 else tuple(states)


def supported_part(source: TorchModule) -> TorchModule | Recurrent:
    """Returns a module of torch's own as a part of a model.

    Raises:
        UnsupportedError: If rnnext does not have its class.
    """
    if source.class_name in RECURRENT:
        return Recurrent(source)
    if source.class_name not in PLAIN:
        source.refuse(
            f"nn.{source.class_name} is not supported; accepted: "
            f"{', '.join((*RECURRENT, *PLAIN, 'Sequential'))}"
        )
    return source


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
        self._plain = [part for part in parts if isinstance(part, TorchModule)]
        self._recurrent = [part for part in parts if isinstance(part, Recurrent)]
        if take not in _TAKES:
            raise UnsupportedError(f"from_torch: take must be one of {_TAKES}, received {take!r}.")
        if take is not None and not self._recurrent:
            raise UnsupportedError(f"from_torch: take={take!r}, but no module is recurrent.")
        if take is None and self._recurrent and self._recurrent[-1] is not parts[-1]:
            take = "sequence"
        self._take = take
        layouts = {part.batch_first for part in self._recurrent if not part.is_cell}
        layouts |= {
            part.option("batch_first")
            for part in self._plain
            if part.class_name == "MultiheadAttention"
        }
        if len(layouts) > 1 and batch_first is None:
            raise UnsupportedError(
                "from_torch: some recurrent modules have batch_first=True, others False; one "
                "sequence cannot have both layouts. Where forward exchanges the axes, pass "
                "batch_first=True: samples come first then all the way through."
            )
        if batch_first is not None and not layouts:
            raise UnsupportedError(
                f"from_torch: batch_first={batch_first}, but no module takes a sequence."
            )
        self._dtype = self._common_dtype()
        self._takes_time = bool(layouts)
        self.time_major = False in layouts if batch_first is None else not batch_first
        self._check_layout()

    def _check_layout(self) -> None:
        for part in self._plain if self.time_major else ():
            if needs_samples_first(part) and part.class_name != "Flatten":
                part.refuse(
                    "with batch_first=False its input would not have samples first; pass "
                    "batch_first=True to have them first all the way through"
                )

    # How it may be called ----------------------------------------------------------------------

    @property
    def state_part(self) -> Recurrent | None:
        """The only recurrent module, whose states a call may give; None if it is not alone."""
        return self._recurrent[0] if len(self._recurrent) == 1 else None

    def no_unbatched(self) -> str | None:
        """Returns why an input without a batch axis cannot be taken, or None."""
        for part in self._plain:
            if not works_unbatched(part):
                return f"{part.label} takes the first axis of any input as samples"
        return None

    def no_packing(self) -> str | None:
        """Returns why a PackedSequence cannot be taken, or None."""
        if all(part.is_cell for part in self._recurrent):
            return "no module takes a sequence as nn.LSTM does"
        if any(part.is_cell for part in self._recurrent):
            return "a cell takes single steps"
        for part in self._plain:
            if not works_per_step(part):
                return f"{part.label} does not work on each step alone"
        if self._take == "last" and self._recurrent[-1].bidirectional:
            return (
                "take='last' of both directions is at another step for each sequence; take='state' "
                "can be had"
            )
        return None

    @property
    def works_on_any_rank(self) -> bool:
        """Whether the modules treat each (..., D) alike, whatever axes come before."""
        per_step = not self._recurrent and all(map(works_per_step, self._plain))
        features = self._features
        return bool(per_step and isinstance(features, tuple) and len(features) == 1)

    @property
    def returns_sequence(self) -> bool:
        """Whether the last recurrent module passes its sequence on."""
        return self._take in (None, "sequence")

    def sample_axes(self, axis: int, states: int) -> list[int]:
        """Returns on which axis of each output, in flat order, the samples are.

        Args:
            axis: That of the output without states.
            states: How many states are returned.
        """
        of_states = 0 if states and self._recurrent[-1].is_cell else 1
        return nest.flatten(self.nested(axis, [of_states] * states))

    def steps_model(self, input_shape: Sequence[int | None] | None, name: str) -> Functional | None:
        """Returns a model of samples first that returns the states one by one, to be streamed.

        Args:
            input_shape: As for `input`.
            name: Name of the model.
        """
        if not self._takes_time or not self._recurrent:
            return None
        x = self.input(input_shape, samples_first=True)
        output, states, _ = self.connect(x, samples_first=True, stacked=False)
        return Functional(x, [output, *states], name=name)

    @property
    def state_kinds(self) -> int:
        """How many states each run of the last recurrent module has: 2 for LSTM, else 1."""
        return self._recurrent[-1].states

    # Inputs ------------------------------------------------------------------------------------

    def input(self, input_shape: Sequence[int | None] | None, samples_first: bool = False) -> Any:
        """Returns the symbolic input for samples of this shape, by default of the modules' own."""
        features = self._features
        if input_shape is None:
            if features is None:
                raise UnsupportedError(
                    "from_torch: no module tells the size of its input; pass input_shape=, the "
                    "sizes of one sample, e.g. (None, 8)."
                )
            last = () if isinstance(features, str) else features
            has_time = (self._takes_time and len(last) < 2) or features == "ids"
            input_shape = (None, *last) if has_time else last
        shape = (None, *self._checked_shape(input_shape))
        if self.time_major and not samples_first:
            shape = (shape[1], None, *shape[2:])
        dtype = "int64" if features == "ids" else self._dtype
        return layers.Input(batch_shape=shape, dtype=dtype, name="input")

    @property
    def _features(self) -> Any:
        found = map(_features, self._parts)
        return next((features for features in found if features), None)

    @staticmethod
    def _checked_shape(shape: Any) -> tuple[int | None, ...]:
        sizes = tuple(shape) if isinstance(shape, (list, tuple)) else (shape,)
        if not all(size is None or (isinstance(size, int) and size > 0) for size in sizes):
            raise UnsupportedError(
                "from_torch: input_shape must be the sizes of one sample, positive integers or "
                f"None, e.g. (None, 8); received {shape!r}."
            )
        return sizes

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
            layers.Input(batch_shape=(*runs, None, units), dtype=self._dtype, name=name)
            for name, units in zip(("h_0", "c_0"), part.units, strict=False)
        ]

    # The graph ---------------------------------------------------------------------------------

    def connect(
        self,
        x: Any,
        state_inputs: Sequence[Any] = (),
        *,
        mask: Any = None,
        samples_first: bool = False,
        stacked: bool = True,
    ) -> tuple[Any, list[Any], int]:
        """Calls the layers.

        Args:
            x: The symbolic input.
            state_inputs: The states in torch's shapes to start from, or none for zeros.
            mask: (B, T), false after the end of a sequence; or None.
            samples_first: Whether x is (B, T, ...), and the output shall be, in any layout.
            stacked: Whether states are joined as torch's, (runs, B, units).

        Returns:
            The output; the last states, if they are returned; on which axis of the output the
            samples are.
        """
        swaps = self.time_major and not samples_first
        x = swapped(x) if swaps else x
        has_time = self._takes_time
        states: list[Any] = []
        for part in self._parts:
            if isinstance(part, Recurrent):
                x, states = self._connect_recurrent(part, x, state_inputs, mask)
                has_time = has_time and (
                    part is not self._recurrent[-1] or self._take in (None, "sequence")
                )
            else:
                if part.class_name == "Flatten" and self.time_major and has_time:
                    part.refuse(
                        "with batch_first=False it would join samples; take='last' or 'state' "
                        "leaves no time axis"
                    )
                has_time = has_time and part.class_name != "Flatten"
                x = connect_plain(part, x)
        x = swapped(x) if swaps and has_time else x
        last = self._recurrent[-1] if states else None
        if last is not None and stacked and not last.is_cell:
            states = [ops.stack(states[k :: last.states], axis=0) for k in range(last.states)]
        return x, states, 1 if swaps and has_time else 0

    def nested(self, output: Any, states: Sequence[Any]) -> Any:
        """Returns what torch returns: the output; a cell's states; or both."""
        if not states:
            return output
        if self._recurrent[-1].is_cell:
            return as_torch(states)
        return output, as_torch(states)

    def _connect_recurrent(
        self, part: Recurrent, x: Any, state_inputs: Sequence[Any], mask: Any
    ) -> tuple[Any, list[Any]]:
        takes = "(B, D)" if part.is_cell else "a sequence (B, T, D)"
        if len(x.shape) != (2 if part.is_cell else 3):
            part.source.refuse(f"it takes {takes}, received the shape {tuple(x.shape)}")
        is_last = part is self._recurrent[-1]
        if part.is_cell:
            x = layers.Reshape((1, part.features), dtype=self._dtype)(x)
            take = None if is_last and self._take is None else "last"
            return part.connect(x, take, state_inputs)
        take = self._take if is_last else "sequence"
        initial = [state[run] for run in range(part.runs) for state in state_inputs]
        return part.connect(x, take, initial, mask)


def swapped(x: Any) -> Any:
    """Batch and time exchanged."""
    return ops.transpose(x, (1, 0, *range(2, len(x.shape))))


def _features(part: TorchModule | Recurrent) -> Any:
    return (part.features,) if isinstance(part, Recurrent) else features_of(part)
