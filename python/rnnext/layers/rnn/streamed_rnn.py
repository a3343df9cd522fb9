"""A recurrent layer in a stream: keeps its states and its last output from step to step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest
from rnnext._core import (
    RETURN_SEQUENCES,
    RETURN_STATE,
    STRICT,
    ZERO_OUTPUT_FOR_MASK,
    RecurrentKernel,
)
from rnnext.arrays import cast
from rnnext.errors import ShapeError
from rnnext.graph.stream_state import NoneOr, StateSlot
from rnnext.layers.rnn.call_checks import checked_constants, checked_mask

__all__ = ["StreamedRNN"]

Array = NDArray[Any]


class StreamedRNN:
    """Runs the cell of an RNN over chunks of a sequence.

    The output is remembered beside the states because a masked step repeats the output before it,
    which is not the state: before the first step that counts there is none, and it is zero.

    Args:
        layer: The RNN. Its own states are not touched.
        batch_size: Number of samples B.
        step_shape: (B, ...) of a step of the input.
        takes_state: Whether the layer is called with an initial state. It is taken at the first
            step.
    """

    def __init__(
        self, layer: Any, batch_size: int, step_shape: tuple[int | None, ...], takes_state: bool
    ) -> None:
        self._layer = layer
        self._batch_size = batch_size
        self._takes_state = takes_state
        self._has_kernel = layer._cell_has_kernel
        self._dtype = np.dtype(layer.compute_dtype)
        self._flags = RETURN_SEQUENCES * layer.return_sequences + RETURN_STATE
        self._return_sequences, self._return_state = layer.return_sequences, layer.return_state
        # What a cell without a kernel returns may be of another dtype, which is kept.
        dtype = self._dtype.name if self._has_kernel else None
        initial = layer.get_initial_state(batch_size)
        states = nest.map_structure(lambda state: StateSlot(state.shape, dtype), initial)
        output = StateSlot(tuple(layer._shapes_of_step(step_shape)[0]), dtype)
        self.slots = {"states": NoneOr(states) if takes_state else states, "output": NoneOr(output)}
        self.memory: tuple[Any, Array | None]  # the states and the last output
        self.reset()

    def reset(self) -> None:
        """Goes back to before the first step."""
        layer = self._layer
        initial = layer.get_initial_state(self._batch_size)
        self.memory = (None if self._takes_state else tuple(initial), None)

    @property
    def state(self) -> dict[str, Any]:
        """The states, nested as the layer's, and the last output; None if there is none yet."""
        states, output = self.memory
        return {"states": states, "output": output}

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        states = state["states"]
        self.memory = (None if states is None else tuple(states), state["output"])

    def __call__(
        self,
        sequences: Array,
        initial_state: Any = None,
        mask: Any = None,
        training: Any = None,  # noqa: ARG002
        constants: Any = None,
    ) -> Any:
        """Returns what the layer's `call` returns for the next steps (B, t, ...)."""
        states, output = self.memory
        if states is None:
            states = self._layer._checked_states(initial_state, len(sequences))
        if not sequences.shape[1]:
            return self._without_new_step(sequences, states, output)
        if type(mask) is np.ndarray and mask.shape == sequences.shape[:2] and mask.all():
            mask = None  # most are, and then nothing need be repeated
        kernel = self._layer.cell._packed if self._has_kernel else None
        if mask is not None or type(kernel) is not RecurrentKernel:
            return self._call_slow_path(sequences, mask, states, output, constants)
        results: Any = kernel.run(sequences, states, None, self._flags)
        if results is None:  # not the arrays that kernels read
            x = cast(sequences, self._dtype)
            results = kernel.run(x, states, None, self._flags | STRICT)
        self.memory = (results[1:], results[1])
        return _with_states(results[0], results[1:]) if self._return_state else results[0]

    def _call_slow_path(
        self,
        sequences: Array,
        mask: Any,
        before: tuple[Any, ...],
        last_output: Array | None,
        constants: Any,
    ) -> Any:
        """Any cell, with or without a mask."""
        layer, sequence = self._layer, self._return_sequences
        x = cast(sequences, self._dtype)
        if mask is not None:
            mask = checked_mask(mask, x.shape[:2], layer.label)
        zero_for_mask = layer.zero_output_for_mask
        flags = self._flags | STRICT | ZERO_OUTPUT_FOR_MASK * zero_for_mask
        runner = layer._runner(False, checked_constants(constants, layer.cell, layer.label))
        results = runner.run(x, before, mask, flags)
        output, states = results[0], results[1:]
        if mask is not None and layer.quirks.outputs_initial_state:
            output = layer._with_initial_state(output, before if self._takes_state else None, mask)
        if mask is not None and not zero_for_mask and last_output is not None:
            output = _repeated(last_output, output, mask)
        last_output = np.array(output[:, -1] if sequence else output)
        self.memory = (states, last_output)
        output = output if sequence else last_output.copy()  # a cell's output may be its state
        return _with_states(output, states) if self._return_state else output

    def _without_new_step(
        self, sequences: Array, states: tuple[Any, ...], output: Array | None
    ) -> Any:
        if self._return_sequences:
            shape = self._layer._shapes_of_step((len(sequences), *sequences.shape[2:]))[0]
            output = np.zeros((shape[0], 0, *shape[1:]), self._dtype)
        elif output is None:
            raise ShapeError(
                f"{self._layer.label} needs at least one time step before it has an output."
            )
        else:
            output = output.copy()
        return _with_states(output, states) if self._return_state else output


def _repeated(before: Array, output: Array, mask: Array) -> Array:
    """The output, with that of the steps before where only masked steps have come since."""
    masked = ~np.logical_or.accumulate(mask, axis=1)
    if output.ndim > before.ndim:  # a sequence
        before = before[:, np.newaxis]
    else:
        masked = masked[:, -1]
    axes = tuple(range(masked.ndim, output.ndim))
    return np.where(np.expand_dims(masked, axes), before, output)


def _with_states(output: Array, states: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a layer with return_state returns, in arrays of the caller's own."""
    return (output, *nest.map_structure(np.copy, states))
