"""Reshape, Permute, RepeatVector: the same values under another shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization
from rnnext.arrays import cast
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.layers.input_spec import InputSpec
from rnnext.layers.integer_options import integer_tuple
from rnnext.layers.rearrangement import Rearrangement

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import LayerOptions

__all__ = ["Permute", "RepeatVector", "Reshape"]


@serialization.builtin("keras.layers")
class Reshape(Rearrangement):
    """Turns (B, ...) into `(B, *target_shape)`, in row-major order. A mask does not pass it.

    Args:
        target_shape: Sizes without the batch; one may be -1 and is computed from the others.
        **kwargs: Arguments of `Layer`.

    Raises:
        UnsupportedError: For a size below -1, or two of -1.
        ShapeError: When called on an input of another number of elements.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import Reshape
        >>> Reshape((-1, 2))(np.zeros((5, 6))).shape
        (5, 3, 2)
    """

    target_shape: Sequence[int]

    def __init__(self, target_shape: Sequence[int], **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        target_shape = integer_tuple(target_shape, "target_shape", self.label, least=-1)
        self._take(locals())
        if self.target_shape.count(-1) > 1:
            raise UnsupportedError(
                f"{self.label}: at most one size of target_shape may be -1, received "
                f"{self.target_shape}."
            )

    def call(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Returns `(B, *target_shape)`."""
        return inputs.reshape(self.compute_output_shape(inputs.shape))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns `(B, *target_shape)`, with None for -1 if it cannot be computed."""
        batch, *sizes = input_shape
        if None in sizes:
            return (batch, *(None if size == -1 else size for size in self.target_shape))
        available = math.prod(sizes)
        fixed = math.prod(size for size in self.target_shape if size != -1)
        if -1 in self.target_shape:
            missing, rest = divmod(available, fixed) if fixed else (0, 1)
            fits = rest == 0
        else:
            missing, fits = 0, available == fixed
        if not fits:
            raise ShapeError(
                f"{self.label}: target_shape {self.target_shape} cannot hold the {available} "
                f"elements of a sample of shape {tuple(sizes)}."
            )
        return (batch, *(missing if size == -1 else size for size in self.target_shape))


@serialization.builtin("keras.layers")
class Permute(Rearrangement):
    """Reorders the axes other than the batch. A mask does not pass it.

    Args:
        dims: For each axis of the output, which axis of the input it is, counted from 1.
        **kwargs: Arguments of `Layer`.

    Raises:
        UnsupportedError: If `dims` is not a permutation of 1, 2, ..., len(dims).

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import Permute
        >>> Permute((2, 1))(np.zeros((5, 10, 64))).shape
        (5, 64, 10)
    """

    dims: Sequence[int]

    def __init__(self, dims: Sequence[int], **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        dims = integer_tuple(dims, "dims", self.label, least=1)
        self._take(locals())
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise UnsupportedError(
                f"{self.label}: dims must be a permutation of 1, 2, ..., {len(self.dims)}, "
                f"received {self.dims}."
            )
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Returns the input with its axes reordered, row-major in the new order."""
        return cast(inputs.transpose(0, *self.dims), inputs.dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the sizes reordered."""
        return (input_shape[0], *(input_shape[axis] for axis in self.dims))


@serialization.builtin("keras.layers")
class RepeatVector(Rearrangement):
    """Turns (B, D) into (B, n, D): a vector for each of n time steps.

    Args:
        n: How often, at least 1.
        **kwargs: Arguments of `Layer`.

    Raises:
        UnsupportedError: If `n` is not an integer of at least 1.

    Example:
        >>> from rnnext.layers import RepeatVector
        >>> RepeatVector(2)([[1.0, 2.0]])
        array([[[1., 2.],
                [1., 2.]]], dtype=float32)
    """

    n: int

    def __init__(self, n: int, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self._take(locals())
        self.input_spec = InputSpec(ndim=2, meaning="(batch, features)")

    def call(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Returns (B, n, D)."""
        return np.repeat(inputs[:, np.newaxis], self.n, axis=1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns (B, n, D)."""
        return (input_shape[0], self.n, input_shape[1])
