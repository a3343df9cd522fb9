"""Quantiles, percentiles, and both of the elements that are no NaN."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.arrays import asarray
from rnnext.autodiff.rules import value_of
from rnnext.ops.operation import NUMPY, operation
from rnnext.ops.promotion import as_float, as_tensor
from rnnext.ops.shapes import Shape, axes_of, reduced, shape_of

Array = NDArray[Any]
Axis = Any  # an integer, several, or None for all

_OPTIONS = ("axis", "method", "keepdims")
_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def _shape(x: Any, q: Any, axis: Axis = None, method: str = "", keepdims: bool = False) -> Shape:  # noqa: ARG001
    return shape_of(q) + reduced(x, axis, keepdims)


def _quantile(
    x: Any, q: Any, axis: Axis, method: str, keepdims: bool, skips_nan: bool = False
) -> Array:
    """The axes of `q` come first, then those of `x` that are left."""
    if method not in _METHODS:
        raise ValueError(f"method must be one of {_METHODS}, received {method!r}.")
    array, parts = as_float(x), np.asarray(value_of(as_tensor(q)), np.float64)
    axes = axes_of(axis, array.ndim)
    kept = [i for i in range(array.ndim) if i not in axes]
    rows = np.transpose(array, [*kept, *axes]).reshape(*[array.shape[i] for i in kept], -1)
    rows = np.sort(rows, axis=-1)  # NaN come last
    lacks = np.isnan(np.asarray(value_of(rows)))
    sizes = np.sum(~lacks, axis=-1) if skips_nan else np.full(lacks.shape[:-1], lacks.shape[-1])
    place = np.multiply.outer(parts.reshape(-1), np.maximum(sizes - 1, 0))  # (Q, *kept)
    found = _interpolated(rows, np.moveaxis(place, 0, -1), method)
    unknown = sizes == 0 if skips_nan else lacks.any(axis=-1)
    found = np.where(np.expand_dims(unknown, -1), found.dtype.type(np.nan), found)
    shape = [1 if i in axes else n for i, n in enumerate(array.shape) if keepdims or i in kept]
    return asarray(np.moveaxis(found, -1, 0)).reshape((*parts.shape, *shape))


def _interpolated(rows: Any, place: Array, method: str) -> Any:
    """The values (..., Q) at places (..., Q) between the elements of sorted rows (..., N)."""
    if method == "nearest":
        place = np.rint(place)
    low, high = np.floor(place).astype(np.int64), np.ceil(place).astype(np.int64)
    lower, upper = (asarray(np.take_along_axis(rows, at, -1)) for at in (low, high))
    if method in ("lower", "nearest"):
        return lower
    if method == "higher":
        return upper
    share = np.where(low == high, 0, 0.5) if method == "midpoint" else place - low
    share = share.astype(rows.dtype)
    return lower * (1 - share) + upper * share


@operation(NUMPY, "Quantile", options=_OPTIONS, shape=_shape)
def quantile(
    x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Array:
    """Returns what a part `q` of the elements along `axis` is at most.

    Args:
        x: The elements; with a NaN among them the result is NaN.
        q: A number from 0 to 1, or an array, whose axes come first in the result.
        axis: An axis, several, or None for all.
        method: What is between two elements: "linear", "lower", "higher", "midpoint", "nearest".
        keepdims: Whether reduced axes stay, with size 1.

    Example:
        >>> from rnnext import ops
        >>> ops.quantile([1.0, 2.0, 4.0], [0.5, 0.75])
        array([2., 3.], dtype=float32)
    """
    return _quantile(x, q, axis, method, keepdims)


@operation(NUMPY, "Percentile", options=_OPTIONS, shape=_shape)
def percentile(
    x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Array:
    """Returns what `q` percent of the elements are at most; see `quantile`."""
    return _quantile(x, as_float(q) / 100, axis, method, keepdims)


@operation(NUMPY, "Nanquantile", options=_OPTIONS, shape=_shape)
def nanquantile(
    x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Array:
    """Returns `quantile` of the elements that are no NaN; NaN if there are none."""
    return _quantile(x, q, axis, method, keepdims, skips_nan=True)


@operation(NUMPY, "Nanpercentile", options=_OPTIONS, shape=_shape)
def nanpercentile(
    x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Array:
    """Returns `percentile` of the elements that are no NaN; NaN if there are none."""
    return _quantile(x, as_float(q) / 100, axis, method, keepdims, skips_nan=True)


@operation(NUMPY, "Nanmedian", options=("axis", "keepdims"), shape=reduced)
def nanmedian(x: Any, axis: Axis = None, keepdims: bool = False) -> Array:
    """Returns the median of the elements along `axis` that are no NaN."""
    return _quantile(x, 0.5, axis, "linear", keepdims, skips_nan=True)
