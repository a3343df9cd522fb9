"""One seed for everything that draws random numbers."""

from __future__ import annotations

import random

import numpy as np

from rnnext import settings

__all__ = ["set_random_seed"]


def set_random_seed(seed: int) -> None:
    """Seeds Python's random numbers, NumPy's and those of rnnext, as Keras does.

    Args:
        seed: An integer from 0 to 2 ** 32 - 1.

    Raises:
        UnsupportedError: If it is not a non-negative integer.

    Example:
        >>> set_random_seed(1)
        >>> a = np.random.rand()
        >>> set_random_seed(1)
        >>> bool(a == np.random.rand())
        True
    """
    settings.set_random_seed(seed)
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the generator that programs use without naming it
