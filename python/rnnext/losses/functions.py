"""Keras's loss functions of numbers, with their gradients: one loss for each sample or step.

`y_true` and `y_pred` are (..., K) arrays; the last axis is reduced. The result has the dtype of
`y_pred`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.arrays import asarray
from rnnext.losses.rule import Losses, loss_function, spread
from rnnext.settings import epsilon

__all__ = [
    "averaged",
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
    "squared_hinge",
    "summed",
]

Array = NDArray[Any]


def averaged(values: Array, slopes: Callable[[], Array], axis: int = -1) -> Losses:
    """Returns the means of values along an axis, given their derivatives."""
    if not values.ndim:
        return Losses(values, lambda g: slopes() * g)
    count = values.shape[axis]
    share, means = 1 / max(count, 1), _sum(values, axis)
    if count != 1:
        means = asarray(means / count)
    return Losses(means, lambda g: slopes() * (spread(g, axis) * share))


def summed(values: Array, slopes: Callable[[], Array], axis: Any = -1) -> Losses:
    """Returns values that are sums along an axis, given the derivatives of the sums."""
    return Losses(values, lambda g: slopes() * spread(g, axis))


def _sum(values: Array, axis: int = -1) -> Array:
    return asarray(values.sum(axis=axis, dtype=values.dtype))


# Regression ---------------------------------------------------------------------------------------


@loss_function(aligned=True)
def mean_squared_error(y_true: Any, y_pred: Any) -> Losses:
    """Returns the mean of the squared differences.

    Example:
        >>> mean_squared_error([[0.0, 1.0]], [[1.0, 3.0]])
        array([2.5], dtype=float32)
    """
    error = y_pred - y_true
    return averaged(error * error, lambda: error * 2)


@loss_function(aligned=True)
def mean_absolute_error(y_true: Any, y_pred: Any) -> Losses:
    """Returns the mean of the absolute differences."""
    error = y_pred - y_true
    return averaged(np.abs(error), lambda: np.sign(error))


@loss_function(aligned=True)
def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Losses:
    """Returns the mean of the differences, in percent of the true values."""
    scale = 100 / np.maximum(np.abs(y_true), y_pred.dtype.type(epsilon()))
    error = y_pred - y_true
    return averaged(np.abs(error) * scale, lambda: np.sign(error) * scale)


@loss_function(aligned=True)
def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Losses:
    """Returns the mean of the squared differences of log(1 + y)."""
    least = y_pred.dtype.type(epsilon())
    positive = np.maximum(y_pred, least) + 1
    error = np.log(positive) - np.log(np.maximum(y_true, least) + 1)
    return averaged(error * error, lambda: 2 * error / positive * (y_pred >= least))


@loss_function(aligned=True)
def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Losses:
    """Returns a mean of half squares of differences up to `delta`, and straight lines beyond."""
    error = y_pred - y_true
    near = np.clip(error, -delta, delta)
    # Up to delta, near is the error: error**2 / 2. Beyond: delta * |error| - delta**2 / 2.
    return averaged(near * (error - near * 0.5), lambda: near)


@loss_function(aligned=True)
def log_cosh(y_true: Any, y_pred: Any) -> Losses:
    """Returns the mean of the logarithms of the hyperbolic cosines of the differences."""
    error = y_pred - y_true
    x = np.abs(error)  # the cosine is even, and exp(-2x) does not overflow
    values = x + np.log1p(np.exp(-2 * x)) - x.dtype.type(np.log(2))
    return averaged(values, lambda: np.tanh(error))


@loss_function(aligned=True)
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Losses:
    """Returns the negative cosine of the angle between both."""
    of_true, of_predicted = (
        np.linalg.norm(y, axis=axis, keepdims=True).clip(1e-12) for y in (y_true, y_pred)
    )
    true, unit = y_true / of_true, y_pred / of_predicted
    values = -_sum(true * unit, axis)

    def slopes() -> Array:
        along = np.expand_dims(values, axis) * unit * (of_predicted > 1e-12)
        return np.asarray(-(true + along) / of_predicted)

    return summed(values, slopes, axis)


@loss_function()
def poisson(y_true: Any, y_pred: Any) -> Losses:
    """Returns the mean of y_pred - y_true * log(y_pred)."""
    above = y_pred + y_pred.dtype.type(epsilon())
    return averaged(y_pred - y_true * np.log(above), lambda: 1 - y_true / above)


@loss_function()
def kl_divergence(y_true: Any, y_pred: Any) -> Losses:
    """Returns the Kullback-Leibler divergence of two distributions."""
    true, predicted = np.clip(y_true, epsilon(), 1), np.clip(y_pred, epsilon(), 1)
    return summed(
        _sum(true * np.log(true / predicted)), lambda: -true / predicted * (predicted == y_pred)
    )


# Margins ------------------------------------------------------------------------------------------


def _signs(labels: Array) -> Array:
    """Labels 0 and 1 become -1 and 1."""
    return 2 * labels - 1 if ((labels == 0) | (labels == 1)).all() else labels


@loss_function()
def hinge(y_true: Any, y_pred: Any) -> Losses:
    """Returns the mean of max(1 - y_true * y_pred, 0); y_true is -1 or 1, or 0 or 1."""
    signs = _signs(y_true)
    short = 1 - signs * y_pred
    return averaged(np.maximum(short, 0), lambda: -signs * (short >= 0))


@loss_function()
def squared_hinge(y_true: Any, y_pred: Any) -> Losses:
    """Returns the mean of the squares of what `hinge` averages."""
    signs = _signs(y_true)
    short = np.maximum(1 - signs * y_pred, 0)
    return averaged(short * short, lambda: -2 * signs * short)


@loss_function()
def categorical_hinge(y_true: Any, y_pred: Any) -> Losses:
    """Returns how far the true class is ahead of the best other one, below a margin of 1."""
    others = (1 - y_true) * y_pred
    best = others.max(axis=-1, keepdims=True)
    short = best[..., 0] - _sum(y_true * y_pred) + 1

    def slopes() -> Array:
        is_best = (others == best).astype(others.dtype)
        is_best /= is_best.sum(axis=-1, keepdims=True)  # equal ones share the gradient
        return np.asarray((is_best * (1 - y_true) - y_true) * (short >= 0)[..., None])

    return summed(asarray(np.maximum(short, 0)), slopes)
