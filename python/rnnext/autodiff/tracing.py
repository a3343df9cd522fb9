"""Running a function so that it can be reversed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rnnext import nest

# Imported for the rules they register.
from rnnext.autodiff import elementwise, products, rearrangement, reductions  # noqa: F401
from rnnext.autodiff.rules import lifted, value_of
from rnnext.autodiff.tape import AddedLoss, Tape
from rnnext.autodiff.traced import Traced
from rnnext.dtypes import FLOAT_KINDS

__all__ = ["trace", "value_and_gradient"]


def trace(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    recording: Any,
    *,
    integers: bool = False,
) -> tuple[Any, Callable[[list[Any]], list[Any]]]:
    """Runs a function that computes with NumPy and rnnext.ops.

    Args:
        function: The function.
        args: Its positional arguments; arrays of floats in them have gradients.
        kwargs: Its keyword arguments, likewise.
        recording: A `rnnext.graph.recording.Recording`, which gets the gradients of the weights.
        integers: Whether the function is given arrays of integers as traced ones, too, so that
            layers that it calls on them are recorded.

    Returns:
        What the function returned, with plain arrays, and its pullback: from the gradients of the
        outputs, flat, to those of the leaves of (args, kwargs).

    Example:
        >>> import numpy as np
        >>> from rnnext.graph.recording import Recording
        >>> recording = Recording(training=True, generator=np.random.default_rng(0))
        >>> y, pullback = trace(lambda x: np.sum(x**2), (np.array([1.0, 3.0]),), {}, recording)
        >>> y
        array(10.)
        >>> pullback([np.array(1.0)])
        [array([2., 6.])]
    """
    leaves = nest.flatten((args, kwargs))
    tape = Tape(recording)
    traced = [_traced(leaf, tape, integers) for leaf in leaves]
    nodes = [getattr(x, "node", None) if type(x) is Traced else None for x in traced]
    args, kwargs = nest.pack_like((args, kwargs), traced)
    with tape.running():
        outputs = function(*args, **kwargs)
        flat = [lifted(y) for y in nest.flatten(outputs)]
    results = nest.pack_like(outputs, [_result(y) for y in flat])
    added = [AddedLoss(loss.owner, value_of(loss.value)) for loss in tape.losses]
    recording.losses += added

    def pullback(d_outputs: list[Any]) -> list[Any]:
        seeds = [
            (y.node, np.asarray(d))
            for y, d in zip(flat, d_outputs, strict=True)
            if type(y) is Traced and y.node is not None and d is not None
        ]
        for inner, outer in zip(tape.losses, added, strict=True):
            y = inner.value
            if type(y) is Traced and y.node is not None and outer.gradient is not None:
                seeds.append((y.node, np.full(y.shape, outer.gradient, y.dtype)))
        gradients = tape.gradients(seeds)
        for variable, node in tape.variables.values():
            if gradients[node] is not None:
                recording.add(variable, gradients[node])
        return [None if node is None else gradients[node] for node in nodes]

    return results, pullback


def value_and_gradient(function: Callable[[Any], Any], x: Any) -> tuple[Any, Any]:
    """Returns the sum of what a function computes from an array, and its gradient.

    Args:
        function: It computes with NumPy and rnnext.ops.
        x: Floats.

    Example:
        >>> import numpy as np
        >>> value, gradient = value_and_gradient(lambda x: np.sum(x**2), np.array([1.0, 3.0]))
        >>> float(value), gradient
        (10.0, array([2., 6.]))
    """
    tape = Tape()
    with tape.running():
        traced = Traced(x, tape.new_node(), tape)
        y = lifted(function(traced))
    if type(y) is not Traced or y.node is None:
        return np.sum(np.asarray(value_of(y))), np.zeros_like(x)
    gradients = tape.gradients([(y.node, np.ones_like(y.value))])
    gradient = gradients[traced.node]  # type: ignore[index]
    return y.value.sum(), np.zeros_like(x) if gradient is None else gradient


def _traced(leaf: Any, tape: Tape, integers: bool) -> Any:
    if not isinstance(leaf, np.ndarray):
        return leaf
    if leaf.dtype.kind in FLOAT_KINDS:
        traced = Traced(leaf.view(np.ndarray), tape.new_node(), tape)
    elif integers and leaf.dtype.kind in "iu":
        traced = Traced(leaf.view(np.ndarray))
    else:
        return leaf
    traced._keras_mask = getattr(leaf, "_keras_mask", None)
    return traced


def _result(y: Any) -> Any:
    if type(y) is not Traced:
        return np.asarray(y) if isinstance(y, np.generic) else y
    return y.value
