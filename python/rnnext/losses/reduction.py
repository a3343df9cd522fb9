"""What becomes of the losses of a batch: weights, masks, and one number."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnext.errors import ShapeError
from rnnext.losses.rule import same_rank, summed_to
from rnnext.ops.promotion import as_tensor

__all__ = ["REDUCTIONS", "Reduced", "Reduction", "mask_as_weights", "reduced"]

Array = NDArray[Any]


class Reduction:
    """The names of reductions, as Keras 2 spells them: `Reduction.NONE` is `"none"`."""

    AUTO = "auto"
    NONE = "none"
    SUM = "sum"
    SUM_OVER_BATCH_SIZE = "sum_over_batch_size"


REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None)


class Reduced(NamedTuple):
    """The loss of a batch.

    Attributes:
        value: One number, or the weighted losses if they are not reduced.
        upstream: d(sum of value) / d(losses), an array like the losses or one number for all.
    """

    value: Array
    upstream: Any


def reduced(values: Array, weights: Any, mask: Any, reduction: str | None) -> Reduced:
    """Reduces the losses of a batch.

    Args:
        values: Losses of the samples, or their steps.
        weights: None, or weights of the samples or their steps.
        mask: None, or False where a loss does not count.
        reduction: One of `REDUCTIONS`.
    """
    shape, dtype = values.shape, values.dtype
    if weights is not None:
        weights = np.asarray(as_tensor(weights)).astype(dtype)
    if mask is not None:
        weights = mask_as_weights(mask, weights, dtype, reduction)
    if weights is not None:
        values, weights = same_rank(values, weights)
        try:
            values = values * weights
        except ValueError as error:
            raise ShapeError(
                f"sample_weight of shape {weights.shape} does not fit losses of shape {shape}; "
                "expected one weight a sample, or one for each loss."
            ) from error
    if reduction in (None, "none") or not values.ndim:
        divisor: Any = 1
        value = values
    else:
        divisor = 1 if reduction == "sum" else values.size
        if reduction == "mean_with_sample_weight" and weights is not None:
            divisor = weights.sum()
        total = values.sum(dtype=dtype)
        value = np.asarray(total / divisor if divisor else 0, dtype=dtype)
    share = 1 / divisor if divisor else 0
    if weights is None:
        return Reduced(value, share)
    upstream = np.broadcast_to(weights * dtype.type(share), values.shape)
    if upstream.size == np.prod(shape):
        return Reduced(value, upstream.reshape(shape))
    return Reduced(value, summed_to(upstream, shape))


def mask_as_weights(mask: Any, weights: Any, dtype: Any, reduction: str | None) -> Array:
    """Weights under which masked steps count nothing, and a mean is that of the others."""
    of_mask = np.asarray(mask).astype(dtype)
    if reduction in ("mean", "sum_over_batch_size") and of_mask.any():
        of_mask = of_mask * of_mask.dtype.type(of_mask.size / of_mask.sum())
    if weights is None:
        return of_mask
    of_mask, weights = same_rank(of_mask, np.asarray(weights).astype(dtype))
    return np.asarray(of_mask * weights)
