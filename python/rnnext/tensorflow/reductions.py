"""Functions whose defaults or arguments in TensorFlow are other than in Keras."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rnnext import ops

__all__ = ["argmax", "argmin", "cumprod", "cumsum", "fill", "one_hot", "where"]


def argmax(input: Any, axis: int = 0) -> Any:  # noqa: A002
    """Returns the index of the largest element along `axis`."""
    return ops.argmax(input, axis=axis)


def argmin(input: Any, axis: int = 0) -> Any:  # noqa: A002
    """Returns the index of the smallest element along `axis`."""
    return ops.argmin(input, axis=axis)


def cumsum(x: Any, axis: int = 0) -> Any:
    """Returns the sums of the elements so far along `axis`."""
    return ops.cumsum(x, axis=axis)


def cumprod(x: Any, axis: int = 0) -> Any:
    """Returns the products of the elements so far along `axis`."""
    return ops.cumprod(x, axis=axis)


def fill(dims: Sequence[int], value: Any) -> Any:
    """Returns an array of these sizes that is `value` everywhere, in the dtype of `value`.

    Example:
        >>> fill([2], 7)
        array([7, 7], dtype=int32)
    """
    return np.full(dims, ops.convert_to_tensor(value))


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


def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    """Returns `x` where the condition holds and `y` elsewhere.

    Args:
        condition: Booleans.
        x: None: return the indices of what holds, (number, axes).
        y: Like `x`.
    """
    return np.argwhere(np.asarray(condition)) if x is None else ops.where(condition, x, y)
