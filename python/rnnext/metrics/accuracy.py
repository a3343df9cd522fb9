"""Metrics that count right answers."""

from __future__ import annotations

from typing import Any

from rnnext.metrics.metric import Metric

__all__ = [
    "Accuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "SparseCategoricalAccuracy",
    "SparseTopKCategoricalAccuracy",
    "TopKCategoricalAccuracy",
]


class Accuracy(Metric):
    """How often predictions equal labels."""

    def __init__(
        self,
        name: str = "accuracy",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class BinaryAccuracy(Metric):
    """How often the side of a threshold is right.

    Args:
        threshold: Probability from which on a sample is of the class.
    """

    def __init__(
        self,
        name: str = "binary_accuracy",
        dtype: Any = None,
        threshold: float = 0.5,
    ) -> None:
        self._keep(locals())


class CategoricalAccuracy(Metric):
    """How often the most probable class is right; labels are rows."""

    def __init__(
        self,
        name: str = "categorical_accuracy",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class SparseCategoricalAccuracy(Metric):
    """How often the most probable class is right; labels are numbers."""

    def __init__(
        self,
        name: str = "sparse_categorical_accuracy",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class TopKCategoricalAccuracy(Metric):
    """How often the right class is among the `k` most probable; labels are rows.

    Args:
        k: How many classes are looked at.
    """

    def __init__(
        self,
        k: int = 5,
        name: str = "top_k_categorical_accuracy",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class SparseTopKCategoricalAccuracy(Metric):
    """How often the right class is among the `k` most probable; labels are numbers.

    Args:
        k: How many classes are looked at.
        from_sorted_ids: Whether predictions are classes, the most probable first.
    """

    def __init__(
        self,
        k: int = 5,
        name: str = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:
        self._keep(locals())
