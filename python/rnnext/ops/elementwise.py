"""Elementwise mathematics: arithmetic, powers and logarithms, trigonometry, rounding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.arrays import asarray
from rnnext.errors import DataError
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
fabs = _float("Fabs", np.fabs)
sign = _number("Sign", np.sign)
square = _number("Square", np.square, bool_as=np.int32)
reciprocal = _number("Reciprocal", np.reciprocal)


@operation(NUMPY, "DivideNoNan", shape=broadcast)
def divide_no_nan(x1: Any, x2: Any) -> Array:
    """Returns `x1 / x2`, and 0 where `x2` is 0."""
    a, b = map(as_float, promoted(x1, x2))
    return asarray(np.where(b == 0, a.dtype.type(0), np.true_divide(a, b)))


@operation(NUMPY, "Heaviside", shape=broadcast)
def heaviside(x1: Any, x2: Any) -> Array:
    """Returns 0 where `x1` is below 0, 1 where it is above, and `x2` where it is 0."""
    a, b = promoted(as_tensor(x1), as_tensor(x2))
    dtype = np.dtype(np.float64) if a.dtype == np.int64 else as_float(a).dtype
    a, b = a.astype(dtype, copy=False), b.astype(dtype, copy=False)
    return asarray(np.where(a < 0, dtype.type(0), np.where(a > 0, dtype.type(1), b)))


@operation(NUMPY, "Ldexp", shape=broadcast)
def ldexp(x1: Any, x2: Any) -> Array:
    """Returns `x1 * 2**x2`; `x2` are integers."""
    a, exponents = as_float(x1), as_tensor(x2)
    if exponents.dtype.kind not in "iu":
        raise DataError(f"x2 must be integers, received {exponents.dtype}.")
    return asarray(a * np.ldexp(a.dtype.type(1), exponents))


@operation(NUMPY, "Nextafter", shape=broadcast)
def nextafter(x1: Any, x2: Any) -> Array:
    """Returns the next float64 after `x1` towards `x2`, in the dtype of both."""
    a, b = map(as_float, promoted(as_tensor(x1), as_tensor(x2)))
    return asarray(np.nextafter(a.astype(np.float64), b.astype(np.float64))).astype(a.dtype)


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
logaddexp2 = _float_pair("Logaddexp2", np.logaddexp2)
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
sinc = _float("Sinc", np.sinc)


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


# Of real numbers, the only ones there are ---------------------------------------------------------

real = _elementwise("Real", lambda x: as_tensor(x))
conj = _elementwise("Conj", lambda x: as_tensor(x))
conjugate = _elementwise("Conjugate", lambda x: as_tensor(x))
imag = _elementwise("Imag", lambda x: np.zeros_like(as_tensor(x)))


@operation(NUMPY, "Angle", shape=broadcast)
def angle(x: Any) -> Array:
    """Returns pi where `x` is negative, and 0 elsewhere."""
    array = as_float(x)
    return asarray(np.where(array < 0, array.dtype.type(np.pi), array.dtype.type(0)))
