"""Dot: a dot product along one axis of each of two inputs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization
from rnnext.errors import ShapeError
from rnnext.graph.operation import MaskRule
from rnnext.graph.tensor import Shape
from rnnext.layers.integer_options import integers
from rnnext.layers.merging.merging import Merge
from rnnext.ops.normalization import by_norm

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import LayerOptions

__all__ = ["Dot", "dot"]

# A vector shorter than this is not stretched to length 1 (Keras's backend.epsilon()).
_SHORTEST = 1e-7


@serialization.builtin("keras.layers")
class Dot(Merge):
    """Sums the products of two inputs along one axis of each, for each sample.

    Of inputs (B, ..., D, ...) and (B, ..., D, ...) it makes (B, axes left of the first, axes left
    of the second), and (B, 1) if none is left. A mask does not pass it.

    Args:
        axes: The axis to sum over: one number for both inputs, or two. Not 0, the batch.
        normalize: Whether both inputs are first scaled to length 1 along their axis, so that the
            output is the cosine of the angle between them.
        **kwargs: Arguments of `Layer`.

    Call arguments:
        inputs: List of two arrays of at least two axes.

    Raises:
        UnsupportedError: If `axes` is not one or two integers.
        ShapeError: If the sizes along the axes differ.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import Dot
        >>> Dot(axes=(2, 1))([np.ones((1, 2, 3)), np.array([[1.0, 2.0, 3.0]])])
        array([[6., 6.]], dtype=float32)
    """

    axes: Any
    normalize: bool

    _mask_rule = MaskRule.COMPUTE

    _input_count = 2

    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        pair = integers(axes, 2, "axes", self.label, least=None)
        axes = list(pair) if isinstance(axes, (list, tuple)) else pair[0]
        self._take(locals())
        self._axis_pair = pair

    def call(self, inputs: Any) -> NDArray[Any]:
        """Returns (B, axes left of the first, axes left of the second)."""
        arrays = self._numbers(inputs)
        axes = self._checked_axes([x.shape for x in arrays])
        if self.normalize:
            pairs = zip(arrays, axes, strict=True)
            arrays = [by_norm(x, axis, epsilon=_SHORTEST) for x, axis in pairs]
        x = np.moveaxis(arrays[0], axes[0], -1)
        y = np.moveaxis(arrays[1], axes[1], 1)
        batch, depth = y.shape[:2]
        left, right = x.shape[1:-1], y.shape[2:]
        # One product of matrices per sample: a sample's bits do not depend on the others.
        with np.errstate(over="ignore", invalid="ignore"):
            product: NDArray[Any] = np.matmul(
                x.reshape(batch, math.prod(left), depth),
                y.reshape(batch, depth, math.prod(right)),
            )
        return product.reshape(batch, *((*left, *right) or (1,)))

    def _checked_axes(self, shapes: list[Shape]) -> tuple[int, int]:
        """The axes counted from 0, for inputs of these shapes."""
        for shape, axis in zip(shapes, self._axis_pair, strict=True):
            if not -len(shape) <= axis < len(shape) or axis % len(shape) == 0:
                raise ShapeError(
                    f"{self.label}: axes {self.axes} of inputs of shapes {shapes}; an axis other "
                    "than the batch is needed."
                )
        first, second = (a % len(s) for a, s in zip(self._axis_pair, shapes, strict=True))
        sizes = {shapes[0][first], shapes[1][second]} - {None}
        batches = {shapes[0][0], shapes[1][0]} - {None}
        if len(sizes) > 1 or len(batches) > 1:
            raise ShapeError(
                f"{self.label}: inputs of shapes {shapes} differ in size along axes {self.axes} "
                "or in the batch."
            )
        return first, second

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns (B, axes left of the first, axes left of the second)."""
        x, y = self._checked_shapes(input_shape)
        first, second = self._checked_axes([x, y])
        left = [size for axis, size in enumerate(x) if axis not in (0, first)]
        right = [size for axis, size in enumerate(y) if axis not in (0, second)]
        return (x[0] if y[0] is None else y[0], *((*left, *right) or (1,)))

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:  # noqa: ARG002
        """Returns None."""
        return


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Any:
    """Returns `Dot(axes, **kwargs)(inputs)`."""
    return Dot(axes=axes, **kwargs)(inputs)
