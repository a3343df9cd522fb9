"""Weights that are about to be loaded from a file: zeros, and no more of them than allowed.

Drawing values that are then replaced would cost more than loading: the orthogonal matrix of an
LSTM of 512 units takes seconds. And a file may ask for any number of units, so what its
architecture may allocate is bounded too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.errors import ShapeError

__all__ = ["PlaceholderBudget", "placeholder_budget", "placeholders"]


class PlaceholderBudget:
    """Makes placeholders up to a number of bytes.

    Args:
        max_bytes: Most bytes that all placeholders together may take.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._used = 0

    def zeros(self, shape: Sequence[int], dtype: np.dtype[Any], owner: str) -> NDArray[Any]:
        """Returns zeros in place of drawn values.

        Raises:
            ShapeError: If the weights so far would take more than the budget.
        """
        self._used += math.prod(shape) * dtype.itemsize
        if self._used > self._max_bytes:
            raise ShapeError(
                f"{owner}: a weight of shape {tuple(shape)} brings the model to {self._used} bytes "
                f"of weights; at most {self._max_bytes} are accepted."
            )
        return np.zeros(shape, dtype)


_budget: ContextVar[PlaceholderBudget | None] = ContextVar("placeholder_budget", default=None)


@contextmanager
def placeholders(max_bytes: int) -> Iterator[None]:
    """Within this context, new weights are placeholders.

    Example:
        >>> from rnnext.layers import Dense
        >>> with placeholders(max_bytes=1000):
        ...     layer = Dense(2)
        ...     layer.build((None, 3))
        >>> float(abs(layer.get_weights()[0]).max())
        0.0
    """
    token = _budget.set(PlaceholderBudget(max_bytes))
    try:
        yield
    finally:
        _budget.reset(token)


def placeholder_budget() -> PlaceholderBudget | None:
    """Returns the budget of the innermost `placeholders` context, or None outside of one."""
    return _budget.get()
