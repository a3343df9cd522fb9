"""Arithmetic that several optimizers share, in the order of Keras's operations and in place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["approach", "mix", "power"]


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


def power(number: Any, base: float, exponent: float) -> Any:
    """Returns a power, rounded once, as TensorFlow rounds it.

    NumPy's float32 powers may be one unit off, and `1 - 0.999 ** step` makes much of one unit.

    Args:
        number: Type of the numbers.
        base: Rounded to this type first.
        exponent: Rounded to this type too.
    """
    return number(float(number(base)) ** float(number(exponent)))
