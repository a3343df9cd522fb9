"""Keras operations that functional graphs record, beside layers.

Keras 3 writes the masks of a model into its graph as such operations.
"""

from __future__ import annotations

from typing import Any as AnyValue

import numpy as np
from numpy.typing import NDArray

from rnnext import nest, serialization
from rnnext.layers.symbolic import KerasTensor, Operation

__all__ = ["Any", "NotEqual"]

_MODULE = "keras.src.ops.numpy"


@serialization.builtin(_MODULE)
class NotEqual(Operation):
    """Elementwise `x1 != x2`."""

    reads_ids = True

    def call(self, x1: AnyValue, x2: AnyValue) -> NDArray[np.bool_]:
        """Compares with NumPy's broadcasting."""
        return np.asarray(np.not_equal(x1, x2))

    def compute_output_spec(self, x1: AnyValue, x2: AnyValue) -> KerasTensor:
        """Returns a boolean tensor."""
        shapes = [x.shape if isinstance(x, KerasTensor) else np.shape(x) for x in (x1, x2)]
        return KerasTensor(_broadcast(*shapes), "bool", self.name)


@serialization.builtin(_MODULE)
class Any(Operation):
    """Whether any element along `axis` is true."""

    def __init__(
        self, axis: AnyValue = None, keepdims: bool = False, name: str | None = None
    ) -> None:
        super().__init__(name)
        self.axis = tuple(axis) if nest.is_nested(axis) else axis
        self.keepdims = keepdims

    def call(self, x: AnyValue) -> NDArray[np.bool_]:
        """Reduces with NumPy."""
        return np.asarray(np.any(x, axis=self.axis, keepdims=self.keepdims))

    def compute_output_spec(self, x: KerasTensor) -> KerasTensor:
        """Returns a boolean tensor without the reduced axes."""
        rank = len(x.shape)
        axes = range(rank) if self.axis is None else np.atleast_1d(self.axis) % rank
        kept = [1 if i in axes else size for i, size in enumerate(x.shape)]
        if not self.keepdims:
            kept = [size for i, size in enumerate(x.shape) if i not in axes]
        return KerasTensor(kept, "bool", self.name)

    def get_config(self) -> dict[str, AnyValue]:
        """Returns the constructor's arguments."""
        return {"axis": self.axis, "keepdims": self.keepdims, "name": self.name}


def _broadcast(a: tuple[int | None, ...], b: tuple[int | None, ...]) -> list[int | None]:
    """Shape of an elementwise operation on shapes with unknown sizes."""
    length = max(len(a), len(b))
    pairs = zip((1,) * (length - len(a)) + a, (1,) * (length - len(b)) + b, strict=True)
    return [y if x == 1 else x for x, y in pairs]
