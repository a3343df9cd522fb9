"""What a layer expects of the shape of its input."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnext import nest
from rnnext.errors import ShapeError
from rnnext.graph.tensor import standard_shape

__all__ = ["InputSpec", "check_inputs"]


class InputSpec:
    """Rank and sizes that an input must have.

    Args:
        dtype: Accepted for Keras's signature; inputs are cast, so it is not checked.
        shape: Sizes, None where any size will do.
        ndim: Number of axes.
        max_ndim: Largest number of axes.
        min_ndim: Smallest number of axes.
        axes: Size by axis.
        name: Name of the input.
        meaning: What the axes are, for error messages, e.g. `"(batch, time, features)"`.
        advice: What to do if an input has fewer axes, for error messages; a sentence.
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: Any = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int | None] | None = None,
        name: str | None = None,
        meaning: str = "",
        advice: str = "",
    ) -> None:
        self.dtype = dtype
        self.shape = None if shape is None else standard_shape(shape, "InputSpec")
        self.ndim = ndim if self.shape is None else len(self.shape)
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.axes = {int(axis): size for axis, size in (axes or {}).items()}
        self.name = name
        self.meaning = meaning
        self.advice = advice

    def __str__(self) -> str:
        parts = []
        if self.shape is not None:
            parts.append(f"shape {self.shape}")
        elif self.ndim is not None:
            parts.append(f"{self.ndim} axes")
        if self.min_ndim is not None:
            parts.append(f"at least {self.min_ndim} axes")
        if self.max_ndim is not None:
            parts.append(f"at most {self.max_ndim} axes")
        parts += [f"size {size} on axis {axis}" for axis, size in self.axes.items()]
        return " and ".join(parts) + (f" {self.meaning}" if self.meaning else "")

    def accepts(self, shape: tuple[int | None, ...]) -> bool:
        """Tells whether an input of this shape fits; None in `shape` fits any size."""
        rank = len(shape)
        if self.ndim is not None and rank != self.ndim:
            return False
        if not (self.min_ndim or 0) <= rank <= (rank if self.max_ndim is None else self.max_ndim):
            return False
        sizes = self.axes if self.shape is None else {**self.axes, **dict(enumerate(self.shape))}
        for axis, size in sizes.items():
            if not -rank <= axis < rank:
                return False
            if size is not None and shape[axis] is not None and shape[axis] != size:
                return False
        return True


def check_inputs(spec: Any, inputs: Any, label: str) -> None:
    """Checks the shapes of a layer's inputs.

    Args:
        spec: An `InputSpec`, a list of them (None in it: anything goes), or None.
        inputs: Arrays or symbolic tensors, nested like `spec`.
        label: How to call the layer in the message.

    Raises:
        ShapeError: Naming the layer, what it expects and what it received.
    """
    if spec is None:
        return
    if (
        isinstance(inputs, np.ndarray)
        and isinstance(spec, InputSpec)
        and spec.accepts(inputs.shape)
    ):
        return  # the common case, quickly told
    if isinstance(spec, InputSpec) and nest.is_nested(inputs):
        raise ShapeError(f"{label} expects one array, received a {type(inputs).__name__}.")
    specs, flat = nest.flatten(spec), nest.flatten(inputs)
    if len(specs) != len(flat):
        raise ShapeError(f"{label} expects {len(specs)} inputs, received {len(flat)}.")
    for one, x in zip(specs, flat, strict=True):
        if one is None or x is None:
            continue
        shape = getattr(x, "shape", None)
        if shape is None:
            raise ShapeError(f"{label} expects arrays or tensors, received {x!r}.")
        if not one.accepts(tuple(shape)):
            too_few = len(shape) < (one.ndim or one.min_ndim or 0)
            raise ShapeError(
                f"{label} expects an input with {one}, received shape {tuple(shape)}."
                + (f" {one.advice}" if one.advice and too_few else "")
            )
