"""Which dtype an operation computes in: Keras's rules, which are not NumPy's.

A float wins over any integer and keeps its width (int64 and float32 give float32), and a Python
number takes the dtype of the array beside it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import settings
from rnnext.arrays import as_array, asarray, cast

__all__ = ["as_float", "as_tensor", "promoted", "result_type"]

_FLOAT = "a Python float"
_INT = "a Python int"


def as_tensor(x: Any) -> NDArray[Any]:
    """Returns an operation's argument as an array.

    Python numbers, also in lists, become the default float type, int32 or bool; arrays keep their
    dtype.
    """
    array = as_array(x, "argument of an operation")
    if hasattr(x, "dtype"):
        return array
    if array.dtype.kind == "f":
        return cast(array, settings.floatx())
    return cast(array, np.int32) if array.dtype == np.int64 else array


def result_type(*values: Any) -> np.dtype[Any]:
    """Returns the dtype in which arrays, dtypes and Python numbers are combined.

    Example:
        >>> import numpy as np
        >>> print(result_type(np.dtype("int64"), np.dtype("float32")))
        float32
        >>> print(result_type(np.dtype("int32"), 0.5), result_type(np.dtype("int8"), 3))
        float32 int8
    """
    kinds = [_kind(value) for value in values]
    dtypes = [kind for kind in kinds if isinstance(kind, np.dtype)]
    floats = [dtype for dtype in dtypes if dtype.kind not in "biu"]
    if floats:
        return np.result_type(*floats)
    if _FLOAT in kinds:
        return np.dtype(settings.floatx())
    integers = [dtype for dtype in dtypes if dtype.kind != "b"]
    if integers:
        found = np.result_type(*integers)  # float64 for uint64 with a signed type
        return np.dtype(settings.floatx()) if found.kind == "f" else found
    if _INT in kinds:
        return np.dtype("int64" if settings.floatx() == "float64" else "int32")
    return np.dtype(bool)


def _kind(value: Any) -> np.dtype[Any] | str:
    if isinstance(value, np.dtype):
        return value
    if not hasattr(value, "dtype"):
        if isinstance(value, bool):
            return np.dtype(bool)
        if isinstance(value, (int, float)):
            return _INT if isinstance(value, int) else _FLOAT
    return np.dtype(as_tensor(value).dtype)


def promoted(*values: Any) -> list[NDArray[Any]]:
    """Returns the values as arrays of the dtype in which they are combined."""
    if _are_of_one_dtype(values):
        return list(values)
    kept = [v if isinstance(v, (bool, int, float)) else as_tensor(v) for v in values]
    dtype = result_type(*kept)
    return [asarray(value, dtype) for value in kept]


def as_float(x: Any) -> NDArray[Any]:
    """Returns `x` as an array of floats; integers become the default float type."""
    array = as_tensor(x)
    return array if array.dtype.kind not in "biu" else cast(array, settings.floatx())


def _are_of_one_dtype(values: tuple[Any, ...]) -> bool:
    """Whether nothing is to be promoted, as of most calls: which takes a third less time then."""
    if {*map(type, values)} != {np.ndarray}:
        return False
    dtype = values[0].dtype
    return dtype.isnative and dtype.kind in "fiub" and all(v.dtype == dtype for v in values)
