"""What an initializer is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from rnnext.autodiff.watchable import with_numpy

__all__ = ["Initializer", "Shape"]

Shape = Sequence[int]


class Initializer:
    """Base class: a callable `(shape, dtype=None) -> array`; its arrays have `numpy()`."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__call__" in vars(cls):
            cls.__call__ = with_numpy(cls.__call__)  # type: ignore[method-assign]

    def __call__(self, shape: Shape, dtype: Any = None) -> NDArray[Any]:
        """Returns an array of this shape and dtype (default: the default float type)."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {}

    def clone(self) -> Initializer:
        """Returns another initializer of the same options, which draws the same numbers."""
        return type(self).from_config(self.get_config())

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Initializer:
        """Makes the initializer that `get_config` described."""
        return cls(**config)
