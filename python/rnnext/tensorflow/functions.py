"""Functions that TensorFlow and Keras name alike or not, with TensorFlow's arguments.

They work on arrays, and on symbolic tensors where the operation of `rnnext.ops` does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from rnnext import ops
from rnnext.autodiff.watchable import watchable
from rnnext.errors import UnsupportedError

__all__ = [
    "concat",
    "constant",
    "convert_to_tensor",
    "function",
    "gather",
    "matmul",
    "reshape",
    "shape",
    "split",
    "stack",
    "tile",
    "transpose",
]

_F = TypeVar("_F", bound=Callable[..., Any])


def function(func: _F | None = None, **options: Any) -> Any:  # noqa: ARG001
    """Returns the function as it is: nothing here is made faster by a graph of TensorFlow's.

    Args:
        func: A function; None if it is used as `@tf.function(...)`.
        **options: TensorFlow's, of which none changes what a function computes.
    """
    return func if func is not None else lambda decorated: decorated


def constant(value: Any, dtype: Any = None, shape: Sequence[int] | None = None) -> Any:
    """Returns an array.

    Args:
        value: Numbers, or nested lists of them, or strings.
        dtype: Its dtype; None: float32 or int32 for Python's numbers.
        shape: Its shape; a single number fills it.

    Example:
        >>> constant([1, 2])
        array([1, 2], dtype=int32)
    """
    array = convert_to_tensor(value, dtype)
    if shape is None:
        return array
    array = np.asarray(array)
    return watchable(np.full(shape, array) if array.size == 1 else array.reshape(shape))


def convert_to_tensor(value: Any, dtype: Any = None) -> Any:
    """Returns an array.

    Args:
        value: Numbers, or nested lists of them, or strings; a symbolic tensor is left as it is.
        dtype: Its dtype; None: float32 or int32 for Python's numbers.
    """
    if _holds_text(value):
        return np.asarray(value)
    return watchable(ops.convert_to_tensor(value, dtype))


def _holds_text(value: Any) -> bool:
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    return isinstance(value, (str, bytes)) or kind in ("U", "S")


def shape(input: Any) -> Any:  # noqa: A002
    """Returns the sizes of an array; None where a symbolic tensor's is not known."""
    return ops.shape(input)


def reshape(tensor: Any, shape: Sequence[int]) -> Any:
    """Returns the same elements in another shape.

    Args:
        tensor: Array or symbolic tensor.
        shape: Sizes; one may be -1.
    """
    return ops.reshape(tensor, [int(size) for size in shape])


def transpose(a: Any, perm: Sequence[int] | None = None) -> Any:
    """Returns the axes in another order.

    Args:
        a: Array or symbolic tensor.
        perm: The axes; None: in reverse.
    """
    return ops.transpose(a, axes=perm)


def concat(values: Sequence[Any], axis: int) -> Any:
    """Returns arrays joined along an axis."""
    return ops.concatenate(values, axis=axis)


def stack(values: Sequence[Any], axis: int = 0) -> Any:
    """Returns arrays joined along a new axis."""
    return ops.stack(values, axis=axis)


def tile(input: Any, multiples: Sequence[int]) -> Any:  # noqa: A002
    """Returns an array repeated along its axes."""
    return ops.tile(input, multiples)


def split(value: Any, num_or_size_splits: int | Sequence[int], axis: int = 0) -> Any:
    """Returns the parts of an array along an axis.

    Args:
        value: Array or symbolic tensor.
        num_or_size_splits: How many equal parts, or their sizes.
        axis: The axis.

    Example:
        >>> [part.tolist() for part in split([1, 2, 3], [1, 2])]
        [[1], [2, 3]]
    """
    if isinstance(num_or_size_splits, int):
        return ops.split(value, num_or_size_splits, axis=axis)
    ends = np.cumsum(num_or_size_splits)[:-1].tolist()
    return ops.split(value, ends, axis=axis)


def gather(params: Any, indices: Any, axis: int = 0, batch_dims: int = 0) -> Any:
    """Returns the slices of an array that indices name.

    Args:
        params: Array or symbolic tensor.
        indices: Integers of any shape.
        axis: The axis they count along.
        batch_dims: Must be 0.

    Raises:
        UnsupportedError: If `batch_dims` is another number.
    """
    if batch_dims:
        raise UnsupportedError(f"gather: batch_dims must be 0, received {batch_dims!r}.")
    return ops.take(params, indices, axis=axis)


def matmul(a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False) -> Any:
    """Returns the matrix product.

    Args:
        a: (..., M, K).
        b: (..., K, N).
        transpose_a: Whether the last two axes of `a` are exchanged first.
        transpose_b: The same for `b`.
    """
    a = ops.swapaxes(a, -1, -2) if transpose_a else a
    b = ops.swapaxes(b, -1, -2) if transpose_b else b
    return ops.matmul(a, b)


def leaky_relu(features: Any, alpha: float = 0.2) -> Any:
    """Returns `features`, times `alpha` where they are negative."""
    return ops.leaky_relu(features, negative_slope=alpha)


def l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12) -> Any:
    """Returns `x` over its Euclidean norm along `axis`.

    Args:
        x: Array or symbolic tensor.
        axis: An axis, several, or None: all.
        epsilon: Lower limit of the squared norm.
    """
    squares = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return ops.multiply(x, ops.rsqrt(ops.maximum(squares, epsilon)))
