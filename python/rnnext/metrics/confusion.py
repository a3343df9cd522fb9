"""Metrics of right and wrong positives and negatives."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnext.errors import UnsupportedError
from rnnext.metrics.confusion_matrix import (
    LEAST,
    ConfusionMetric,
    even_thresholds,
    listed_thresholds,
)
from rnnext.metrics.metric import divided

__all__ = [
    "FalseNegatives",
    "FalsePositives",
    "Precision",
    "PrecisionAtRecall",
    "Recall",
    "RecallAtPrecision",
    "SensitivityAtSpecificity",
    "SpecificityAtSensitivity",
    "TrueNegatives",
    "TruePositives",
]


def divided_by_both(a: Any, b: Any) -> Any:
    """Returns a / (a + b), and 0 where both are 0."""
    a, b = np.asarray(a), np.asarray(b)
    return divided(a, a + b)


def one_or_all(values: Any) -> Any:
    """Returns the value, if there is one threshold only."""
    return values[0] if len(values) == 1 else values


class _Count(ConfusionMetric):
    """A count at each threshold."""

    def __init__(
        self,
        thresholds: Any = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        self._keep(locals())
        self._start(listed_thresholds(self.name, thresholds, 0.5))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch to the counts.

        Args:
            y_true: Labels, 0 or 1.
            y_pred: Probabilities.
            sample_weight: Weights of the samples.
        """
        self._take(y_true, y_pred, sample_weight)

    def result(self) -> Any:
        """Returns the count so far, at each threshold."""
        return one_or_all(np.asarray(getattr(self, self._counts[0])))


class _BestAt(ConfusionMetric):
    """The best rate among the thresholds at which another one is high enough."""

    def _check(self, argument: str) -> None:
        value = getattr(self, argument)
        if not 0 <= value <= 1:
            raise UnsupportedError(
                f"metric {self.name!r}: {argument} must be from 0 to 1, received {value!r}."
            )
        if self.num_thresholds <= 0:
            raise UnsupportedError(
                f"metric {self.name!r}: num_thresholds must be an integer above 0, received "
                f"{self.num_thresholds!r}."
            )
        self._start(even_thresholds(self.num_thresholds))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch to the counts.

        Args:
            y_true: Labels, 0 or 1.
            y_pred: Probabilities.
            sample_weight: Weights of the samples.
        """
        self._take(y_true, y_pred, sample_weight, class_id=self.class_id)

    def _recall(self) -> Any:
        return divided_by_both(self.true_positives, self.false_negatives)

    def _precision(self) -> Any:
        return divided_by_both(self.true_positives, self.false_positives)

    def _specificity(self) -> Any:
        return divided_by_both(self.true_negatives, self.false_positives)

    def _best(self, wanted: Any, allowed: Any) -> Any:
        return np.where(allowed, wanted, np.float32(0)).max(initial=0)


class Precision(ConfusionMetric):
    """Part of the positives that are right.

    Args:
        thresholds: A threshold from 0 to 1, or a list of them.
        top_k: Only the `top_k` most probable classes count.
        class_id: The only class that counts.
    """

    _counts = ("true_positives", "false_positives")

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        self._keep(locals())
        default = 0.5 if top_k is None else LEAST
        self._start(listed_thresholds(self.name, thresholds, default))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch to the counts.

        Args:
            y_true: Labels, 0 or 1.
            y_pred: Probabilities.
            sample_weight: Weights of the samples.
        """
        self._take(y_true, y_pred, sample_weight, top_k=self.top_k, class_id=self.class_id)

    def result(self) -> Any:
        """Returns the precision so far, at each threshold."""
        return one_or_all(divided_by_both(self.true_positives, self.false_positives))


class Recall(ConfusionMetric):
    """Part of the positive labels that are found.

    Args:
        thresholds: A threshold from 0 to 1, or a list of them.
        top_k: Only the `top_k` most probable classes count.
        class_id: The only class that counts.
    """

    _counts = ("true_positives", "false_negatives")

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        self._keep(locals())
        default = 0.5 if top_k is None else LEAST
        self._start(listed_thresholds(self.name, thresholds, default))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch to the counts.

        Args:
            y_true: Labels, 0 or 1.
            y_pred: Probabilities.
            sample_weight: Weights of the samples.
        """
        self._take(y_true, y_pred, sample_weight, top_k=self.top_k, class_id=self.class_id)

    def result(self) -> Any:
        """Returns the recall so far, at each threshold."""
        return one_or_all(divided_by_both(self.true_positives, self.false_negatives))


class TruePositives(_Count):
    """Number of right positives.

    Args:
        thresholds: A threshold from 0 to 1, or a list of them.
    """

    _counts = ("true_positives",)


class TrueNegatives(_Count):
    """Number of right negatives.

    Args:
        thresholds: A threshold from 0 to 1, or a list of them.
    """

    _counts = ("true_negatives",)


class FalsePositives(_Count):
    """Number of wrong positives.

    Args:
        thresholds: A threshold from 0 to 1, or a list of them.
    """

    _counts = ("false_positives",)


class FalseNegatives(_Count):
    """Number of wrong negatives.

    Args:
        thresholds: A threshold from 0 to 1, or a list of them.
    """

    _counts = ("false_negatives",)


class PrecisionAtRecall(_BestAt):
    """Best precision at a recall.

    Args:
        recall: The recall that is wanted, 0 to 1.
        num_thresholds: Number of thresholds, evenly spaced from 0 to 1.
        class_id: The only class that counts.
    """

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        self._keep(locals())
        self._check("recall")

    def result(self) -> Any:
        """Returns the best precision where the recall is high enough."""
        return self._best(self._precision(), self._recall() >= np.float32(self.recall))


class RecallAtPrecision(_BestAt):
    """Best recall at a precision.

    Args:
        precision: The precision that is wanted, 0 to 1.
        num_thresholds: Number of thresholds, evenly spaced from 0 to 1.
        class_id: The only class that counts.
    """

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        self._keep(locals())
        self._check("precision")

    def result(self) -> Any:
        """Returns the best recall where the precision is high enough."""
        return self._best(self._recall(), self._precision() >= np.float32(self.precision))


class SensitivityAtSpecificity(_BestAt):
    """Best sensitivity at a specificity.

    Args:
        specificity: The specificity that is wanted, 0 to 1.
        num_thresholds: Number of thresholds, evenly spaced from 0 to 1.
        class_id: The only class that counts.
    """

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        self._keep(locals())
        self._check("specificity")

    def result(self) -> Any:
        """Returns the best sensitivity where the specificity is high enough."""
        return self._best(self._recall(), self._specificity() >= np.float32(self.specificity))


class SpecificityAtSensitivity(_BestAt):
    """Best specificity at a sensitivity.

    Args:
        sensitivity: The sensitivity that is wanted, 0 to 1.
        num_thresholds: Number of thresholds, evenly spaced from 0 to 1.
        class_id: The only class that counts.
    """

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        self._keep(locals())
        self._check("sensitivity")

    def result(self) -> Any:
        """Returns the best specificity where the sensitivity is high enough."""
        return self._best(self._specificity(), self._recall() >= np.float32(self.sensitivity))
