"""Connectionist temporal classification: the loss of labels whose places in time are unknown."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.errors import DataError, ShapeError, UnsupportedError
from rnnext.losses.rule import Losses, loss_function

__all__ = ["ctc"]

Array = NDArray[Any]

_BLANK = 0


@loss_function(casts_labels=False)
def ctc(y_true: Any, y_pred: Any) -> Losses:
    """Returns the negative logarithm of the probability of all ways to spell the labels in time.

    A way gives each step a class. The labels are what is left of it when equal neighbours are made
    one and blanks are removed. The sum over all ways is computed in logarithms and float64,
    forwards and backwards in time (Graves et al., Connectionist Temporal Classification, 2006,
    section 4).

    Args:
        y_true: Labels (N, L), integers from 1 on; 0, the blank, fills up shorter rows at their end.
        y_pred: Logits (N, T, K), not yet through a softmax.

    Raises:
        ShapeError: If the shapes are others.
        UnsupportedError: If a label is no class.
        DataError: If a label is not finite, or there are too few steps for the labels.

    Example:
        >>> ctc([[1, 2]], np.zeros((1, 3, 4))).round(4)  # 5 of 4 ** 3 ways spell 1, 2
        array([2.5494])
    """
    labels, lengths = _checked_labels(y_true, y_pred)
    log_p = y_pred.astype(np.float64)
    log_p = log_p - log_p.max(axis=-1, keepdims=True)
    log_p -= np.log(np.exp(log_p).sum(axis=-1, keepdims=True))
    spelled = np.full((len(labels), 2 * labels.shape[1] + 1), _BLANK)  # (N, S): a blank between all
    spelled[:, 1::2] = labels
    rows = np.arange(len(labels))[:, None]
    of_symbols = log_p[rows[..., None], np.arange(log_p.shape[1])[:, None], spelled[:, None]]
    # A symbol may follow the one two before it, but a blank must part equal labels.
    skips = np.zeros(spelled.shape, bool)
    skips[:, 2:] = (spelled[:, 2:] != _BLANK) & (spelled[:, 2:] != spelled[:, :-2])
    inside = np.arange(spelled.shape[1]) <= 2 * lengths[:, None]
    last = np.stack([2 * lengths, np.maximum(2 * lengths - 1, 0)], axis=1)
    ends = np.full(spelled.shape, -np.inf)
    ends[rows, last] = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        forward, backward = _sums_of_ways(of_symbols, skips & inside, inside, ends)
        total = np.logaddexp.reduce(forward[:, -1] + ends, axis=1)  # (N,) log of the probability
    values = (-total).astype(y_pred.dtype)

    def pull(upstream: Any) -> Array:
        posterior = np.zeros(log_p.shape)
        with np.errstate(invalid="ignore"):
            of_ways = np.exp(forward + backward - total[:, None, None])  # (N, T, S)
        steps = np.arange(log_p.shape[1])[:, None]
        np.add.at(posterior, (rows[..., None], steps, spelled[:, None]), of_ways)
        share = np.broadcast_to(upstream, values.shape)[:, None, None]
        return np.asarray((np.exp(log_p) - posterior) * share, y_pred.dtype)

    return Losses(values, pull)


def _checked_labels(y_true: Array, y_pred: Array) -> tuple[Array, Array]:
    """The labels as integers (N, L), and how many each sample has (N,)."""
    if y_true.ndim != 2 or y_pred.ndim != 3 or len(y_true) != len(y_pred):
        raise ShapeError(
            "ctc: expected labels y_true of shape (N, L) and logits y_pred of shape (N, T, K), "
            f"received {y_true.shape} and {y_pred.shape}."
        )
    if y_true.dtype.kind == "f" and not np.isfinite(y_true).all():
        raise DataError("ctc: y_true must be numbers of classes, received NaN or infinity.")
    labels = y_true.astype(np.int64)
    if labels.size and not (labels.min() >= 0 and labels.max() < y_pred.shape[-1]):
        raise UnsupportedError(
            f"ctc: expected classes from 1 to {y_pred.shape[-1] - 1}, and 0 at the end of a row, "
            f"received {labels.min()} to {labels.max()}."
        )
    lengths = (labels != _BLANK).sum(axis=1)
    _check_room(labels, lengths, y_pred.shape[1])
    return labels, lengths


def _check_room(labels: Array, lengths: Array, steps: int) -> None:
    """Equal neighbours need a blank between them, so labels may need more steps than there are."""
    inside = np.arange(1, labels.shape[1]) < lengths[:, None]
    needed = lengths + ((labels[:, 1:] == labels[:, :-1]) & inside).sum(axis=1)
    if len(needed) and needed.max() > steps:
        sample = int(needed.argmax())
        raise DataError(
            f"ctc: {steps} steps are too few for the labels {labels[sample].tolist()} of sample "
            f"{sample}, which need {needed[sample]}: a step for each, and one between equal ones."
        )


def _sums_of_ways(
    of_symbols: Array, skips: Array, inside: Array, ends: Array
) -> tuple[Array, Array]:
    """Logarithms (N, T, S) of the probability of all ways to a symbol, and of those from it on.

    Args:
        of_symbols: (N, T, S) logarithms of the symbols' probabilities.
        skips: (N, S) whether a symbol may follow the one two before it.
        inside: (N, S) whether a sample has so many symbols.
        ends: (N, S) 0 where a way may end, else minus infinity.
    """
    nothing, steps = np.full(inside.shape, -np.inf), of_symbols.shape[1]
    allowed, skipping = np.where(inside, 0.0, -np.inf), np.where(skips, 0.0, -np.inf)
    begins = nothing.copy()
    begins[:, :2] = 0.0
    forward, backward = (np.empty(of_symbols.shape) for _ in range(2))
    forward[:, 0] = begins + allowed + of_symbols[:, 0]
    for t in range(1, steps):
        before = forward[:, t - 1]
        one, two = nothing.copy(), nothing.copy()
        one[:, 1:], two[:, 2:] = before[:, :-1], before[:, :-2]
        ways = np.logaddexp(np.logaddexp(before, one), two + skipping)
        forward[:, t] = ways + allowed + of_symbols[:, t]
    backward[:, -1] = ends
    for t in range(steps - 2, -1, -1):
        after = backward[:, t + 1] + of_symbols[:, t + 1]
        one, two = nothing.copy(), nothing.copy()
        one[:, :-1], two[:, :-2] = after[:, 1:], (after + skipping)[:, 2:]
        backward[:, t] = np.logaddexp(np.logaddexp(after, one), two)
    return forward, backward
