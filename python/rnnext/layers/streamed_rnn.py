"""A recurrent layer that goes on where it was: its states and its last output are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest
from rnnext._core import RecurrentKernel
from rnnext.arrays import cast
from rnnext.errors import ShapeError
from rnnext.layers.stream_state import NoneOr, StateSlot

if TYPE_CHECKING:
    from rnnext.layers.rnn import RNN

__all__ = ["StreamedRNN"]

Array = NDArray[Any]


class StreamedRNN:
    """Runs the cell of an RNN over chunks of a sequence.

    The output is remembered beside the states because a masked step repeats the output before it,
    which is not the state: before the first step that counts there is none, and it is zero.

    Args:
        layer: The layer. Its own states are not touched.
        batch_size: Number of samples B.
        step_shape: (B, ...) of a step of the input.
        takes_state: Whether the layer is called with an initial state. It is taken at the first
            step.
    """

    def __init__(
        self, layer: RNN, batch_size: int, step_shape: tuple[int | None, ...], takes_state: bool
    ) -> None:
        self._layer = layer
        self._batch_size = batch_size
        self._takes_state = takes_state
        self._has_kernel = layer._cell_has_kernel
        self._dtype = np.dtype(layer.compute_dtype)
        self._return_sequences, self._return_state = layer.return_sequences, layer.return_state
        # What a cell without a kernel returns may be of another dtype, which is kept.
        dtype = self._dtype.name if self._has_kernel else None
        initial = layer.get_initial_state(batch_size)
        states = nest.map_structure(lambda state: StateSlot(state.shape, dtype), initial)
        output = StateSlot(tuple(layer._shapes_of_step(step_shape)[0]), dtype)
        self.slots = {"states": NoneOr(states) if takes_state else states, "output": NoneOr(output)}
        self._states: Any = None
        self._output: Array | None = None
        self.reset()

    def reset(self) -> None:
        """Goes back to before the first step."""
        self._states = None
        if not self._takes_state:
            self._states = tuple(self._layer.get_initial_state(self._batch_size))
        self._output = None

    @property
    def state(self) -> dict[str, Any]:
        """The states, nested as the layer's, and the last output; None if there is none yet."""
        return {"states": self._states, "output": self._output}

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        self._states = None if state["states"] is None else tuple(state["states"])
        self._output = state["output"]

    def __call__(
        self,
        sequences: Array,
        initial_state: Any = None,
        mask: Any = None,
        training: Any = None,  # noqa: ARG002
    ) -> Any:
        """Returns what the layer's `call` returns for the next steps (B, t, ...)."""
        if self._states is None:
            self._states = self._layer._checked_states(initial_state, self._batch_size)
        if not sequences.shape[1]:
            return self._without_new_step(sequences)
        kernel = self._layer.cell._packed if self._has_kernel else None
        if mask is not None or type(kernel) is not RecurrentKernel:
            return self._call_with_care(sequences, mask)
        x = sequences if sequences.flags.c_contiguous else np.ascontiguousarray(sequences)
        results = kernel(x, self._states, None, self._return_sequences, True, False, False)
        self._states = results[1:]
        self._output = results[1]
        return self._with_states(results[0]) if self._return_state else results[0]

    def _call_with_care(self, sequences: Array, mask: Any) -> Any:
        layer, before = self._layer, self._states
        x = cast(sequences, self._dtype)
        if mask is not None:
            mask = layer._checked_mask(mask, x.shape[:2])
        zero_for_mask = layer.zero_output_for_mask
        output, *states = layer._runner()(
            x, before, mask, self._return_sequences, True, False, zero_for_mask
        )
        if mask is not None and layer.outputs_initial_state:
            output = layer._with_initial_state(output, before if self._takes_state else None, mask)
        if mask is not None and not zero_for_mask and self._output is not None:
            output = self._repeated(output, mask)
        self._states = tuple(states)
        self._output = np.array(output[:, -1] if self._return_sequences else output)
        if not self._return_sequences:
            output = self._output.copy()  # a cell's output may be its state
        return self._with_states(output) if self._return_state else output

    def _repeated(self, output: Array, mask: Array) -> Array:
        """The output with that of the steps before where only masked steps have come since."""
        masked = ~np.logical_or.accumulate(mask, axis=1)
        assert self._output is not None
        before = self._output
        if self._return_sequences:
            before = before[:, np.newaxis]
        else:
            masked = masked[:, -1]
        axes = tuple(range(masked.ndim, output.ndim))
        return np.where(np.expand_dims(masked, axes), before, output)

    def _without_new_step(self, sequences: Array) -> Any:
        output = self._output
        if self._return_sequences:
            shape = self._layer._shapes_of_step((self._batch_size, *sequences.shape[2:]))[0]
            output = np.zeros((shape[0], 0, *shape[1:]), self._dtype)
        elif output is None:
            raise ShapeError(
                f"{self._layer.label} needs at least one time step before it has an output."
            )
        else:
            output = output.copy()
        return self._with_states(output) if self._return_state else output

    def _with_states(self, output: Array) -> tuple[Any, ...]:
        return (output, *nest.map_structure(np.copy, list(self._states)))
