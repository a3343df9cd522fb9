"""Runners that note what a cell computed at every step.

Each runs like the one it stands for (`RecurrentKernel`, `KernelStack`, `StepLoop`), returns the
same bits, and afterwards makes the trace.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest
from rnnext._core import GO_BACKWARDS, RecurrentKernel
from rnnext.layers.rnn.kernel_cell import KernelCell
from rnnext.layers.rnn.kernel_stack import KernelStack
from rnnext.layers.rnn.step_loop import StepLoop
from rnnext.layers.rnn.trace import Trace, Traces, steps_taken

__all__ = ["TracedKernel", "TracedLoop", "TracedStack", "traced"]

Array = NDArray[Any]


class _Noted:
    """What all runners note: the mask, and the order of the steps."""

    def __init__(self) -> None:
        self._values: dict[str, Array] = {}
        self._mask: Array | None = None
        self._steps = np.arange(0)

    def _note(self, count: int, mask: Array | None, flags: int) -> None:
        backwards = bool(flags & GO_BACKWARDS)
        self._steps = steps_taken(count, backwards)
        self._mask = mask[:, ::-1] if mask is not None and backwards else mask

    def trace(self, label: str, outputs: Any) -> Trace:
        """Returns the trace of the last run.

        Args:
            label: How to call the layer.
            outputs: What its call returns.
        """
        return Trace(label, self._values, self._mask, self._steps, outputs)


class TracedKernel(_Noted):
    """A compiled kernel that is run with its tape.

    Args:
        cell: The cell whose kernel it is.
    """

    def __init__(self, cell: KernelCell) -> None:
        super().__init__()
        self._cell = cell
        self._kernel: RecurrentKernel = cell._packed or cell._pack()

    def run(self, x: Array, states: Any, mask: Array | None, flags: int) -> Any:
        """Runs the cell over x (B, T, D); see `rnnext._core.RecurrentKernel.run`."""
        cell = self._cell
        batch, steps = x.shape[:2]
        tape = np.full((batch, steps, cell._gates + cell.state_count, cell.units), np.nan, x.dtype)
        outputs = self._kernel.run_traced(x, states, mask, flags, tape)
        self._note(steps, mask, flags)
        if self._mask is not None:
            before = cell.get_initial_state(batch) if states is None else states
            _keep_states(tape[:, :, cell._gates :], before, self._mask)
        slots = {name: i for i, name in enumerate(cell.tape_names) if name is not None}
        self._values = {name: tape[:, :, slots[name]] for name in cell.trace_names}
        return outputs


def _keep_states(tape: Array, before: Any, mask: Array) -> None:
    """Fills in the states of masked steps: those of the step before."""
    for s, state in enumerate(before):
        for t in range(tape.shape[1]):
            kept = state if t == 0 else tape[:, t - 1, s]
            tape[:, t, s] = np.where(mask[:, t, None], tape[:, t, s], kept)


class TracedStack(KernelStack):
    """Stacked cells, each of which is run with its tape."""

    def __init__(self, stack: Any) -> None:
        super().__init__(stack)
        self._runners: dict[str, TracedKernel] = {}

    def _kernel_of(self, index: int, cell: Any) -> Any:
        runner = self._runners[f"cell_{index}"] = TracedKernel(cell)
        return runner

    def trace(self, label: str, outputs: Any) -> Traces:
        """Returns a trace of the last run for each cell."""
        first = next(iter(self._runners.values()))
        for runner in self._runners.values():  # those above read the outputs as they come
            runner._mask, runner._steps = first._mask, first._steps
        parts = {name: runner.trace(label, None) for name, runner in self._runners.items()}
        return Traces(label, parts, outputs)


class TracedLoop(_Noted, StepLoop):
    """Any cell, of which the outputs and the states of every step are noted."""

    def __init__(self, cell: Any, constants: Any) -> None:
        _Noted.__init__(self)
        StepLoop.__init__(self, cell, False, constants)
        self._noted: list[list[Array]] = []

    def run(self, x: Array, initial_state: Any, mask: Array | None, flags: int) -> Any:
        """Runs the cell over x (B, T, ...); see `StepLoop.run`."""
        self._noted = []
        outputs = super().run(x, initial_state, mask, flags)
        self._note(x.shape[1], mask, flags)
        arrays = [np.stack(each, axis=1) for each in zip(*self._noted, strict=True)]
        names = ["output", *(f"state_{i}" for i in range(len(arrays) - 1))]
        self._values = dict(zip(names, arrays, strict=True))
        return outputs

    def _after_step(self, output: Array, states: Any) -> None:
        self._noted.append([np.array(output), *(np.array(s) for s in nest.flatten(states))])


def traced(runner: Any, cell: Any, constants: Any) -> Any:
    """Returns the runner that notes what another one computes.

    Args:
        runner: A kernel, a `KernelStack` or a `StepLoop`.
        cell: The cell that it runs.
        constants: What the cell is given at every step, or None.
    """
    if isinstance(runner, RecurrentKernel):
        return TracedKernel(cell)
    if isinstance(runner, KernelStack):
        return TracedStack(cell)
    return TracedLoop(cell, constants)
