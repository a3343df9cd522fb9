"""Gradient rules of functions of each element: `rule(d, y, *x)` for each argument.

At corners and ties they are TensorFlow's: a maximum of equal numbers is the first one, the slope
of an absolute value at 0 is 0, that of a square root infinite.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.autodiff.rules import UFUNCS, composed, differentiable, without_gradient

Array = NDArray[Any]

_LN_2, _LN_10 = math.log(2), math.log(10)
_DEGREE = math.pi / 180


def _power_of_exponent(d: Any, y: Any, a: Any, _b: Any) -> Any:
    """Where the base is not above 0 its logarithm counts as 0."""
    positive = np.greater(a, 0)
    return d * y * np.log(np.where(positive, a, np.ones_like(a)))


def _power_of_base(d: Any, _y: Any, a: Any, b: Any) -> Any:
    return d * (b * np.power(a, b - 1))


UFUNCS.update(
    {
        # Arithmetic
        np.add: (lambda d, *_: d, lambda d, *_: d),
        np.subtract: (lambda d, *_: d, lambda d, *_: -d),
        np.multiply: (lambda d, _y, _a, b: d * b, lambda d, _y, a, _b: d * a),
        np.true_divide: (lambda d, _y, _a, b: d / b, lambda d, _y, a, b: d * (-a / b / b)),
        np.power: (_power_of_base, _power_of_exponent),
        np.float_power: (_power_of_base, _power_of_exponent),
        np.remainder: (lambda d, *_: d, lambda d, _y, a, b: -d * np.floor_divide(a, b)),
        np.fmod: (lambda d, *_: d, lambda d, _y, a, b: -d * np.trunc(a / b)),
        np.negative: (lambda d, *_: -d,),
        np.positive: (lambda d, *_: d,),
        np.conjugate: (lambda d, *_: d,),
        np.reciprocal: (lambda d, y, _: -d * y * y,),
        np.square: (lambda d, _, a: d * (2 * a),),
        np.absolute: (lambda d, _, a: d * np.sign(a),),
        np.fabs: (lambda d, _, a: d * np.sign(a),),
        np.maximum: (
            lambda d, _y, a, b: d * np.greater_equal(a, b),
            lambda d, _y, a, b: d * ~np.greater_equal(a, b),
        ),
        np.minimum: (
            lambda d, _y, a, b: d * np.less_equal(a, b),
            lambda d, _y, a, b: d * ~np.less_equal(a, b),
        ),
        np.fmax: (
            lambda d, _y, a, b: d * (np.greater_equal(a, b) | np.isnan(b)),
            lambda d, _y, a, b: d * ~(np.greater_equal(a, b) | np.isnan(b)),
        ),
        np.fmin: (
            lambda d, _y, a, b: d * (np.less_equal(a, b) | np.isnan(b)),
            lambda d, _y, a, b: d * ~(np.less_equal(a, b) | np.isnan(b)),
        ),
        # Powers and logarithms
        np.sqrt: (lambda d, y, _: d * 0.5 / y,),
        np.cbrt: (lambda d, y, _: d / (3 * y * y),),
        np.exp: (lambda d, y, _: d * y,),
        np.exp2: (lambda d, y, _: d * y * _LN_2,),
        np.expm1: (lambda d, _, a: d * np.exp(a),),
        np.log: (lambda d, _, a: d / a,),
        np.log2: (lambda d, _, a: d / (a * _LN_2),),
        np.log10: (lambda d, _, a: d / (a * _LN_10),),
        np.log1p: (lambda d, _, a: d / (1 + a),),
        np.logaddexp: (
            lambda d, y, a, _b: d * np.exp(a - y),
            lambda d, y, _a, b: d * np.exp(b - y),
        ),
        np.logaddexp2: (
            lambda d, y, a, _b: d * np.exp2(a - y),
            lambda d, y, _a, b: d * np.exp2(b - y),
        ),
        np.hypot: (lambda d, y, a, _b: d * (a / y), lambda d, y, _a, b: d * (b / y)),
        # Trigonometry
        np.sin: (lambda d, _, a: d * np.cos(a),),
        np.cos: (lambda d, _, a: -d * np.sin(a),),
        np.tan: (lambda d, _, a: d / np.square(np.cos(a)),),
        np.arcsin: (lambda d, _, a: d / np.sqrt(1 - a * a),),
        np.arccos: (lambda d, _, a: -d / np.sqrt(1 - a * a),),
        np.arctan: (lambda d, _, a: d / (1 + a * a),),
        np.arctan2: (
            lambda d, _y, a, b: d * (b / (a * a + b * b)),
            lambda d, _y, a, b: -d * (a / (a * a + b * b)),
        ),
        np.sinh: (lambda d, _, a: d * np.cosh(a),),
        np.cosh: (lambda d, _, a: d * np.sinh(a),),
        np.tanh: (lambda d, y, _: d * (1 - y * y),),
        np.arcsinh: (lambda d, y, _: d / np.cosh(y),),
        np.arccosh: (lambda d, y, _: d / np.sinh(y),),
        np.arctanh: (lambda d, _, a: d / (1 - a * a),),
        np.deg2rad: (lambda d, *_: d * _DEGREE,),
        np.radians: (lambda d, *_: d * _DEGREE,),
        np.rad2deg: (lambda d, *_: d / _DEGREE,),
        np.degrees: (lambda d, *_: d / _DEGREE,),
        np.copysign: (lambda d, _y, a, b: d * np.sign(a) * np.copysign(1, b), None),
        # Steps, whose gradient is zero
        np.sign: (None,),
        np.floor: (None,),
        np.ceil: (None,),
        np.trunc: (None,),
        np.rint: (None,),
        np.floor_divide: (None, None),
        np.heaviside: (None, None),
    }
)
for _ufunc in (
    *(np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal),
    *(np.isnan, np.isinf, np.isfinite, np.signbit),
    *(np.logical_and, np.logical_or, np.logical_xor, np.logical_not),
    *(np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert),
):
    UFUNCS[_ufunc] = ()


# Not a product with a mask: the gradient of what was not chosen is 0 where `d` is infinite, too.
@differentiable(np.where, arrays=3)
def _where(condition: Any, x: Any, y: Any) -> Any:
    def pullback(d: Any) -> Any:
        zero = d.dtype.type(0)
        return None, np.where(condition, d, zero), np.where(condition, zero, d)

    return np.where(condition, x, y), pullback


@differentiable(np.clip, arrays=3)
def _clip(a: Any, a_min: Any = None, a_max: Any = None, **options: Any) -> Any:
    """As TensorFlow's clip_by_value: a number at a limit keeps its gradient."""
    low = options.pop("min", a_min)
    high = options.pop("max", a_max)
    y = np.asarray(np.clip(a, low, high, **options))
    below = False if low is None else np.less(a, low)
    above = False if high is None else np.greater(a, high)

    def pullback(d: Any) -> Any:
        inside = ~np.logical_or(below, above)
        return d * inside, d * below, d * above

    return y, pullback


@differentiable(np.nan_to_num)
def _nan_to_num(x: Any, **options: Any) -> Any:
    return np.asarray(np.nan_to_num(x, **options)), lambda d: d * np.isfinite(x)


@differentiable(np.sinc)
def _sinc(x: Any) -> Any:
    def pullback(d: Any) -> Any:
        angle = np.pi * x
        with np.errstate(all="ignore"):
            slope = (np.cos(angle) - np.sinc(x)) / x
        return d * np.where(x == 0, 0, slope)

    return np.sinc(x), pullback


@differentiable(np.real, np.copy, np.ascontiguousarray)
def _same(val: Any, *_order: Any, **_options: Any) -> Any:
    return np.array(val), lambda d: d


@composed(np.select)
def _select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    result = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        result = np.where(condition, choice, result)
    return result


without_gradient(
    *(np.round, np.around, np.fix, np.isclose, np.allclose, np.array_equal, np.array_equiv),
    *(np.zeros_like, np.ones_like, np.empty_like, np.full_like, np.isneginf, np.isposinf),
    *(np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.min_scalar_type, np.isin),
    *(np.may_share_memory, np.shares_memory, np.isreal, np.iscomplexobj, np.isrealobj),
)
