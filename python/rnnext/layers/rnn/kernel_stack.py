"""Running stacked cells over a sequence, one cell's whole sequence after the other's.

A cell's output at a step depends on nothing that the cells above it do, so each may take all steps
at once, in its compiled kernel. The bits are those of the loop over steps (step_loop.py): how a
sequence is cut into steps does not change what a kernel answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest
from rnnext.layers.rnn.cell_protocol import initial_states

if TYPE_CHECKING:
    from rnnext.layers.rnn.stacked_rnn_cells import StackedRNNCells

__all__ = ["KernelStack"]

Array = NDArray[Any]


class KernelStack:
    """Called like a kernel, for cells that all have one.

    Args:
        stack: Cells of rnnext's own, which compute in the dtype of the sequence.
    """

    def __init__(self, stack: StackedRNNCells) -> None:
        self._stack = stack

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
        """Runs the cells over x (B, T, D); see `rnnext._core.RecurrentKernel` for the rest."""
        cells = self._stack.cells
        if initial_state is None:
            initial_state = initial_states(self._stack, len(x), x.dtype.name)
        new_states: list[Any] = []
        for i, (cell, before) in enumerate(zip(cells, initial_state, strict=True), start=1):
            # What a masked step outputs does not matter to the cell above, which skips it, too.
            is_last = i == len(cells)
            x, *after = (cell._packed or cell._pack())(
                x,
                tuple(nest.flatten(before)),
                mask,
                return_sequences or not is_last,
                True,
                go_backwards,
                zero_output_for_mask and is_last,
            )
            if go_backwards:  # the output is in the order in which it was computed
                go_backwards = False
                mask = None if mask is None else np.ascontiguousarray(mask[:, ::-1])
            new_states.append(list(after) if nest.is_nested(before) else after[0])
        return (x, *new_states) if return_state else x
