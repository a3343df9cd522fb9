"""Correlations of rows, and of two sequences."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.arrays import asarray
from rnnext.ops.operation import NUMPY, operation
from rnnext.ops.promotion import as_float, as_tensor, promoted

Array = NDArray[Any]


@operation(NUMPY, "Corrcoef")
def corrcoef(x: Any) -> Array:
    """Returns Pearson's correlations (N, N) of the rows of (N, K)."""
    array = as_float(x)
    centred = array - np.mean(array, axis=-1, keepdims=True)
    products = np.matmul(centred, np.swapaxes(centred, -1, -2)) / (array.shape[-1] - 1)
    deviations = np.sqrt(np.diagonal(products))
    parts = products / (deviations.reshape(-1, 1) * deviations.reshape(1, -1))
    return asarray(np.clip(parts, -1, 1)).astype(array.dtype)


@operation(NUMPY, "Correlate", options=("mode",))
def correlate(x1: Any, x2: Any, mode: str = "valid") -> Array:
    """Returns the sums of products of `x2` and the part of `x1` that it slides over.

    Args:
        x1: (N,).
        x2: (M,).
        mode: "valid": only where it is within `x1`; "full": wherever it touches `x1`; "same": the
            middle of that, as long as the longer of the two.
    """
    a, b = promoted(as_tensor(x1), as_tensor(x2))
    wide = a.dtype in (np.dtype(np.int64), np.dtype(np.float64))
    a, b = (x.astype(np.float64 if wide else np.float32) for x in (a, b))
    if mode not in ("valid", "full", "same"):
        raise ValueError(f"mode must be 'full', 'same' or 'valid', received {mode!r}.")
    size, span = a.shape[0], b.shape[0]
    if mode != "valid":
        a = np.pad(a, [(span - 1, span - 1)])
    places = np.arange(a.shape[0] - span + 1)[:, None] + np.arange(span)
    result = asarray(np.matmul(np.take(a, places), b))
    if mode == "same":
        longer = max(size, span)
        start = (size + span - 1 - longer) // 2
        result = result[start : start + longer]
    return result
