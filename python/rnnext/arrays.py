"""Whatever a caller hands over as numbers, as a NumPy array."""

from __future__ import annotations

import numbers
import sys
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from rnnext.errors import DataError

__all__ = ["as_array", "asarray", "cast", "is_traced"]

_NUMBER_KINDS = "biuf"
# Types of the ml_dtypes package, which NumPy files under "void".
_EXTENSION_FLOATS = ("bfloat16", "float8")


def as_array(x: Any, name: str) -> NDArray[Any]:
    """Returns `x` as an array of numbers, without a copy where possible.

    Args:
        x: A NumPy array, a (nested) list or tuple, a number, or an object with `__array__`, with
            `__dlpack__` on the CPU, or with the buffer protocol.
        name: What `x` is, for the error message, e.g. `"input of layer 'lstm'"`.

    Returns:
        An array of booleans, integers or floats in the byte order and layout `x` has. Objects
        that hold plain numbers become float64.

    Raises:
        DataError: If `x` does not hold numbers, is ragged, is not on the CPU, or is a
            `numpy.ma.MaskedArray`, whose mask would be lost.
    """
    if type(x) is np.ndarray and x.dtype.kind in _NUMBER_KINDS:
        return x
    traced: NDArray[Any] | None = getattr(x, "__traced__", None)
    if traced is not None:  # an array or a weight of a running trace; see `rnnext.autodiff`
        return traced
    if _is_masked(x):
        raise DataError(
            f"{name} is a numpy.ma.MaskedArray, whose mask rnnext does not read; "
            "pass its .filled() values, and the mask as the layer's mask argument."
        )
    try:
        array = _to_ndarray(x)
    except Exception as error:  # whatever a foreign __array__ or __dlpack__ raises
        raise DataError(f"{name}: cannot make an array of {type(x).__name__!r}: {error}") from error
    if array.dtype.kind in _NUMBER_KINDS or array.dtype.name.startswith(_EXTENSION_FLOATS):
        return array
    if array.dtype == object:
        return _numbers_of_objects(array, x, name)
    raise DataError(f"{name}: expected numbers, received an array of dtype {array.dtype}.")


def asarray(x: Any, dtype: DTypeLike | None = None) -> NDArray[Any]:
    """Returns `numpy.asarray(x, dtype)`, and of an array of a running trace a traced one."""
    traced = None if type(x) is np.ndarray else getattr(x, "__traced__", None)
    if traced is None:
        return np.asarray(x, dtype)
    return traced if dtype is None else traced.astype(dtype, copy=False)  # type: ignore[no-any-return]


def is_traced(x: Any) -> bool:
    """Tells whether `x` is an array, or a weight, of a running trace; see `rnnext.autodiff`."""
    return getattr(x, "__traced__", None) is not None


def cast(array: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """Returns C-contiguous, aligned values of `dtype`; `array` itself if it is that already.

    Values beyond the range of `dtype` become infinite, as in TensorFlow, without a warning.
    """
    if array.dtype == dtype and array.flags.c_contiguous and array.flags.aligned:
        return array
    contiguous_copy = getattr(array, "contiguous", None)
    if contiguous_copy is not None:  # a traced array
        return contiguous_copy(dtype)  # type: ignore[no-any-return]
    with np.errstate(over="ignore", invalid="ignore"):
        contiguous = np.ascontiguousarray(array, dtype=dtype).reshape(array.shape)
    return contiguous if contiguous.flags.aligned else contiguous.copy()


def _is_masked(x: Any) -> bool:
    # To import numpy.ma takes as long as a tenth of NumPy; whoever made `x` has done it.
    masked_arrays = sys.modules.get("numpy.ma")
    return masked_arrays is not None and isinstance(x, masked_arrays.MaskedArray)


def _to_ndarray(x: Any) -> NDArray[Any]:
    if isinstance(x, np.ndarray):
        return np.asarray(x)  # strips subclasses
    if hasattr(x, "__dlpack__") and not hasattr(x, "__array__"):
        return np.from_dlpack(x)
    return np.asarray(x)


def _numbers_of_objects(array: NDArray[Any], x: Any, name: str) -> NDArray[Any]:
    for value in array.flat:
        if not isinstance(value, (numbers.Real, np.bool_)):
            raise DataError(
                f"{name}: expected numbers, received {type(x).__name__!r} holding "
                f"{type(value).__name__!r} objects."
            )
    return array.astype(np.float64)
