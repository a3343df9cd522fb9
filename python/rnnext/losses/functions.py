"""Keras's loss functions on arrays: one number for each sample, or each step of one.

`y_true` and `y_pred` are (..., K) arrays; the last axis is reduced. The result has the dtype of
`y_pred`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import activations
from rnnext.dtypes import widened
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.ops.promotion import as_tensor
from rnnext.settings import epsilon

__all__ = [
    "binary_crossentropy",
    "categorical_crossentropy",
    "categorical_hinge",
    "cosine_similarity",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "sparse_categorical_crossentropy",
    "squared_hinge",
]

Array = NDArray[Any]


def same_rank(a: Array, b: Array) -> tuple[Array, Array]:
    """Gives an array that lacks a last axis of size 1 one, or takes it off the other."""
    if a.ndim == b.ndim + 1 and a.shape[-1] == 1:
        return (a, b[..., None]) if b.ndim == 1 else (a[..., 0], b)
    if b.ndim == a.ndim + 1 and b.shape[-1] == 1:
        return (a[..., None], b) if a.ndim == 1 else (a, b[..., 0])
    return a, b


def _pair(y_true: Any, y_pred: Any, aligned: bool = True) -> tuple[Array, Array]:
    predicted = widened(as_tensor(y_pred))
    true = np.asarray(as_tensor(y_true)).astype(predicted.dtype)
    true, predicted = same_rank(true, predicted) if aligned else (true, predicted)
    try:
        np.broadcast_shapes(true.shape, predicted.shape)
    except ValueError as error:
        raise ShapeError(
            f"loss: y_true of shape {true.shape} and y_pred of shape {predicted.shape} do not fit."
        ) from error
    return true, predicted


def _mean(values: Array, axis: int = -1) -> Array:
    return np.asarray(values.mean(axis=axis, dtype=values.dtype))


def _sum(values: Array, axis: int = -1) -> Array:
    return np.asarray(values.sum(axis=axis, dtype=values.dtype))


# Regression ---------------------------------------------------------------------------------------


def mean_squared_error(y_true: Any, y_pred: Any) -> Array:
    """Returns the mean of the squared differences.

    Example:
        >>> mean_squared_error([[0.0, 1.0]], [[1.0, 3.0]])
        array([2.5], dtype=float32)
    """
    true, predicted = _pair(y_true, y_pred)
    return _mean(np.square(true - predicted))


def mean_absolute_error(y_true: Any, y_pred: Any) -> Array:
    """Returns the mean of the absolute differences."""
    true, predicted = _pair(y_true, y_pred)
    return _mean(np.abs(true - predicted))


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Array:
    """Returns the mean of the differences, in percent of the true values."""
    true, predicted = _pair(y_true, y_pred)
    smallest = predicted.dtype.type(epsilon())
    return 100 * _mean(np.abs((true - predicted) / np.maximum(np.abs(true), smallest)))


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Array:
    """Returns the mean of the squared differences of log(1 + y)."""
    logarithms = [np.log(np.maximum(y, y.dtype.type(epsilon())) + 1) for y in _pair(y_true, y_pred)]
    return _mean(np.square(logarithms[0] - logarithms[1]))


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Array:
    """Returns a mean of half squares of differences up to `delta`, and straight lines beyond."""
    true, predicted = _pair(y_true, y_pred)
    size = np.abs(predicted - true)
    near = 0.5 * np.square(size)
    return _mean(np.where(size <= delta, near, delta * size - 0.5 * delta**2).astype(size.dtype))


def log_cosh(y_true: Any, y_pred: Any) -> Array:
    """Returns the mean of the logarithms of the hyperbolic cosines of the differences."""
    true, predicted = _pair(y_true, y_pred)
    x = np.abs(predicted - true)  # the cosine is even, and exp(-2x) does not overflow
    return _mean(x + np.log1p(np.exp(-2 * x)) - x.dtype.type(np.log(2)))


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Array:
    """Returns the negative cosine of the angle between both."""
    units = [
        y / np.linalg.norm(y, axis=axis, keepdims=True).clip(1e-12) for y in _pair(y_true, y_pred)
    ]
    return -_sum(units[0] * units[1], axis)


# Classes ------------------------------------------------------------------------------------------


def _signs(y_true: Any, y_pred: Any) -> tuple[Array, Array]:
    """Labels 0 and 1 become -1 and 1."""
    true, predicted = _pair(y_true, y_pred, aligned=False)
    return (2 * true - 1 if np.isin(true, (0, 1)).all() else true), predicted


def hinge(y_true: Any, y_pred: Any) -> Array:
    """Returns the mean of max(1 - y_true * y_pred, 0); y_true is -1 or 1, or 0 or 1."""
    true, predicted = _signs(y_true, y_pred)
    return _mean(np.maximum(1 - true * predicted, 0))


def squared_hinge(y_true: Any, y_pred: Any) -> Array:
    """Returns the mean of the squares of what `hinge` averages."""
    true, predicted = _signs(y_true, y_pred)
    return _mean(np.square(np.maximum(1 - true * predicted, 0)))


def categorical_hinge(y_true: Any, y_pred: Any) -> Array:
    """Returns how far the true class is ahead of the best other one, below a margin of 1."""
    true, predicted = _pair(y_true, y_pred, aligned=False)
    best_other = ((1 - true) * predicted).max(axis=-1)
    return np.asarray(np.maximum(best_other - _sum(true * predicted) + 1, 0))


def kl_divergence(y_true: Any, y_pred: Any) -> Array:
    """Returns the Kullback-Leibler divergence of two distributions."""
    true, predicted = (np.clip(y, epsilon(), 1) for y in _pair(y_true, y_pred, aligned=False))
    return _sum(true * np.log(true / predicted))


def poisson(y_true: Any, y_pred: Any) -> Array:
    """Returns the mean of y_pred - y_true * log(y_pred)."""
    true, predicted = _pair(y_true, y_pred, aligned=False)
    return _mean(predicted - true * np.log(predicted + predicted.dtype.type(epsilon())))


def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Array:
    """Returns the mean cross-entropy of probabilities of a label that is 0 or 1.

    Args:
        y_true: Labels.
        y_pred: Probabilities, or what a sigmoid makes them of.
        from_logits: Whether `y_pred` is the latter.
        label_smoothing: Part of each label that is moved to one half.
        axis: The axis that is averaged.
    """
    true, predicted = _pair(y_true, y_pred, aligned=False)
    true = true * (1 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        loss = np.maximum(predicted, 0) - predicted * true + np.log1p(np.exp(-np.abs(predicted)))
    else:
        predicted = _inside(predicted)
        loss = -(true * np.log(predicted) + (1 - true) * np.log(1 - predicted))
    return _mean(loss.astype(predicted.dtype), axis)


def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Array:
    """Returns the cross-entropy of the probabilities of classes.

    Args:
        y_true: Probabilities of the classes, mostly a one and zeros.
        y_pred: Probabilities, or what softmax makes them of.
        from_logits: Whether `y_pred` is the latter.
        label_smoothing: Part of each row that is shared out among all classes.
        axis: The axis of the classes.
    """
    true, predicted = _pair(y_true, y_pred, aligned=False)
    true = true * (1 - label_smoothing) + label_smoothing / true.shape[-1]
    return -_sum(
        (true * _log_of_classes(predicted, from_logits, axis)).astype(predicted.dtype), axis
    )


def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Array:
    """Returns the cross-entropy of the probabilities of classes, given the numbers of the classes.

    Args:
        y_true: Numbers of the classes, (...) or (..., 1).
        y_pred: Probabilities, or what softmax makes them of.
        from_logits: Whether `y_pred` is the latter.
        ignore_class: A class whose samples have a loss of 0.
        axis: The axis of the classes.

    Raises:
        UnsupportedError: If a number is no class.

    Example:
        >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]])
        array([0.6931472], dtype=float32)
    """
    predicted = widened(as_tensor(y_pred))
    numbers = np.asarray(as_tensor(y_true))
    if numbers.ndim == predicted.ndim and numbers.shape[axis] == 1:
        numbers = numbers.squeeze(axis)
    numbers = numbers.astype(np.int64)
    counted = np.ones(numbers.shape, bool) if ignore_class is None else numbers != ignore_class
    numbers = np.where(counted, numbers, 0)
    classes = predicted.shape[axis]
    if numbers.size and not (numbers.min() >= 0 and numbers.max() < classes):
        raise UnsupportedError(
            f"sparse_categorical_crossentropy: expected classes from 0 to {classes - 1}, received "
            f"{numbers.min()} to {numbers.max()}."
        )
    logs = _log_of_classes(predicted, from_logits, axis)
    found = np.take_along_axis(logs, np.expand_dims(numbers, axis), axis).squeeze(axis)
    return np.where(counted, -found, found.dtype.type(0))


def _inside(probabilities: Array) -> Array:
    """Probabilities whose logarithm, and that of their rest to 1, is finite."""
    smallest = probabilities.dtype.type(epsilon())
    return np.clip(probabilities, smallest, 1 - smallest)


def _log_of_classes(predicted: Array, from_logits: bool, axis: int) -> Array:
    if from_logits:
        return activations.log_softmax(predicted, axis=axis)
    return np.log(_inside(predicted / predicted.sum(axis=axis, keepdims=True)))
