"""Random arrays by the names of Keras's older backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rnnext import ops
from rnnext.autodiff.watchable import with_numpy
from rnnext.random import draw

__all__ = ["random_bernoulli", "random_normal", "random_uniform", "truncated_normal"]

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
