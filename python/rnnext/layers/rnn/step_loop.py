"""Running any cell over a sequence, step by step, in Python.

For cells without a compiled kernel: users' cells, or an activation that no kernel has. It
runs like a kernel and treats masks as the kernels do.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
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
from rnnext.graph.recording import Pullback, Recording
from rnnext.layers.rnn.cell_protocol import (
    call_options,
    initial_states,
    listed,
    output_and_states,
)
from rnnext.layers.rnn.dropout_cell import reset_dropout_masks

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
        if initial_state is None:
            initial_state = listed(initial_states(self._cell, len(x), x.dtype.name))
        order = _order(x, flags)
        inputs = (np.ascontiguousarray(x[:, t]) for t in order)
        return self._take(inputs, initial_state, self._options, _kept(mask, order), flags)

    def record(
        self, recording: Recording, x: Array, initial_state: Any, mask: Array | None, flags: int
    ) -> tuple[Any, Pullback]:
        """Runs the cell so that it can be reversed: all that the steps compute is on one tape.

        Args:
            recording: The pass.
            x: (B, T, ...), as for `run`; so are the others.
            initial_state: The states; None: those that the cell starts from.
            mask: (B, T) or None.
            flags: How a kernel is called.

        Returns:
            What `run` returns, and a function from the gradients of that, flat, to those of `x`,
            the states and the constants. Of states that were not given there are none.
        """
        from rnnext.autodiff.tracing import trace

        order = _order(x, flags)
        inputs = [np.ascontiguousarray(x[:, t]) for t in order]
        constants = self._options.get("constants", [])

        def run(inputs: list[Any], states: Any, constants: Any) -> Any:
            if states is None:  # inside the trace: they may be weights
                states = listed(initial_states(self._cell, len(x), x.dtype.name))
            given = {"constants": constants} if "constants" in self._options else {}
            return self._take(inputs, states, {**self._options, **given}, _kept(mask, order), flags)

        results, reverse = trace(run, (inputs, initial_state, constants), {}, recording)

        def pullback(d_results: list[Any]) -> list[Any]:
            gradients = reverse(d_results)
            d_steps, others = gradients[: len(inputs)], gradients[len(inputs) :]
            d_x = np.zeros_like(x)
            for t, d_step in zip(order, d_steps, strict=True):
                if d_step is not None:
                    d_x[:, t] = d_step
            return [d_x, *(others if initial_state is not None else others[1:])]

        return results, pullback

    def _take(
        self,
        inputs: Iterable[Any],
        states: Any,
        options: dict[str, Any],
        kept: Iterable[Array | None],
        flags: int,
    ) -> Any:
        """Takes the steps.

        Args:
            inputs: (B, ...) for each step, in the order in which they are taken.
            states: The states before the first one.
            options: Arguments of the cell's `call`.
            kept: (B,) for each step: which samples it counts for; None: for all.
            flags: How a kernel is called.
        """
        reset_dropout_masks(self._cell)
        output: Any = None
        outputs: list[Any] = []
        for step, keep in zip(inputs, kept, strict=False):
            made = self._cell.call(step, states, **options)
            new_output, new_states = output_and_states(self._cell, made, states)
            if keep is not None:
                zeros = np.zeros(new_output.shape, new_output.dtype)
                previous = zeros if output is None else output
                shown = zeros if flags & ZERO_OUTPUT_FOR_MASK else previous
                new_output = _select(keep, new_output, shown)
                pairs = zip(nest.flatten(new_states), nest.flatten(states), strict=True)
                new_states = nest.pack_like(new_states, [_select(keep, *pair) for pair in pairs])
            output, states = new_output, new_states
            self._after_step(output, states)
            if flags & RETURN_SEQUENCES:
                outputs.append(output)
        reset_dropout_masks(self._cell)
        result = np.stack(outputs, axis=1) if flags & RETURN_SEQUENCES else output
        return (result, *states) if flags & RETURN_STATE else result

    def _after_step(self, output: Array, states: Any) -> None:
        """Called with what a step made, masks regarded; here a no-op."""


def _order(x: Array, flags: int) -> range:
    """The places of the steps, in the order in which they are taken."""
    steps = range(x.shape[1])
    return steps[::-1] if flags & GO_BACKWARDS else steps


def _kept(mask: Array | None, order: range) -> Iterable[Array | None]:
    return itertools.repeat(None) if mask is None else (mask[:, t] for t in order)


def _select(keep: Array, new: Any, old: Any) -> Any:
    """Rows of `new` where `keep`, else of `old`: a choice, so that NaN in padding stays out."""
    return np.where(keep.reshape(-1, *[1] * (new.ndim - 1)), new, old)
