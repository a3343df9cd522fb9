"""Scaled dot-product attention."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import _core
from rnnext.arrays import cast
from rnnext.errors import UnsupportedError
from rnnext.ops.operation import NN, operation
from rnnext.ops.promotion import as_float, as_tensor, promoted
from rnnext.ops.shapes import of_first

__all__ = ["causal_mask", "dot_product_attention", "softmax_rows"]

Array = NDArray[Any]

# What a masked score becomes: far below any other, yet finite. A row of nothing else has equal
# weights, as in Keras.
_MASKED_SCORE = -0.7 * 3.38953e38
_MASKED_HALF_SCORE = -0.7 * 65500.0


def softmax_rows(scores: Array) -> Array:
    """Returns the softmax over the last axis."""
    wide = scores if scores.dtype in (np.float32, np.float64) else scores.astype(np.float32)
    return _core.activate(("softmax",), cast(wide, wide.dtype)).astype(scores.dtype, copy=False)


def causal_mask(queries: int, keys: int) -> NDArray[np.bool_]:
    """Returns (queries, keys) booleans: whether a query may look at a key, not later than it."""
    return np.tri(queries, keys, dtype=bool)


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
    scores = np.matmul(q, np.swapaxes(k, -2, -1))
    scores *= scores.dtype.type(1 / math.sqrt(k.shape[-1]) if scale is None else scale)
    if bias is not None:
        scores = scores + as_tensor(bias).astype(scores.dtype)
    if is_causal:
        causal = causal_mask(*scores.shape[-2:])
        mask = causal if mask is None else as_tensor(mask).astype(bool) & causal
    if mask is not None:
        low = _MASKED_HALF_SCORE if scores.dtype.itemsize < 4 else _MASKED_SCORE
        scores = np.where(as_tensor(mask).astype(bool), scores, scores.dtype.type(low))
    return np.ascontiguousarray(np.swapaxes(np.matmul(softmax_rows(scores), v), 1, 2))
