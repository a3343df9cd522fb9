"""Options of layers that are integers: numbers of units, sizes of windows."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnext.errors import UnsupportedError

__all__ = ["integer_tuple", "integers", "is_integer", "positive_integer"]


def integers(
    value: Any, count: int, option: str, label: str, least: int | None = 1
) -> tuple[int, ...]:
    """Returns an option that is one integer, or one for each axis, as `count` integers.

    Args:
        value: An integer, or a list or tuple of `count` integers.
        count: How many there must be.
        option: Name of the option, for the error message.
        label: Name of the layer, for the error message.
        least: The smallest integer accepted, or None.

    Raises:
        UnsupportedError: If it is anything else.
    """
    sequence = list(value) if isinstance(value, (list, tuple)) else [value] * count
    fits = len(sequence) == count and all(is_integer(item) for item in sequence)
    if not fits or (least is not None and any(item < least for item in sequence)):
        several = f" or {count} integers" if count > 1 else ""
        bound = "" if least is None else f" >= {least}"
        raise UnsupportedError(
            f"{label}: {option} must be an integer{several}{bound}, received {value!r}."
        )
    return tuple(int(item) for item in sequence)


def integer_tuple(value: Any, option: str, label: str, least: int) -> tuple[int, ...]:
    """Returns an option that is a list of integers >= `least`, or raises UnsupportedError."""
    if not isinstance(value, (list, tuple)) or not all(
        is_integer(item) and item >= least for item in value
    ):
        raise UnsupportedError(
            f"{label}: {option} must be a list of integers >= {least}, received {value!r}."
        )
    return tuple(int(item) for item in value)


def positive_integer(value: Any, option: str, label: str) -> int:
    """Returns an option that is an integer of at least 1, or raises UnsupportedError."""
    if not is_integer(value) or value < 1:
        raise UnsupportedError(f"{label}: {option} must be an integer >= 1, received {value!r}.")
    return int(value)


def is_integer(value: Any) -> bool:
    """Tells whether something is an integer of Python's or NumPy's, and no boolean."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)
