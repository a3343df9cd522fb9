"""Normalisation by statistics of the input itself.

The statistics and the normalised values are computed in float64 and rounded once: in float32 the
difference of an element and a mean far from zero would keep few correct digits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.arrays import asarray
from rnnext.autodiff.tape import active
from rnnext.ops.core import saturate_cast
from rnnext.ops.operation import NN, operation
from rnnext.ops.promotion import as_float, as_tensor, promoted
from rnnext.ops.shapes import axes_of, broadcast, of_first

__all__ = [
    "batch_normalization",
    "by_mean_and_variance",
    "by_norm",
    "by_root_mean_square",
    "in_received_dtype",
    "layer_normalization",
    "normalize",
    "rms_normalization",
]

Array = NDArray[Any]
Axis = Any  # an integer or several

_EPSILON = 1e-7  # keras.config.epsilon()
_TINY = float(np.finfo(np.float64).tiny)


def by_mean_and_variance(
    x: Array,
    axis: tuple[int, ...],
    epsilon: float,
    scale: Array | None = None,
    offset: Array | None = None,
    subtract_mean: bool = True,
) -> Array:
    """Returns `(x - mean) / sqrt(variance + epsilon) * scale + offset`.

    Args:
        x: Floats.
        axis: Over which mean and variance are taken.
        epsilon: Added to the variance.
        scale: Broadcasts to `x`; None for 1.
        offset: Broadcasts to `x`; None for 0.
        subtract_mean: Whether the mean is subtracted from `x` (it is from the variance).
    """
    if not x.size:
        return x
    result: Array = x.astype(np.float64)
    if active.tape is not None:  # then `scale` may be a weight, which no plain array takes in place
        from rnnext.autodiff.traced import constants

        result = constants(result)
    with np.errstate(all="ignore"):  # infinities and NaN are answers
        centred = result if subtract_mean else result.copy()
        centred -= centred.mean(axis=axis, keepdims=True)
        result *= 1 / np.sqrt(_mean_square(centred, axis) + epsilon)
        if scale is not None:
            result *= scale
        if offset is not None:
            result += offset
        return result.astype(x.dtype)


def in_received_dtype(result: Array, received: Any) -> Array:
    """Returns a normalised input in the input's own dtype: of integers, without the fractions.

    Keras's functions return what they were given, and so its layers lose the fractions, too.
    """
    dtype = as_tensor(received).dtype
    if dtype.kind == "b":
        return asarray(result != 0)
    return asarray(saturate_cast(result, dtype)) if dtype.kind in "iu" else result


def by_root_mean_square(
    x: Array, axis: tuple[int, ...], epsilon: float, scale: Array | None = None
) -> Array:
    """Returns `x / sqrt(mean(x**2) + epsilon) * scale`; arguments as above."""
    if not x.size:
        return x
    result: Array = x.astype(np.float64)
    with np.errstate(all="ignore"):
        result *= 1 / np.sqrt(_mean_square(result, axis) + epsilon)
        return asarray(result if scale is None else result * scale, dtype=x.dtype)


def _mean_square(x: Array, axis: tuple[int, ...]) -> Array:
    """The mean of the squares over `axis`, which is kept with size 1."""
    labels = list(range(x.ndim))
    others = [label for label in labels if label not in axis]
    # Not np.square(x).mean(): the squares as an array of their own would take most of the time.
    total = np.einsum(x, labels, x, labels, others)
    kept = [1 if i in axis else size for i, size in enumerate(x.shape)]
    return asarray(total.reshape(kept) / math.prod(x.shape[i] for i in axis))


def by_norm(x: Array, axis: Axis, order: int = 2, epsilon: float = 1e-12) -> Array:
    """Returns `x / max(norm of x along axis, epsilon)`, the norm being that of this order."""
    wide = np.abs(x.astype(np.float64))
    with np.errstate(all="ignore"):
        # The gradient of a root at zero is infinite: that of `x` must not pass there.
        total = np.maximum(np.sum(wide**order, axis=axis, keepdims=True), _TINY)
        norm = total ** (1 / order)
        return asarray(x / np.maximum(norm, epsilon)).astype(x.dtype)


@operation(NN, "Normalize", options=("axis", "order", "epsilon"), shape=broadcast)
def normalize(x: Any, axis: Axis = -1, order: int = 2, epsilon: float | None = None) -> Array:
    """Returns `x` divided by its norm along `axis`, or by `epsilon` if the norm is smaller."""
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"order must be an integer >= 1, received {order!r}.")
    return by_norm(as_float(x), axis, order, _EPSILON if epsilon is None else epsilon)


@operation(NN, "RMSNorm", options=("axis", "epsilon"), shape=of_first)
def rms_normalization(
    x: Any, scale: Any = None, axis: Axis = -1, epsilon: float | None = None
) -> Array:
    """Returns `x` divided by its root mean square along `axis`, times `scale`."""
    array = as_float(x)
    axes = axes_of(axis, array.ndim)
    epsilon = _EPSILON if epsilon is None else epsilon
    return in_received_dtype(by_root_mean_square(array, axes, epsilon, scale), x)


@operation(
    NN,
    "LayerNorm",
    options=("axis", "epsilon", "rms_scaling"),
    shape=of_first,
)
def layer_normalization(
    x: Any,
    gamma: Any = None,
    beta: Any = None,
    axis: Axis = -1,
    epsilon: float | None = None,
    rms_scaling: bool = False,
) -> Array:
    """Returns `x` with mean 0 and variance 1 along `axis`, times `gamma`, plus `beta`.

    With `rms_scaling` the mean is not subtracted and `beta` is not added.
    """
    array = as_float(x)
    axes = axes_of(axis, array.ndim)
    sizes = [size if i in axes else 1 for i, size in enumerate(array.shape)]
    scale, offset = (None if v is None else asarray(v).reshape(sizes) for v in (gamma, beta))
    epsilon = _EPSILON if epsilon is None else epsilon
    offset = None if rms_scaling else offset
    result = by_mean_and_variance(array, axes, epsilon, scale, offset, not rms_scaling)
    return in_received_dtype(result, x)


@operation(NN, "BatchNorm", options=("axis", "epsilon"), shape=of_first)
def batch_normalization(
    x: Any,
    mean: Any,
    variance: Any,
    axis: int,
    offset: Any = None,
    scale: Any = None,
    epsilon: float = 1e-3,
) -> Array:
    """Returns `(x - mean) / sqrt(variance + epsilon) * scale + offset`, vectors along `axis`."""
    (array,) = promoted(x)
    array = as_float(array)
    sizes = [1] * array.ndim
    sizes[axis] = -1
    factor = 1 / np.sqrt(asarray(variance, dtype=np.float64) + epsilon)
    factor = factor if scale is None else factor * asarray(scale)
    result = (array - asarray(mean).reshape(sizes)) * factor.reshape(sizes)
    if offset is not None:
        result = result + asarray(offset).reshape(sizes)
    return asarray(result, dtype=array.dtype)
