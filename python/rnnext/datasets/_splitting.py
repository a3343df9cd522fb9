"""How samples are shuffled and split into training and test."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.datasets._files import Split
from rnnext.errors import UnsupportedError

__all__ = ["shuffled", "shuffled_split", "split"]

Array = NDArray[Any]


def shuffled(generator: Any, *arrays: Array) -> list[Array]:
    """Returns arrays in another, common order, drawn from a `RandomState`."""
    order = np.arange(len(arrays[0]))
    generator.shuffle(order)
    return [array[order] for array in arrays]


def shuffled_split(x: Array, y: Array, test_split: float, seed: int) -> Split:
    """Returns samples in an order drawn from `seed`, the last ones as test data.

    Raises:
        UnsupportedError: If `test_split` is not from 0 to below 1.
    """
    if not 0 <= test_split < 1:
        raise UnsupportedError(f"test_split must be from 0 to below 1, received {test_split!r}.")
    x, y = shuffled(np.random.RandomState(seed), x, y)
    return split(x, y, int(len(x) * (1 - test_split)))


def split(x: Any, y: Any, count: int) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Returns the first `count` samples and the others."""
    return (x[:count], y[:count]), (x[count:], y[count:])
