"""Quantiles of data that comes in parts: what Discretization learns.

A summary (2, n) has values in its first row, in rising order, and in its second how many numbers of
the data each stands for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["bin_boundaries_of", "merged", "summary_of"]

Array = NDArray[Any]


def summary_of(values: Array, epsilon: float) -> Array:
    """Returns a summary of about 1 / epsilon of the values."""
    ordered = np.sort(values, axis=None)
    step = max(ordered.size * epsilon, 1)
    chosen = ordered[int(step - 1) :: int(step)]
    return np.stack([chosen, np.full_like(chosen, step)])


def merged(one: Array, other: Array, epsilon: float) -> Array:
    """Returns the summary of the data of two."""
    both = np.concatenate([one, other], axis=1)
    return _compressed(both[:, np.argsort(both[0])], epsilon)


def bin_boundaries_of(summary: Array, num_bins: int) -> Array:
    """Returns the values between intervals that have as many numbers each."""
    return np.asarray(_compressed(summary, 1 / num_bins)[0, :-1])


def _compressed(summary: Array, epsilon: float) -> Array:
    """Returns a summary of 1 / epsilon values, interpolated between those there are."""
    if summary.shape[1] * epsilon < 1:
        return summary
    parts = epsilon + np.arange(0.0, 1.0, epsilon)
    up_to = summary[1].cumsum()
    values = np.interp(parts, up_to / up_to[-1], summary[0])
    counts = np.interp(parts, up_to / up_to[-1], up_to)
    return np.stack([values, np.diff(counts, prepend=0)]).astype(np.float32)
