"""Metrics of numbers."""

from __future__ import annotations

from typing import Any

from rnnext.metrics.metric import Metric

__all__ = [
    "ConcordanceCorrelation",
    "CosineSimilarity",
    "LogCoshError",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "PearsonCorrelation",
    "R2Score",
    "RootMeanSquaredError",
]


class MeanSquaredError(Metric):
    """Mean squared difference."""

    def __init__(
        self,
        name: str = "mean_squared_error",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class RootMeanSquaredError(Metric):
    """Root of the mean squared difference."""

    def __init__(
        self,
        name: str = "root_mean_squared_error",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class MeanAbsoluteError(Metric):
    """Mean absolute difference."""

    def __init__(
        self,
        name: str = "mean_absolute_error",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class MeanAbsolutePercentageError(Metric):
    """Mean absolute difference in percent."""

    def __init__(
        self,
        name: str = "mean_absolute_percentage_error",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class MeanSquaredLogarithmicError(Metric):
    """Mean squared difference of logarithms."""

    def __init__(
        self,
        name: str = "mean_squared_logarithmic_error",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class LogCoshError(Metric):
    """Logarithm of the hyperbolic cosine of differences."""

    def __init__(
        self,
        name: str = "logcosh",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class CosineSimilarity(Metric):
    """Cosine of the angle between both.

    Args:
        axis: The axis of the classes or features.
    """

    def __init__(
        self,
        name: str = "cosine_similarity",
        dtype: Any = None,
        axis: int = -1,
    ) -> None:
        self._keep(locals())


class R2Score(Metric):
    """Coefficient of determination.

    Args:
        class_aggregation: None, `"uniform_average"` or `"variance_weighted_average"`.
        num_regressors: Number of regressors, for the adjusted value.
    """

    def __init__(
        self,
        class_aggregation: str = "uniform_average",
        num_regressors: int = 0,
        name: str = "r2_score",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class PearsonCorrelation(Metric):
    """Pearson's correlation.

    Args:
        axis: The axis of the classes or features.
    """

    def __init__(
        self,
        name: str = "pearson_correlation",
        dtype: Any = None,
        axis: int = -1,
    ) -> None:
        self._keep(locals())


class ConcordanceCorrelation(Metric):
    """Concordance correlation.

    Args:
        axis: The axis of the classes or features.
    """

    def __init__(
        self,
        name: str = "concordance_correlation",
        dtype: Any = None,
        axis: int = -1,
    ) -> None:
        self._keep(locals())
