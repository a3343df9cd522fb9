"""Metrics of numbers."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from rnnext.errors import ShapeError, UnsupportedError
from rnnext.losses import functions as losses
from rnnext.losses.rule import same_rank
from rnnext.metrics import functions
from rnnext.metrics.metric import Metric
from rnnext.metrics.reduction import FunctionMetric, Mean
from rnnext.ops.promotion import as_tensor

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

_AGGREGATIONS = (None, "uniform_average", "variance_weighted_average")


class MeanSquaredError(FunctionMetric):
    """Mean squared difference."""

    _function = staticmethod(losses.mean_squared_error)

    def __init__(
        self,
        name: str = "mean_squared_error",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class RootMeanSquaredError(Mean):
    """Root of the mean squared difference."""

    def __init__(
        self,
        name: str = "root_mean_squared_error",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())

    def update_state(  # type: ignore[override]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Takes a batch into the mean.

        Args:
            y_true: Labels.
            y_pred: Predictions.
            sample_weight: Weights of the samples or their steps.
        """
        true, predicted = (as_tensor(y).astype(self.dtype) for y in (y_true, y_pred))
        true, predicted = same_rank(true, predicted)
        super().update_state(np.square(np.asarray(predicted - true)), sample_weight)

    def result(self) -> Any:
        """Returns the square root of the mean of the squared differences so far."""
        return np.sqrt(super().result())


class MeanAbsoluteError(FunctionMetric):
    """Mean absolute difference."""

    _function = staticmethod(losses.mean_absolute_error)

    def __init__(
        self,
        name: str = "mean_absolute_error",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class MeanAbsolutePercentageError(FunctionMetric):
    """Mean absolute difference in percent."""

    _function = staticmethod(losses.mean_absolute_percentage_error)

    def __init__(
        self,
        name: str = "mean_absolute_percentage_error",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class MeanSquaredLogarithmicError(FunctionMetric):
    """Mean squared difference of logarithms."""

    _function = staticmethod(losses.mean_squared_logarithmic_error)

    def __init__(
        self,
        name: str = "mean_squared_logarithmic_error",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class LogCoshError(FunctionMetric):
    """Logarithm of the hyperbolic cosine of differences."""

    _function = staticmethod(losses.log_cosh)

    def __init__(
        self,
        name: str = "logcosh",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class CosineSimilarity(FunctionMetric):
    """Cosine of the angle between both.

    Args:
        axis: The axis of the classes or features.
    """

    _function = staticmethod(functions.cosine_similarity)

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
        if class_aggregation not in _AGGREGATIONS:
            raise UnsupportedError(
                f"metric {name!r}: class_aggregation must be one of {_AGGREGATIONS}, received "
                f"{class_aggregation!r}."
            )

    def _make_state(self) -> None:
        self.num_samples = self.add_variable(name="num_samples")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Takes a batch into the sums.

        Args:
            y_true: Labels, (N, K).
            y_pred: Predictions, (N, K).
            sample_weight: Weights of the samples.

        Raises:
            ShapeError: If labels or predictions have another number of axes.
        """
        true, predicted = (np.asarray(as_tensor(y)).astype(self.dtype) for y in (y_true, y_pred))
        true, predicted = same_rank(true, predicted)
        if true.ndim != 2 or predicted.ndim != 2:
            raise ShapeError(
                f"metric {self.name!r}: expected y_true and y_pred of shape (N, K), received "
                f"{true.shape} and {predicted.shape}."
            )
        if len(self.variables) == 1:
            names = ("squared_sum", "sum", "residual", "count")
            self._sums = [self.add_variable((predicted.shape[1],), name=name) for name in names]
        weights = np.asarray(1 if sample_weight is None else as_tensor(sample_weight))
        weights = weights.astype(self.dtype)
        weights = np.broadcast_to(weights[:, None] if weights.ndim == 1 else weights, true.shape)
        terms = (true * true * weights, true * weights, (true - predicted) ** 2 * weights, weights)
        for variable, term in zip(self._sums, terms, strict=True):
            variable.assign_add(term.sum(axis=0))
        self.num_samples.assign_add(true.size)

    def result(self) -> Any:
        """Returns the coefficient of determination so far."""
        squared_sum, total, residual, count = (np.asarray(v) for v in self._sums)
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = squared_sum - total * (total / count)
            scores = 1 - residual / spread
        scores = np.where(np.isinf(scores), scores.dtype.type(0), scores)
        if self.class_aggregation == "uniform_average":
            scores = scores.mean()
        elif self.class_aggregation == "variance_weighted_average":
            scores = (spread * scores).sum() / spread.sum()
        samples = float(self.num_samples.value)
        rest = samples - 1 - self.num_regressors
        if self.num_regressors and rest > 0:
            return 1 - (1 - scores) * np.float32((samples - 1) / rest)
        if self.num_regressors:
            warnings.warn("R2Score: too few samples to adjust the score.", stacklevel=2)
        return scores


class PearsonCorrelation(FunctionMetric):
    """Pearson's correlation.

    Args:
        axis: The axis of the classes or features.
    """

    _function = staticmethod(functions.pearson_correlation)

    def __init__(
        self,
        name: str = "pearson_correlation",
        dtype: Any = None,
        axis: int = -1,
    ) -> None:
        self._keep(locals())


class ConcordanceCorrelation(FunctionMetric):
    """Concordance correlation.

    Args:
        axis: The axis of the classes or features.
    """

    _function = staticmethod(functions.concordance_correlation)

    def __init__(
        self,
        name: str = "concordance_correlation",
        dtype: Any = None,
        axis: int = -1,
    ) -> None:
        self._keep(locals())
