"""Loops and branches of TensorFlow's graphs, which run at once."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from rnnext import nest, ops
from rnnext.arrays import is_traced
from rnnext.autodiff.rules import value_of
from rnnext.autodiff.watchable import watchable, with_numpy
from rnnext.errors import DataError
from rnnext.ops.control_flow import repeated

__all__ = [
    "TensorArray",
    "TensorSpec",
    "cond",
    "custom_gradient",
    "map_fn",
    "numpy_function",
    "print",
    "py_function",
    "scan",
    "while_loop",
]


class TensorSpec(NamedTuple):
    """What an array must look like; `function` and `Dataset.from_generator` take it.

    Attributes:
        shape: Its sizes, None where any is accepted; None: any shape.
        dtype: Its dtype.
        name: Its name.
    """

    shape: Any = None
    dtype: Any = "float32"
    name: str | None = None


class TensorArray:
    """A list of arrays, as loops of TensorFlow write them.

    Args:
        dtype: Their dtype.
        size: How many there are.
        dynamic_size: Whether there may be more.
        **options: TensorFlow's others, of which none changes what it computes.

    Example:
        >>> steps = TensorArray("float32", size=2)
        >>> steps = steps.write(0, [1.0]).write(1, [2.0])
        >>> steps.stack().numpy()
        array([[1.],
               [2.]], dtype=float32)
    """

    def __init__(
        self,
        dtype: Any,
        size: Any = 0,
        dynamic_size: bool = False,
        **options: Any,  # noqa: ARG002
    ) -> None:
        self.dtype, self.dynamic_size = dtype, bool(dynamic_size)
        self._arrays: list[Any] = [None] * int(size)

    def write(self, index: Any, value: Any, name: Any = None) -> TensorArray:  # noqa: ARG002
        """Returns a list with `value` at `index`.

        Raises:
            DataError: If there is no such place.
        """
        place = int(index)
        if place < 0 or (place >= len(self._arrays) and not self.dynamic_size):
            raise DataError(
                f"TensorArray: index must be 0 to {len(self._arrays) - 1}, received {place}; "
                "dynamic_size=True makes room for more."
            )
        changed = TensorArray(self.dtype, 0, self.dynamic_size)
        changed._arrays = self._arrays + [None] * (place + 1 - len(self._arrays))
        changed._arrays[place] = ops.cast(value, self.dtype)
        return changed

    def read(self, index: Any, name: Any = None) -> Any:  # noqa: ARG002
        """Returns the array at `index`."""
        return watchable(self._arrays[int(index)])

    def size(self, name: Any = None) -> Any:  # noqa: ARG002
        """Returns how many arrays there are."""
        return watchable(np.int32(len(self._arrays)))

    def stack(self, name: Any = None) -> Any:  # noqa: ARG002
        """Returns the arrays along a new first axis."""
        return watchable(ops.stack(self._written(), axis=0))

    def concat(self, name: Any = None) -> Any:  # noqa: ARG002
        """Returns the arrays joined along their first axis."""
        return watchable(ops.concatenate(self._written(), axis=0))

    def unstack(self, value: Any, name: Any = None) -> TensorArray:  # noqa: ARG002
        """Returns a list of the parts of an array along its first axis."""
        changed = TensorArray(self.dtype, 0, self.dynamic_size)
        changed._arrays = list(ops.unstack(value, axis=0))
        return changed

    def _written(self) -> list[Any]:
        for index, array in enumerate(self._arrays):
            if array is None:
                raise DataError(f"TensorArray: nothing was written at index {index}.")
        return self._arrays


def cond(
    pred: Any,
    true_fn: Callable[[], Any],
    false_fn: Callable[[], Any],
    name: Any = None,  # noqa: ARG001
) -> Any:
    """Returns what one of two functions returns."""
    return watchable(ops.cond(pred, true_fn, false_fn))


def while_loop(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: Sequence[Any],
    maximum_iterations: Any = None,
    **options: Any,  # noqa: ARG001
) -> Any:
    """Returns what a function has made of some arrays when a condition no longer holds.

    Args:
        cond: Takes the arrays, tells whether to go on.
        body: Takes the arrays, returns new ones.
        loop_vars: The first ones.
        maximum_iterations: How often `body` is called at most; None: any number.
        **options: TensorFlow's others, of which none changes what it computes.

    Example:
        >>> while_loop(lambda i: i < 3, lambda i: [i + 1], [0])
        [3]
    """

    def step(*values: Any) -> Any:
        result = body(*values)
        return result if isinstance(result, (list, tuple)) else [result]

    # Not ops.while_loop itself: a TensorArray, or nested lists, may be a variable here.
    values = repeated(cond, step, loop_vars, maximum_iterations)
    return watchable(tuple(values) if isinstance(loop_vars, tuple) else list(values))


def map_fn(fn: Callable[[Any], Any], elems: Any, *_: Any, **options: Any) -> Any:  # noqa: ARG001
    """Returns what a function makes of each part of arrays along the first axis, joined.

    Args:
        fn: Takes a part, or a list or tuple of parts if `elems` is one of arrays.
        elems: An array, or a list or tuple of arrays.
        *_: TensorFlow's other arguments, of which none changes what it computes.
        **options: The same.

    Example:
        >>> map_fn(lambda row: row.sum(), np.eye(2)).numpy()
        array([1., 1.])
    """
    return watchable(ops.map(lambda part: fn(watchable(part)), elems))


def scan(
    fn: Callable[[Any, Any], Any],
    elems: Any,
    initializer: Any = None,
    reverse: bool = False,
    **options: Any,  # noqa: ARG001
) -> Any:
    """Returns every value of what a function makes of the value before and the next part.

    Args:
        fn: Takes the value and a part of `elems` along the first axis.
        elems: An array, or a list or tuple of arrays.
        initializer: The first value; None: the first part, which is then the first result.
        reverse: Whether the parts come from the last to the first.
        **options: TensorFlow's others, of which none changes what it computes.

    Example:
        >>> scan(lambda total, x: total + x, np.array([1, 2, 3])).numpy()
        array([1, 3, 6])
    """

    def step(value: Any, part: Any) -> Any:
        value = fn(value, watchable(part))
        return value, value

    if initializer is not None:
        return watchable(ops.scan(step, initializer, elems, reverse=reverse)[1])
    first, others = (slice(-1, None), slice(-1)) if reverse else (slice(1), slice(1, None))
    arrays = [ops.convert_to_tensor(x) for x in nest.flatten(elems)]
    begin, rest = (nest.pack_like(elems, [x[part] for x in arrays]) for part in (first, others))
    _, found = ops.scan(step, nest.map_structure(lambda x: x[0], begin), rest, reverse=reverse)

    def joined(one: Any, many: Any) -> Any:
        return ops.concatenate([many, one] if reverse else [one, many], axis=0)

    pairs = zip(nest.flatten(begin), nest.flatten(found), strict=True)
    return watchable(nest.pack_like(begin, [joined(*pair) for pair in pairs]))


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: gives a function the gradient that it returns itself.

    Args:
        f: Takes tensors and returns the result and a function: from the gradients of the results
            to that of each argument. Weights that it reads have no gradient, so reading one while
            a gradient is computed raises UnsupportedError; pass it as an argument.

    Returns:
        A function that returns the result.

    Example:
        >>> @custom_gradient
        ... def log1pexp(x):
        ...     e = np.exp(x)
        ...     return np.log(1 + e), lambda upstream: upstream * (1 - 1 / (1 + e))
        >>> round(float(log1pexp(np.float32(0)).numpy()), 4)
        0.6931
    """

    @functools.wraps(f)
    def of_tensors(*args: Any, **kwargs: Any) -> Any:
        result, gradient = f(*map(_tensor, args), **kwargs)
        return result, lambda *upstream: gradient(*map(_tensor, upstream))

    return with_numpy(ops.custom_gradient(of_tensors))


