"""Dtypes and tensors as such: casting, copying, arrays of a given shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import settings
from rnnext.arrays import cast as cast_array
from rnnext.arrays import is_traced
from rnnext.autodiff.rules import value_of
from rnnext.autodiff.tape import active
from rnnext.dtypes import standard_dtype_name
from rnnext.graph.tensor import KerasTensor
from rnnext.ops.operation import CORE, NUMPY, operation
from rnnext.ops.promotion import as_tensor
from rnnext.ops.shapes import Shape, broadcast, of_first, shape_of, single

Array = NDArray[Any]


@operation(CORE, "Cast", options=("dtype",), shape=broadcast)
def cast(x: Any, dtype: Any) -> Array:
    """Returns `x` as another dtype; floats become integers by dropping the fraction."""
    return cast_array(as_tensor(x), standard_dtype_name(dtype))


@operation(CORE, "SaturateCast", options=("dtype",), shape=broadcast)
def saturate_cast(x: Any, dtype: Any) -> Array:
    """Returns `x` as another dtype; values beyond its range become its ends."""
    array, wanted = as_tensor(x), np.dtype(standard_dtype_name(dtype))
    if wanted.kind in "iu":
        limits = np.iinfo(wanted)
        array = np.clip(array.astype(np.float64), limits.min, limits.max)
    return cast_array(array, wanted)


@operation(CORE, "ConvertToTensor", options=("dtype", "sparse", "ragged"), shape=broadcast)
def convert_to_tensor(
    x: Any,
    dtype: Any = None,
    sparse: Any = None,  # noqa: ARG001
    ragged: Any = None,  # noqa: ARG001
) -> Array:
    """Returns `x` as an array."""
    return as_tensor(x) if dtype is None else cast_array(as_tensor(x), standard_dtype_name(dtype))


@operation(NUMPY, "Array", options=("dtype",), shape=broadcast)
def array(x: Any, dtype: Any = None) -> Array:
    """Returns `x` as an array."""
    return as_tensor(x) if dtype is None else cast_array(as_tensor(x), dtype)


@operation(NUMPY, "View", options=("dtype",))
def view(x: Any, dtype: Any = None) -> Array:
    """Returns the bytes of `x` read as another dtype; the last axis grows or shrinks."""
    given = as_tensor(x)
    return given if dtype is None else cast_array(given, given.dtype).view(dtype)


@operation(NUMPY, "Size", shape=single)
def size(x: Any) -> Array:
    """Returns the number of elements."""
    return np.asarray(as_tensor(x).size, np.int32)


@operation(CORE, "StopGradient", shape=broadcast)
def stop_gradient(variable: Any) -> Array:
    """Returns its argument as a constant, whose gradient is zero."""
    value: Array = value_of(as_tensor(variable))
    if active.tape is None:
        return value
    from rnnext.autodiff.traced import Traced

    return Traced(value)  # type: ignore[return-value]


@operation(NUMPY, "Copy", shape=broadcast)
def copy(x: Any) -> Array:
    """Returns a copy of `x`."""
    return as_tensor(x).copy()


@operation(NUMPY, "ZerosLike", options=("dtype",), shape=broadcast)
def zeros_like(x: Any, dtype: Any = None) -> Array:
    """Returns zeros of the shape of `x`."""
    return np.zeros_like(as_tensor(x), dtype=dtype)


@operation(NUMPY, "EmptyLike", options=("dtype",), shape=broadcast)
def empty_like(x: Any, dtype: Any = None) -> Array:
    """Returns an array of the shape of `x`: zeros, as on TensorFlow."""
    return np.zeros_like(as_tensor(x), dtype=dtype)


@operation(NUMPY, "OnesLike", options=("dtype",), shape=broadcast)
def ones_like(x: Any, dtype: Any = None) -> Array:
    """Returns ones of the shape of `x`."""
    return np.ones_like(as_tensor(x), dtype=dtype)


@operation(NUMPY, "FullLike", options=("dtype",), shape=of_first)
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Array:
    """Returns an array of the shape of `x` that is `fill_value` everywhere."""
    return np.full_like(as_tensor(x), fill_value, dtype=dtype)


# Functions that no model records -----------------------------------------------------------------


def shape(x: Any) -> Shape:
    """Returns the sizes of `x`; None where a symbolic tensor's size is not known."""
    return shape_of(x)


def ndim(x: Any) -> int:
    """Returns the number of axes of `x`."""
    return len(shape_of(x))


def dtype(x: Any) -> str:
    """Returns the name of the dtype of an array or a symbolic tensor."""
    return standard_dtype_name(x.dtype)


def convert_to_numpy(x: Any) -> Array:
    """Returns `x` as a NumPy array, without a gradient."""
    return value_of(as_tensor(x))  # type: ignore[no-any-return]


def is_tensor(x: Any) -> bool:
    """Tells whether `x` is an array or a symbolic tensor."""
    return isinstance(x, (np.ndarray, KerasTensor)) or is_traced(x)


def zeros(shape: Sequence[int] | int, dtype: Any = None) -> Array:
    """Returns zeros; by default of the default float type."""
    return np.zeros(shape, dtype or settings.floatx())


def ones(shape: Sequence[int] | int, dtype: Any = None) -> Array:
    """Returns ones; by default of the default float type."""
    return np.ones(shape, dtype or settings.floatx())


def empty(shape: Sequence[int] | int, dtype: Any = None) -> Array:
    """Returns an array of a shape: zeros, as on TensorFlow."""
    return zeros(shape, dtype)


def full(shape: Sequence[int] | int, fill_value: Any, dtype: Any = None) -> Array:
    """Returns an array that is `fill_value` everywhere; by default of the default float type."""
    return np.full(shape, fill_value, dtype or settings.floatx())


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Array:
    """Returns ones on the k-th diagonal and zeros elsewhere."""
    return np.eye(N, M, k, dtype=dtype or settings.floatx())


def identity(n: int, dtype: Any = None) -> Array:
    """Returns ones on the diagonal of `n` rows, and zeros elsewhere."""
    return eye(n, dtype=dtype)


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Array:
    """Returns ones on and below the k-th diagonal, and zeros above it."""
    return np.tri(N, M, k, dtype=dtype or settings.floatx())


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Array:
    """Returns numbers from `start` up to, without, `stop`; int32 if all are integers."""
    array = np.arange(start, step=step) if stop is None else np.arange(start, stop, step)
    return as_tensor(array.tolist()) if dtype is None else array.astype(dtype)
