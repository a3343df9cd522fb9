"""Limits of gradients: by norm, by the norm of all of them, by value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rnnext.optimizers.memory import Part

__all__ = ["clip_by_global_norm", "clip_by_norm", "clip_by_value"]


def clip_by_norm(parts: Sequence[Part], limit: float) -> None:
    """Limits the norm of each gradient.

    Args:
        parts: The gradients, one in each part; they are changed in place.
        limit: The largest norm.
    """
    for part in parts:
        most = part.number(limit)
        norm = np.sqrt(_squares(part))
        part.map_gradients(np.multiply, most)
        part.map_gradients(np.divide, max(norm, most))


def clip_by_global_norm(parts: Sequence[Part], limit: float) -> None:
    """Limits the norm of all gradients together; if it is not finite they become NaN.

    Args:
        parts: The gradients, which are changed in place.
        limit: The largest norm.
    """
    most = np.float32(limit)
    norm = np.sqrt(np.sum([_squares(part) for part in parts]))
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = most * np.minimum(1 / norm, 1 / most) + (norm - norm)
    for part in parts:
        part.map_gradients(np.multiply, part.number(scale))
        part.forget_rows()  # Keras adds them up here


def clip_by_value(parts: Sequence[Part], limit: float) -> None:
    """Limits the absolute value of each element; of rows looked up, before they are added up.

    Args:
        parts: The gradients, which are changed in place.
        limit: The largest absolute value.
    """
    for part in parts:
        most = part.number(limit)
        part.map_gradients(np.minimum, most)
        part.map_gradients(np.maximum, -most)
        part.add_up_rows()


def _squares(part: Part) -> Any:
    """Sum of the squares of the gradients; of rows looked up, of each look-up."""
    total = np.dot(part.g, part.g)
    for span, row in part.rows():
        total += np.sum(np.square(row.values)) - np.dot(part.g[span], part.g[span])
    return total
