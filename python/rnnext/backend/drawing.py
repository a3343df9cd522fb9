"""Random arrays by the names of Keras's older backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rnnext import ops
from rnnext.autodiff.watchable import with_numpy
from rnnext.backend.functions import variable
from rnnext.layers.variable import Variable
from rnnext.random import draw

__all__ = [
    "random_bernoulli",
    "random_normal",
    "random_normal_variable",
    "random_uniform",
    "random_uniform_variable",
    "truncated_normal",
]

random_normal = draw.normal
random_uniform = draw.uniform
truncated_normal = draw.truncated_normal


@with_numpy
def random_bernoulli(
    shape: Sequence[int], p: float = 0.0, dtype: Any = None, seed: int | None = None
) -> Any:
    """Returns ones with the probability `p`, else zeros."""
    drawn = draw.uniform(shape, seed=seed)
    return ops.cast(ops.less_equal(drawn, p), dtype or drawn.dtype)


def random_normal_variable(
    shape: Sequence[int],
    mean: float,
    scale: float,
    dtype: Any = None,
    name: str | None = None,
    seed: int | None = None,
) -> Variable:
    """Returns a weight of normally distributed numbers.

    Args:
        shape: Its shape.
        mean: Of the numbers.
        scale: Their standard deviation.
        dtype: None: the default float type.
        name: Its name.
        seed: Makes the numbers repeatable.
    """
    return variable(draw.normal(shape, mean, scale, seed=seed), dtype, name)


def random_uniform_variable(
    shape: Sequence[int],
    low: float,
    high: float,
    dtype: Any = None,
    name: str | None = None,
    seed: int | None = None,
) -> Variable:
    """Returns a weight of numbers drawn evenly from `low` to `high`.

    Args:
        shape: Its shape.
        low: The least number.
        high: Above all of them.
        dtype: None: the default float type.
        name: Its name.
        seed: Makes the numbers repeatable.
    """
    return variable(draw.uniform(shape, low, high, seed=seed), dtype, name)
