"""Scaled dot-product attention."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.arrays import cast
from rnnext.autodiff.activate import activate
from rnnext.errors import UnsupportedError
from rnnext.ops.operation import NN, operation
from rnnext.ops.promotion import as_float, as_tensor, promoted
from rnnext.ops.shapes import of_first

__all__ = [
    "attend",
    "causal_mask",
    "dot_product_attention",
    "row_blocks",
    "rows_of",
    "softmax_rows",
]

Array = NDArray[Any]

# What a masked score becomes: far below any other, yet finite, so that a row of nothing else has
# equal weights, as in Keras.
_MASKED_SCORE = -0.7 * 3.38953e38
_MASKED_HALF_SCORE = -0.7 * 65500.0
# How many scores are in memory at a time: 32 MB of float32, several times over.
_SCORES_AT_ONCE = 2**23


def softmax_rows(scores: Array) -> Array:
    """Returns the softmax over the last axis."""
    wide = np.result_type(scores.dtype, np.float32)
    weights: Array = activate(("softmax",), cast(scores, wide))
    return weights.astype(scores.dtype, copy=False)


def causal_mask(queries: int, keys: int) -> NDArray[np.bool_]:
    """Returns (queries, keys) booleans: whether a query may look at a key, not later than it."""
    return np.tri(queries, keys, dtype=bool)


def row_blocks(rows: int, elements: int) -> list[slice]:
    """Returns the samples of a batch in blocks whose scores fit the memory.

    Args:
        rows: Number of samples.
        elements: How many scores a sample has.
    """
    size = max(1, _SCORES_AT_ONCE // max(elements, 1))
    return [slice(start, start + size) for start in range(0, rows, size)] or [slice(0)]


def rows_of(array: Any, rows: slice, like: Array) -> Any:
    """Returns some samples of an array; the array itself if it is not for each sample of `like`."""
    if array is None or array.ndim != like.ndim or len(array) != len(like):
        return array
    return array[rows]


def attend(
    query: Array,
    key: Array,
    value: Array,
    scale: float,
    mask: Array | None = None,
    bias: Array | None = None,
    blind_rows_are_zero: bool = False,
    keep_weights: bool = False,
    dropout: Callable[[Array], Array] | None = None,
) -> tuple[Array, Array | None]:
    """Returns `softmax(query @ key.T * scale + bias) @ value`, and the weights.

    Each sample and head is a matrix product of its own, so its bits do not depend on the others.

    Args:
        query: (B, ..., T, D).
        key: (B, ..., S, D).
        value: (B, ..., S, E).
        scale: Factor of the scores.
        mask: Booleans (B or 1, ..., T, S): false where a query may not look.
        bias: Added to the scores; of the rank of the mask.
        blind_rows_are_zero: The weights of a query that may look nowhere: zero, or all equal.
        keep_weights: Whether the weights are wanted.
        dropout: What drops weights in training. Those that are returned are all there.

    Returns:
        (B, ..., T, E), and (B, ..., T, S) or None.
    """
    outputs: list[Array] = []
    weights: list[Array] = []
    for rows in row_blocks(len(query), math.prod(query.shape[1:-1]) * key.shape[-2]):
        allowed, added = (rows_of(x, rows, query) for x in (mask, bias))
        block = _weights(query[rows], key[rows], scale, allowed, added)
        if allowed is not None and blind_rows_are_zero:
            block = np.where(allowed, block, block.dtype.type(0))
        with np.errstate(over="ignore", invalid="ignore"):
            used = block if dropout is None else dropout(block)
            outputs.append(np.matmul(used, value[rows]))
        if keep_weights:
            weights.append(block)
    return _joined(outputs), _joined(weights) if keep_weights else None


def _weights(query: Array, key: Array, scale: float, mask: Any, bias: Any) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        scores = np.matmul(query * query.dtype.type(scale), np.swapaxes(key, -2, -1))
        if bias is not None:
            scores = scores + bias.astype(scores.dtype)
    if mask is not None:
        low = _MASKED_HALF_SCORE if scores.dtype.itemsize < 4 else _MASKED_SCORE
        scores = np.where(mask, scores, scores.dtype.type(low))
    return softmax_rows(scores)


def _joined(blocks: list[Array]) -> Array:
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


@operation(
    NN,
    "DotProductAttention",
    options=("is_causal", "flash_attention", "attn_logits_soft_cap"),
    shape=of_first,
)
def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Array:
    """Returns `softmax(query @ key.T * scale + bias) @ value` for every head.

    Args:
        query: (B, T, heads, D).
        key: (B, S, heads, D); with fewer heads each serves several of the query's.
        value: (B, S, heads, D).
        bias: Added to the scores; broadcasts to (B, heads, T, S).
        mask: Booleans that broadcast to (B, heads, T, S): false where a query may not look.
        scale: Default `1 / sqrt(D)`.
        is_causal: Whether a query may only look at keys that are not later than it.
        flash_attention: Must not be true.
        attn_logits_soft_cap: Must be None.
    """
    if flash_attention or attn_logits_soft_cap is not None:
        raise UnsupportedError(
            f"dot_product_attention: flash_attention={flash_attention!r}, attn_logits_soft_cap="
            f"{attn_logits_soft_cap!r} are not supported."
        )
    q, k, v = (np.swapaxes(as_float(x), 1, 2) for x in promoted(query, key, value))
    if k.shape[1] < q.shape[1]:
        k, v = (np.repeat(x, q.shape[1] // k.shape[1], axis=1) for x in (k, v))
    allowed = None if mask is None else np.array(as_tensor(mask), bool, ndmin=4)
    if is_causal:
        causal = causal_mask(q.shape[2], k.shape[2])[None, None]
        allowed = causal if allowed is None else allowed & causal
    added = None if bias is None else as_tensor(bias)
    if added is not None:
        added = added.reshape((1,) * (4 - added.ndim) + added.shape)
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    outputs, _ = attend(q, k, v, scale, allowed, added)
    return cast(np.swapaxes(outputs, 1, 2), outputs.dtype)
