"""The data that `adapt` of a layer learns from."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from rnnext.errors import DataError, UnsupportedError

__all__ = ["batches_of"]


def batches_of(data: Any, steps: int | None, label: str) -> Iterator[Any] | None:
    """Returns an iterator over batches, or None if `data` is not iterated over: an array.

    Args:
        data: An array, a list, or anything with `__array__`; or an iterable of batches. Of a batch
            that is a tuple, inputs and targets, the first part counts.
        steps: How many batches to take; None: all.
        label: How error messages call the layer.

    Raises:
        DataError: If `data` is neither.
        UnsupportedError: If there are `steps`, and no batches.
    """
    is_array = isinstance(data, (str, bytes, list, tuple, np.ndarray)) or (
        hasattr(data, "__array__") and hasattr(data, "shape")
    )
    if is_array:
        if steps is not None:
            raise UnsupportedError(
                f"{label}: adapt with steps={steps!r} needs batches, not an array."
            )
        return None
    if not hasattr(data, "__iter__"):
        raise DataError(
            f"{label}: adapt expects an array or batches of arrays, received "
            f"{type(data).__name__!r}."
        )
    return (batch[0] if isinstance(batch, tuple) else batch for batch in islice(data, steps))
