"""Running stacked cells over a sequence, one cell's whole sequence after the other's.

A cell's output at a step depends on nothing that the cells above it do, so each may take all steps
at once, in its compiled kernel. The bits are those of the loop over steps (step_loop.py): how a
sequence is cut into steps does not change what a kernel answers.
"""

from __future__ import annotations

from collections.abc import Callable
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
from rnnext.graph.recording import Pullback
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

        def run(index: int, cell: Any, *arguments: Any) -> Any:
            return self._kernel_of(index, cell).run(*arguments)

        return self._chain(run, x, initial_state, mask, flags)

    def record(
        self,
        record_cell: Callable[[Any, list[Any]], tuple[Any, Pullback]],
        x: Array,
        initial_state: Any,
        mask: Array | None,
        flags: int,
    ) -> tuple[Any, Pullback]:
        """Runs the cells so that it can be reversed.

        Args:
            record_cell: Runs one cell with these arguments of `run`; see `record_run`.
            x: See `run`, as for the others.
            initial_state: See `run`.
            mask: See `run`.
            flags: See `run`.

        Returns:
            What `run` returns, and a function from the gradients of that, flat, to those of `x`
            and of the states, if they were given.
        """
        pullbacks: list[tuple[int, Pullback]] = []

        def record(_index: int, cell: Any, *arguments: Any) -> Any:
            results, pullback = record_cell(cell, list(arguments))
            pullbacks.append((len(results) - 1, pullback))
            return results

        results = self._chain(record, x, initial_state, mask, flags)

        def pullback(gradients: list[Any]) -> list[Any]:
            d_x, *d_states = gradients
            d_states = d_states or [None] * sum(count for count, _ in pullbacks)
            d_initial: list[Any] = []
            for count, of_cell in reversed(pullbacks):
                d_after = d_states[len(d_states) - count :]
                del d_states[len(d_states) - count :]
                d_x, *d_before = of_cell([d_x, *d_after])
                d_initial = [*d_before, *d_initial]
            return [d_x, *(d_initial if initial_state is not None else [])]

        return results, pullback

    def _chain(
        self,
        run: Callable[..., Any],
        x: Array,
        initial_state: Any,
        mask: Array | None,
        flags: int,
    ) -> Any:
        """Gives each cell the outputs of the one below; `run(index, cell, ...)` runs it."""
        cells, backwards = self._stack.cells, flags & GO_BACKWARDS
        # What a masked step outputs does not matter to the cell above, which skips it, too.
        inner = STRICT | RETURN_STATE | RETURN_SEQUENCES
        last = STRICT | RETURN_STATE | flags & (RETURN_SEQUENCES | ZERO_OUTPUT_FOR_MASK)
        if initial_state is None:
            initial_state = initial_states(self._stack, len(x), x.dtype.name)
        new_states: list[Any] = []
        for i, (cell, before) in enumerate(zip(cells, initial_state, strict=True), start=1):
            states, options = tuple(nest.flatten(before)), last if i == len(cells) else inner
            x, *after = run(i - 1, cell, x, states, mask, options | backwards)
            if backwards:  # the output is in the order in which it was computed
                backwards = 0
                mask = None if mask is None else np.ascontiguousarray(mask[:, ::-1])
            new_states.append(list(after) if nest.is_nested(before) else after[0])
        return (x, *new_states) if flags & RETURN_STATE else x

    def _kernel_of(self, index: int, cell: Any) -> Any:  # noqa: ARG002
        """What runs the cell of this index."""
        return cell._packed or cell._pack()
