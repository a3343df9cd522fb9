"""Losses that hold and check their options; training will compute them."""

from __future__ import annotations

from typing import Any

from rnnext.losses.function_loss import KeptLoss

__all__ = [
    "CTC",
    "BinaryFocalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "Circle",
    "Dice",
    "Tversky",
]


class BinaryFocalCrossentropy(KeptLoss):
    """Binary cross-entropy that hard samples dominate.

    Args:
        apply_class_balancing: Whether the two classes have weights.
        alpha: Weight of false positives, or of the positive class.
        gamma: Exponent, or factor, that makes hard samples count more.
        from_logits: Whether predictions are what a sigmoid or softmax makes probabilities of.
        label_smoothing: Part of each label that is moved to the others.
        axis: The axis of the classes or features.
    """

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


class CategoricalFocalCrossentropy(KeptLoss):
    """Categorical cross-entropy that hard samples dominate.

    Args:
        alpha: Weight of false positives, or of the positive class.
        gamma: Exponent, or factor, that makes hard samples count more.
        from_logits: Whether predictions are what a sigmoid or softmax makes probabilities of.
        label_smoothing: Part of each label that is moved to the others.
        axis: The axis of the classes or features.
    """

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


class CategoricalGeneralizedCrossEntropy(KeptLoss):
    """Cross-entropy that wrong labels disturb less.

    Args:
        q: Between 0 (cross-entropy) and 1 (mean absolute error).
    """

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class CTC(KeptLoss):
    """Connectionist temporal classification."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "ctc",
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class Circle(KeptLoss):
    """Circle loss of embeddings.

    Args:
        gamma: Exponent, or factor, that makes hard samples count more.
        margin: How much further apart than the others samples of two classes shall be.
        remove_diagonal: Whether a sample is not compared with itself.
    """

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


class Dice(KeptLoss):
    """Dice loss of segmented images.

    Args:
        axis: The axis of the classes or features.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "dice",
        axis: int | None = None,
        dtype: Any = None,
    ) -> None:
        self._keep(locals())


class Tversky(KeptLoss):
    """Tversky loss of segmented images.

    Args:
        alpha: Weight of false positives, or of the positive class.
        beta: Weight of false negatives.
        axis: The axis of the classes or features.
    """

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
