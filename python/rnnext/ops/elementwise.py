"""Elementwise mathematics: arithmetic, powers and logarithms, trigonometry, rounding."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.arrays import asarray
from rnnext.autodiff.rules import note, value_of
from rnnext.ops.operation import MATH, NUMPY, operation
from rnnext.ops.promotion import as_float, as_tensor, promoted
from rnnext.ops.shapes import broadcast

Array = NDArray[Any]
Formula = Callable[..., Any]


def _elementwise(class_name: str, function: Formula, module: str = NUMPY) -> Any:
    return operation(module, class_name, shape=broadcast, doc="of every element.")(function)


def _float(class_name: str, formula: Formula, module: str = NUMPY) -> Any:
    """A function of floats; integers are computed as the default float type."""

    def function(x: Any) -> Array:
        return asarray(formula(as_float(x)))

    return _elementwise(class_name, function, module)


def _number(class_name: str, formula: Formula, bool_as: Any = np.bool_) -> Any:
    """A function whose result has the dtype of its argument."""

    def function(x: Any) -> Array:
        array = as_tensor(x)
        dtype = bool_as if array.dtype.kind == "b" else array.dtype
        return asarray(formula(array.astype(dtype, copy=False)), dtype=dtype)

    return _elementwise(class_name, function)


def _pair(class_name: str, formula: Formula, bool_as: Any = np.bool_) -> Any:
    """A function of two arrays, computed in the dtype in which they are combined."""

    def function(x1: Any, x2: Any) -> Array:
        a, b = promoted(x1, x2)
        if a.dtype.kind == "b":
            a, b = a.astype(bool_as), b.astype(bool_as)
        return asarray(formula(a, b))

    return _elementwise(class_name, function)


def _float_pair(class_name: str, formula: Formula) -> Any:
    """A function of two arrays of floats."""

    def function(x1: Any, x2: Any) -> Array:
        a, b = promoted(x1, x2)
        return asarray(formula(as_float(a), as_float(b)))

    return _elementwise(class_name, function)


# Arithmetic --------------------------------------------------------------------------------------

add = _pair("Add", np.add)
subtract = _pair("Subtract", np.subtract)
multiply = _pair("Multiply", np.multiply)
divide = _float_pair("Divide", np.true_divide)
true_divide = _float_pair("TrueDivide", np.true_divide)
floor_divide = _pair("FloorDivide", np.floor_divide)
mod = _pair("Mod", np.remainder, bool_as=np.int32)
power = _pair("Power", np.power)
maximum = _pair("Maximum", np.maximum)
minimum = _pair("Minimum", np.minimum)
fmod = _pair("Fmod", np.fmod, bool_as=np.int32)
fmax = _pair("Fmax", np.fmax)
fmin = _pair("Fmin", np.fmin)
negative = _number("Negative", np.negative)
absolute = _number("Absolute", np.absolute)
abs = _number("Abs", np.absolute)
sign = _number("Sign", np.sign)
square = _number("Square", np.square, bool_as=np.int32)
reciprocal = _number("Reciprocal", np.reciprocal)


@operation(NUMPY, "DivideNoNan", shape=broadcast)
def divide_no_nan(x1: Any, x2: Any) -> Array:
    """Returns `x1 / x2`, and 0 where `x2` is 0."""
    a, b = map(as_float, promoted(x1, x2))
    return asarray(np.where(b == 0, a.dtype.type(0), np.true_divide(a, b)))


@operation(NUMPY, "Clip", options=("x_min", "x_max"), shape=broadcast)
def clip(x: Any, x_min: Any, x_max: Any) -> Array:
    """Returns `x`, but at least `x_min` and at most `x_max`."""
    array = as_tensor(x)
    array = array.astype(np.int32) if array.dtype.kind == "b" else array
    lower, upper = (asarray(limit).astype(array.dtype) for limit in (x_min, x_max))
    return asarray(np.minimum(np.maximum(array, lower), upper))


# Powers, logarithms, trigonometry ----------------------------------------------------------------

sqrt = _float("Sqrt", np.sqrt)
cbrt = _float("Cbrt", np.cbrt)
exp = _float("Exp", np.exp)
exp2 = _float("Exp2", np.exp2)
expm1 = _float("Expm1", np.expm1)
log = _float("Log", np.log)
log10 = _float("Log10", np.log10)
log1p = _float("Log1p", np.log1p)
log2 = _float("Log2", np.log2)
logaddexp = _float_pair("Logaddexp", np.logaddexp)
sin = _float("Sin", np.sin)
cos = _float("Cos", np.cos)
tan = _float("Tan", np.tan)
sinh = _float("Sinh", np.sinh)
cosh = _float("Cosh", np.cosh)
arcsin = _float("Arcsin", np.arcsin)
arccos = _float("Arccos", np.arccos)
arctan = _float("Arctan", np.arctan)
arcsinh = _float("Arcsinh", np.arcsinh)
arccosh = _float("Arccosh", np.arccosh)
arctanh = _float("Arctanh", np.arctanh)
arctan2 = _float_pair("Arctan2", np.arctan2)
hypot = _float_pair("Hypot", np.hypot)
deg2rad = _float("Deg2rad", np.deg2rad)
rad2deg = _float("Rad2deg", np.rad2deg)
rsqrt = _float("Rsqrt", lambda x: 1 / np.sqrt(x), MATH)


@operation(MATH, "Erf", shape=broadcast)
def erf(x: Any) -> Array:
    """Returns the error function."""
    array = as_float(x)
    values, slope = value_of(array), 2 / math.sqrt(math.pi)
    result = _error_function(values)
    if values is array:
        return result
    traced: Array = note(result, [array], lambda d: d * (slope * np.exp(-np.square(values))))
    return traced


def _error_function(array: Array) -> Array:
    values = [math.erf(value) for value in array.flat]
    return np.array(values, dtype=array.dtype).reshape(array.shape)


# Rounding and what is no number ------------------------------------------------------------------

ceil = _float("Ceil", np.ceil)
floor = _float("Floor", np.floor)
trunc = _number("Trunc", np.trunc)


@operation(NUMPY, "Round", options=("decimals",), shape=broadcast)
def round(x: Any, decimals: int = 0) -> Array:
    """Returns `x` rounded to a number of decimals, halves to even."""
    array = as_tensor(x)
    return array if array.dtype.kind == "b" else asarray(np.round(array, decimals))


@operation(NUMPY, "NanToNum", options=("nan", "posinf", "neginf"), shape=broadcast)
def nan_to_num(x: Any, nan: float = 0.0, posinf: Any = None, neginf: Any = None) -> Array:
    """Returns `x` with other values for NaN and infinities; by default 0 and the largest."""
    return asarray(np.nan_to_num(as_tensor(x), nan=nan, posinf=posinf, neginf=neginf))
