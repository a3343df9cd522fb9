"""Updates that are compiled: weights, gradients and slots are read and written once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.optimizers.memory import Part

__all__ = ["number_of", "update"]


def number_of(part: Part) -> Any:
    """Returns the type of the numbers that a part is computed in."""
    return part.number if part.number in (np.float32, np.float64) else np.float32


def update(
    kernel: Callable[..., None],
    part: Part,
    slots: Sequence[NDArray[Any] | None],
    *numbers: Any,
    uses_squares: bool = True,
) -> None:
    """Changes the weights and the slots of a part.

    Weights in half precision are computed in float32, and rounded once.

    Args:
        kernel: A function of `rnnext._core`, e.g. `update_adam`.
        part: The part. Its weights are computed from `part.before`.
        slots: The slots, None for one that is not kept.
        *numbers: What the kernel takes after them.
        uses_squares: Whether it reads the squares of the gradients.
    """
    arrays = part.fused(uses_squares)
    if number_of(part) is part.number:
        kernel(*arrays, *slots, *numbers)
        return
    wide = [None if a is None else a.astype(np.float32) for a in (*arrays[:4], *slots)]
    kernel(*wide[:4], *arrays[4:], *wide[4:], *numbers)
    for narrow, computed in zip((part.w, *slots), (wide[1], *wide[4:]), strict=True):
        if narrow is not None and computed is not None:
            narrow[...] = computed
