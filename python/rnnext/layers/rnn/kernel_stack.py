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
from rnnext._core import (
    GO_BACKWARDS,
    RETURN_SEQUENCES,
    RETURN_STATE,
    STRICT,
    ZERO_OUTPUT_FOR_MASK,
)
from rnnext.layers.rnn.cell_protocol import initial_states

if TYPE_CHECKING:
    from rnnext.layers.rnn.stacked_rnn_cells import StackedRNNCells

__all__ = ["KernelStack"]

Array = NDArray[Any]


class KernelStack:
    """Runs like a kernel, for cells that all have one.

    Args:
        stack: Cells of rnnext's own, which compute in the dtype of the sequence.
    """

    def __init__(self, stack: StackedRNNCells) -> None:
        self._stack = stack

    def run(self, x: Array, initial_state: Any, mask: Array | None, flags: int) -> Any:
        """Runs the cells over x (B, T, D); see `rnnext._core.RecurrentKernel.run` for the rest."""
        cells, backwards = self._stack.cells, flags & GO_BACKWARDS
        # What a masked step outputs does not matter to the cell above, which skips it, too.
        inner = STRICT | RETURN_STATE | RETURN_SEQUENCES
        last = STRICT | RETURN_STATE | flags & (RETURN_SEQUENCES | ZERO_OUTPUT_FOR_MASK)
        if initial_state is None:
            initial_state = initial_states(self._stack, len(x), x.dtype.name)
        new_states: list[Any] = []
        for i, (cell, before) in enumerate(zip(cells, initial_state, strict=True), start=1):
            kernel, states = self._kernel_of(i - 1, cell), tuple(nest.flatten(before))
            options = last if i == len(cells) else inner
            x, *after = kernel.run(x, states, mask, options | backwards)
            if backwards:  # the output is in the order in which it was computed
                backwards = 0
                mask = None if mask is None else np.ascontiguousarray(mask[:, ::-1])
            new_states.append(list(after) if nest.is_nested(before) else after[0])
        return (x, *new_states) if flags & RETURN_STATE else x

    def _kernel_of(self, index: int, cell: Any) -> Any:  # noqa: ARG002
        """What runs the cell of this index."""
        return cell._packed or cell._pack()
