"""Shapes and places of elements: reshaping, transposing, joining, splitting, repeating."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.ops.operation import CORE, NUMPY, operation
from rnnext.ops.promotion import as_tensor, promoted
from rnnext.ops.shapes import concatenated, of_first, of_option, reshaped, stacked
from rnnext.ops.time_axis import insertion

Array = NDArray[Any]


@operation(NUMPY, "Reshape", options=("newshape",), shape=reshaped, keeps_dtype=True)
def reshape(x: Any, newshape: Sequence[int | None]) -> Array:
    """Returns `x` in another shape; one size may be -1 or None: what is left."""
    return as_tensor(x).reshape([-1 if size is None else size for size in newshape])


@operation(NUMPY, "Transpose", options=("axes",))
def transpose(x: Any, axes: Sequence[int] | None = None) -> Array:
    """Returns `x` with its axes in another order; by default reversed."""
    return np.transpose(as_tensor(x), axes)


@operation(NUMPY, "Swapaxes", options=("axis1", "axis2"))
def swapaxes(x: Any, axis1: int, axis2: int) -> Array:
    """Returns `x` with two axes exchanged."""
    return np.swapaxes(as_tensor(x), axis1, axis2)


@operation(NUMPY, "Moveaxis", options=("source", "destination"))
def moveaxis(x: Any, source: Any, destination: Any) -> Array:
    """Returns `x` with axes moved to other places."""
    return np.moveaxis(as_tensor(x), source, destination)


@operation(NUMPY, "ExpandDims", options=("axis",), steps=insertion)
def expand_dims(x: Any, axis: Any) -> Array:
    """Returns `x` with new axes of size 1."""
    return np.expand_dims(as_tensor(x), axis)


@operation(NUMPY, "Squeeze", options=("axis",))
def squeeze(x: Any, axis: Any = None) -> Array:
    """Returns `x` without axes of size 1; by default without all of them."""
    return np.squeeze(as_tensor(x), axis)


@operation(NUMPY, "Ravel")
def ravel(x: Any) -> Array:
    """Returns the elements of `x` on one axis."""
    return as_tensor(x).reshape(-1)


@operation(NUMPY, "BroadcastTo", options=("shape",), shape=of_option, keeps_dtype=True)
def broadcast_to(x: Any, shape: Sequence[int]) -> Array:
    """Returns `x` repeated along axes of size 1, and new ones in front, to fill `shape`."""
    return np.broadcast_to(as_tensor(x), shape)


@operation(NUMPY, "Concatenate", options=("axis",), shape=concatenated)
def concatenate(xs: Sequence[Any], axis: int = 0) -> Array:
    """Returns arrays joined along an axis."""
    return np.concatenate(promoted(*xs), axis=axis)


@operation(NUMPY, "Stack", options=("axis",), shape=stacked, steps=insertion)
def stack(x: Sequence[Any], axis: int = 0) -> Array:
    """Returns arrays of one shape joined along a new axis."""
    return np.stack(promoted(*x), axis=axis)


@operation(NUMPY, "Hstack")
def hstack(xs: Sequence[Any]) -> Array:
    """Returns arrays joined along the second axis (the first, if they have one)."""
    return np.hstack(promoted(*xs))


@operation(NUMPY, "Vstack")
def vstack(xs: Sequence[Any]) -> Array:
    """Returns arrays joined along the first axis; those with one axis are rows."""
    return np.vstack(promoted(*xs))


@operation(NUMPY, "Split", options=("indices_or_sections", "axis"))
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    """Returns `x` cut into equal parts, or at indices, along an axis."""
    return list(np.split(as_tensor(x), indices_or_sections, axis))


@operation(CORE, "Unstack", options=("num", "axis"))
def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Array]:
    """Returns the parts of `x` along an axis, without that axis."""
    array = np.moveaxis(as_tensor(x), axis, 0)
    if num is not None and num != len(array):
        raise ValueError(f"num={num}, but axis {axis} has size {len(array)}.")
    return list(array)


@operation(NUMPY, "Tile", options=("repeats",))
def tile(x: Any, repeats: Any) -> Array:
    """Returns `x` laid out several times along its axes."""
    return np.tile(as_tensor(x), repeats)


@operation(NUMPY, "Repeat", options=("repeats", "axis"))
def repeat(x: Any, repeats: Any, axis: int | None = None) -> Array:
    """Returns every element of `x` several times along an axis."""
    return np.repeat(as_tensor(x), repeats, axis)


@operation(NUMPY, "Flip", options=("axis",))
def flip(x: Any, axis: Any = None) -> Array:
    """Returns `x` backwards along axes; by default along all."""
    return np.flip(as_tensor(x), axis)


@operation(NUMPY, "Roll", options=("shift", "axis"))
def roll(x: Any, shift: Any, axis: Any = None) -> Array:
    """Returns `x` shifted along axes; what leaves at the end comes in at the beginning."""
    return np.roll(as_tensor(x), shift, axis)


@operation(NUMPY, "Pad", options=("pad_width", "mode"))
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Array:
    """Returns `x` with elements before and after it on each axis.

    Args:
        x: The array.
        pad_width: How many, `(before, after)` for each axis, or for all axes.
        mode: "constant", "reflect" or "symmetric".
        constant_values: The value for "constant"; default 0.
    """
    if mode != "constant":
        if constant_values is not None:
            raise ValueError(f"constant_values={constant_values} with mode={mode!r}.")
        return np.pad(as_tensor(x), pad_width, mode=mode)  # type: ignore[call-overload,no-any-return]
    value = 0 if constant_values is None else constant_values
    return np.pad(as_tensor(x), pad_width, constant_values=value)


@operation(NUMPY, "Tril", options=("k",))
def tril(x: Any, k: int = 0) -> Array:
    """Returns `x` with zeros above its k-th diagonal."""
    return np.tril(as_tensor(x), k)


@operation(NUMPY, "Triu", options=("k",))
def triu(x: Any, k: int = 0) -> Array:
    """Returns `x` with zeros below its k-th diagonal."""
    return np.triu(as_tensor(x), k)


@operation(NUMPY, "Diagonal", options=("offset", "axis1", "axis2"))
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """Returns a diagonal of two axes."""
    return np.diagonal(as_tensor(x), offset, axis1, axis2)


@operation(NUMPY, "Diff", options=("n", "axis"))
def diff(a: Any, n: int = 1, axis: int = -1) -> Array:
    """Returns the differences of neighbours along an axis, n times over."""
    return np.diff(as_tensor(a), n, axis)


@operation(NUMPY, "Append", options=("axis",))
def append(x1: Any, x2: Any, axis: int | None = None) -> Array:
    """Returns `x2` joined to the end of `x1`; without an axis, all their elements on one."""
    a, b = promoted(as_tensor(x1), as_tensor(x2))
    if axis is None:
        a, b = a.reshape(-1), b.reshape(-1)
    return np.concatenate([a, b], axis=axis or 0)


@operation(NUMPY, "Diag", options=("k",))
def diag(x: Any, k: int = 0) -> Array:
    """Returns a matrix with `x` on its k-th diagonal, or of a matrix this diagonal."""
    return np.diag(as_tensor(x), k)


@operation(NUMPY, "Diagflat", options=("k",))
def diagflat(x: Any, k: int = 0) -> Array:
    """Returns a matrix with all elements of `x` on its k-th diagonal."""
    return np.diag(as_tensor(x).reshape(-1), k)


@operation(NUMPY, "Rot90", options=("k", "axes"))
def rot90(array: Any, k: int = 1, axes: Any = (0, 1)) -> Array:
    """Returns an array turned k times by 90 degrees, from the first axis towards the second.

    This is NumPy's answer. Keras up to 3.15 on TensorFlow has another order of the elements for
    k = 2 if the two axes differ in size.
    """
    return np.rot90(as_tensor(array), k, axes)


@operation(NUMPY, "Fliplr", keeps_dtype=True, shape=of_first)
def fliplr(x: Any) -> Array:
    """Returns `x` backwards along its second axis."""
    return np.flip(as_tensor(x), 1)


@operation(NUMPY, "Flipud", keeps_dtype=True, shape=of_first)
def flipud(x: Any) -> Array:
    """Returns `x` backwards along its first axis."""
    return np.flip(as_tensor(x), 0)


@operation(NUMPY, "Dstack")
def dstack(xs: Sequence[Any]) -> Array:
    """Returns arrays joined along the third axis; those with less get axes of size 1."""
    return np.dstack(promoted(*xs))


@operation(NUMPY, "Hsplit", options=("indices_or_sections",))
def hsplit(x: Any, indices_or_sections: Any) -> list[Array]:
    """Returns `x` cut along its second axis (the first, if it has one); see `split`."""
    array = as_tensor(x)
    return list(np.split(array, indices_or_sections, 1 if array.ndim > 1 else 0))


@operation(NUMPY, "Vsplit", options=("indices_or_sections",))
def vsplit(x: Any, indices_or_sections: Any) -> list[Array]:
    """Returns `x` cut along its first axis; see `split`."""
    return list(np.split(as_tensor(x), indices_or_sections, 0))


@operation(NUMPY, "Dsplit", options=("indices_or_sections",))
def dsplit(x: Any, indices_or_sections: Any) -> list[Array]:
    """Returns `x` cut along its third axis; see `split`."""
    return list(np.split(as_tensor(x), indices_or_sections, 2))


@operation(NUMPY, "ArraySplit", options=("indices_or_sections", "axis"))
def array_split(x: Any, indices_or_sections: int, axis: int = 0) -> list[Array]:
    """Returns `x` cut into so many parts along an axis; the first may be longer by one."""
    return list(np.array_split(as_tensor(x), indices_or_sections, axis))
