"""Keras's cross-entropies, with their gradients.

`y_pred` is (..., K): probabilities, or what a sigmoid or softmax makes probabilities of ("logits").
Probabilities are clipped, so that their logarithm is finite; outside, the gradient is 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.arrays import asarray
from rnnext.errors import DataError, ShapeError, UnsupportedError
from rnnext.losses.functions import averaged, summed
from rnnext.losses.rule import Losses, loss_function, spread
from rnnext.settings import epsilon

__all__ = [
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "sparse_categorical_crossentropy",
]

Array = NDArray[Any]


def _inside(probabilities: Array) -> Array:
    """Probabilities whose logarithm, and that of their rest to 1, is finite."""
    smallest = probabilities.dtype.type(epsilon())
    return asarray(np.minimum(np.maximum(probabilities, smallest), 1 - smallest))


def _sigmoid(x: Array) -> Array:
    small = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1, small) / (1 + small), dtype=x.dtype)


def _exponentials(logits: Array, axis: int) -> tuple[Array, Array, Array]:
    """Logits below their maximum, their exponentials and the sums of these."""
    below = logits - logits.max(axis=axis, keepdims=True)
    exponentials = np.exp(below)
    return below, exponentials, exponentials.sum(axis=axis, keepdims=True)


def _same_shape(name: str, y_true: Array, y_pred: Array) -> None:
    if y_true.shape != y_pred.shape:
        raise ShapeError(
            f"{name}: y_true and y_pred must have the same shape, received {y_true.shape} and "
            f"{y_pred.shape}."
        )


def _smoothed(y_true: Array, smoothing: float, share: float) -> Array:
    return asarray(y_true * (1 - smoothing) + smoothing * share) if smoothing else y_true


# Labels that are 0 or 1 ---------------------------------------------------------------------------


def _binary(true: Array, predicted: Array, from_logits: bool) -> tuple[Array, Any]:
    """The loss of each label, and what computes its derivative."""
    if from_logits:
        small = np.log1p(np.exp(-np.abs(predicted)))
        values = np.maximum(predicted, 0) - predicted * true + small
        return values, lambda: _sigmoid(predicted) - true
    inside = _inside(predicted)
    rest = 1 - inside
    values = -(true * np.log(inside) + (1 - true) * np.log(rest))
    return values, lambda: (inside - true) / (inside * rest) * (inside == predicted)


@loss_function(accepts_logits=True)
def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Losses:
    """Returns the mean cross-entropy of probabilities of a label that is 0 or 1.

    Args:
        y_true: Labels.
        y_pred: Probabilities, or what a sigmoid makes them of.
        from_logits: Whether `y_pred` is the latter.
        label_smoothing: Part of each label that is moved to one half.
        axis: The axis that is averaged.
    """
    _same_shape("binary_crossentropy", y_true, y_pred)
    true = _smoothed(y_true, label_smoothing, 0.5)
    return averaged(*_binary(true, y_pred, from_logits), axis)


@loss_function(accepts_logits=True)
def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Losses:
    """Returns the mean binary cross-entropy, each label's weighed by how wrong it is.

    Args:
        y_true: Labels.
        y_pred: Probabilities, or what a sigmoid makes them of.
        apply_class_balancing: Whether the two labels have weights.
        alpha: Weight of label 1; label 0 has the rest to 1.
        gamma: Exponent of how wrong a probability is.
        from_logits: Whether `y_pred` are logits.
        label_smoothing: Part of each label that is moved to one half.
        axis: The axis that is averaged.
    """
    _same_shape("binary_focal_crossentropy", y_true, y_pred)
    true = _smoothed(y_true, label_smoothing, 0.5)
    p = _sigmoid(y_pred) if from_logits else y_pred
    entropies, slopes_of_entropies = _binary(true, y_pred, from_logits)
    wrong = 1 - (true * p + (1 - true) * (1 - p))
    factor = wrong**gamma
    weight = true * alpha + (1 - true) * (1 - alpha) if apply_class_balancing else 1

    def slopes() -> Array:
        of_factor = gamma * wrong ** (gamma - 1) * (1 - 2 * true)
        of_factor = of_factor * p * (1 - p) if from_logits else of_factor
        return np.asarray(weight * (factor * slopes_of_entropies() + of_factor * entropies))

    return averaged(weight * factor * entropies, slopes, axis)


# Classes ------------------------------------------------------------------------------------------


@loss_function(accepts_logits=True)
def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Losses:
    """Returns the cross-entropy of the probabilities of classes.

    Args:
        y_true: Probabilities of the classes, mostly a one and zeros.
        y_pred: Probabilities, or what softmax makes them of.
        from_logits: Whether `y_pred` is the latter.
        label_smoothing: Part of each row that is shared out among all classes.
        axis: The axis of the classes.
    """
    _same_shape("categorical_crossentropy", y_true, y_pred)
    true = _smoothed(y_true, label_smoothing, 1 / y_true.shape[-1])
    if from_logits:
        below, exponentials, total = _exponentials(y_pred, axis)
        values = (true * (np.log(total) - below)).sum(axis=axis)
        return summed(values, lambda: exponentials / total - true, axis)
    total = y_pred.sum(axis=axis, keepdims=True)
    parts = y_pred / total
    inside = _inside(parts)

    def slopes() -> Array:
        return _of_parts(-true / inside * (inside == parts), parts, total, axis)

    return summed(-(true * np.log(inside)).sum(axis=axis), slopes, axis)


def _of_parts(slopes: Array, parts: Array, total: Array, axis: int) -> Array:
    """Derivatives for y, given those for y / sum(y)."""
    return np.asarray((slopes - (slopes * parts).sum(axis=axis, keepdims=True)) / total)


@loss_function()
def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: Any = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Losses:
    """Returns the cross-entropy of classes, each one's weighed by how wrong it is.

    Args:
        y_true: Probabilities of the classes.
        y_pred: Probabilities, or what softmax makes them of.
        alpha: Weight of all classes, or of each.
        gamma: Exponent of how wrong a probability is.
        from_logits: Whether `y_pred` are logits.
        label_smoothing: Part of each row that is shared out among all classes.
        axis: The axis of the classes.
    """
    true = _smoothed(y_true, label_smoothing, 1 / y_true.shape[-1])
    alpha = np.asarray(alpha, y_pred.dtype)
    p = y_pred
    if from_logits:
        _, exponentials, of_logits = _exponentials(y_pred, axis)
        p = exponentials / of_logits
    total = p.sum(axis=axis, keepdims=True)
    parts = p / total
    inside = _inside(parts)
    logs, wrong = np.log(inside), 1 - inside

    def slopes() -> Array:
        found = gamma * wrong ** (gamma - 1) * logs - wrong**gamma / inside
        found = _of_parts(alpha * true * found * (inside == parts), parts, total, axis)
        if from_logits:
            found = p * (found - (found * p).sum(axis=axis, keepdims=True))
        return np.asarray(found)

    return summed(-(alpha * wrong**gamma * true * logs).sum(axis=axis), slopes, axis)


@loss_function(casts_labels=False, accepts_logits=True)
def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Losses:
    """Returns the cross-entropy of the probabilities of classes, given the numbers of the classes.

    Args:
        y_true: Numbers of the classes, (...) or (..., 1).
        y_pred: Probabilities, or what softmax makes them of.
        from_logits: Whether `y_pred` is the latter.
        ignore_class: A class whose samples have a loss of 0 and do not count in a mean.
        axis: The axis of the classes.

    Raises:
        UnsupportedError: If a number is no class.
        ShapeError: If there is not one number for each row of probabilities.

    Example:
        >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]])
        array([0.6931472], dtype=float32)
    """
    name = "sparse_categorical_crossentropy"
    numbers = _class_numbers(name, y_true, y_pred, axis)
    counted = None if ignore_class is None else numbers != ignore_class
    numbers = numbers if counted is None else np.where(counted, numbers, 0)
    _check_classes(name, numbers, y_pred.shape[axis])
    where = np.expand_dims(numbers, axis)
    if from_logits:
        below, exponentials, total = _exponentials(y_pred, axis)
        logs = np.take_along_axis(below, where, axis)
    else:
        exponentials = _inside(y_pred)
        total = exponentials.sum(axis=axis, keepdims=True)
        logs = np.log(np.take_along_axis(exponentials, where, axis))
    values = (np.log(total) - logs).squeeze(axis)

    def pull(upstream: Any) -> Array:
        slopes = exponentials / total
        found = np.take_along_axis(slopes, where, axis)
        np.put_along_axis(slopes, where, found - 1, axis)
        if not from_logits:
            slopes *= (exponentials == y_pred) / exponentials
        if counted is not None:
            slopes *= np.expand_dims(counted, axis)
        return np.asarray(slopes * spread(upstream, axis))

    if counted is None:
        return Losses(values, pull)
    return Losses(np.where(counted, values, values.dtype.type(0)), pull, counted)


@loss_function(casts_labels=False)
def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float = 0.5) -> Losses:
    """Returns a cross-entropy of classes that wrong labels disturb less.

    Args:
        y_true: Numbers of the classes.
        y_pred: Probabilities.
        q: Between 0 (cross-entropy) and 1 (mean absolute error).
    """
    name = "categorical_generalized_cross_entropy"
    numbers = _class_numbers(name, y_true, y_pred, -1)
    _check_classes(name, numbers, y_pred.shape[-1])
    where = numbers[..., None]
    p = np.take_along_axis(y_pred, where, -1)

    def slopes() -> Array:
        found = np.zeros_like(y_pred)
        np.put_along_axis(found, where, -(p ** (q - 1)), -1)
        return np.asarray(found)

    return summed(((1 - p**q) / q)[..., 0], slopes)


def _class_numbers(name: str, labels: Array, y_pred: Array, axis: int) -> Array:
    """The numbers of the classes, in the shape of `y_pred` without the axis of the classes."""
    if labels.ndim == y_pred.ndim and labels.shape[axis] == 1:
        labels = labels.squeeze(axis)
    expected = list(y_pred.shape)
    del expected[axis]
    if labels.shape != tuple(expected):
        raise ShapeError(
            f"{name}: expected y_true of shape {tuple(expected)} for y_pred of shape "
            f"{y_pred.shape}, received {labels.shape}."
        )
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise DataError(f"{name}: y_true must be numbers of classes, received NaN or infinity.")
    return np.asarray(labels.astype(np.int64))


def _check_classes(name: str, numbers: Array, classes: int) -> None:
    if numbers.size and not (numbers.min() >= 0 and numbers.max() < classes):
        raise UnsupportedError(
            f"{name}: expected classes from 0 to {classes - 1}, received {numbers.min()} to "
            f"{numbers.max()}."
        )
