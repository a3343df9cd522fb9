"""Metrics that are losses of classes and distributions."""

from __future__ import annotations

from typing import Any

from rnnext.losses import crossentropy
from rnnext.losses import functions as losses
from rnnext.metrics.reduction import FunctionMetric

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "Hinge",
    "KLDivergence",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
]


class BinaryCrossentropy(FunctionMetric):
    """Cross-entropy of labels that are 0 or 1.

    Args:
        from_logits: Whether predictions are what a sigmoid or softmax makes probabilities of.
        label_smoothing: Part of each label that is moved to the others.
    """

    _function = staticmethod(crossentropy.binary_crossentropy)

    def __init__(
        self,
        name: str = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        self._keep(locals())


class CategoricalCrossentropy(FunctionMetric):
    """Cross-entropy of classes that are rows.

    Args:
        from_logits: Whether predictions are what a sigmoid or softmax makes probabilities of.
        label_smoothing: Part of each label that is moved to the others.
        axis: The axis of the classes or features.
    """

    _function = staticmethod(crossentropy.categorical_crossentropy)

    def __init__(
        self,
        name: str = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        self._keep(locals())


class SparseCategoricalCrossentropy(FunctionMetric):
    """Cross-entropy of classes that are numbers.

    Args:
        from_logits: Whether predictions are what a sigmoid or softmax makes probabilities of.
        ignore_class: A class whose samples do not count.
        axis: The axis of the classes or features.
    """

    _function = staticmethod(crossentropy.sparse_categorical_crossentropy)

    def __init__(
        self,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        self._keep(locals())


class KLDivergence(FunctionMetric):
    """Kullback-Leibler divergence."""

    _function = staticmethod(losses.kl_divergence)

    def __init__(
        self,
        name: str = "kl_divergence",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class Poisson(FunctionMetric):
    """Poisson loss."""

    _function = staticmethod(losses.poisson)

    def __init__(
        self,
        name: str = "poisson",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class Hinge(FunctionMetric):
    """Hinge loss of labels that are -1 or 1."""

    _function = staticmethod(losses.hinge)

    def __init__(
        self,
        name: str = "hinge",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class SquaredHinge(FunctionMetric):
    """Squared hinge loss."""

    _function = staticmethod(losses.squared_hinge)

    def __init__(
        self,
        name: str = "squared_hinge",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class CategoricalHinge(FunctionMetric):
    """Hinge loss of classes that are rows."""

    _function = staticmethod(losses.categorical_hinge)

    def __init__(
        self,
        name: str = "categorical_hinge",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())
