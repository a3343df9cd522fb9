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
    "ctc_loss",
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
    return ops.categorical_crossentropy(labels, ops.copy(logits), from_logits=True, axis=axis)


@with_numpy
def sparse_softmax_cross_entropy_with_logits(labels: Any, logits: Any) -> Any:
    """Returns the cross-entropy of each class and the softmax of a row.

    Args:
        labels: Integers, one for each row.
        logits: (..., K), what a softmax is applied to.
    """
    return ops.sparse_categorical_crossentropy(labels, ops.copy(logits), from_logits=True)


@with_numpy
def sigmoid_cross_entropy_with_logits(labels: Any = None, logits: Any = None) -> Any:
    """Returns the cross-entropy of each probability and a sigmoid.

    Args:
        labels: Probabilities.
        logits: What a sigmoid is applied to, of the same shape.
    """
    # A copy of what a sigmoid made is not traced back to what the sigmoid was given.
    return ops.binary_crossentropy(labels, ops.copy(logits), from_logits=True)


@with_numpy
def ctc_loss(
    labels: Any,
    logits: Any,
    label_length: Any,
    logit_length: Any,
    logits_time_major: bool = True,
    unique: Any = None,  # noqa: ARG001
    blank_index: int | None = None,
) -> Any:
    """Returns the loss of labels whose places in time are unknown; see `rnnext.losses.ctc`.

    Args:
        labels: (N, L) integers.
        logits: (T, N, K), what a softmax is applied to.
        label_length: (N,) how many labels of each sample there are.
        logit_length: (N,) how many steps of each sample there are.
        logits_time_major: False: `logits` are (N, T, K).
        unique: Ignored: TensorFlow computes faster with it.
        blank_index: The class that is the blank, from the end if it is negative; None: 0.

    Returns:
        (N,).

    Example:
        >>> ctc_loss([[1, 2]], np.zeros((1, 3, 4), "float32"), [2], [3], False).numpy().round(4)
        array([2.5494], dtype=float32)
    """
    if logits_time_major:
        logits = ops.transpose(logits, (1, 0, 2))
    return ops.ctc_loss(labels, logits, label_length, logit_length, mask_index=blank_index or 0)


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
