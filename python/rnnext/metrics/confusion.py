"""Metrics of right and wrong positives and negatives."""

from __future__ import annotations

from typing import Any

from rnnext.metrics.metric import Metric

__all__ = [
    "AUC",
    "F1Score",
    "FBetaScore",
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


class AUC(Metric):
    """Area under a curve of two rates.

    Args:
        num_thresholds: Number of thresholds, evenly spaced from 0 to 1.
        curve: `"ROC"` or `"PR"`.
        summation_method: `"interpolation"`, `"minoring"` or `"majoring"`.
        thresholds: A threshold from 0 to 1, or a list of them.
        multi_label: Whether each label has an area of its own.
        num_labels: How many labels there are, if `multi_label`.
        label_weights: Weights of the labels.
        from_logits: Whether predictions are what a sigmoid or softmax makes probabilities of.
    """

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Any = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ) -> None:
        self._keep(locals())


class Precision(Metric):
    """Part of the positives that are right.

    Args:
        thresholds: A threshold from 0 to 1, or a list of them.
        top_k: Only the `top_k` most probable classes count.
        class_id: The only class that counts.
    """

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class Recall(Metric):
    """Part of the positive labels that are found.

    Args:
        thresholds: A threshold from 0 to 1, or a list of them.
        top_k: Only the `top_k` most probable classes count.
        class_id: The only class that counts.
    """

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class TruePositives(Metric):
    """Number of right positives.

    Args:
        thresholds: A threshold from 0 to 1, or a list of them.
    """

    def __init__(
        self,
        thresholds: Any = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class TrueNegatives(Metric):
    """Number of right negatives.

    Args:
        thresholds: A threshold from 0 to 1, or a list of them.
    """

    def __init__(
        self,
        thresholds: Any = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class FalsePositives(Metric):
    """Number of wrong positives.

    Args:
        thresholds: A threshold from 0 to 1, or a list of them.
    """

    def __init__(
        self,
        thresholds: Any = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class FalseNegatives(Metric):
    """Number of wrong negatives.

    Args:
        thresholds: A threshold from 0 to 1, or a list of them.
    """

    def __init__(
        self,
        thresholds: Any = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class PrecisionAtRecall(Metric):
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


class RecallAtPrecision(Metric):
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


class SensitivityAtSpecificity(Metric):
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


class SpecificityAtSensitivity(Metric):
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


class FBetaScore(Metric):
    """Weighted harmonic mean of precision and recall.

    Args:
        average: None, `"micro"`, `"macro"` or `"weighted"`: how classes are averaged.
        beta: Weight of recall beside precision.
        threshold: Probability from which on a sample is of the class.
    """

    def __init__(
        self,
        average: Any = None,
        beta: float = 1.0,
        threshold: Any = None,
        name: str = "fbeta_score",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class F1Score(Metric):
    """Harmonic mean of precision and recall.

    Args:
        average: None, `"micro"`, `"macro"` or `"weighted"`: how classes are averaged.
        threshold: Probability from which on a sample is of the class.
    """

    def __init__(
        self,
        average: Any = None,
        threshold: Any = None,
        name: str = "f1_score",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())
