"""Integers as vectors: one-hot, multi-hot, or counts; shared by the layers that find integers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from rnnext.errors import UnsupportedError

__all__ = ["encode", "encoded_shape", "output_mode_option"]

_OLDER_NAMES = {"binary": "multi_hot", "tf-idf": "tf_idf"}


def output_mode_option(value: Any, accepted: Sequence[str], label: str) -> str:
    """Returns an output mode by its present name, or raises UnsupportedError."""
    mode = _OLDER_NAMES.get(value, value) if isinstance(value, str) else value
    if mode not in accepted:
        raise UnsupportedError(
            f"{label}: output_mode must be one of {list(accepted)}, received {value!r}."
        )
    return str(mode)


def encode(
    ids: NDArray[Any],
    mode: str,
    depth: int,
    dtype: DTypeLike,
    weights: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Returns integers as vectors of length `depth`; integers outside 0..depth-1 leave no trace.

    Args:
        ids: Integers: (B, ..., n), one sample (n,), or one integer.
        mode: "one_hot": a vector for each integer, in place of a last axis of size 1. "multi_hot"
            or "count": one vector for all integers along axis 1, or along the only axis.
        depth: Length of the vectors.
        dtype: Dtype of the vectors.
        weights: What each integer counts, of the shape of `ids`.
    """
    ids = np.atleast_1d(ids)
    if mode == "one_hot":
        if ids.ndim > 1 and ids.shape[-1] == 1:
            ids = ids[..., 0]
        return np.asarray(ids[..., np.newaxis] == np.arange(depth), dtype)
    axis = 1 if ids.ndim > 1 else 0
    rows = np.moveaxis(ids, axis, -1)  # (..., n)
    vectors = int(np.prod(rows.shape[:-1], dtype=np.int64))
    places = np.arange(vectors).reshape(*rows.shape[:-1], 1) * depth
    inside = (rows >= 0) & (rows < depth)
    if weights is not None:
        weights = np.moveaxis(np.atleast_1d(weights), axis, -1)[inside]
    counts = np.bincount((rows + places)[inside], weights, minlength=vectors * depth)
    values = counts > 0 if mode == "multi_hot" else counts
    return values.astype(dtype).reshape(*rows.shape[:-1], depth)


def encoded_shape(shape: Sequence[int | None], mode: str, depth: int | None) -> Any:
    """Returns the shape of what `encode` makes of integers of this shape."""
    sizes = tuple(shape)
    if mode == "one_hot":
        return (*(sizes[:-1] if len(sizes) > 1 and sizes[-1] == 1 else sizes or (1,)), depth)
    if len(sizes) > 2:
        return (sizes[0], *sizes[2:], depth)
    return (*sizes[:-1], depth)
