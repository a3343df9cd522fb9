"""Arithmetic that several optimizers share, in the order of Keras's operations and in place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["approach", "mix", "power", "through_float32"]


def approach(average: NDArray[Any], goal: NDArray[Any], part: Any, scratch: NDArray[Any]) -> None:
    """Moves an average towards a goal: `average += (goal - average) * part`."""
    np.subtract(goal, average, out=scratch)
    scratch *= part
    average += scratch


def mix(average: NDArray[Any], kept: Any, new: NDArray[Any], part: Any) -> None:
    """Mixes in new values: `average = kept * average + part * new`; overwrites `new`."""
    average *= kept
    new *= part
    average += new


def through_float32(number: Any, option: float) -> Any:
    """Returns an option as Keras casts it: by way of float32, for float64 weights too.

    Args:
        number: Type of the numbers.
        option: A Python number.
    """
    return number(np.float32(option))


def power(number: Any, base: float, exponent: float) -> Any:
    """Returns a power of an option, rounded once, as TensorFlow rounds it.

    NumPy's float32 powers may be one unit off, and `1 - 0.999 ** step` makes much of one unit.

    Args:
        number: Type of the numbers.
        base: An option; see `through_float32`.
        exponent: Number of a step, or an exponent.
    """
    return number(float(through_float32(number, base)) ** float(number(exponent)))
