"""Sums, means, extremes and counts along axes.

Sums of floats are accumulated in float64, whatever the dtype of the result: the order of the
additions then hardly matters.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.arrays import asarray
from rnnext.ops.operation import LINALG, MATH, NN, NUMPY, operation
from rnnext.ops.promotion import as_float, as_tensor, promoted
from rnnext.ops.shapes import Shape, axes_of, reduced, shape_of

Array = NDArray[Any]
Axis = Any  # an integer, several, or None for all


def _sum_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Narrow integers are summed as 32-bit ones."""
    if dtype.kind in "bi" and dtype.itemsize < 4:
        return np.dtype(np.int32)
    return np.dtype(np.uint32) if dtype.kind == "u" and dtype.itemsize < 4 else dtype


def _accumulator(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(np.float64) if dtype.kind == "f" else dtype


def _of_floats(class_name: str, reduce: Callable[..., Any]) -> Any:
    def function(x: Any, axis: Axis = None, keepdims: bool = False) -> Array:
        array = as_float(x)
        result = reduce(array, axis=axis, keepdims=keepdims, dtype=np.float64)
        return asarray(result).astype(array.dtype)

    return _reduction(class_name, function)


def _truth(class_name: str, reduce: Callable[..., Any]) -> Any:
    def function(x: Any, axis: Axis = None, keepdims: bool = False) -> Array:
        return asarray(reduce(as_tensor(x).astype(bool), axis=axis, keepdims=keepdims))

    return _reduction(class_name, function)


def _extreme(class_name: str, reduce: Callable[..., Any]) -> Any:
    def function(x: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> Array:
        array = as_tensor(x)
        start = {} if initial is None else {"initial": array.dtype.type(initial)}
        return asarray(reduce(array, axis=axis, keepdims=keepdims, **start))

    return _reduction(class_name, function, "initial")


def _without_nan(class_name: str, reduce: Callable[..., Any], needs_floats: bool = False) -> Any:
    """A reduction of the elements that are no NaN."""

    def function(x: Any, axis: Axis = None, keepdims: bool = False) -> Array:
        array = as_float(x) if needs_floats else as_tensor(x)
        dtype = _sum_dtype(array.dtype)
        along = tuple(axis) if isinstance(axis, list) else axis
        result = reduce(array.astype(_accumulator(dtype)), axis=along, keepdims=keepdims)
        return asarray(result).astype(dtype)

    return _reduction(class_name, function)


def _mean_of_numbers(array: Array, axis: Axis, keepdims: bool) -> Array:
    """NumPy's nanmean without its warning: the mean of no numbers is NaN."""
    counts = np.sum(~np.isnan(array), axis=axis, keepdims=keepdims)
    return asarray(np.nansum(array, axis=axis, keepdims=keepdims) / counts)


def _variance_of_numbers(array: Array, axis: Axis, keepdims: bool) -> Array:
    is_number = ~np.isnan(array)
    # NaN in the differences would be in their gradient, too.
    differences = np.where(is_number, array - _mean_of_numbers(array, axis, True), 0)
    counts = np.sum(is_number, axis=axis, keepdims=keepdims)
    return asarray(np.sum(np.square(differences), axis=axis, keepdims=keepdims) / counts)


def _deviation_of_numbers(array: Array, axis: Axis, keepdims: bool) -> Array:
    return np.sqrt(_variance_of_numbers(array, axis, keepdims))


def _extreme_of_numbers(class_name: str, reduce: Callable[..., Any], neutral: float) -> Any:
    def function(x: Any, axis: Axis = None, keepdims: bool = False) -> Array:
        array = as_tensor(x)
        along = tuple(axis) if isinstance(axis, list) else axis
        options: dict[str, Any] = {"axis": along, "keepdims": keepdims}
        if array.dtype.kind != "f":
            return asarray(reduce(array, **options))
        lacks = np.isnan(array)
        found = reduce(np.where(lacks, array.dtype.type(neutral), array), **options)
        return asarray(np.where(np.all(lacks, **options), array.dtype.type(np.nan), found))

    return _reduction(class_name, function)


def _position_of_numbers(class_name: str, find: Callable[..., Any], neutral: float) -> Any:
    """The place of an extreme of the elements that are no NaN; -1 if there are none."""

    def function(x: Any, axis: int | None = None, keepdims: bool = False) -> Array:
        array = as_tensor(x)
        if array.dtype.kind != "f":
            return asarray(find(array, axis=axis, keepdims=keepdims))
        lacks = np.isnan(array)
        found = find(
            np.where(lacks, array.dtype.type(neutral), array), axis=axis, keepdims=keepdims
        )
        nothing = np.all(lacks, axis=axis, keepdims=keepdims)
        return asarray(np.where(nothing, np.int32(-1), found)).astype(np.int32)

    return _reduction(class_name, function)


def _position(class_name: str, find: Callable[..., Any]) -> Any:
    def function(x: Any, axis: int | None = None, keepdims: bool = False) -> Array:
        array = as_tensor(x)
        if array.dtype.kind == "f":  # Keras: -0.0 is less than 0.0
            below_zero = np.copysign(np.finfo(array.dtype).tiny, -1)
            array = np.where((array == 0) & np.signbit(array), below_zero, array)
        return asarray(find(array, axis=axis, keepdims=keepdims)).astype(np.int32)

    return _reduction(class_name, function)


def _reduction(class_name: str, function: Any, *further_options: str) -> Any:
    options = ("axis", "keepdims", *further_options)
    doc = "along `axis`; None means all axes."
    return operation(NUMPY, class_name, options=options, shape=reduced, doc=doc)(function)


@operation(NUMPY, "Sum", options=("axis", "keepdims"), shape=reduced)
def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Array:
    """Returns the sum of the elements along `axis`."""
    array = as_tensor(x)
    dtype = _sum_dtype(array.dtype)
    return asarray(np.sum(array, axis, _accumulator(dtype), keepdims=keepdims)).astype(dtype)


@operation(NUMPY, "Prod", options=("axis", "keepdims", "dtype"), shape=reduced)
def prod(x: Any, axis: Axis = None, keepdims: bool = False, dtype: Any = None) -> Array:
    """Returns the product of the elements along `axis`."""
    array = as_tensor(x)
    dtype = _sum_dtype(array.dtype if dtype is None else np.dtype(dtype))
    return asarray(np.prod(array, axis, _accumulator(dtype), keepdims=keepdims)).astype(dtype)


mean = _of_floats("Mean", np.mean)
var = _of_floats("Var", np.var)
std = _of_floats("Std", np.std)
any = _truth("Any", np.any)
all = _truth("All", np.all)
max = _extreme("Max", np.max)
min = _extreme("Min", np.min)
nansum = _without_nan("Nansum", np.nansum)
nanprod = _without_nan("Nanprod", np.nanprod)
nanmean = _without_nan("Nanmean", _mean_of_numbers, needs_floats=True)
nanvar = _without_nan("Nanvar", _variance_of_numbers, needs_floats=True)
nanstd = _without_nan("Nanstd", _deviation_of_numbers, needs_floats=True)
argmax = _position("Argmax", np.argmax)
argmin = _position("Argmin", np.argmin)
nanmax = _extreme_of_numbers("Nanmax", np.max, -np.inf)
nanmin = _extreme_of_numbers("Nanmin", np.min, np.inf)
nanargmax = _position_of_numbers("Nanargmax", argmax, -np.inf)
nanargmin = _position_of_numbers("Nanargmin", argmin, np.inf)


@operation(NUMPY, "Amax", options=("axis", "keepdims"), shape=reduced)
def amax(x: Any, axis: Axis = None, keepdims: bool = False) -> Array:
    """Returns the largest elements along `axis`."""
    return asarray(np.max(as_tensor(x), axis=axis, keepdims=keepdims))


@operation(NUMPY, "Amin", options=("axis", "keepdims"), shape=reduced)
def amin(x: Any, axis: Axis = None, keepdims: bool = False) -> Array:
    """Returns the smallest elements along `axis`."""
    return asarray(np.min(as_tensor(x), axis=axis, keepdims=keepdims))


@operation(NUMPY, "Ptp", options=("axis", "keepdims"), shape=reduced)
def ptp(x: Any, axis: Axis = None, keepdims: bool = False) -> Array:
    """Returns the difference of the largest and the smallest element along `axis`."""
    array = as_tensor(x)
    along = tuple(axis) if isinstance(axis, list) else axis
    return asarray(np.ptp(array, axis=along, keepdims=keepdims))


@operation(NUMPY, "Median", options=("axis", "keepdims"), shape=reduced)
def median(x: Any, axis: Axis = None, keepdims: bool = False) -> Array:
    """Returns the median along `axis`."""
    array = as_float(x)
    along = tuple(axis) if isinstance(axis, list) else axis
    return asarray(np.median(array, axis=along, keepdims=keepdims)).astype(array.dtype)


@operation(NUMPY, "CountNonzero", options=("axis",), shape=reduced)
def count_nonzero(x: Any, axis: Axis = None) -> Array:
    """Returns how many elements are not zero along `axis`."""
    return asarray(np.count_nonzero(as_tensor(x), axis=axis)).astype(np.int32)


@operation(NUMPY, "Average", options=("axis",))
def average(x: Any, axis: int | None = None, weights: Any = None) -> Array:
    """Returns the mean along `axis`, weighted if `weights` are given."""
    if weights is None:
        array = as_float(x)
        return asarray(np.mean(array, axis=axis, dtype=np.float64)).astype(array.dtype)
    array, weights = map(as_float, promoted(x, weights))
    result = np.average(array.astype(np.float64), axis=axis, weights=weights)
    return asarray(result).astype(array.dtype)


@operation(MATH, "Logsumexp", options=("axis", "keepdims"), shape=reduced)
def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Array:
    """Returns `log(sum(exp(x)))` along `axis`, without overflow."""
    array = as_float(x)
    largest = np.max(array, axis=axis, keepdims=True)
    shift = np.where(np.isfinite(largest), largest, 0)
    total = np.sum(np.exp(array - shift), axis=axis, keepdims=True, dtype=np.float64)
    result = (np.log(total) + shift).astype(array.dtype)
    return result if keepdims else np.squeeze(result, axes_of(axis, array.ndim))


@operation(LINALG, "Norm", options=("ord", "axis", "keepdims"), shape=reduced)
def norm(x: Any, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Array:
    """Returns a vector or matrix norm along one or two axes; see `numpy.linalg.norm`."""
    array = as_float(x)
    result = np.linalg.norm(array.astype(np.float64), ord=ord, axis=axis, keepdims=keepdims)
    return asarray(result).astype(array.dtype)


@operation(NN, "Moments", options=("axes", "keepdims", "synchronized"))
def moments(
    x: Any,
    axes: Axis,
    keepdims: bool = False,
    synchronized: bool = False,  # noqa: ARG001
) -> tuple[Array, Array]:
    """Returns mean and variance along `axes`."""
    return mean(x, axis=axes, keepdims=keepdims), var(x, axis=axes, keepdims=keepdims)


def _accumulated(x: Any, axis: int | None = None, **_options: Any) -> Shape:
    shape = shape_of(x)
    if axis is not None:
        axes_of(axis, len(shape))
        return shape
    known = [size for size in shape if size is not None]
    return (math.prod(known) if len(known) == len(shape) else None,)


def _accumulation(
    class_name: str, accumulate: Callable[..., Any], in_place_of_nan: float | None = None
) -> Any:
    def function(x: Any, axis: int | None = None, dtype: Any = None) -> Array:
        array = as_tensor(x)
        if in_place_of_nan is not None:  # as in Keras, infinities become the largest numbers
            array = asarray(np.nan_to_num(array, nan=in_place_of_nan))
        array = array if dtype is None else array.astype(dtype)
        array = array.astype(np.int32) if array.dtype.kind == "b" else array
        dtype = array.dtype
        return asarray(accumulate(array, axis=axis, dtype=_accumulator(dtype))).astype(dtype)

    doc = "along `axis`; None means over all elements."
    options = ("axis", "dtype")
    return operation(NUMPY, class_name, options=options, shape=_accumulated, doc=doc)(function)


cumsum = _accumulation("Cumsum", np.cumsum)
cumprod = _accumulation("Cumprod", np.cumprod)
nancumsum = _accumulation("Nancumsum", np.cumsum, in_place_of_nan=0)
nancumprod = _accumulation("Nancumprod", np.cumprod, in_place_of_nan=1)


@operation(NUMPY, "Trace", options=("offset", "axis1", "axis2"))
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """Returns the sum of a diagonal of two axes."""
    array = as_tensor(x)
    dtype = _sum_dtype(array.dtype)
    elements = np.diagonal(array, offset, axis1, axis2)
    return asarray(np.sum(elements, axis=-1, dtype=_accumulator(dtype))).astype(dtype)


@operation(NUMPY, "Trapezoid", options=("x", "dx", "axis"))
def trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Array:
    """Returns the integral of `y` along an axis, by straight lines from one value to the next.

    Args:
        y: The values.
        x: Where they are; None: at distances of `dx`.
        dx: The distance, if there is no `x`.
        axis: The axis.
    """
    values = np.moveaxis(as_float(y), axis, -1)
    step: Any = values.dtype.type(dx)
    if x is not None:
        places = as_tensor(x).astype(values.dtype)
        step = np.diff(places if places.ndim == 1 else np.moveaxis(places, axis, -1))
    areas = (values[..., 1:] + values[..., :-1]) * step * 0.5
    return asarray(np.sum(areas, axis=-1, dtype=np.float64)).astype(values.dtype)
