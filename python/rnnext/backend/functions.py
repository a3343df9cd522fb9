"""Functions of Keras's older backend that differ from `rnnext.ops` in name or arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rnnext import activations, ops, settings
from rnnext.arrays import as_array
from rnnext.autodiff.watchable import with_numpy
from rnnext.dtypes import standard_dtype_name
from rnnext.graph.tensor import KerasTensor
from rnnext.layers.variable import Variable

__all__ = [
    "argmax",
    "argmin",
    "batch_get_value",
    "batch_set_value",
    "cast_to_floatx",
    "concatenate",
    "constant",
    "count_params",
    "cumprod",
    "cumsum",
    "dtype",
    "expand_dims",
    "flatten",
    "gather",
    "get_value",
    "int_shape",
    "is_float_dtype",
    "is_int_dtype",
    "is_keras_tensor",
    "is_sparse",
    "l2_normalize",
    "moving_average_update",
    "relu",
    "set_value",
    "sqrt",
    "switch",
    "to_dense",
    "update",
    "update_add",
    "update_sub",
    "variable",
]


def int_shape(x: Any) -> tuple[int | None, ...] | None:
    """Returns the sizes of an array, a weight or a symbolic tensor; None if it has no shape.

    Example:
        >>> from rnnext.layers import Input
        >>> int_shape(Input((3,)))
        (None, 3)
    """
    return tuple(x.shape) if hasattr(x, "shape") else None


def dtype(x: Any) -> str:
    """Returns the name of the dtype of an array, a weight or a symbolic tensor."""
    return x.dtype if isinstance(x.dtype, str) else str(x.dtype.name)


def is_keras_tensor(x: Any) -> bool:
    """Tells whether `x` is a symbolic tensor."""
    return isinstance(x, KerasTensor)


@with_numpy
def cast_to_floatx(x: Any) -> Any:
    """Returns `x` in the default float type."""
    return ops.cast(x, settings.floatx())


@with_numpy
def constant(
    value: Any,
    dtype: Any = None,
    shape: Sequence[int] | None = None,
) -> Any:
    """Returns an array.

    Args:
        value: Numbers, or nested lists of them.
        dtype: None: the default float type.
        shape: A shape that one number fills.
    """
    array = ops.cast(value, dtype or settings.floatx())
    return array if shape is None else np.full(shape, array)


def variable(value: Any, dtype: Any = None, name: str | None = None) -> Variable:
    """Returns a weight that belongs to no layer.

    Args:
        value: Array-like.
        dtype: None: the default float type.
        name: Its name.
    """
    array = ops.cast(value, dtype or settings.floatx())
    return Variable(array, name=name or "variable")


def get_value(x: Any) -> Any:
    """Returns the values of a weight or an array as an array."""
    return as_array(x, "get_value")


def set_value(x: Variable, value: Any) -> None:
    """Replaces the values of a weight."""
    x.assign(np.broadcast_to(as_array(value, "set_value"), x.shape))


def batch_get_value(tensors: Sequence[Any]) -> list[Any]:
    """Returns the values of several weights."""
    return [get_value(x) for x in tensors]


def batch_set_value(tuples: Sequence[tuple[Variable, Any]]) -> None:
    """Replaces the values of several weights, given as pairs of a weight and its values."""
    for x, value in tuples:
        set_value(x, value)


def update(x: Variable, new_x: Any) -> Variable:
    """Replaces the values of a weight, and returns it."""
    return x.assign(new_x)


def update_add(x: Variable, increment: Any) -> Variable:
    """Adds to the values of a weight, and returns it."""
    return x.assign_add(increment)


def update_sub(x: Variable, decrement: Any) -> Variable:
    """Takes off the values of a weight, and returns it."""
    return x.assign_sub(decrement)


def moving_average_update(x: Variable, value: Any, momentum: Any) -> Variable:
    """Moves the values of a weight towards `value`, by `1 - momentum` of the way; returns it."""
    return x.assign_sub((x.value - ops.cast(value, x.dtype)) * (1 - momentum))


def is_float_dtype(dtype: Any) -> bool:
    """Returns whether a dtype is one of floats."""
    return standard_dtype_name(dtype).startswith(("float", "bfloat"))


def is_int_dtype(dtype: Any) -> bool:
    """Returns whether a dtype is one of integers."""
    return standard_dtype_name(dtype).startswith(("int", "uint"))


def is_sparse(tensor: Any) -> bool:  # noqa: ARG001
    """Returns False: arrays have all of their elements."""
    return False


def to_dense(tensor: Any) -> Any:
    """Returns the array itself, which has all of its elements."""
    return tensor


def count_params(x: Any) -> int:
    """Returns how many numbers a weight or an array holds."""
    return int(np.prod(x.shape))


# What the older backend has other defaults for ----------------------------------------------------


@with_numpy
def argmax(x: Any, axis: int = -1) -> Any:
    """Returns the index of the largest element along `axis`."""
    return ops.argmax(x, axis=axis)


@with_numpy
def argmin(x: Any, axis: int = -1) -> Any:
    """Returns the index of the smallest element along `axis`."""
    return ops.argmin(x, axis=axis)


@with_numpy
def cumsum(x: Any, axis: int = 0) -> Any:
    """Returns the sums of the elements so far along `axis`."""
    return ops.cumsum(x, axis=axis)


@with_numpy
def cumprod(x: Any, axis: int = 0) -> Any:
    """Returns the products of the elements so far along `axis`."""
    return ops.cumprod(x, axis=axis)


@with_numpy
def concatenate(tensors: Sequence[Any], axis: int = -1) -> Any:
    """Returns arrays joined along an axis."""
    return ops.concatenate(tensors, axis=axis)


@with_numpy
def expand_dims(x: Any, axis: int = -1) -> Any:
    """Returns `x` with an axis of size 1 more."""
    return ops.expand_dims(x, axis)


@with_numpy
def flatten(x: Any) -> Any:
    """Returns all elements in one axis."""
    return ops.reshape(x, (-1,))


@with_numpy
def gather(reference: Any, indices: Any) -> Any:
    """Returns the slices along the first axis that indices name."""
    return ops.take(reference, indices, axis=0)


@with_numpy
def l2_normalize(x: Any, axis: Any = None) -> Any:
    """Returns `x` over its Euclidean norm along `axis`."""
    squares = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return ops.multiply(x, ops.rsqrt(ops.maximum(squares, 1e-12)))


@with_numpy
def relu(x: Any, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """Returns `x` above the threshold, at most `max_value`, and a slope of `alpha` below it."""
    return activations.relu(x, negative_slope=alpha, max_value=max_value, threshold=threshold)


@with_numpy
def sqrt(x: Any) -> Any:
    """Returns the square root; of negative numbers 0."""
    return ops.sqrt(ops.maximum(x, 0))


@with_numpy
def switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """Returns one of two arrays, or elements of both.

    Args:
        condition: Booleans of the shape of the results, or of their first axes.
        then_expression: Array, or a function without arguments that returns one.
        else_expression: The same.
    """
    then, other = (e() if callable(e) else e for e in (then_expression, else_expression))
    missing = len(ops.shape(then)) - len(ops.shape(condition))
    for _ in range(missing):
        condition = ops.expand_dims(condition, -1)
    return ops.where(condition, then, other)
