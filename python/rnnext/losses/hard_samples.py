"""Losses that count hard samples more, and losses of images and embeddings."""

from __future__ import annotations

from typing import Any

from rnnext.losses import crossentropy, overlap, temporal
from rnnext.losses.function_loss import FunctionLoss

__all__ = [
    "CTC",
    "BinaryFocalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "Circle",
    "Dice",
    "Tversky",
]


class BinaryFocalCrossentropy(FunctionLoss):
    """Binary cross-entropy that hard samples dominate.

    Args:
        apply_class_balancing: Whether the two classes have weights.
        alpha: Weight of false positives, or of the positive class.
        gamma: Exponent, or factor, that makes hard samples count more.
        from_logits: Whether predictions are what a sigmoid or softmax makes probabilities of.
        label_smoothing: Part of each label that is moved to the others.
        axis: The axis of the classes or features.
    """

    _function = staticmethod(crossentropy.binary_focal_crossentropy)

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class CategoricalFocalCrossentropy(FunctionLoss):
    """Categorical cross-entropy that hard samples dominate.

    Args:
        alpha: Weight of false positives, or of the positive class.
        gamma: Exponent, or factor, that makes hard samples count more.
        from_logits: Whether predictions are what a sigmoid or softmax makes probabilities of.
        label_smoothing: Part of each label that is moved to the others.
        axis: The axis of the classes or features.
    """

    _function = staticmethod(crossentropy.categorical_focal_crossentropy)

    def __init__(
        self,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class CategoricalGeneralizedCrossEntropy(FunctionLoss):
    """Cross-entropy that wrong labels disturb less.

    Args:
        q: Between 0 (cross-entropy) and 1 (mean absolute error).
    """

    _function = staticmethod(crossentropy.categorical_generalized_cross_entropy)

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class CTC(FunctionLoss):
    """Connectionist temporal classification; see `rnnext.losses.ctc`."""

    _function = staticmethod(temporal.ctc)

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "ctc",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class Circle(FunctionLoss):
    """Circle loss of embeddings.

    Args:
        gamma: Exponent, or factor, that makes hard samples count more.
        margin: How much further apart than the others samples of two classes shall be.
        remove_diagonal: Whether a sample is not compared with itself.
    """

    _function = staticmethod(overlap.circle)

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str = "circle",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class Dice(FunctionLoss):
    """Dice loss of segmented images.

    Args:
        axis: The axis of the classes or features.
    """

    _function = staticmethod(overlap.dice)

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "dice",
        axis: int | None = None,
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class Tversky(FunctionLoss):
    """Tversky loss of segmented images.

    Args:
        alpha: Weight of false positives, or of the positive class.
        beta: Weight of false negatives.
        axis: The axis of the classes or features.
    """

    _function = staticmethod(overlap.tversky)

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str = "tversky",
        axis: int | None = None,
        dtype: Any = None,
    ) -> None:
        self._keep(locals())
