"""Concatenate: several inputs one behind the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import ops, serialization
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.graph.operation import MaskRule
from rnnext.graph.streaming import Streamed, StreamedCall
from rnnext.graph.tensor import KerasTensor
from rnnext.layers.merging.merging import Arrays, Merge
from rnnext.ops.shapes import concatenated, shape_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import LayerOptions

__all__ = ["Concatenate", "concatenate"]


@serialization.builtin("keras.layers")
class Concatenate(Merge):
    """Puts the inputs one behind the other along an axis.

    The output has a mask if an input has one; the steps of the others all count.

    Args:
        axis: Which axis; 0 is the batch.
        **kwargs: Arguments of `Layer`.

    Call arguments:
        inputs: List of arrays that differ at most in the size of this axis.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import Concatenate
        >>> Concatenate()([np.array([[1.0, 2.0]]), np.array([[3.0]])])
        array([[1., 2., 3.]], dtype=float32)
    """

    axis: int

    _mask_rule = MaskRule.COMPUTE

    def __init__(self, axis: int = -1, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        if isinstance(axis, bool) or not isinstance(axis, (int, np.integer)):
            raise UnsupportedError(f"{self.label}: axis must be an integer, received {axis!r}.")
        axis = int(axis)
        self._take(locals())

    def call(self, inputs: Any) -> NDArray[Any]:
        """Returns the concatenated array."""
        return self._merged(self._of_one_dtype(self._checked_list(inputs, "inputs")))

    def streamed(self, call: StreamedCall) -> Streamed:
        """Says how a call on sequences is streamed."""
        call.only_sequences()
        return call.per_step((self.axis,), f"axis={self.axis}")

    def _merge(self, arrays: Arrays) -> NDArray[Any]:
        return np.concatenate(arrays, axis=self.axis)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shape with the sizes along the axis added up."""
        shapes = self._checked_shapes(input_shape)
        try:
            sizes = concatenated([KerasTensor(shape) for shape in shapes], self.axis)
        except ShapeError as error:
            raise ShapeError(f"{self.label}: {error}") from error
        # As Keras says it: the sizes of the first input, but along the axis.
        along = self.axis % len(sizes)
        return (*shapes[0][:along], sizes[along], *shapes[0][along + 1 :])

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Returns the concatenated masks without their last axis, or None if no input has one."""
        if mask is None:
            return None
        masks = self._checked_masks(inputs, mask)
        if all(mask is None for mask in masks):
            return None
        # These operations, in this order, are what Keras writes into the graph of a model.
        full = []
        for x, mask in zip(inputs, masks, strict=True):
            if mask is None:
                full.append(ops.ones_like(x, dtype="bool"))
                continue
            missing_axes = len(shape_of(x)) - len(shape_of(mask))
            for _ in range(missing_axes):
                mask = ops.expand_dims(mask, axis=-1)
            if missing_axes:
                mask = ops.logical_or(mask, ops.zeros_like(x, dtype="bool"))
            full.append(mask)
        join = ops.all if self.quirks.all_masks_must_hold else ops.any
        return join(ops.concatenate(full, axis=self.axis), axis=-1)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """Returns `Concatenate(axis, **kwargs)(inputs)`."""
    return Concatenate(axis=axis, **kwargs)(inputs)
