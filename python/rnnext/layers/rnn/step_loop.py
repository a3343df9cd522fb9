"""Running any cell over a sequence, step by step, in Python.

For cells without a compiled kernel: a user's own, or one with an activation no kernel has. It is
called like a kernel and treats masks as the kernels do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest
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

    def run_plain(self, x: Array, flags: int, mask: Array | None, /) -> None:
        """Declines, as a kernel declines what is not plain: its caller then calls with care."""

    def __call__(
        self,
        x: Array,
        initial_state: Any,
        mask: Array | None,
        return_sequences: bool,
        return_state: bool,
        go_backwards: bool,
        zero_output_for_mask: bool,
    ) -> Any:
        """Runs the cell over x (B, T, ...); see `rnnext._core.RecurrentKernel` for the rest.

        A masked step keeps the states and repeats the last output, zeros if there is none yet.
        """
        states = initial_state
        if states is None:
            states = listed(initial_states(self._cell, len(x), x.dtype.name))
        steps = range(x.shape[1])
        output: Array | None = None
        outputs: list[Array] = []
        for t in reversed(steps) if go_backwards else steps:
            step = np.ascontiguousarray(x[:, t])
            new_output, new_states = self._cell.call(step, states, **self._options)
            new_states = listed(new_states)
            if mask is not None:
                keep = mask[:, t]
                previous = np.zeros_like(new_output) if output is None else output
                shown = np.zeros_like(new_output) if zero_output_for_mask else previous
                new_output = _select(keep, new_output, shown)
                pairs = zip(nest.flatten(new_states), nest.flatten(states), strict=True)
                kept = [_select(keep, new, old) for new, old in pairs]
                new_states = nest.pack_like(new_states, kept)
            output, states = new_output, new_states
            if return_sequences:
                outputs.append(output)
        result = np.stack(outputs, axis=1) if return_sequences else output
        return (result, *states) if return_state else result


def _select(keep: Array, new: Array, old: Array) -> Array:
    """Rows of `new` where `keep`, else of `old`: a choice, so that NaN in padding stays out."""
    return np.where(keep.reshape(-1, *[1] * (new.ndim - 1)), new, old)
