"""Functions that TensorFlow and Keras name alike or not, with TensorFlow's arguments.

They work on arrays, and on symbolic tensors where the operation of `rnnext.ops` does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from rnnext import ops
from rnnext.autodiff.watchable import watchable, with_numpy
from rnnext.tensorflow.renamed import renamed

__all__ = [
    "band_part",
    "clip_by_global_norm",
    "concat",
    "constant",
    "convert_to_tensor",
    "diag",
    "eye",
    "function",
    "global_norm",
    "l2_normalize",
    "leaky_relu",
    "linspace",
    "matmul",
    "matrix_transpose",
    "pad",
    "range",
    "rank",
    "reshape",
    "shape",
    "size",
    "split",
    "stack",
    "tile",
    "transpose",
]

broadcast_to = renamed("ops.rearrangement.broadcast_to", "input shape")
einsum = renamed("ops.products.einsum", "equation")
expand_dims = renamed("ops.rearrangement.expand_dims", "input axis")
ones = renamed("ops.core.ones", "shape dtype")
ones_like = renamed("ops.core.ones_like", "input dtype")
repeat = renamed("ops.rearrangement.repeat", "input repeats axis")
reverse = renamed("ops.rearrangement.flip", "tensor axis")
roll = renamed("ops.rearrangement.roll", "input shift axis")
squeeze = renamed("ops.rearrangement.squeeze", "input axis")
tensordot = renamed("ops.products.tensordot", "a b axes")
unstack = renamed("ops.rearrangement.unstack", "value num axis")
zeros = renamed("ops.core.zeros", "shape dtype")
zeros_like = renamed("ops.core.zeros_like", "input dtype")

_F = TypeVar("_F", bound=Callable[..., Any])


def function(func: _F | None = None, **options: Any) -> Any:  # noqa: ARG001
    """Returns the function as it is: nothing here is made faster by a graph of TensorFlow's.

    Args:
        func: A function; None if it is used as `@tf.function(...)`.
        **options: TensorFlow's, of which none changes what a function computes.
    """
    return func if func is not None else lambda decorated: decorated


@with_numpy
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
    return np.full(shape, array) if array.size == 1 else array.reshape(shape)


@with_numpy
def convert_to_tensor(value: Any, dtype: Any = None, dtype_hint: Any = None) -> Any:  # noqa: ARG001
    """Returns an array.

    Args:
        value: Numbers, or nested lists of them, or strings; a symbolic tensor is left as it is.
        dtype: Its dtype; None: float32 or int32 for Python's numbers.
        dtype_hint: Ignored.
    """
    return np.asarray(value) if _holds_text(value) else ops.convert_to_tensor(value, dtype)


def _holds_text(value: Any) -> bool:
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if kind == "O":
        return value.size > 0 and isinstance(value.flat[0], (str, bytes))
    return isinstance(value, (str, bytes)) or kind in ("U", "S", "T")


def shape(input: Any, out_type: Any = None, name: Any = None) -> Any:  # noqa: A002, ARG001
    """Returns the sizes of an array; None where a symbolic tensor's is not known."""
    return ops.shape(input)


@with_numpy
def size(input: Any, out_type: Any = "int32") -> Any:  # noqa: A002
    """Returns the number of elements."""
    sizes: Any = ops.shape(input)
    return np.asarray(np.prod(sizes, dtype=np.int64)).astype(out_type)


@with_numpy
def rank(input: Any) -> Any:  # noqa: A002
    """Returns the number of axes."""
    return np.asarray(len(ops.shape(input)), np.int32)


@with_numpy
def reshape(tensor: Any, shape: Sequence[int]) -> Any:
    """Returns the same elements in another shape.

    Args:
        tensor: Array or symbolic tensor.
        shape: Sizes; one may be -1.
    """
    return ops.reshape(tensor, [int(size) for size in shape])


@with_numpy
def matrix_transpose(a: Any, conjugate: bool = False) -> Any:  # noqa: ARG001
    """Returns arrays with their last two axes exchanged.

    Args:
        a: (..., M, N).
        conjugate: Ignored, as numbers are real.

    Example:
        >>> matrix_transpose([[1, 2], [3, 4]]).numpy()
        array([[1, 3],
               [2, 4]], dtype=int32)
    """
    return ops.swapaxes(a, -1, -2)


@with_numpy
def transpose(a: Any, perm: Sequence[int] | None = None, conjugate: bool = False) -> Any:  # noqa: ARG001
    """Returns the axes in another order.

    Args:
        a: Array or symbolic tensor.
        perm: The axes; None: in reverse.
        conjugate: Changes nothing, because arrays are real.
    """
    return ops.transpose(a, axes=perm)


@with_numpy
def concat(values: Sequence[Any], axis: int) -> Any:
    """Returns arrays joined along an axis."""
    return ops.concatenate(values, axis=axis)


@with_numpy
def stack(values: Sequence[Any], axis: int = 0) -> Any:
    """Returns arrays joined along a new axis."""
    return ops.stack(values, axis=axis)


@with_numpy
def tile(input: Any, multiples: Sequence[int]) -> Any:  # noqa: A002
    """Returns an array repeated along its axes."""
    return ops.tile(input, multiples)


@with_numpy
def split(
    value: Any,
    num_or_size_splits: int | Sequence[int],
    axis: int = 0,
    num: int | None = None,  # noqa: ARG001
) -> Any:
    """Returns the parts of an array along an axis.

    Args:
        value: Array or symbolic tensor.
        num_or_size_splits: How many equal parts, or their sizes.
        axis: The axis.
        num: Ignored: the sizes say how many parts there are.

    Example:
        >>> [part.tolist() for part in split([1, 2, 3], [1, 2])]
        [[1], [2, 3]]
    """
    if isinstance(num_or_size_splits, int):
        return ops.split(value, num_or_size_splits, axis=axis)
    ends = np.cumsum(num_or_size_splits)[:-1].tolist()
    return ops.split(value, ends, axis=axis)


