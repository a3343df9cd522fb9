"""The error function, its complement and its inverse."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.autodiff.rules import computed
from rnnext.ops.operation import MATH, operation
from rnnext.ops.promotion import as_float
from rnnext.ops.shapes import broadcast

Array = NDArray[Any]

_SLOPE_AT_0 = 2 / math.sqrt(math.pi)


def _of_each(function: Callable[[float], float], x: Array) -> Array:
    values = [function(value) for value in x.flat]
    return np.array(values, dtype=x.dtype).reshape(x.shape)


def _function(x: Any, of_number: Callable[[float], float], slope: Callable[..., Any]) -> Any:
    """A function of every element; `slope` is its derivative, from the argument and the result."""

    def forward(values: Array) -> Any:
        result = _of_each(of_number, values)
        return result, lambda d: d * slope(values, result)

    return computed(forward, as_float(x))


def _bell(x: Array) -> Array:
    return np.asarray(_SLOPE_AT_0 * np.exp(-np.square(x)))


@operation(MATH, "Erf", shape=broadcast)
def erf(x: Any) -> Any:
    """Returns the error function."""
    return _function(x, math.erf, lambda values, _: _bell(values))


@operation(MATH, "Erfc", shape=broadcast)
def erfc(x: Any) -> Any:
    """Returns 1 minus the error function, also where that is next to 1."""
    return _function(x, math.erfc, lambda values, _: -_bell(values))


@operation(MATH, "Erfinv", shape=broadcast)
def erfinv(x: Any) -> Any:
    """Returns where the error function is `x`: infinite at 1 and -1, NaN beyond them.

    Example:
        >>> from rnnext import ops
        >>> ops.erfinv([0.0, 0.5])
        array([0.        , 0.47693628], dtype=float32)
    """
    return _function(x, _inverse, lambda _, result: 1 / _bell(result))


def _inverse(x: float) -> float:
    """Halley's method from Winitzki's approximation, which is off by 0.2% at most.

    See Winitzki, A handy approximation for the error function and its inverse, 2008.
    """
    rest = 1 - abs(x)  # from 1, where what is left of the error function is known best
    if not 0 < rest <= 1:
        return 0.0 * x if rest == 1 else math.copysign(math.inf, x) if rest == 0 else math.nan
    log = math.log(rest * (1 + abs(x)))
    term = 2 / (math.pi * 0.147) + log / 2
    y = math.sqrt(math.sqrt(term * term - log / 0.147) - term)
    for _ in range(3):
        error = math.erf(y) - abs(x) if abs(x) < 0.5 else rest - math.erfc(y)
        step = error / (_SLOPE_AT_0 * math.exp(-y * y))
        y -= step / (1 + y * step)
    return math.copysign(y, x)
