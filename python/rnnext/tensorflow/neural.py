"""Functions of `tf.nn` that Keras has under other names, or as layers and losses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rnnext import ops, settings
from rnnext.autodiff.watchable import with_numpy
from rnnext.errors import UnsupportedError

__all__ = [
    "bias_add",
    "dropout",
    "l2_loss",
    "moments",
    "sigmoid_cross_entropy_with_logits",
    "softmax_cross_entropy_with_logits",
    "sparse_softmax_cross_entropy_with_logits",
]


@with_numpy
def softmax_cross_entropy_with_logits(labels: Any, logits: Any, axis: int = -1) -> Any:
    """Returns the cross-entropy of each row of probabilities and a softmax.

    Args:
        labels: Probabilities, of the shape of `logits`.
        logits: What a softmax is applied to.
        axis: Of the classes.

    Example:
        >>> softmax_cross_entropy_with_logits([[1.0, 0.0]], [[0.0, 0.0]]).numpy().round(4)
        array([0.6931], dtype=float32)
    """
    logs = ops.log_softmax(logits, axis=axis)
    return ops.negative(ops.sum(ops.multiply(ops.cast(labels, logs.dtype), logs), axis=axis))


@with_numpy
def sparse_softmax_cross_entropy_with_logits(labels: Any, logits: Any) -> Any:
    """Returns the cross-entropy of each class and the softmax of a row.

    Args:
        labels: Integers, one for each row.
        logits: (..., K), what a softmax is applied to.
    """
    logs = ops.log_softmax(logits, axis=-1)
    hits = ops.one_hot(labels, ops.shape(logits)[-1], dtype=logs.dtype)
    return ops.negative(ops.sum(ops.multiply(hits, logs), axis=-1))


@with_numpy
def sigmoid_cross_entropy_with_logits(labels: Any = None, logits: Any = None) -> Any:
    """Returns the cross-entropy of each probability and a sigmoid.

    Args:
        labels: Probabilities.
        logits: What a sigmoid is applied to, of the same shape.
    """
    labels = ops.cast(labels, logits.dtype)
    return ops.add(
        ops.subtract(ops.maximum(logits, 0), ops.multiply(logits, labels)),
        ops.log1p(ops.exp(ops.negative(ops.abs(logits)))),
    )


@with_numpy
def l2_loss(t: Any) -> Any:
    """Returns half the sum of the squares."""
    return ops.divide(ops.sum(ops.square(t)), 2)


@with_numpy
def bias_add(value: Any, bias: Any, data_format: str | None = None) -> Any:
    """Returns `value` with a vector added along its last axis.

    Raises:
        UnsupportedError: If `data_format` names another axis.
    """
    if data_format is not None and data_format.startswith("NC"):
        raise UnsupportedError(
            f"bias_add: data_format must have the channels last, received {data_format!r}."
        )
    return ops.add(value, bias)


@with_numpy
def moments(x: Any, axes: Any, shift: Any = None, keepdims: bool = False) -> Any:  # noqa: ARG001
    """Returns the mean and the variance over some axes."""
    return ops.moments(x, axes, keepdims=keepdims)


@with_numpy
def dropout(
    x: Any, rate: float, noise_shape: Sequence[int | None] | None = None, seed: Any = None
) -> Any:
    """Returns `x` with a part of its elements dropped and the others scaled up.

    Args:
        x: Array.
        rate: The part that is dropped.
        noise_shape: Sizes of the mask, 1 where an axis is dropped as a whole; None: those of `x`.
        seed: Of the mask; None: one that `set_random_seed` makes repeatable.
    """
    if not rate:
        return x
    sizes: Any = ops.shape(x)
    shape = [n or size for n, size in zip(noise_shape or sizes, sizes, strict=True)]
    generator = np.random.default_rng(settings.next_seed() if seed is None else seed)
    kept = (generator.random(shape) >= rate).astype(str(x.dtype)) / np.float32(1 - rate)
    return ops.multiply(x, kept.astype(str(x.dtype)))
