"""UpSampling1D, UpSampling2D, UpSampling3D: more elements along the spatial axes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization
from rnnext.arrays import asarray
from rnnext.errors import DataError, UnsupportedError
from rnnext.layers.input_spec import InputSpec
from rnnext.layers.integer_options import integers, positive_integer
from rnnext.layers.rearrangement import Rearrangement
from rnnext.layers.spatial import SpatialLayer

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import LayerOptions

__all__ = ["UpSampling1D", "UpSampling2D", "UpSampling3D"]

Array = NDArray[np.float64]


class _UpSampling(Rearrangement, SpatialLayer):
    """Base class: a whole factor for each spatial axis. A mask does not pass it."""

    _factors: tuple[int, ...]

    def call(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Returns every element repeated along each spatial axis."""
        outputs = inputs
        for axis, factor in zip(self._spatial_axes, self._factors, strict=True):
            outputs = np.repeat(outputs, factor, axis=axis)
        return outputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shape with the spatial sizes multiplied."""
        sizes = [
            None if size is None else size * factor
            for size, factor in zip(self._sizes_of(input_shape), self._factors, strict=True)
        ]
        return self._shape(input_shape[0], sizes, self._channels_of(input_shape))


@serialization.builtin("keras.layers")
class UpSampling1D(_UpSampling):
    """Repeats every time step: (B, T, C) becomes (B, size * T, C). A mask does not pass it.

    Args:
        size: How often, at least 1.
        **kwargs: Arguments of `Layer`.

    Raises:
        UnsupportedError: If `size` is not an integer of at least 1.

    Example:
        >>> from rnnext.layers import UpSampling1D
        >>> UpSampling1D(2)([[[1.0], [2.0]]])[0, :, 0]
        array([1., 1., 2., 2.], dtype=float32)
    """

    size: int

    rank = 1

    def __init__(self, size: int = 2, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        size = positive_integer(size, "size", self.label)
        self._take(locals())
        self._factors = (self.size,)
        self.input_spec = InputSpec(ndim=3, meaning=self._meaning)


@serialization.builtin("keras.layers")
class UpSampling2D(_UpSampling):
    """Makes images larger by whole factors. A mask does not pass it.

    The interpolations are those of `tf.image.resize`, on pixels that have their centre at half
    coordinates.

    Args:
        size: Factor of the height and of the width: a number, or one for each.
        data_format: "channels_last" (also None), (B, height, width, C), or "channels_first".
        interpolation: "nearest" or "area" (both repeat pixels), "bilinear", "bicubic",
            "lanczos3" or "lanczos5".
        **kwargs: Arguments of `Layer`.

    Raises:
        UnsupportedError: For another interpolation or a size below 1.
        DataError: When called on integers with an interpolation that does not repeat pixels.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import UpSampling2D
        >>> image = np.array([[0.0, 4.0]]).reshape(1, 1, 2, 1)
        >>> UpSampling2D((1, 2), interpolation="bilinear")(image)[0, 0, :, 0]
        array([0., 1., 3., 4.], dtype=float32)
    """

    interpolation: str

    rank = 2

    def __init__(
        self,
        size: Any = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self._set_data_format(data_format)
        size = self._factors = integers(size, 2, "size", self.label)
        accepted = sorted([*_REPEATING, *_KERNELS])
        if str(interpolation).lower() not in accepted:
            raise UnsupportedError(
                f"{self.label}: interpolation must be one of {accepted}, received "
                f"{interpolation!r}."
            )
        interpolation = interpolation.lower()
        self._take(locals())

    def call(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Returns the larger images."""
        if self.interpolation in _REPEATING:
            return super().call(inputs)
        if inputs.dtype.kind != "f":
            raise DataError(
                f"{self.label}: interpolation {self.interpolation!r} is for floating-point "
                f"images, received {inputs.dtype}; use 'nearest'."
            )
        outputs = inputs
        for axis, factor in zip(self._spatial_axes, self._factors, strict=True):
            outputs = _interpolated(outputs, axis, factor, self.interpolation)
        return outputs


@serialization.builtin("keras.layers")
class UpSampling3D(_UpSampling):
    """Repeats the elements of volumes. A mask does not pass it.

    Args:
        size: How often along depth, height and width: a number, or one for each.
        data_format: "channels_last" (also None), (B, depth, height, width, C), or
            "channels_first".
        **kwargs: Arguments of `Layer`.

    Raises:
        UnsupportedError: For a size below 1.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import UpSampling3D
        >>> UpSampling3D((1, 2, 3))(np.zeros((5, 2, 2, 2, 1))).shape
        (5, 2, 4, 6, 1)
    """

    rank = 3

    def __init__(
        self, size: Any = (2, 2, 2), data_format: str | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)
        self._set_data_format(data_format)
        size = self._factors = integers(size, 3, "size", self.label)
        self._take(locals())


# Interpolation -----------------------------------------------------------------------------------

# An output pixel of "area" lies within one input pixel when the factor is whole.
_REPEATING = ("nearest", "area")


def _triangle(distance: Array) -> Array:
    return 1 - distance


def _cubic(distance: Array) -> Array:
    """Keys' cubic convolution with a = -1/2 (Keys, 1981, equation 15)."""
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return np.where(distance <= 1, near, far)


def _lanczos(radius: int, distance: Array) -> Array:
    return asarray(np.sinc(distance) * np.sinc(distance / radius))


# name -> (how many pixels on each side count, their weight by distance)
_KERNELS: dict[str, tuple[int, Callable[[Array], Array]]] = {
    "bilinear": (1, _triangle),
    "bicubic": (2, _cubic),
    "lanczos3": (3, functools.partial(_lanczos, 3)),
    "lanczos5": (5, functools.partial(_lanczos, 5)),
}
# tf.image.resize looks bicubic weights up in a table of so many positions between two pixels.
_BICUBIC_POSITIONS = 1024


@functools.lru_cache(maxsize=64)
def _taps(length: int, factor: int, interpolation: str) -> tuple[NDArray[np.intp], Array]:
    """Which pixels an output pixel is made of: indices and weights, both (taps, output length)."""
    radius, kernel = _KERNELS[interpolation]
    center = (np.arange(length * factor) + 0.5) / factor - 0.5
    left = np.floor(center)
    fraction = center - left
    if interpolation == "bicubic":
        fraction = np.rint(fraction * _BICUBIC_POSITIONS) / _BICUBIC_POSITIONS
    offsets = np.arange(1 - radius, radius + 1)[:, np.newaxis]
    weights = kernel(np.abs(fraction - offsets))
    indices = left.astype(np.intp) + offsets
    inside = (indices >= 0) & (indices < length)
    weights = np.where(inside, weights, 0)
    return indices.clip(0, length - 1), weights / weights.sum(axis=0)


def _interpolated(x: NDArray[Any], axis: int, factor: int, interpolation: str) -> NDArray[Any]:
    """Makes one axis `factor` times as long."""
    indices, weights = _taps(x.shape[axis], factor, interpolation)
    weights = weights.astype(x.dtype).reshape(len(weights), -1, *[1] * (x.ndim - 1 - axis))
    with np.errstate(over="ignore", invalid="ignore"):
        return asarray(sum(x.take(i, axis=axis) * w for i, w in zip(indices, weights, strict=True)))
