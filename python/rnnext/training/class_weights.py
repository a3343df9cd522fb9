"""Weights of classes as weights of samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import settings

__all__ = ["class_weight_to_sample_weights"]


def class_weight_to_sample_weights(y: Any, class_weight: Mapping[int, float]) -> NDArray[Any]:
    """Returns the weight of each sample's class, (N,).

    Args:
        y: Numbers of classes, (N,) or (N, 1), or rows, (N, K).
        class_weight: Weights by class; a class without one has weight 1.

    Example:
        >>> class_weight_to_sample_weights([0, 1, 2], {0: 0.5, 2: 3.0})
        array([0.5, 1. , 3. ], dtype=float32)
    """
    labels = np.asarray(y)
    if labels.ndim > 1:
        labels = labels[..., 0] if labels.shape[-1] == 1 else labels.argmax(axis=-1)
    classes, where = np.unique(np.round(labels).astype(np.int32), return_inverse=True)
    weights = np.array([class_weight.get(int(c), 1.0) for c in classes], settings.floatx())
    return weights[where.reshape(labels.shape)]
