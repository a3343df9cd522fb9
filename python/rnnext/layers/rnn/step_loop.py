"""Running any cell over a sequence, step by step, in Python.

For cells without a compiled kernel: a user's own, or one with an activation no kernel has. It runs
like a kernel and treats masks as the kernels do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest
from rnnext._core import (
    GO_BACKWARDS,
    RETURN_SEQUENCES,
    RETURN_STATE,
    STRICT,
    ZERO_OUTPUT_FOR_MASK,
)
from rnnext.layers.rnn.cell_protocol import call_options, initial_states, listed

__all__ = ["StepLoop"]

Array = NDArray[Any]


class StepLoop:
    """A loop of `cell.call(x_t, states)` over the time axis.

    Args:
        cell: Has `call(inputs, states)` returning an output and the new states.
        training: Given to each step if the cell's `call` has such an argument.
        constants: Arrays that each step is given beside its input; None if there are none.
    """

    def __init__(
        self, cell: Any, training: bool = False, constants: Sequence[Any] | None = None
    ) -> None:
        self._cell = cell
        self._options = call_options(cell, training, constants)

    def run(self, x: Array, initial_state: Any, mask: Array | None, flags: int) -> Any:
        """Runs the cell over x (B, T, ...); see `rnnext._core.RecurrentKernel.run` for the rest.

        A masked step keeps the states and repeats the last output, zeros if there is none yet.
        """
        if not flags & STRICT:
            return None  # as a kernel returns None for what it does not take as it is
        states = initial_state
        if states is None:
            states = listed(initial_states(self._cell, len(x), x.dtype.name))
        steps = range(x.shape[1])
        output: Array | None = None
        outputs: list[Array] = []
        for t in reversed(steps) if flags & GO_BACKWARDS else steps:
            step = np.ascontiguousarray(x[:, t])
            new_output, new_states = self._cell.call(step, states, **self._options)
            new_states = listed(new_states)
            if mask is not None:
                keep = mask[:, t]
                previous = np.zeros_like(new_output) if output is None else output
                shown = np.zeros_like(new_output) if flags & ZERO_OUTPUT_FOR_MASK else previous
                new_output = _select(keep, new_output, shown)
                pairs = zip(nest.flatten(new_states), nest.flatten(states), strict=True)
                kept = [_select(keep, new, old) for new, old in pairs]
                new_states = nest.pack_like(new_states, kept)
            output, states = new_output, new_states
            self._after_step(output, states)
            if flags & RETURN_SEQUENCES:
                outputs.append(output)
        result = np.stack(outputs, axis=1) if flags & RETURN_SEQUENCES else output
        return (result, *states) if flags & RETURN_STATE else result

    def _after_step(self, output: Array, states: Any) -> None:
        """Called with what a step made, masks regarded; here a no-op."""


def _select(keep: Array, new: Array, old: Array) -> Array:
    """Rows of `new` where `keep`, else of `old`: a choice, so that NaN in padding stays out."""
    return np.where(keep.reshape(-1, *[1] * (new.ndim - 1)), new, old)
