"""Keras's losses of segmented images and of embeddings, with their gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.arrays import asarray
from rnnext.losses.functions import summed
from rnnext.losses.rule import Losses, loss_function
from rnnext.settings import epsilon

__all__ = ["circle", "dice", "tversky"]

Array = NDArray[Any]


def _axes(y: Array, axis: Any) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(y.ndim))
    return tuple(axis) if isinstance(axis, (list, tuple)) else (axis,)


@loss_function()
def dice(y_true: Any, y_pred: Any, axis: Any = None) -> Losses:
    """Returns 1 less the Dice coefficient of both.

    Args:
        y_true: Labels.
        y_pred: Probabilities.
        axis: The axes that are added up; None: all.
    """
    axes = _axes(y_pred, axis)
    both = (y_true * y_pred).sum(axis=axes, keepdims=True)
    total = y_true.sum(axis=axes, keepdims=True) + y_pred.sum(axis=axes, keepdims=True)
    total = total + y_pred.dtype.type(epsilon())
    values = asarray((1 - 2 * both / total).squeeze(axes))
    return summed(values, lambda: 2 * (both / total - y_true) / total, axes)


@loss_function()
def tversky(
    y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None
) -> Losses:
    """Returns 1 less the Tversky index of both.

    Args:
        y_true: Labels.
        y_pred: Probabilities.
        alpha: Weight of labels that are not predicted.
        beta: Weight of predictions that are no labels.
        axis: The axes that are added up; None: all.
    """
    axes = _axes(y_pred, axis)
    both = (y_true * y_pred).sum(axis=axes, keepdims=True)
    missed = ((1 - y_pred) * y_true).sum(axis=axes, keepdims=True)
    wrong = (y_pred * (1 - y_true)).sum(axis=axes, keepdims=True)
    total = both + missed * alpha + wrong * beta + y_pred.dtype.type(epsilon())

    def slopes() -> Array:
        of_total = y_true * (1 - alpha) + (1 - y_true) * beta
        return np.asarray((both / total * of_total - y_true) / total)

    return summed(asarray((1 - both / total).squeeze(axes)), slopes, axes)


@loss_function(casts_labels=False)
def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Losses:
    """Returns the circle loss of embeddings.

    Args:
        y_true: Numbers of the classes, (N,) or (N, 1).
        y_pred: Embeddings of length 1, (N, K).
        ref_labels: Classes of what they are compared with; None: `y_true`.
        ref_embeddings: What they are compared with; None: `y_pred`.
        remove_diagonal: Whether a sample is not compared with itself.
        gamma: Factor that makes hard samples count more.
        margin: How much further apart than the others samples of two classes shall be.
    """
    labels = y_true.reshape(-1).astype(np.int32)
    references = labels if ref_labels is None else np.asarray(ref_labels).reshape(-1)
    others = y_pred if ref_embeddings is None else np.asarray(ref_embeddings, y_pred.dtype)
    away = 1 - y_pred @ others.T
    distances = np.maximum(away, 0)
    alike = labels[:, None] == references[None, :].astype(np.int32)
    unlike = np.logical_not(alike)
    if remove_diagonal:
        alike = alike & np.logical_not(np.eye(*alike.shape))
    weights = np.maximum(1 + margin - distances, 0)
    of_alike = _Exponentials(-gamma * (margin + distances) * (margin - distances), alike)
    of_unlike = _Exponentials(gamma * weights * (1 - margin - distances), unlike)
    both = of_alike.log_sum + of_unlike.log_sum
    values = np.logaddexp(both, 0).astype(y_pred.dtype)

    def pull(upstream: Any) -> Array:
        outer = (1 - np.exp(-values)) * upstream  # the derivative of log(1 + exp(x))
        slopes = of_alike.parts * (2 * gamma * distances) - of_unlike.parts * gamma * (
            (1 - margin - distances) * (1 + margin - distances >= 0) + weights
        )
        slopes = -outer[:, None] * slopes * (away >= 0)
        found = slopes @ others
        return np.asarray(found + slopes.T @ y_pred if ref_embeddings is None else found)

    return Losses(values, pull, values > 0)


class _Exponentials:
    """Logarithms of sums of exponentials of the marked values of a row, and the values' parts."""

    def __init__(self, values: Array, marked: Array) -> None:
        highest = np.where(marked, values, -np.inf).max(axis=1, keepdims=True)
        highest = np.where(np.isfinite(highest), highest, 0)
        exponentials = np.where(marked, np.exp(np.where(marked, values - highest, 0)), 0)
        total = exponentials.sum(axis=1, keepdims=True)
        self.parts = exponentials / np.where(total, total, 1)
        sums = np.log(total, where=total > 0, out=np.full_like(total, -np.inf))
        self.log_sum = (sums + highest)[:, 0]
