"""Adaptive pooling: windows whose sizes follow from how many there shall be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization
from rnnext.errors import ShapeError
from rnnext.layers.integer_options import integers
from rnnext.layers.spatial import SpatialLayer

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import LayerOptions

__all__ = [
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
    "AdaptivePooling",
]


class AdaptivePooling(SpatialLayer):
    """Reduces windows of which there are as many along an axis as `output_size` says.

    Window i of n over an axis of size L is from `floor(i * L / n)` up to `ceil((i + 1) * L / n)`.

    Args:
        output_size: How many windows: a number, or one for each spatial axis.
        data_format: "channels_last" (also None), (B, *spatial, C), or "channels_first".
        **kwargs: Arguments of `Layer`.

    Raises:
        UnsupportedError: For an option that is not accepted.
        ShapeError: If a spatial axis is empty.
    """

    output_size: tuple[int, ...]

    def __init__(
        self, output_size: Any, data_format: str | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)
        output_size = integers(output_size, self.rank, "output_size", self.label)
        self._take(locals(), without=("data_format",))
        self._set_data_format(data_format)

    def call(self, inputs: NDArray[Any]) -> Any:
        """Returns the reduced windows."""
        if 0 in self._sizes_of(inputs.shape):
            raise ShapeError(f"{self.label}: an axis of the input {inputs.shape} is empty.")
        outputs: Any = inputs
        for axis, count in zip(self._spatial_axes, self.output_size, strict=True):
            size = outputs.shape[axis]
            windows = [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]
            parts = [
                self._reduced(outputs[(slice(None),) * axis + (slice(first, last),)], axis)
                for first, last in windows
            ]
            outputs = np.concatenate(parts, axis=axis)
        return outputs

    def _reduced(self, window: NDArray[Any], axis: int) -> Any:
        """A window reduced along an axis, which stays."""
        raise NotImplementedError

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shape of the reduced windows."""
        return self._shape(input_shape[0], self.output_size, self._channels_of(input_shape))


class _AdaptiveAveragePooling(AdaptivePooling):
    _casts_integers = True

    def _reduced(self, window: NDArray[Any], axis: int) -> Any:
        return np.mean(window, axis=axis, keepdims=True)


class _AdaptiveMaxPooling(AdaptivePooling):
    def _reduced(self, window: NDArray[Any], axis: int) -> Any:
        # Of equal elements the first one has the gradient, as in TensorFlow.
        return np.take_along_axis(window, np.argmax(window, axis=axis, keepdims=True), axis)


@serialization.builtin("keras.layers")
class AdaptiveAveragePooling1D(_AdaptiveAveragePooling):
    """Mean of each window of sequences: (B, T, C) to (B, output_size, C).

    See `AdaptivePooling` for the arguments.

    Example:
        >>> from rnnext.layers import AdaptiveAveragePooling1D
        >>> print(AdaptiveAveragePooling1D(2)([[[1.0], [2.0], [6.0]]])[0, :, 0])
        [1.5 4. ]
    """

    rank = 1


@serialization.builtin("keras.layers")
class AdaptiveAveragePooling2D(_AdaptiveAveragePooling):
    """Mean of each window of images (B, height, width, C); see `AdaptivePooling`."""

    rank = 2


@serialization.builtin("keras.layers")
class AdaptiveAveragePooling3D(_AdaptiveAveragePooling):
    """Mean of each window of volumes (B, depth, height, width, C); see `AdaptivePooling`."""

    rank = 3


@serialization.builtin("keras.layers")
class AdaptiveMaxPooling1D(_AdaptiveMaxPooling):
    """Largest element of each window of sequences: (B, T, C) to (B, output_size, C).

    See `AdaptivePooling` for the arguments.

    Example:
        >>> from rnnext.layers import AdaptiveMaxPooling1D
        >>> print(AdaptiveMaxPooling1D(2)([[[1.0], [2.0], [6.0]]])[0, :, 0])
        [2. 6.]
    """

    rank = 1


@serialization.builtin("keras.layers")
class AdaptiveMaxPooling2D(_AdaptiveMaxPooling):
    """Largest element of each window of images (B, height, width, C); see `AdaptivePooling`."""

    rank = 2


@serialization.builtin("keras.layers")
class AdaptiveMaxPooling3D(_AdaptiveMaxPooling):
    """Largest element of each window of volumes (B, depth, height, width, C)."""

    rank = 3