def _tensor(x: Any) -> Any:
    return x if is_traced(x) else watchable(ops.convert_to_tensor(x))


def py_function(
    func: Callable[..., Any],
    inp: Sequence[Any],
    Tout: Any,
    name: Any = None,  # noqa: ARG001
) -> Any:
    """Returns what a function of Python makes of some arrays.

    Args:
        func: The function.
        inp: Its arguments.
        Tout: The dtype of what it returns, or a list of them.
        name: Ignored.
    """
    results = func(*map(watchable, map(ops.convert_to_tensor, inp)))
    if not isinstance(Tout, (list, tuple)):
        return watchable(ops.cast(results, Tout))
    return [watchable(ops.cast(r, dtype)) for r, dtype in zip(results, Tout, strict=True)]


def numpy_function(
    func: Callable[..., Any],
    inp: Sequence[Any],
    Tout: Any,
    stateful: bool = True,  # noqa: ARG001
    name: Any = None,  # noqa: ARG001
) -> Any:
    """Returns what a function makes of some arrays of NumPy; see `py_function`."""
    plain = [np.asarray(value_of(x)) for x in inp]
    return py_function(lambda *_: func(*plain), [], Tout)


def print(  # noqa: A001
    *inputs: Any,
    output_stream: Any = None,
    summarize: Any = None,  # noqa: ARG001
    sep: str = " ",
    end: str = "\n",
    name: Any = None,  # noqa: ARG001
) -> None:
    """Writes values to the standard error, or to another stream.

    Args:
        *inputs: Arrays and anything else.
        output_stream: A file; None: the standard error.
        summarize: Ignored: NumPy shortens long arrays.
        sep: What stands between two values.
        end: What stands after the last one.
        name: Ignored.
    """
    shown = [str(np.asarray(value_of(x))) if hasattr(x, "shape") else str(x) for x in inputs]
    stream = output_stream if hasattr(output_stream, "write") else sys.stderr
    stream.write(sep.join(shown) + end)
