"""Metrics that count right answers."""

from __future__ import annotations

from typing import Any

from rnnext.metrics import functions
from rnnext.metrics.reduction import FunctionMetric

__all__ = [
    "Accuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "SparseCategoricalAccuracy",
    "SparseTopKCategoricalAccuracy",
    "TopKCategoricalAccuracy",
]


class Accuracy(FunctionMetric):
    """How often predictions equal labels."""

    _function = staticmethod(functions.accuracy)

    def __init__(
        self,
        name: str = "accuracy",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class BinaryAccuracy(FunctionMetric):
    """How often the side of a threshold is right.

    Args:
        threshold: Probability from which on a sample is of the class.
    """

    _function = staticmethod(functions.binary_accuracy)

    def __init__(
        self,
        name: str = "binary_accuracy",
        dtype: Any = None,
        threshold: float = 0.5,
    ) -> None:
        self._keep(locals())


class CategoricalAccuracy(FunctionMetric):
    """How often the most probable class is right; labels are rows."""

    _function = staticmethod(functions.categorical_accuracy)

    def __init__(
        self,
        name: str = "categorical_accuracy",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class SparseCategoricalAccuracy(FunctionMetric):
    """How often the most probable class is right; labels are numbers."""

    _function = staticmethod(functions.sparse_categorical_accuracy)

    def __init__(
        self,
        name: str = "sparse_categorical_accuracy",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class TopKCategoricalAccuracy(FunctionMetric):
    """How often the right class is among the `k` most probable; labels are rows.

    Args:
        k: How many classes are looked at.
    """

    _function = staticmethod(functions.top_k_categorical_accuracy)

    def __init__(
        self,
        k: int = 5,
        name: str = "top_k_categorical_accuracy",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class SparseTopKCategoricalAccuracy(FunctionMetric):
    """How often the right class is among the `k` most probable; labels are numbers.

    Args:
        k: How many classes are looked at.
        from_sorted_ids: Whether predictions are classes, the most probable first.
    """

    _function = staticmethod(functions.sparse_top_k_categorical_accuracy)

    def __init__(
        self,
        k: int = 5,
        name: str = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:
        self._keep(locals())
