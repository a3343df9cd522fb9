"""Keras's metrics that are functions on arrays: one number for each sample or step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import settings
from rnnext.dtypes import widened
from rnnext.losses import functions as losses
from rnnext.losses.rule import same_rank
from rnnext.ops.promotion import as_tensor

__all__ = [
    "accuracy",
    "binary_accuracy",
    "categorical_accuracy",
    "concordance_correlation",
    "cosine_similarity",
    "pearson_correlation",
    "sparse_categorical_accuracy",
    "sparse_top_k_categorical_accuracy",
    "top_k_categorical_accuracy",
]

Array = NDArray[Any]


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Array:
    """Returns 1 where the side of the threshold is the label, 0 or 1.

    Example:
        >>> binary_accuracy([[1, 0]], [[0.7, 0.9]])
        array([[1., 0.]], dtype=float32)
    """
    true, predicted = same_rank(as_tensor(y_true), widened(as_tensor(y_pred)))
    return _as_float((predicted > predicted.dtype.type(threshold)) == true)


def categorical_accuracy(y_true: Any, y_pred: Any) -> Array:
    """Returns 1 where the most probable class is right; `y_true` (..., K) are rows."""
    return sparse_categorical_accuracy(np.argmax(as_tensor(y_true), axis=-1), y_pred)


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Array:
    """Returns 1 where the most probable class is right; `y_true` (...) or (..., 1) are numbers."""
    true, predicted = _classes(y_true, y_pred)
    return _as_float(np.argmax(predicted, axis=-1) == true)


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Array:
    """Returns 1 where the right class is among the `k` most probable; `y_true` are rows."""
    return sparse_top_k_categorical_accuracy(np.argmax(as_tensor(y_true), axis=-1), y_pred, k)


def sparse_top_k_categorical_accuracy(
    y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False
) -> Array:
    """Returns 1 where the right class is among the `k` most probable.

    Args:
        y_true: Numbers of the classes.
        y_pred: Probabilities, or classes, the most probable first.
        k: How many classes are looked at.
        from_sorted_ids: Whether `y_pred` are classes.
    """
    true, predicted = _classes(y_true, y_pred)
    if from_sorted_ids:
        return _as_float((predicted[..., :k] == true[..., None]).any(axis=-1))
    of_right_one = np.take_along_axis(predicted, true[..., None].astype(np.int64), axis=-1)
    # Of equal classes all count, as in TensorFlow's in_top_k.
    return _as_float((predicted > of_right_one).sum(axis=-1) < k)


def _classes(y_true: Any, y_pred: Any) -> tuple[Array, Array]:
    true, predicted = as_tensor(y_true), widened(as_tensor(y_pred))
    if true.ndim == predicted.ndim and true.shape[-1] == 1:
        true = true[..., 0]
    return true, predicted


def _as_float(right: Any) -> Array:
    return np.asarray(right).astype(settings.floatx())


def accuracy(y_true: Any, y_pred: Any) -> Array:
    """Returns 1 where the prediction equals the label."""
    true, predicted = _aligned(y_true, y_pred)
    return _as_float(true == predicted)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Array:
    """Returns the cosine of the angle between both."""
    return np.asarray(-losses.cosine_similarity(y_true, y_pred, axis))


def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Array:
    """Returns Pearson's correlation of both, along an axis."""
    units = []
    for y in _aligned(y_true, y_pred):
        y = y - y.mean(axis=axis, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):  # NaN for constants, as Keras
            units.append(y / y.std(axis=axis, keepdims=True))
    return np.asarray((units[0] * units[1]).mean(axis=axis))


def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Array:
    """Returns Lin's concordance correlation of both, along an axis, as Keras computes it."""
    true, predicted = _aligned(y_true, y_pred)
    of_true, of_predicted = (y.mean(axis=axis, keepdims=True) for y in (true, predicted))
    both = (true - of_predicted) * (predicted - of_predicted)
    spreads = sum(y.var(axis=axis, keepdims=True) for y in (true, predicted))
    norm = spreads + np.square(of_true - of_predicted) + predicted.dtype.type(settings.epsilon())
    return np.asarray((2 * both / norm).mean(axis=axis))


def _aligned(y_true: Any, y_pred: Any) -> tuple[Array, Array]:
    predicted = widened(as_tensor(y_pred))
    return same_rank(as_tensor(y_true).astype(predicted.dtype, copy=False), predicted)
