"""Sequences, labels and features as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.arrays import as_array
from rnnext.errors import DataError, ShapeError, UnsupportedError

__all__ = ["normalize", "pad_sequences", "to_categorical"]


def to_categorical(x: Any, num_classes: int | None = None) -> NDArray[Any]:
    """Returns class numbers as rows with a one at the class.

    Args:
        x: Integers from 0 to `num_classes - 1`, of any shape. A last axis of size 1 is dropped.
        num_classes: Default: one more than the largest.

    Returns:
        float64 (..., num_classes).

    Raises:
        DataError: If a number is no class.

    Example:
        >>> to_categorical([0, 2])
        array([[1., 0., 0.],
               [0., 0., 1.]])
    """
    classes = as_array(x, "to_categorical").astype(np.int64)
    if classes.ndim > 1 and classes.shape[-1] == 1:
        classes = classes[..., 0]
    count = num_classes or int(classes.max(initial=-1)) + 1
    if classes.size and (classes.min() < 0 or classes.max() >= count):
        raise DataError(
            f"to_categorical: expected classes from 0 to {count - 1}, received {classes.min()} to "
            f"{classes.max()}."
        )
    rows: NDArray[Any] = np.eye(count)[classes]
    return rows


def pad_sequences(
    sequences: Sequence[Any],
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> NDArray[Any]:
    """Returns sequences of different lengths as one array.

    Args:
        sequences: Each (T_i, ...).
        maxlen: Length of the result; default: that of the longest sequence.
        dtype: Dtype of the result.
        padding: `"pre"` or `"post"`: where short sequences are filled.
        truncating: `"pre"` or `"post"`: where long sequences are cut.
        value: What they are filled with.

    Returns:
        (N, maxlen, ...).

    Raises:
        DataError: If an item is no sequence.
        ShapeError: If the steps of two sequences have different shapes.

    Example:
        >>> pad_sequences([[1, 2, 3], [4]], maxlen=2)
        array([[2, 3],
               [0, 4]], dtype=int32)
    """
    for option, given in (("padding", padding), ("truncating", truncating)):
        if given not in ("pre", "post"):
            raise UnsupportedError(
                f"pad_sequences: {option} must be 'pre' or 'post', received {given!r}."
            )
    for sequence in sequences:
        if not hasattr(sequence, "__len__"):
            raise DataError(f"pad_sequences: expected a list of sequences, found {sequence!r}.")
    length = max(map(len, sequences), default=0) if maxlen is None else maxlen
    filled = [np.asarray(sequence, dtype) for sequence in sequences if len(sequence)]
    step_shape = filled[0].shape[1:] if filled else ()
    padded = np.full((len(sequences), length, *step_shape), value, dtype)
    for row, sequence in zip(padded, sequences, strict=True):
        kept = sequence[max(len(sequence) - length, 0) :] if truncating == "pre" else sequence
        steps = np.asarray(kept[:length], dtype)
        if len(steps) and steps.shape[1:] != step_shape:
            raise ShapeError(
                f"pad_sequences: expected steps of shape {step_shape}, received one of "
                f"{steps.shape[1:]}."
            )
        if len(steps):
            start = length - len(steps) if padding == "pre" else 0
            row[start : start + len(steps)] = steps
    return padded


def normalize(x: Any, axis: int = -1, order: Any = 2) -> NDArray[Any]:
    """Returns an array divided by its norms along an axis; a norm of 0 divides by 1.

    Args:
        x: Array-like.
        axis: The axis.
        order: 2 for the Euclidean norm; any order of `numpy.linalg.norm`.

    Returns:
        An array of the shape of `x`.

    Raises:
        DataError: If `x` is not numbers.

    Example:
        >>> normalize([[3.0, 4.0], [0.0, 0.0]])
        array([[0.6, 0.8],
               [0. , 0. ]])
    """
    array = as_array(x, "normalize")
    norms = np.atleast_1d(np.linalg.norm(array, order, axis))
    norms[norms == 0] = 1
    divided: NDArray[Any] = array / np.expand_dims(norms, axis)
    return divided
