"""Branches and loops over arrays, and functions with a gradient of their own.

They run Python's own, at once: on arrays, as in a layer's `call`. Each step of a loop is noted if
there is a gradient to compute.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest
from rnnext.autodiff.rules import value_of
from rnnext.autodiff.tape import Tape, active
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.graph.tensor import any_symbolic
from rnnext.ops.promotion import as_tensor

__all__ = [
    "associative_scan",
    "cond",
    "custom_gradient",
    "fori_loop",
    "map",
    "scan",
    "switch",
    "vectorized_map",
    "while_loop",
]

Array = NDArray[Any]
Function = Callable[..., Any]


def _check_arrays(name: str, *arguments: Any) -> None:
    if any_symbolic(arguments):
        raise UnsupportedError(
            f"ops.{name}: expected arrays, received symbolic tensors; call it in the call() of a "
            "layer."
        )


def _tensors(structure: Any) -> Any:
    return nest.map_structure(as_tensor, structure)


# Branches ----------------------------------------------------------------------------------------


def cond(pred: Any, true_fn: Function, false_fn: Function) -> Any:
    """Returns `true_fn()` if `pred` is true, else `false_fn()`; the other one does not run.

    Args:
        pred: One boolean or number.
        true_fn: A function without arguments.
        false_fn: Likewise.

    Example:
        >>> from rnnext import ops
        >>> ops.cond(ops.sum([1.0, 2.0]) > 2, lambda: "more", lambda: "less")
        'more'
    """
    _check_arrays("cond", pred)
    return true_fn() if bool(as_tensor(pred)) else false_fn()


def switch(index: Any, branches: Any, *operands: Any) -> Any:
    """Returns what one of several functions computes.

    Args:
        index: Which one; one below 0 is the first, one too high the last.
        branches: The functions.
        *operands: What it is called with.
    """
    _check_arrays("switch", index, operands)
    chosen = min(max(int(as_tensor(index)), 0), len(branches) - 1)
    return branches[chosen](*operands)


# Loops -------------------------------------------------------------------------------------------


def while_loop(
    cond: Function, body: Function, loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    """Returns the variables of a loop after its last step.

    Args:
        cond: Tells from the variables whether there is another step.
        body: Makes the new variables of the old ones.
        loop_vars: A list or tuple of variables, or a single one.
        maximum_iterations: None, or how many steps there are at most.

    Example:
        >>> from rnnext import ops
        >>> i, x = ops.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x * 2), (0, 1.0))
        >>> int(i), float(x)
        (3, 8.0)
    """
    _check_arrays("while_loop", loop_vars)
    several = isinstance(loop_vars, (list, tuple))
    variables = tuple(_tensors(loop_vars)) if several else (as_tensor(loop_vars),)

    def step(*variables: Any) -> Any:
        found = body(*variables)
        found = tuple(found) if several else (found,)
        if len(found) != len(variables):
            raise ShapeError(
                f"ops.while_loop: body returned {len(found)} variables of {len(variables)}."
            )
        return _like_before(found, variables)

    variables = repeated(cond, step, variables, maximum_iterations)
    return variables if several else variables[0]


def repeated(cond: Function, step: Function, variables: Any, maximum: Any = None) -> Any:
    """Returns the variables of a loop, of any kind, after its last step.

    Args:
        cond: Tells from the variables whether there is another step.
        step: Makes the new variables, a list or tuple, of the old ones.
        variables: The first ones.
        maximum: None, or how many steps there are at most.
    """
    count = 0
    while (maximum is None or count < int(maximum)) and bool(as_tensor(cond(*variables))):
        variables, count = step(*variables), count + 1
    return variables


def fori_loop(lower: Any, upper: Any, body_fun: Function, init_val: Any) -> Any:
    """Returns what is left of `init_val` after `body_fun(i, value)` for i from lower to upper - 1.

    Example:
        >>> from rnnext import ops
        >>> ops.fori_loop(0, 4, lambda i, total: total + i, 0)
        array(6, dtype=int32)
    """
    _check_arrays("fori_loop", lower, upper, init_val)
    value = _tensors(init_val)
    for i in range(int(as_tensor(lower)), int(as_tensor(upper))):
        value = _like_before(body_fun(np.asarray(i, np.int32), value), value)
    return value


def _like_before(found: Any, before: Any) -> Any:
    """The new values of variables; Python numbers in the dtypes that they had."""

    def fitted(new: Any, old: Any) -> Any:
        return np.asarray(new, old.dtype) if isinstance(new, (int, float)) else as_tensor(new)

    leaves = nest.flatten(found)
    known = nest.flatten(before)
    if len(leaves) != len(known):
        raise ShapeError(f"a step of a loop returned {len(leaves)} values of {len(known)}.")
    return nest.pack_like(found, [fitted(*pair) for pair in zip(leaves, known, strict=True)])


def _parts(structure: Any) -> tuple[int, Callable[[int], Any]]:
    """How many parts nested arrays have along their first axis, and what returns one."""
    arrays = [as_tensor(x) for x in nest.flatten(structure)]
    sizes = {x.shape[0] if x.ndim else None for x in arrays}
    if len(sizes) != 1 or None in sizes:
        shapes = [x.shape for x in arrays]
        raise ShapeError(f"expected arrays of one size on their first axis, received {shapes}.")
    (size,) = sizes
    assert size is not None
    return size, lambda i: nest.pack_like(structure, [x[i] for x in arrays])


def _stacked(results: list[Any]) -> Any:
    """Nested results of steps as arrays with a first axis for the steps; None stays None."""
    rows = [nest.flatten(result) for result in results]
    columns = zip(*rows, strict=True)
    joined = [
        None if column[0] is None else np.stack([as_tensor(x) for x in column])
        for column in columns
    ]
    return nest.pack_like(results[0], joined)


def map(f: Function, xs: Any) -> Any:
    """Returns what `f` computes of each part of `xs` along the first axis.

    Args:
        f: Takes a part, nested as `xs`, and returns an array or nested arrays.
        xs: An array, or nested arrays of one size on their first axis.

    Example:
        >>> from rnnext import ops
        >>> ops.map(lambda row: ops.sum(row), [[1.0, 2.0], [3.0, 4.0]])
        array([3., 7.], dtype=float32)
    """
    _check_arrays("map", xs)
    xs = as_tensor(xs) if _is_plain_list(xs) else xs
    size, part = _parts(xs)
    if not size:
        raise ShapeError("ops.map: there is nothing on the first axis.")
    return _stacked([f(part(i)) for i in range(size)])


def vectorized_map(function: Function, elements: Any) -> Any:
    """Returns what `map` does."""
    _check_arrays("vectorized_map", elements)
    return map(function, elements)


def _is_plain_list(xs: Any) -> bool:
    return nest.is_nested(xs) and not any(hasattr(x, "shape") for x in nest.flatten(xs))


def scan(
    f: Function,
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: Any = 1,
) -> tuple[Any, Any]:
    """Goes over the parts of `xs` along the first axis, with a state.

    Args:
        f: Takes the state and a part, and returns the new state and an output.
        init: The first state, an array or nested arrays.
        xs: An array or nested arrays, or None: `f` is given None `length` times.
        length: How many steps there are; by default as many as parts.
        reverse: Whether the last part comes first. Outputs are in the order of the parts.
        unroll: A positive integer or a boolean; it changes nothing.

    Returns:
        The last state, and the outputs with a first axis for the steps.

    Raises:
        UnsupportedError: If `f` is no function, or `unroll` no such number.
        ShapeError: If it is not known how many steps there are.

    Example:
        >>> from rnnext import ops
        >>> ops.scan(lambda total, x: (total + x, total), 0.0, [1.0, 2.0, 3.0])
        (array(6., dtype=float32), array([0., 1., 3.], dtype=float32))
    """
    _check_arrays("scan", init, xs)
    _check_scan(f, unroll)
    if xs is None and length is None:
        raise ShapeError("ops.scan: with xs=None, length must say how many steps there are.")
    xs = as_tensor(xs) if xs is not None and _is_plain_list(xs) else xs
    size, part = (int(length or 0), lambda _: None) if xs is None else _parts(xs)
    size = size if length is None else int(length)
    state = _tensors(init)
    outputs: list[Any] = [None] * size
    for i in reversed(range(size)) if reverse else range(size):
        state, outputs[i] = f(state, part(i))
        state = _tensors(state)
    return state, _stacked(outputs) if outputs else _nothing_of(state)


def _check_scan(f: Any, unroll: Any) -> None:
    if not callable(f):
        raise UnsupportedError(f"ops.scan: f must be a function, received {f!r}.")
    if not isinstance(unroll, int) or (unroll is not True and unroll is not False and unroll < 1):
        raise UnsupportedError(
            f"ops.scan: unroll must be a boolean or an integer >= 1, received {unroll!r}."
        )


def _nothing_of(state: Any) -> Any:
    return nest.map_structure(lambda x: np.zeros((0, *x.shape), x.dtype), state)


def associative_scan(f: Function, elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """Returns the results of joining the first 1, 2, 3... parts along an axis.

    Args:
        f: Joins two arrays, nested as `elems`, part by part along the axis; how it is applied to
            many parts must not matter: f(f(a, b), c) == f(a, f(b, c)).
        elems: An array, or nested arrays of one size along the axis.
        reverse: Whether to begin at the end.
        axis: The axis.

    Example:
        >>> from rnnext import ops
        >>> ops.associative_scan(ops.add, ops.arange(5))
        array([ 0,  1,  3,  6, 10], dtype=int32)
    """
    _check_arrays("associative_scan", elems)
    if not callable(f):
        raise UnsupportedError(f"ops.associative_scan: f must be a function, received {f!r}.")
    arrays = [_turned(as_tensor(x), axis, reverse) for x in nest.flatten(elems)]
    sizes = {x.shape[axis] for x in arrays}
    if len(sizes) > 1:
        raise ShapeError(f"ops.associative_scan: arrays of the sizes {sizes} along axis {axis}.")

    def joined(first: list[Any], second: list[Any]) -> list[Any]:
        found = f(nest.pack_like(elems, first), nest.pack_like(elems, second))
        return [as_tensor(x) for x in nest.flatten(found)]

    results = _scanned(joined, arrays, axis)
    return nest.pack_like(elems, [_turned(x, axis, reverse) for x in results])


def _scanned(join: Function, arrays: list[Any], axis: int) -> list[Any]:
    """Joins each part with the one `reach` before it, for a `reach` of 1, 2, 4...

    See Hillis, Steele, Data Parallel Algorithms, 1986.
    """
    size, reach = arrays[0].shape[axis], 1
    while reach < size:
        ends = [list(_cut(x, reach, axis)) for x in arrays]
        starts = [list(_cut(x, size - reach, axis)) for x in arrays]
        later = join([start for start, _ in starts], [end for _, end in ends])
        arrays = [
            np.concatenate([first, x], axis=axis) for (first, _), x in zip(ends, later, strict=True)
        ]
        reach *= 2
    return arrays


def _turned(x: Any, axis: int, reverse: bool) -> Any:
    return np.flip(x, axis) if reverse else x


def _cut(x: Any, at: int, axis: int) -> Iterator[Any]:
    for part in (slice(None, at), slice(at, None)):
        key = [slice(None)] * x.ndim
        key[axis] = part
        yield x[tuple(key)]


# Gradients that a function says -------------------------------------------------------------------


def custom_gradient(f: Function) -> Function:
    """Decorator: gives a function the gradient that it returns itself.

    Args:
        f: Takes arrays and returns the result and a function: from the gradients of the results
            to that of each argument.

    Returns:
        A function that returns the result. Weights that `f` reads have no gradient, so reading
        one while a gradient is computed raises UnsupportedError; pass it as an argument.

    Example:
        >>> from rnnext import ops
        >>> from rnnext.tensorflow import GradientTape, constant
        >>> @ops.custom_gradient
        ... def clipped(x):
        ...     return x, lambda upstream: ops.clip(upstream, -1, 1)
        >>> x = constant([2.0])
        >>> with GradientTape() as tape:
        ...     tape.watch(x)
        ...     y = clipped(x) * 5.0
        >>> tape.gradient(y, x)
        array([1.], dtype=float32)
    """

    @functools.wraps(f)
    def function(*args: Any, **kwargs: Any) -> Any:
        if active.tape is None:
            return f(*args, **kwargs)[0]
        from rnnext.autodiff.layer_call import nested

        return nested(functools.partial(_recorded, f, kwargs), args, {})

    return function


def _recorded(f: Function, kwargs: dict[str, Any], *args: Any) -> Any:
    """The result of a function, and the pullback that it returns with it."""
    inner = Tape()
    with inner.running():
        outputs, gradient = f(*args, **kwargs)
    if inner.variables:
        names = sorted(variable.name for variable, _ in inner.variables.values())
        raise UnsupportedError(
            f"ops.custom_gradient: the function reads the weights {names}, to which its gradient "
            "does not go; pass them as arguments."
        )
    inner.is_open = False
    outputs = nest.map_structure(lambda y: np.asarray(value_of(y)), outputs)

    def pullback(d_outputs: list[Any]) -> list[Any]:
        upstream = [
            np.zeros_like(y) if d is None else d
            for d, y in zip(d_outputs, nest.flatten(outputs), strict=True)
        ]
        found = gradient(*upstream)
        several = found if isinstance(found, (list, tuple)) else [found]
        return [None if d is None else np.asarray(value_of(d)) for d in several]

    return outputs, pullback
