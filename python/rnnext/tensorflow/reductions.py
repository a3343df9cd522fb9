"""Functions whose defaults or arguments in TensorFlow are other than in Keras."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from rnnext import ops
from rnnext.autodiff.watchable import watchable, with_numpy
from rnnext.tensorflow.renamed import renamed

__all__ = [
    "TopK",
    "argmax",
    "argmin",
    "confusion_matrix",
    "count_nonzero",
    "cumprod",
    "cumsum",
    "fill",
    "one_hot",
    "top_k",
    "where",
]


def _reduction(path: str) -> Any:
    return renamed(path, "input_tensor axis keepdims")


reduce_all = _reduction("ops.reductions.all")
reduce_any = _reduction("ops.reductions.any")
reduce_logsumexp = _reduction("ops.reductions.logsumexp")
reduce_max = _reduction("ops.reductions.max")
reduce_mean = _reduction("ops.reductions.mean")
reduce_min = _reduction("ops.reductions.min")
reduce_prod = _reduction("ops.reductions.prod")
reduce_std = _reduction("ops.reductions.std")
reduce_sum = _reduction("ops.reductions.sum")
reduce_variance = _reduction("ops.reductions.var")
norm = renamed("ops.reductions.norm", "tensor ord axis keepdims")


class TopK(NamedTuple):
    """The largest elements and their indices."""

    values: Any
    indices: Any


@with_numpy
def argmax(input: Any, axis: int = 0, output_type: Any = "int64") -> Any:  # noqa: A002
    """Returns the index of the largest element along `axis`."""
    return ops.cast(ops.argmax(input, axis=axis), output_type)


@with_numpy
def argmin(input: Any, axis: int = 0, output_type: Any = "int64") -> Any:  # noqa: A002
    """Returns the index of the smallest element along `axis`."""
    return ops.cast(ops.argmin(input, axis=axis), output_type)


@with_numpy
def cumsum(x: Any, axis: int = 0, exclusive: bool = False, reverse: bool = False) -> Any:
    """Returns the sums of the elements so far along `axis`.

    Args:
        x: Array or symbolic tensor.
        axis: The axis.
        exclusive: Whether an element is left out of its own sum.
        reverse: Whether the sums begin at the end.

    Example:
        >>> cumsum([1, 2, 3], exclusive=True).numpy()
        array([0, 1, 3], dtype=int32)
    """
    x = ops.flip(x, axis) if reverse else x
    sums = ops.cumsum(x, axis=axis)
    sums = ops.subtract(sums, x) if exclusive else sums
    return ops.flip(sums, axis) if reverse else sums


@with_numpy
def cumprod(x: Any, axis: int = 0) -> Any:
    """Returns the products of the elements so far along `axis`."""
    return ops.cumprod(x, axis=axis)


@with_numpy
def count_nonzero(
    input: Any,  # noqa: A002
    axis: Any = None,
    keepdims: bool = False,
    dtype: Any = "int64",
) -> Any:
    """Returns how many elements are not zero."""
    return ops.sum(ops.cast(ops.not_equal(input, 0), dtype), axis=axis, keepdims=keepdims)


def top_k(input: Any, k: int = 1, sorted: bool = True, name: Any = None) -> TopK:  # noqa: A002, ARG001
    """Returns the k largest elements of the last axis, largest first, and their indices.

    Example:
        >>> top_k([3.0, 5.0, 4.0], k=2).indices.numpy()
        array([1, 2], dtype=int32)
    """
    values, indices = ops.top_k(input, k, sorted)
    return TopK(watchable(values), watchable(indices))


@with_numpy
def fill(dims: Sequence[int], value: Any) -> Any:
    """Returns an array of these sizes that is `value` everywhere, in the dtype of `value`.

    Example:
        >>> fill([2], 7)
        array([7, 7], dtype=int32)
    """
    return np.full(dims, ops.convert_to_tensor(value))


@with_numpy
def one_hot(
    indices: Any,
    depth: int,
    on_value: Any = 1,
    off_value: Any = 0,
    axis: int = -1,
    dtype: Any = None,
) -> Any:
    """Returns rows that are `on_value` at the index and `off_value` elsewhere.

    Args:
        indices: Integers.
        depth: Length of the rows.
        on_value: What stands at the index.
        off_value: What stands elsewhere.
        axis: Where the rows lie.
        dtype: None: the default float type.
    """
    ones = ops.one_hot(indices, depth, axis=axis, dtype=dtype)
    if (on_value, off_value) == (1, 0):
        return ones
    return ops.cast(ops.where(ops.equal(ones, 1), on_value, off_value), ones.dtype)


@with_numpy
def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    """Returns `x` where the condition holds and `y` elsewhere.

    Args:
        condition: Booleans.
        x: None: return the indices of what holds, (number, axes).
        y: Like `x`.
    """
    return np.argwhere(np.asarray(condition)) if x is None else ops.where(condition, x, y)


@with_numpy
def confusion_matrix(
    labels: Any,
    predictions: Any,
    num_classes: int | None = None,
    weights: Any = None,
    dtype: Any = "int32",
) -> Any:
    """Returns how often each class (row) was predicted as each class (column).

    Args:
        labels: (N,) integers.
        predictions: (N,) integers.
        num_classes: Size of the matrix; None: the largest class and one.
        weights: (N,) what each sample counts; None: 1.
        dtype: Of the result.

    Example:
        >>> confusion_matrix([0, 1, 1], [0, 0, 1]).numpy()
        array([[1, 0],
               [1, 1]], dtype=int32)
    """
    true, predicted = (np.asarray(x).astype(np.int64).ravel() for x in (labels, predictions))
    size = num_classes or int(max(true.max(initial=-1), predicted.max(initial=-1))) + 1
    counts = np.zeros((size, size), dtype)
    np.add.at(counts, (true, predicted), 1 if weights is None else np.asarray(weights))
    return counts
