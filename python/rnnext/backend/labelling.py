"""Connectionist temporal classification of the older backend: the last class is the blank."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnext import ops, settings
from rnnext.autodiff.rules import value_of
from rnnext.autodiff.watchable import watchable, with_numpy
from rnnext.errors import UnsupportedError
from rnnext.losses import ctc

__all__ = ["ctc_batch_cost", "ctc_decode"]

_IMPOSSIBLE = -1e30  # the logarithm of a probability of a class after the end of a sample


@with_numpy
def ctc_batch_cost(y_true: Any, y_pred: Any, input_length: Any, label_length: Any) -> Any:
    """Returns the loss of labels whose places in time are unknown; see `rnnext.losses.ctc`.

    Args:
        y_true: (N, L) labels, integers from 0 to K - 2.
        y_pred: (N, T, K) probabilities; the last class is the blank.
        input_length: (N, 1) how many steps of each sample there are.
        label_length: (N, 1) how many labels.

    Returns:
        (N, 1).

    Example:
        >>> y_pred = np.full((1, 3, 4), 0.25, "float32")
        >>> ctc_batch_cost([[0, 1]], y_pred, [[3]], [[2]]).numpy().round(4)  # 5 of 64 ways
        array([[2.5494]], dtype=float32)
    """
    logs = ops.log(ops.add(y_pred, settings.epsilon()))
    logs = ops.concatenate([logs[..., -1:], logs[..., :-1]], axis=-1)  # the blank comes first
    sizes: Any = ops.shape(y_pred)
    steps, classes = sizes[1:]
    is_step = np.arange(steps) < _lengths(input_length)[:, None]
    only_blanks = np.where(np.arange(classes) == 0, 0.0, _IMPOSSIBLE).astype("float32")
    logs = ops.where(is_step[..., None], logs, only_blanks)
    labels = np.asarray(value_of(y_true))
    is_label = np.arange(labels.shape[1]) < _lengths(label_length)[:, None]
    losses = ctc(np.where(is_label, labels.astype(np.int64) + 1, 0), logs)
    return ops.expand_dims(losses, -1)


def _lengths(x: Any) -> Any:
    return np.asarray(value_of(x)).astype(np.int64).reshape(-1)


def ctc_decode(
    y_pred: Any,
    input_length: Any,
    greedy: bool = True,
    beam_width: int = 100,  # noqa: ARG001
    top_paths: int = 1,  # noqa: ARG001
) -> tuple[list[Any], Any]:
    """Returns the labels of the likeliest class of each step.

    Args:
        y_pred: (N, T, K) probabilities; the last class is the blank.
        input_length: (N,) how many steps of each sample there are.
        greedy: Must be true.
        beam_width: Ignored.
        top_paths: Ignored.

    Returns:
        A list of one array (N, T) of labels, filled up with -1, and the negative logarithms of
        the probability of the classes (N, 1).

    Raises:
        UnsupportedError: If `greedy` is false.

    Example:
        >>> y_pred = np.eye(3)[[[0, 0, 2, 1]]]
        >>> ctc_decode(y_pred, [4])[0][0].numpy()
        array([[ 0,  1, -1, -1]])
    """
    if not greedy:
        raise UnsupportedError(
            "ctc_decode: greedy must be True; rnnext has no search of beams of labels."
        )
    logs = np.log(np.asarray(value_of(y_pred)) + settings.epsilon())
    best, blank = logs.argmax(axis=-1), logs.shape[-1] - 1
    is_step = np.arange(logs.shape[1]) < _lengths(input_length)[:, None]
    decoded = np.full(best.shape, -1, np.int64)
    for row, (classes, inside) in enumerate(zip(best, is_step, strict=True)):
        changed = np.diff(classes, prepend=-1) != 0
        labels = classes[changed & inside & (classes != blank)]
        decoded[row, : len(labels)] = labels
    scores = -np.where(is_step, logs.max(axis=-1), 0.0).sum(axis=1, keepdims=True)
    return [watchable(decoded)], watchable(scores.astype("float32"))