@with_numpy
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


@with_numpy
def pad(
    tensor: Any,
    paddings: Any,
    mode: str = "CONSTANT",
    constant_values: Any = 0,
) -> Any:
    """Returns an array with elements added at its ends.

    Args:
        tensor: Array or symbolic tensor.
        paddings: For each axis how many are added before and after.
        mode: `"CONSTANT"`, `"REFLECT"` or `"SYMMETRIC"`.
        constant_values: What is added, if `mode` is `"CONSTANT"`.

    Example:
        >>> pad([[1]], [[0, 0], [1, 2]]).numpy()
        array([[0, 1, 0, 0]], dtype=int32)
    """
    widths = [tuple(int(n) for n in pair) for pair in paddings]
    values = constant_values if mode.lower() == "constant" else None
    return ops.pad(tensor, widths, mode=mode.lower(), constant_values=values)


@with_numpy
def range(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None) -> Any:  # noqa: A001
    """Returns evenly spaced numbers.

    Args:
        start: The first one; without `limit` the limit, and the first one is 0.
        limit: Where to stop; it is not reached.
        delta: The step.
        dtype: None: that of the arrays among the arguments; of Python's numbers int32, or float32
            if one is a float.

    Example:
        >>> range(1, 6, delta=2).numpy()
        array([1, 3, 5], dtype=int32)
    """
    first, stop = (0, start) if limit is None else (start, limit)
    known = [n.dtype for n in (first, stop, delta) if hasattr(n, "dtype")]
    if dtype is None and known:
        dtype = np.result_type(*known).name
    first, stop, delta = (np.asarray(n).item() for n in (first, stop, delta))
    return ops.arange(first, stop, delta, dtype)


@with_numpy
def linspace(start: Any, stop: Any, num: int) -> Any:
    """Returns `num` evenly spaced numbers from `start` to `stop`."""
    return np.linspace(start, stop, int(num)).astype("float32")


@with_numpy
def eye(
    num_rows: int,
    num_columns: int | None = None,
    batch_shape: Sequence[int] | None = None,
    dtype: Any = "float32",
) -> Any:
    """Returns 1 on the diagonal and 0 elsewhere, for each sample of `batch_shape`."""
    matrix = ops.eye(num_rows, num_columns, dtype=dtype)
    return ops.broadcast_to(matrix, (*(batch_shape or ()), *matrix.shape))


@with_numpy
def band_part(input: Any, num_lower: int, num_upper: int) -> Any:  # noqa: A002
    """Returns matrices with 0 outside a band around the diagonal.

    Args:
        input: (..., M, N).
        num_lower: How many diagonals below are kept; negative: all.
        num_upper: How many diagonals above are kept; negative: all.

    Example:
        >>> band_part(np.ones((2, 2)), -1, 0).numpy()
        array([[1., 0.],
               [1., 1.]])
    """
    sizes: Any = ops.shape(input)
    rows, columns = sizes[-2:]
    distance = np.arange(columns) - np.arange(rows)[:, None]
    kept = (num_lower < 0) | (-distance <= num_lower)
    kept &= (num_upper < 0) | (distance <= num_upper)
    return ops.where(kept, input, ops.zeros_like(input))


@with_numpy
def diag(diagonal: Any) -> Any:
    """Returns square matrices with 0 off their diagonals.

    Args:
        diagonal: (..., N).
    """
    size: Any = ops.shape(diagonal)[-1]
    ones = ops.eye(size, dtype=str(ops.convert_to_tensor(diagonal).dtype))
    return ops.multiply(ones, ops.expand_dims(diagonal, -1))


@with_numpy
def global_norm(t_list: Sequence[Any]) -> Any:
    """Returns the Euclidean norm of all elements of several arrays; None is left out."""
    sums = [ops.sum(ops.square(t)) for t in t_list if t is not None]
    return ops.sqrt(ops.sum(ops.stack(sums)))


def clip_by_global_norm(
    t_list: Sequence[Any],
    clip_norm: float,
    use_norm: Any = None,
    name: Any = None,  # noqa: ARG001
) -> tuple[list[Any], Any]:
    """Returns arrays scaled down so that the norm of all is at most `clip_norm`, and the norm.

    Args:
        t_list: Arrays, or None, which stays.
        clip_norm: The largest norm.
        use_norm: The norm, if it is known already.
        name: Ignored.

    Example:
        >>> clipped, norm = clip_by_global_norm([np.array([3.0]), np.array([4.0])], 1.0)
        >>> [array.numpy().round(2).tolist() for array in clipped], float(norm)
        ([[0.6], [0.8]], 5.0)
    """
    norm = global_norm(t_list) if use_norm is None else use_norm
    factor = ops.divide(clip_norm, ops.maximum(norm, clip_norm))
    return [None if t is None else watchable(ops.multiply(t, factor)) for t in t_list], norm


@with_numpy
def leaky_relu(features: Any, alpha: float = 0.2) -> Any:
    """Returns `features`, times `alpha` where they are negative."""
    return ops.leaky_relu(features, negative_slope=alpha)


@with_numpy
def l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12) -> Any:
    """Returns `x` over its Euclidean norm along `axis`.

    Args:
        x: Array or symbolic tensor.
        axis: An axis, several, or None: all.
        epsilon: Lower limit of the squared norm.
    """
    squares = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return ops.multiply(x, ops.rsqrt(ops.maximum(squares, epsilon)))
