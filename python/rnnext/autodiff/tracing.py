"""Running a function so that it can be reversed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rnnext import nest

# Imported for the rules they register.
from rnnext.autodiff import elementwise, products, rearrangement, reductions  # noqa: F401
from rnnext.autodiff.rules import fitted, lifted, value_of
from rnnext.autodiff.tape import AddedLoss, Tape, active, suspended
from rnnext.autodiff.traced import Traced
from rnnext.dtypes import FLOAT_KINDS

__all__ = ["nested", "trace", "value_and_gradient"]


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


def nested(record: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Calls a layer inside a trace by the layer's own rule.

    Args:
        record: What returns outputs and their pullback from plain arguments.
        args: Positional arguments, traced arrays among them.
        kwargs: Keyword arguments.

    Returns:
        The outputs, traced.
    """
    tape = active.tape
    assert tape is not None
    leaves = [lifted(x) for x in nest.flatten((args, kwargs))]
    plain_args, plain_kwargs = nest.pack_like((args, kwargs), [value_of(x) for x in leaves])
    recording = tape.recording
    others, recording.losses = recording.losses, []
    try:
        with suspended():
            outputs, pullback = record(*plain_args, **plain_kwargs)
    finally:
        added, recording.losses = recording.losses, others
    # A rule's result of no axes may have become a number of NumPy's.
    flat = [np.asarray(y) if isinstance(y, np.generic) else y for y in nest.flatten(outputs)]
    differentiable = [i for i, y in enumerate(flat) if _has_gradient(y)]
    kept = [i for i, x in enumerate(leaves) if type(x) is Traced and x.node is not None]
    results = [y.view(np.ndarray) if isinstance(y, np.ndarray) else y for y in flat]
    node_of = {i: tape.new_node() for i in differentiable}
    loss_nodes = [tape.new_node() for _ in added]
    # A loss may be computed from what the last sigmoid or softmax was given.
    noted = {i: recording.logits.pop(id(flat[i]), None) for i in differentiable}
    logits = {i: (found, tape.new_node()) for i, found in noted.items() if found is not None}

    def reverse(d_results: list[Any]) -> list[Any]:
        d_outputs: list[Any] = [None] * len(flat)
        given = iter(d_results)
        for i in differentiable:
            d_outputs[i] = next(given)
        for loss in added:
            loss.gradient = next(given)
        for i, (found, _) in logits.items():
            d_outputs[i] = found.joined(d_outputs[i], next(given))
        gradients = pullback(d_outputs)
        gradients += [None] * (len(leaves) - len(gradients))  # a rule may leave out the last
        return [fitted(gradients[i], leaves[i].shape, leaves[i].dtype) for i in kept]

    nodes = [*node_of.values(), *loss_nodes, *(node for _, node in logits.values())]
    tape.entries.append((nodes, [leaves[i].node for i in kept], reverse))
    tape.losses += [
        AddedLoss(loss.owner, Traced(loss.value, node, tape))
        for loss, node in zip(added, loss_nodes, strict=True)
    ]
    wrapped: list[Any] = [
        Traced(y, node_of[i], tape)
        if i in node_of
        else Traced(y)
        if isinstance(y, np.ndarray) and y.dtype.kind in "iu"
        else y
        for i, y in enumerate(results)
    ]
    for i, (found, node) in logits.items():
        wrapped[i]._keras_logits = Traced(found.values, node, tape)
    return nest.pack_like(outputs, wrapped)


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


def _has_gradient(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind in FLOAT_KINDS


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
