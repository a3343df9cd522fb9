"""The loop over time of Keras's older backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rnnext import nest, ops
from rnnext.autodiff.rules import value_of
from rnnext.autodiff.watchable import watchable

__all__ = ["rnn"]

Step = Callable[[Any, list[Any]], tuple[Any, Sequence[Any]]]


def rnn(
    step_function: Step,
    inputs: Any,
    initial_states: Sequence[Any],
    go_backwards: bool = False,
    mask: Any = None,
    constants: Sequence[Any] | None = None,
    unroll: bool = False,  # noqa: ARG001
    input_length: int | None = None,  # noqa: ARG001
    time_major: bool = False,
    zero_output_for_mask: bool = False,
    return_all_outputs: bool = True,
) -> tuple[Any, Any, list[Any]]:
    """Returns what a function makes of a sequence, step by step.

    Args:
        step_function: Takes a step (N, ...) and a list of the states and constants, and returns an
            output (N, ...) and new states.
        inputs: (N, T, ...), or nested arrays.
        initial_states: The states before the first step.
        go_backwards: Whether the steps come from the last to the first.
        mask: (N, T) booleans; a masked step keeps the states and repeats the output.
        constants: What every step is given after the states.
        unroll: Changes nothing.
        input_length: Changes nothing.
        time_major: Whether sequences are (T, N, ...).
        zero_output_for_mask: Whether a masked step's output is zero instead.
        return_all_outputs: Whether the outputs of all steps are returned, or the last alone.

    Returns:
        The last output, the outputs (N, T, ...), and the last states.

    Example:
        >>> def add(step, states):
        ...     total = step + states[0]
        ...     return total, [total]
        >>> last, outputs, states = rnn(add, np.ones((1, 3, 1)), [np.zeros((1, 1))])
        >>> outputs.numpy().ravel()
        array([1., 2., 3.])
    """
    axis = 0 if time_major else 1
    columns = [ops.unstack(leaf, axis=axis) for leaf in nest.flatten(inputs)]
    steps = [nest.pack_like(inputs, list(leaves)) for leaves in zip(*columns, strict=True)]
    masks = None if mask is None else _masks(mask, axis)
    order = range(len(steps))
    states, fixed, outputs = list(initial_states), list(constants or ()), []
    before: Any = None
    for t in reversed(order) if go_backwards else order:
        output, new = step_function(steps[t], states + fixed)
        if masks is not None:
            other = ops.zeros_like(output)
            if before is not None and not zero_output_for_mask:
                other = before
            output = _chosen(masks[t], output, other)
            new = [_chosen(masks[t], s, old) for s, old in zip(new, states, strict=False)]
        states, before = list(new), output
        outputs.append(output)
    kept = outputs if return_all_outputs else outputs[-1:]
    return watchable(before), watchable(ops.stack(kept, axis=axis)), watchable(states)


def _masks(mask: Any, axis: int) -> list[Any]:
    array = np.asarray(value_of(mask)).astype(bool)
    return list(np.moveaxis(array.reshape(array.shape[:2]), axis, 0))


def _chosen(mask: Any, new: Any, old: Any) -> Any:
    return ops.where(mask.reshape(mask.shape + (1,) * (len(ops.shape(new)) - 1)), new, old)
