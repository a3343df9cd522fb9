"""Sizes of an array, with what TensorFlow's `TensorShape` can do."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from rnnext.errors import UnsupportedError

__all__ = ["TensorShape"]


class TensorShape(tuple[Any, ...]):
    """A tuple of sizes, None for one that is not known; `x.get_shape()` returns one.

    Args:
        dims: The sizes, or one size.

    Raises:
        UnsupportedError: If it is None, a shape with any number of axes.

    Example:
        >>> shape = TensorShape([None, 3])
        >>> shape.as_list(), shape.rank, shape[1], shape == (None, 3)
        ([None, 3], 2, 3, True)
    """

    __slots__ = ()

    def __new__(cls, dims: Iterable[int | None] | int | None) -> TensorShape:
        """Makes the tuple."""
        if dims is None:
            raise UnsupportedError(
                "TensorShape: dims must be the sizes of the axes, received None; the number of "
                "axes of an array is always known here."
            )
        sizes: Any = dims if isinstance(dims, Iterable) else (dims,)
        return super().__new__(cls, (None if n is None else int(n) for n in sizes))

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self)

    ndims = rank

    @property
    def dims(self) -> list[int | None]:
        """The sizes."""
        return list(self)

    def as_list(self) -> list[int | None]:
        """Returns the sizes as a list."""
        return list(self)

    def concatenate(self, other: Iterable[int | None]) -> TensorShape:
        """Returns this shape followed by another one."""
        return TensorShape((*self, *other))

    def is_fully_defined(self) -> bool:
        """Returns whether no size is None."""
        return None not in self

    def num_elements(self) -> int | None:
        """Returns how many elements an array has, or None if a size is None."""
        return math.prod(self) if self.is_fully_defined() else None

    def is_compatible_with(self, other: Iterable[int | None]) -> bool:
        """Returns whether an array can have both shapes."""
        others = tuple(other)
        return len(self) == len(others) and all(
            a is None or b is None or a == b for a, b in zip(self, others, strict=True)
        )

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        return TensorShape(found) if isinstance(index, slice) else found

    def __repr__(self) -> str:
        return f"TensorShape({list(self)})"
