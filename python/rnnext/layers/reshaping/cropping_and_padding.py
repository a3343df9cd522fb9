"""Cropping and zero padding: layers that take away from the borders or add to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization
from rnnext.arrays import cast
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.graph.recording import Pullback, Recording
from rnnext.layers.input_spec import InputSpec
from rnnext.layers.integer_options import integers
from rnnext.layers.rearrangement import Rearrangement
from rnnext.layers.spatial import SpatialLayer

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import LayerOptions

__all__ = [
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
]


class _BorderLayer(Rearrangement, SpatialLayer):
    """Base class: how many elements there are before and after each spatial axis."""

    def _borders(self, value: Any, option: str) -> tuple[Any, ...]:
        """An option in Keras's form: (before, after) in 1D, such a pair for each axis otherwise."""
        if self.rank == 1:
            return integers(value, 2, option, self.label, least=0)
        entries = list(value) if isinstance(value, (list, tuple)) else [value] * self.rank
        if len(entries) != self.rank:
            raise UnsupportedError(
                f"{self.label}: {option} must be an integer, {self.rank} integers, or {self.rank} "
                f"pairs (before, after), received {value!r}."
            )
        return tuple(integers(entry, 2, option, self.label, least=0) for entry in entries)

    def _pairs(self, borders: tuple[Any, ...]) -> tuple[tuple[int, int], ...]:
        return (borders,) if self.rank == 1 else borders


class Cropping(_BorderLayer):
    """Takes elements away at both ends of the spatial axes. A mask does not pass it.

    Args:
        cropping: How many: one number for all ends, one for each axis, or a pair (before, after)
            for each axis. In 1D, two numbers are the pair.
        data_format: "channels_last" (also None) or "channels_first"; not in 1D.
        **kwargs: Arguments of `Layer`.

    Raises:
        UnsupportedError: If `cropping` is not of this form or has a number below 0.
        ShapeError: If nothing would be left of an axis.
    """

    cropping: tuple[Any, ...]

    def call(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Returns the cropped input, row-major."""
        self.compute_output_shape(inputs.shape)
        index = [slice(None)] * inputs.ndim
        for axis, (before, after) in zip(
            self._spatial_axes, self._pairs(self.cropping), strict=True
        ):
            index[axis] = slice(before, inputs.shape[axis] - after)
        return cast(inputs[tuple(index)], inputs.dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the cropped shape."""
        sizes = [
            None if size is None else size - before - after
            for size, (before, after) in zip(
                self._sizes_of(input_shape), self._pairs(self.cropping), strict=True
            )
        ]
        if any(size is not None and size <= 0 for size in sizes):
            raise ShapeError(
                f"{self.label}: cropping {self.cropping} leaves nothing of an input of shape "
                f"{tuple(input_shape)}."
            )
        return self._shape(input_shape[0], sizes, self._channels_of(input_shape))


@serialization.builtin("keras.layers")
class Cropping1D(Cropping):
    """Takes time steps away at both ends of (B, T, C). A mask does not pass it.

    Args:
        cropping: How many at each end: a number, or a pair (before, after).
        **kwargs: Arguments of `Layer`.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import Cropping1D
        >>> Cropping1D((1, 2))(np.zeros((5, 10, 3))).shape
        (5, 7, 3)
    """

    rank = 1

    def __init__(self, cropping: Any = (1, 1), **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        cropping = self._borders(cropping, "cropping")
        self._take(locals())
        self.input_spec = InputSpec(ndim=3, meaning=self._meaning)


@serialization.builtin("keras.layers")
class Cropping2D(Cropping):
    """Takes elements away at both ends of the spatial axes of (B, height, width, C).

    See `Cropping` for the arguments.
    """

    rank = 2

    def __init__(
        self,
        cropping: Any = ((0, 0), (0, 0)),
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self._set_data_format(data_format)
        cropping = self._borders(cropping, "cropping")
        self._take(locals())


@serialization.builtin("keras.layers")
class Cropping3D(Cropping):
    """Takes elements away at both ends of the spatial axes of (B, depth, height, width, C).

    See `Cropping` for the arguments.
    """

    rank = 3

    def __init__(
        self,
        cropping: Any = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self._set_data_format(data_format)
        cropping = self._borders(cropping, "cropping")
        self._take(locals())


class ZeroPadding(_BorderLayer):
    """Adds zeros at both ends of the spatial axes. A mask does not pass it.

    Args:
        padding: How many: one number for all ends, one for each axis, or a pair (before, after)
            for each axis. In 1D, two numbers are the pair.
        data_format: "channels_last" (also None) or "channels_first".
        **kwargs: Arguments of `Layer`.

    Raises:
        UnsupportedError: If `padding` is not of this form or has a number below 0.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import ZeroPadding2D
        >>> ZeroPadding2D((1, 2))(np.ones((5, 4, 4, 3))).shape
        (5, 6, 8, 3)
    """

    padding: Any

    def __init__(
        self, padding: Any = 1, data_format: str | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)
        self._set_data_format(data_format)
        padding = self._borders(padding, "padding")
        self._take(locals())

    def call(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Returns the padded input."""
        padded = np.zeros(self.compute_output_shape(inputs.shape), inputs.dtype)
        padded[self._inside(inputs.shape)] = inputs
        return padded

    def _inside(self, input_shape: Any) -> tuple[slice, ...]:
        """Where the input is in the output."""
        index = [slice(None)] * len(input_shape)
        for axis, (before, _) in zip(self._spatial_axes, self._pairs(self.padding), strict=True):
            index[axis] = slice(before, before + input_shape[axis])
        return tuple(index)

    def record(
        self,
        recording: Recording,  # noqa: ARG002
        inputs: NDArray[Any],
    ) -> tuple[Any, Pullback]:
        """Pads; the gradient is that of the elements inside."""
        inside = self._inside(inputs.shape)
        outputs = self.cast_outputs(ZeroPadding.call(self, inputs))
        return outputs, lambda d_outputs: [d_outputs[0][inside]]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the padded shape."""
        sizes = [
            None if size is None else size + before + after
            for size, (before, after) in zip(
                self._sizes_of(input_shape), self._pairs(self.padding), strict=True
            )
        ]
        return self._shape(input_shape[0], sizes, self._channels_of(input_shape))


@serialization.builtin("keras.layers")
class ZeroPadding1D(ZeroPadding):
    """Adds zero time steps before and after (B, T, C).

    See `ZeroPadding` for the arguments.
    """

    rank = 1


@serialization.builtin("keras.layers")
class ZeroPadding2D(ZeroPadding):
    """Adds zeros at both ends of the spatial axes of (B, height, width, C).

    See `ZeroPadding` for the arguments.
    """

    rank = 2


@serialization.builtin("keras.layers")
class ZeroPadding3D(ZeroPadding):
    """Adds zeros at both ends of the spatial axes of (B, depth, height, width, C).

    See `ZeroPadding` for the arguments.
    """

    rank = 3
