"""Metrics that average or add up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rnnext.metrics.metric import Metric

__all__ = ["Mean", "MeanMetricWrapper", "Sum"]


class Mean(Metric):
    """Mean of values."""

    def __init__(
        self,
        name: str = "mean",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class Sum(Metric):
    """Sum of values."""

    def __init__(
        self,
        name: str = "sum",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class MeanMetricWrapper(Metric):
    """Mean of a function of labels and predictions.

    Args:
        fn: A function `(y_true, y_pred, **kwargs)`.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        self._keep(locals())
