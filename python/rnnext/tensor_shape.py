"""Sizes of an array, with what TensorFlow's `TensorShape` can do."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

__all__ = ["TensorShape"]


class TensorShape(tuple[Any, ...]):
    """A tuple of sizes, None for one that is not known; `x.get_shape()` returns one.

    Args:
        dims: The sizes.

    Example:
        >>> shape = TensorShape([None, 3])
        >>> shape.as_list(), shape.rank, shape == (None, 3)
        ([None, 3], 2, True)
    """

    def __new__(cls, dims: Iterable[Any] = ()) -> TensorShape:
        """Makes the tuple."""
        return super().__new__(cls, (None if n is None else int(n) for n in dims))

    @property
    def rank(self) -> int:
        """How many axes there are."""
        return len(self)

    @property
    def ndims(self) -> int:
        """The same as `rank`."""
        return len(self)

    def as_list(self) -> list[Any]:
        """Returns the sizes as a list."""
        return list(self)

    def is_fully_defined(self) -> bool:
        """Tells whether all sizes are known."""
        return None not in self

    def num_elements(self) -> int | None:
        """Returns the product of the sizes; None if one is not known."""
        return math.prod(self) if self.is_fully_defined() else None
