"""Functions of Keras's older backend that `rnnext.ops` has in other forms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rnnext import ops, settings
from rnnext.autodiff.watchable import with_numpy
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.tensorflow import neural

__all__ = [
    "batch_dot",
    "batch_flatten",
    "batch_normalization",
    "bias_add",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "dropout",
    "in_top_k",
    "repeat",
    "sparse_categorical_crossentropy",
    "temporal_padding",
]

_LETTERS = "bcdefghijk"


@with_numpy
def batch_dot(x: Any, y: Any, axes: int | Sequence[int] | None = None) -> Any:
    """Returns the products of two arrays, sample by sample, summed over one axis of each.

    Args:
        x: (N, ...).
        y: (N, ...).
        axes: The axes that are summed over; one number stands for both. None: the last of `x` and
            the last but one of `y`, or its last if it has two axes.

    Returns:
        (N, the other axes of x, those of y); (N, 1) if there are none.

    Raises:
        ShapeError: If an array has less than two axes.
        UnsupportedError: If an axis is 0, that of the samples.

    Example:
        >>> batch_dot([[1.0, 2.0]], [[3.0, 4.0]]).numpy()
        array([[11.]], dtype=float32)
    """
    ranks = len(ops.shape(x)), len(ops.shape(y))
    if min(ranks) < 2:
        raise ShapeError(
            "batch_dot: expected arrays of two axes or more, received shapes "
            f"{ops.shape(x)} and {ops.shape(y)}."
        )
    if axes is None:
        axes = ranks[0] - 1, ranks[1] - (1 if ranks[1] == 2 else 2)
    pair = (axes, axes) if isinstance(axes, int) else tuple(axes)
    first, second = (axis % rank for axis, rank in zip(pair, ranks, strict=True))
    if 0 in (first, second):
        raise UnsupportedError(f"batch_dot: axis 0 is that of the samples; received axes={axes!r}.")
    left = "a" + _LETTERS[: ranks[0] - 1]
    right = "a" + _LETTERS[ranks[0] - 1 : ranks[0] + ranks[1] - 2]
    right = right[:second] + left[first] + right[second + 1 :]
    kept = "a" + "".join(c for c in left[1:] + right[1:] if c != left[first])
    product = ops.einsum(f"{left},{right}->{kept}", x, y)
    return ops.expand_dims(product, -1) if kept == "a" else product


@with_numpy
def batch_flatten(x: Any) -> Any:
    """Returns all elements of a sample in one axis."""
    sizes: Any = ops.shape(x)
    count = 1
    for size in sizes[1:]:
        count *= size
    return ops.reshape(x, (-1, count))


@with_numpy
def bias_add(x: Any, bias: Any, data_format: str | None = None) -> Any:
    """Returns `x` with a bias added along its last axes.

    Raises:
        UnsupportedError: If `data_format` is `"channels_first"`.
    """
    if (data_format or settings.image_data_format()) != "channels_last":
        raise UnsupportedError(
            f"bias_add: data_format must be 'channels_last', received {data_format!r}."
        )
    return ops.add(x, bias)


@with_numpy
def repeat(x: Any, n: int) -> Any:
    """Returns (N, n, D), each row of (N, D) repeated.

    Raises:
        ShapeError: If `x` has other than two axes.
    """
    if len(ops.shape(x)) != 2:
        raise ShapeError(f"repeat: expected an array (N, D), received shape {ops.shape(x)}.")
    return ops.repeat(ops.expand_dims(x, 1), n, axis=1)


@with_numpy
def temporal_padding(x: Any, padding: Sequence[int] = (1, 1)) -> Any:
    """Returns sequences (N, T, D) with zeros added before and after them."""
    before, after = padding
    return ops.pad(x, ((0, 0), (before, after), (0, 0)))


@with_numpy
def dropout(x: Any, level: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """Returns `x` with a part `level` of its elements dropped and the others scaled up."""
    return neural.dropout(x, level, noise_shape, seed)


@with_numpy
def batch_normalization(
    x: Any,
    mean: Any,
    var: Any,
    beta: Any,
    gamma: Any,
    axis: int = -1,  # noqa: ARG001
    epsilon: float = 1e-3,
) -> Any:
    """Returns `(x - mean) / sqrt(var + epsilon) * gamma + beta`, with what broadcasts to `x`.

    Args:
        x: Floats.
        mean: Is subtracted.
        var: The variance.
        beta: Is added; None for 0.
        gamma: A factor; None for 1.
        axis: Not used.
        epsilon: Added to the variance.
    """
    factor = ops.rsqrt(ops.add(var, epsilon))
    factor = factor if gamma is None else ops.multiply(factor, gamma)
    result = ops.multiply(ops.subtract(x, mean), factor)
    return result if beta is None else ops.add(result, beta)


@with_numpy
def in_top_k(predictions: Any, targets: Any, k: int) -> Any:
    """Returns for each row of `predictions` whether its target is among its k largest."""
    return ops.in_top_k(targets, predictions, k)


# Cross-entropies, of each element or row ----------------------------------------------------------


@with_numpy
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """Returns the cross-entropy of each element.

    Args:
        target: Probabilities.
        output: Probabilities; with `from_logits` what a sigmoid is applied to.
        from_logits: Whether it is.
    """
    if from_logits:
        return neural.sigmoid_cross_entropy_with_logits(target, output)
    # Not the formula of rnnext.ops: the older backend adds epsilon to what it has clipped.
    epsilon = settings.epsilon()
    output = ops.clip(output, epsilon, 1.0 - epsilon)
    positive = ops.multiply(target, ops.log(ops.add(output, epsilon)))
    rest = ops.log(ops.add(ops.subtract(1, output), epsilon))
    return ops.negative(ops.add(positive, ops.multiply(ops.subtract(1, target), rest)))


@with_numpy
def categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """Returns the cross-entropy of each row of probabilities.

    Args:
        target: Probabilities, of the shape of `output`.
        output: Probabilities; with `from_logits` what a softmax is applied to.
        from_logits: Whether it is.
        axis: Of the classes.
    """
    return ops.categorical_crossentropy(target, ops.copy(output), from_logits, axis)


@with_numpy
def sparse_categorical_crossentropy(
    target: Any,
    output: Any,
    from_logits: bool = False,
    axis: int = -1,
    ignore_class: int | None = None,
) -> Any:
    """Returns the cross-entropy of each class and a row of probabilities.

    Args:
        target: Integers, one for each row.
        output: Probabilities; with `from_logits` what a softmax is applied to.
        from_logits: Whether it is.
        axis: Of the classes.
        ignore_class: Must be None.

    Raises:
        UnsupportedError: If `ignore_class` is a class.
    """
    if ignore_class is not None:
        raise UnsupportedError(
            f"sparse_categorical_crossentropy: ignore_class must be None, received "
            f"{ignore_class!r}."
        )
    return ops.sparse_categorical_crossentropy(target, ops.copy(output), from_logits, axis)


@with_numpy
def binary_focal_crossentropy(
    target: Any,
    output: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
) -> Any:
    """Returns the cross-entropy of each element, times `(1 - p) ** gamma` of its right answer's p.

    Args:
        target: Probabilities.
        output: Probabilities; with `from_logits` what a sigmoid is applied to.
        apply_class_balancing: Whether ones count `alpha` and zeros `1 - alpha`.
        alpha: What ones count.
        gamma: How much less than others what is nearly right counts.
        from_logits: Whether a sigmoid is applied.
    """
    target = ops.convert_to_tensor(target)
    probability = ops.sigmoid(output) if from_logits else ops.convert_to_tensor(output)
    right = target * probability + (1 - target) * (1 - probability)
    result = ops.power(1 - right, gamma) * binary_crossentropy(target, output, from_logits)
    if apply_class_balancing:
        result = result * (target * alpha + (1 - target) * (1 - alpha))
    return result


@with_numpy
def categorical_focal_crossentropy(
    target: Any,
    output: Any,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    axis: int = -1,
) -> Any:
    """Returns the cross-entropy of each row, the part of each class times `(1 - p) ** gamma`.

    Args:
        target: Probabilities, of the shape of `output`.
        output: Probabilities; with `from_logits` what a softmax is applied to.
        alpha: A factor.
        gamma: How much less than others what is nearly right counts.
        from_logits: Whether a softmax is applied.
        axis: Of the classes.
    """
    output = ops.softmax(output, axis) if from_logits else ops.convert_to_tensor(output)
    output = output / ops.sum(output, axis=axis, keepdims=True)
    epsilon = settings.epsilon()
    output = ops.clip(output, epsilon, 1.0 - epsilon)
    parts = ops.power(1 - output, gamma) * (-alpha * (target * ops.log(output)))
    return ops.sum(parts, axis=axis)
