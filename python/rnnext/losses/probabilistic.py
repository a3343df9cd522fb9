"""Losses of classes and distributions."""

from __future__ import annotations

from typing import Any

from rnnext.losses import crossentropy, functions
from rnnext.losses.function_loss import FunctionLoss

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


class BinaryCrossentropy(FunctionLoss):
    """Cross-entropy of labels that are 0 or 1.

    Args:
        from_logits: Whether predictions are what a sigmoid or softmax makes probabilities of.
        label_smoothing: Part of each label that is moved to the others.
        axis: The axis of the classes or features.
    """

    _function = staticmethod(crossentropy.binary_crossentropy)

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_crossentropy",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class CategoricalCrossentropy(FunctionLoss):
    """Cross-entropy of classes that are rows.

    Args:
        from_logits: Whether predictions are what a sigmoid or softmax makes probabilities of.
        label_smoothing: Part of each label that is moved to the others.
        axis: The axis of the classes or features.
    """

    _function = staticmethod(crossentropy.categorical_crossentropy)

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class SparseCategoricalCrossentropy(FunctionLoss):
    """Cross-entropy of classes that are numbers.

    Args:
        from_logits: Whether predictions are what a sigmoid or softmax makes probabilities of.
        ignore_class: A class whose samples do not count.
        axis: The axis of the classes or features.
    """

    _function = staticmethod(crossentropy.sparse_categorical_crossentropy)

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class KLDivergence(FunctionLoss):
    """Kullback-Leibler divergence."""

    _function = staticmethod(functions.kl_divergence)

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "kl_divergence",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class Poisson(FunctionLoss):
    """Poisson loss."""

    _function = staticmethod(functions.poisson)

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "poisson",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class Hinge(FunctionLoss):
    """Hinge loss of labels that are -1 or 1."""

    _function = staticmethod(functions.hinge)

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "hinge",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class SquaredHinge(FunctionLoss):
    """Squared hinge loss."""

    _function = staticmethod(functions.squared_hinge)

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "squared_hinge",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class CategoricalHinge(FunctionLoss):
    """Hinge loss of classes that are rows."""

    _function = staticmethod(functions.categorical_hinge)

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_hinge",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())
