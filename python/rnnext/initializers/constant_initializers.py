"""Initializers that draw nothing: fixed values and the identity."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization, settings
from rnnext.errors import ShapeError
from rnnext.initializers.base import Initializer, Shape

__all__ = ["Constant", "Identity", "Ones", "Zeros"]


@serialization.builtin("keras.initializers")
class Zeros(Initializer):
    """All zeros."""

    def __call__(self, shape: Shape, dtype: Any = None) -> NDArray[Any]:
        """Returns an array of this shape and dtype."""
        return np.zeros(shape, dtype or settings.floatx())


@serialization.builtin("keras.initializers")
class Ones(Initializer):
    """All ones."""

    def __call__(self, shape: Shape, dtype: Any = None) -> NDArray[Any]:
        """Returns an array of this shape and dtype."""
        return np.ones(shape, dtype or settings.floatx())


@serialization.builtin("keras.initializers")
class Constant(Initializer):
    """One value everywhere."""

    def __init__(self, value: float = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Shape, dtype: Any = None) -> NDArray[Any]:
        """Returns an array of this shape and dtype."""
        return np.full(shape, self.value, dtype or settings.floatx())

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {"value": self.value}


@serialization.builtin("keras.initializers")
class Identity(Initializer):
    """The identity matrix times `gain`; two-dimensional shapes only."""

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Shape, dtype: Any = None) -> NDArray[Any]:
        """Returns an array of this shape and dtype."""
        if len(shape) != 2:
            raise ShapeError(f"initializer Identity needs a shape of 2 axes, received {shape}.")
        return np.asarray(self.gain * np.eye(shape[0], shape[1]), dtype or settings.floatx())

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {"gain": self.gain}
