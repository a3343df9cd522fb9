"""Turns numbers or strings that a caller passes into NumPy arrays."""

from __future__ import annotations

import numbers
import sys
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from rnnext import nest
from rnnext.errors import DataError

__all__ = ["as_array", "as_strings", "asarray", "cast", "holds_strings", "is_traced"]

_NUMBER_KINDS = "biuf"
_STRING_KINDS = ("U", "S", "T")
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
        DataError: If `x` does not hold numbers, is ragged, is not on the CPU, is a
            `numpy.ma.MaskedArray`, whose mask would be lost, or a torch `PackedSequence`.
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
    if nest.is_packed_sequence(x):
        raise DataError(
            f"{name} is a torch PackedSequence, which Keras's layers do not take; pass the padded "
            "array of torch.nn.utils.rnn.pad_packed_sequence(x, batch_first=True), with a mask of "
            "its lengths as mask= or by a Masking layer. Only a model that "
            "rnnext.from_torch(module) made takes it as it is: model(x)."
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


def holds_strings(x: Any) -> bool:
    """Tells whether something is a string, or an array or a nested list of strings."""
    while isinstance(x, (list, tuple)) and x:
        x = x[0]
    if isinstance(x, (str, bytes)):
        return True
    dtype = getattr(x, "dtype", None)
    kind = getattr(dtype, "kind", "O" if hasattr(x, "__array__") else "")
    if kind in _STRING_KINDS:
        return True
    if kind != "O" or not hasattr(x, "__array__") or "float" in str(dtype) or "int" in str(dtype):
        return False  # tensors of other libraries have dtypes of their own, without a kind
    first = next(np.asarray(x).flat, None)
    return isinstance(first, (str, bytes))


def as_strings(x: Any, name: str) -> NDArray[Any]:
    r"""Returns `x` as an array of byte strings: dtype object, text as UTF-8, as TensorFlow has it.

    Args:
        x: A string or bytes; a (nested) list or tuple of them; a NumPy array of text, bytes,
            `StringDType` or such objects; or an object with `__array__`, such as a pandas column.
        name: What `x` is, for the error message.

    Raises:
        DataError: If `x` does not hold strings alone, or is ragged.

    Example:
        >>> as_strings(["a", "é"], "input")
        array([b'a', b'\xc3\xa9'], dtype=object)
    """
    is_list = isinstance(x, (list, tuple))
    array = np.asarray(x, dtype=object) if is_list else np.asarray(x)
    strings = np.empty(array.size, object)
    for i, value in enumerate(array.ravel().tolist()):
        if isinstance(value, str):
            try:
                value = value.encode()
            except UnicodeEncodeError as error:
                raise DataError(f"{name}: {value!r} is no text that UTF-8 has: {error}") from error
        elif not isinstance(value, bytes):
            if is_list and isinstance(value, (list, tuple)):
                raise DataError(f"{name}: expected strings, received lists of different lengths.")
            raise DataError(
                f"{name}: expected strings, received {type(x).__name__!r} holding "
                f"{type(value).__name__!r} objects."
            )
        strings[i] = value
    return strings.reshape(array.shape)


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
    if hasattr(x, "combine_chunks") or hasattr(getattr(x, "type", None), "list_size"):
        return _of_arrow(x)
    return np.asarray(x)


def _of_arrow(column: Any) -> NDArray[Any]:
    """An Arrow array, or a column of chunks; of fixed-size lists an axis for each level."""
    array = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    shape = [len(array)]
    while hasattr(array.type, "list_size"):
        if array.null_count:
            raise ValueError(f"it has {array.null_count} nulls.")
        shape.append(array.type.list_size)
        array = array.flatten()
    if array.null_count:
        raise ValueError(f"it has {array.null_count} nulls.")
    return np.asarray(array.to_numpy(zero_copy_only=False)).reshape(shape)


def _numbers_of_objects(array: NDArray[Any], x: Any, name: str) -> NDArray[Any]:
    if array.ndim == 1 and array.size and all(map(_is_list, array)):
        return _stacked(array, name)
    for value in array.flat:
        if not isinstance(value, (numbers.Real, np.bool_)):
            raise DataError(
                f"{name}: expected numbers, received {type(x).__name__!r} holding "
                f"{type(value).__name__!r} objects."
            )
    return array.astype(np.float64)


def _is_list(value: Any) -> bool:
    return isinstance(value, (np.ndarray, list, tuple))


def _stacked(column: NDArray[Any], name: str) -> NDArray[Any]:
    """A column of lists or arrays, such as a pandas Series has, as one array."""
    rows = [as_array(row, name) for row in column]
    shapes = {row.shape for row in rows}
    if len(shapes) > 1:
        raise DataError(
            f"{name}: expected rows of one shape, received the shapes {sorted(shapes)[:4]}; "
            "pad them, as rnnext.utils.pad_sequences does."
        )
    return np.stack(rows)
