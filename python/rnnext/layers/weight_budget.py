"""Weights of an architecture from a file: no more of them than allowed, and zeros if they follow.

A file may ask for any number of units, so what its architecture may allocate is bounded. Drawing
values that are then replaced by the file's would cost more than loading: the orthogonal matrix of
an LSTM of 512 units takes seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from rnnext.errors import ShapeError

__all__ = ["WeightBudget", "bounded_weights", "placeholders", "weight_budget"]


class WeightBudget:
    """Counts the bytes of new weights.

    Args:
        max_bytes: Most bytes that all of them together may take.
        only_zeros: Whether they are zeros instead of drawn values.
    """

    def __init__(self, max_bytes: int, only_zeros: bool) -> None:
        self.only_zeros = only_zeros
        self._max_bytes = max_bytes
        self._used = 0

    def spend(self, shape: Sequence[int], dtype: np.dtype[Any], owner: str) -> None:
        """Counts a weight that is about to be made.

        Raises:
            ShapeError: If the weights so far would take more than the budget.
        """
        self._used += math.prod(shape) * dtype.itemsize
        if self._used > self._max_bytes:
            raise ShapeError(
                f"{owner}: a weight of shape {tuple(shape)} brings the model to {self._used} bytes "
                f"of weights; at most {self._max_bytes} are accepted."
            )


_budget: ContextVar[WeightBudget | None] = ContextVar("weight_budget", default=None)


@contextmanager
def bounded_weights(max_bytes: int, only_zeros: bool = False) -> Iterator[None]:
    """Within this context, new weights may take so many bytes together."""
    token = _budget.set(WeightBudget(max_bytes, only_zeros))
    try:
        yield
    finally:
        _budget.reset(token)


def placeholders(max_bytes: int) -> AbstractContextManager[None]:
    """Within this context, new weights are zeros, of so many bytes together.

    Example:
        >>> from rnnext.layers import Dense
        >>> with placeholders(max_bytes=1000):
        ...     layer = Dense(2)
        ...     layer.build((None, 3))
        >>> float(abs(layer.get_weights()[0]).max())
        0.0
    """
    return bounded_weights(max_bytes, only_zeros=True)


def weight_budget() -> WeightBudget | None:
    """Returns the budget of the innermost context of these, or None outside of one."""
    return _budget.get()
