"""Losses as operations: the cross-entropies and CTC, which Keras has in `keras.ops`, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import settings
from rnnext.arrays import asarray
from rnnext.autodiff.rules import computed, value_of
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.losses import crossentropy, temporal
from rnnext.losses.rule import rule_of
from rnnext.ops.activation import log_softmax
from rnnext.ops.operation import NN, operation
from rnnext.ops.promotion import as_float, as_tensor
from rnnext.ops.shapes import Shape, broadcast, reduced

__all__ = [
    "binary_crossentropy",
    "categorical_crossentropy",
    "ctc_decode",
    "ctc_loss",
    "sparse_categorical_crossentropy",
]

Array = NDArray[Any]

_IMPOSSIBLE = -1e30  # the logarithm of a probability of a class after the end of a sample


def _without_axis(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Shape:  # noqa: ARG001
    return reduced(output, axis)


@operation(NN, "BinaryCrossentropy", options=("from_logits",), shape=broadcast)
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Array:
    """Returns the cross-entropy of every probability of a label that is 0 or 1; no mean.

    Args:
        target: Labels.
        output: Probabilities, or what a sigmoid makes them of.
        from_logits: Whether `output` is the latter.

    Example:
        >>> from rnnext import ops
        >>> ops.binary_crossentropy([1.0, 0.0], [0.5, 0.5])
        array([0.6931472, 0.6931472], dtype=float32)
    """
    # The loss averages one axis: here it is one element.
    label, predicted = (np.expand_dims(as_tensor(x), -1) for x in (target, output))
    logits = getattr(output, "_keras_logits", None)
    logits = None if logits is None else np.expand_dims(logits, -1)

    def of_target(true: Array, predicted: Array, options: dict[str, Any]) -> Array:
        """The loss of a label is linear in the label."""
        ends = (np.full_like(true, label) for label in (1, 0))
        of_1, of_0 = (crossentropy.binary_crossentropy(x, predicted, **options) for x in ends)
        return np.expand_dims(of_1 - of_0, -1)

    options = {"from_logits": from_logits}
    return _noted("binary_crossentropy", label, predicted, logits, options, of_target)


@operation(NN, "CategoricalCrossentropy", options=("from_logits", "axis"), shape=_without_axis)
def categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Array:
    """Returns the cross-entropy of the probabilities of classes.

    Args:
        target: Probabilities of the classes, mostly a one and zeros.
        output: Probabilities, or what softmax makes them of.
        from_logits: Whether `output` is the latter.
        axis: The axis of the classes.
    """

    def of_target(_true: Array, predicted: Array, options: dict[str, Any]) -> Array:
        if options["from_logits"]:
            return np.asarray(-log_softmax(predicted, axis))
        parts = predicted / predicted.sum(axis=axis, keepdims=True)
        smallest = settings.epsilon()
        return np.asarray(-np.log(np.clip(parts, smallest, 1 - smallest)))

    options = {"from_logits": from_logits, "axis": axis}
    logits = getattr(output, "_keras_logits", None)
    return _noted("categorical_crossentropy", target, output, logits, options, of_target)


def _noted(
    name: str,
    target: Any,
    output: Any,
    logits: Any,
    options: dict[str, Any],
    of_target: Callable[[Array, Array, dict[str, Any]], Array],
) -> Array:
    """A loss of a target that may have a gradient, too.

    Args:
        name: Name of the loss.
        target: The labels.
        output: Probabilities or logits.
        logits: None, or what the output was made of, which is taken in its place.
        options: Options of the loss.
        of_target: The derivative of each loss for each element of the target.
    """
    if logits is not None:
        output, options = logits, {**options, "from_logits": True}
    rule = rule_of(getattr(crossentropy, name))
    assert rule is not None

    def forward(true: Array, predicted: Array) -> Any:
        losses = rule(true, predicted, **options)

        def pullback(d: Array) -> tuple[Array, Array]:
            spread = np.expand_dims(d, options.get("axis", -1))
            return spread * of_target(true, predicted, options), losses.pull(d)

        return losses.values, pullback

    result: Array = computed(forward, as_tensor(target), as_tensor(output))
    return result


@operation(NN, "SparseCategoricalCrossentropy", options=("from_logits", "axis"))
def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Array:
    """Returns the cross-entropy of the probabilities of classes, given the classes' numbers.

    Args:
        target: Numbers of the classes, (...) or (..., 1).
        output: Probabilities, or what softmax makes them of.
        from_logits: Whether `output` is the latter.
        axis: The axis of the classes.
    """
    return crossentropy.sparse_categorical_crossentropy(target, output, from_logits, axis=axis)


# Labels whose places in time are unknown ----------------------------------------------------------


def _lengths(lengths: Any) -> Array:
    return np.asarray(value_of(as_tensor(lengths))).astype(np.int64).reshape(-1, 1)


@operation(NN, "CTCLoss", options=("mask_index",))
def ctc_loss(
    target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0
) -> Array:
    """Returns the loss of labels whose places in time are unknown; see `rnnext.losses.ctc`.

    Args:
        target: (N, L) labels.
        output: (N, T, K) logits.
        target_length: (N,) how many labels of each sample there are.
        output_length: (N,) how many steps of each sample there are.
        mask_index: The class that is the blank.

    Returns:
        (N,).
    """
    logits, labels = as_float(output), np.asarray(value_of(as_tensor(target))).astype(np.int64)
    if logits.ndim != 3:
        raise ShapeError(f"expected output of shape (N, T, K), received {logits.shape}.")
    steps, classes = logits.shape[1:]
    blank = mask_index % classes
    order = [blank, *(i for i in range(classes) if i != blank)]  # the blank comes first
    logits = np.take(logits, order, axis=-1)
    only_blanks = np.where(np.arange(classes) == 0, 0.0, _IMPOSSIBLE).astype(logits.dtype)
    is_step = np.arange(steps) < _lengths(output_length)
    logits = np.where(np.expand_dims(is_step, -1), logits, only_blanks)
    is_label = np.arange(labels.shape[1]) < _lengths(target_length)
    return temporal.ctc(np.where(is_label, labels + (labels < blank), 0), logits)


@operation(
    NN,
    "CTCDecode",
    options=("strategy", "beam_width", "top_paths", "merge_repeated", "mask_index"),
)
def ctc_decode(
    inputs: Any,
    sequence_lengths: Any,
    strategy: str = "greedy",
    beam_width: int = 100,  # noqa: ARG001
    top_paths: int = 1,  # noqa: ARG001
    merge_repeated: bool = True,
    mask_index: int | None = 0,
) -> tuple[Array, Array]:
    """Returns the labels of the likeliest class of each step.

    Args:
        inputs: (N, T, K) logits.
        sequence_lengths: (N,) how many steps of each sample there are.
        strategy: Must be "greedy".
        beam_width: For another strategy.
        top_paths: For another strategy.
        merge_repeated: Whether equal neighbours are one label.
        mask_index: The class that is the blank; None: the last one.

    Returns:
        Labels (1, N, T), int32, filled up with -1, and minus the sum of the chosen logits (N, 1).

    Example:
        >>> import numpy as np
        >>> from rnnext import ops
        >>> ops.ctc_decode(np.eye(3)[None, [1, 1, 0, 2]], [4])[0]
        array([[[ 1,  2, -1, -1]]], dtype=int32)
    """
    if strategy != "greedy":
        raise UnsupportedError(f"strategy must be 'greedy', received {strategy!r}.")
    logits = np.asarray(value_of(as_float(inputs)))
    classes = logits.shape[-1]
    blank = (-1 if mask_index is None else mask_index) % classes
    best = logits.argmax(axis=-1)
    is_step = np.arange(logits.shape[1]) < _lengths(sequence_lengths)
    kept = is_step & (best != blank)
    if merge_repeated:
        kept[:, 1:] &= best[:, 1:] != best[:, :-1]
    # What is kept comes to the front of its row.
    order = np.argsort(~kept, axis=1, kind="stable")
    kept, labels = (np.take_along_axis(x, order, 1) for x in (kept, best))
    scores = -np.where(is_step, logits.max(axis=-1), 0).sum(axis=1, keepdims=True)
    return np.where(kept, labels, -1).astype(np.int32)[None], asarray(scores, logits.dtype)
