"""Global pooling: one value for each channel, over all of time, an image or a volume."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization
from rnnext.arrays import asarray
from rnnext.errors import ShapeError
from rnnext.graph.operation import MaskRule
from rnnext.layers.rearrangement import Rearrangement
from rnnext.layers.spatial import SpatialLayer, lowest

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import LayerOptions

__all__ = [
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "GlobalPooling",
]


class GlobalPooling(SpatialLayer):
    """Reduces all spatial axes: (B, *spatial, C) to (B, C).

    Args:
        data_format: "channels_last" (also None), (B, *spatial, C), or "channels_first".
        keepdims: Whether the spatial axes stay, with size 1.
        **kwargs: Arguments of `Layer`.

    Raises:
        UnsupportedError: For a value that is not accepted.
    """

    keepdims: bool

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)
        self._set_data_format(data_format)
        self._take(locals())

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns (B, C), with the spatial axes if they stay."""
        channels = self._channels_of(input_shape)
        if self.keepdims:
            return self._shape(input_shape[0], (1,) * self.rank, channels)
        return (input_shape[0], channels)


class _GlobalMaxPooling(Rearrangement, GlobalPooling):
    def call(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Returns the largest element of each channel; of no elements, the lowest number."""
        return asarray(
            np.max(
                inputs,
                axis=self._spatial_axes,
                keepdims=self.keepdims,
                initial=lowest(inputs.dtype),
            )
        )


class _GlobalAveragePooling(GlobalPooling):
    _casts_integers = True

    def call(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Returns the mean of each channel; of no elements, NaN."""
        return self._mean(inputs, math.prod(self._sizes_of(inputs.shape)))

    def _mean(self, x: NDArray[Any], count: Any) -> NDArray[Any]:
        # NumPy adds along these axes one element after the other: summed in double precision the
        # error does not grow with their length.
        with np.errstate(divide="ignore", invalid="ignore"):
            sums = np.sum(x, axis=self._spatial_axes, keepdims=self.keepdims, dtype=np.float64)
            means = asarray(sums / count)
            return means.astype(self.compute_dtype if x.dtype.kind == "b" else x.dtype)


@serialization.builtin("keras.layers")
class GlobalMaxPooling1D(_GlobalMaxPooling):
    """Largest element of each channel over time: (B, T, C) to (B, C).

    See `GlobalPooling` for the arguments. A mask does not count and does not pass it.

    Example:
        >>> from rnnext.layers import GlobalMaxPooling1D
        >>> GlobalMaxPooling1D()([[[1.0, 5.0], [3.0, 2.0]]])
        array([[3., 5.]], dtype=float32)
    """

    rank = 1


@serialization.builtin("keras.layers")
class GlobalMaxPooling2D(_GlobalMaxPooling):
    """Largest element of each channel of an image: (B, height, width, C) to (B, C).

    See `GlobalPooling` for the arguments.
    """

    rank = 2


@serialization.builtin("keras.layers")
class GlobalMaxPooling3D(_GlobalMaxPooling):
    """Largest element of each channel of a volume: (B, depth, height, width, C) to (B, C).

    See `GlobalPooling` for the arguments.
    """

    rank = 3


@serialization.builtin("keras.layers")
class GlobalAveragePooling1D(_GlobalAveragePooling):
    """Mean of each channel over the time steps that are not masked: (B, T, C) to (B, C).

    See `GlobalPooling` for the arguments. What padded steps hold does not matter, NaN included.
    Where all steps are masked, the mean is NaN, as in Keras. The mask ends here.

    Call arguments:
        inputs: (B, T, C), or (B, C, T) with channels first.
        mask: None or (B, T).

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import GlobalAveragePooling1D
        >>> x = np.array([[[1.0], [2.0], [6.0]]])
        >>> GlobalAveragePooling1D()(x, mask=np.array([[True, True, False]]))
        array([[1.5]], dtype=float32)
    """

    _mask_rule = MaskRule.COMPUTE

    rank = 1

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(data_format, keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs: NDArray[Any], mask: Any = None) -> NDArray[Any]:
        """Returns the means."""
        if mask is None:
            return super().call(inputs)
        mask = asarray(mask, bool)
        (time,) = self._spatial_axes
        expected = (len(inputs), inputs.shape[time])
        if mask.shape != expected:
            raise ShapeError(
                f"{self.label}: expected a mask of shape {expected} (batch, time), received "
                f"{mask.shape}."
            )
        mask = np.expand_dims(mask, 3 - time)
        counts = np.sum(mask, axis=time, keepdims=self.keepdims)
        return self._mean(np.where(mask, inputs, inputs.dtype.type(0)), counts)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:  # noqa: ARG002
        """Returns None."""
        return


@serialization.builtin("keras.layers")
class GlobalAveragePooling2D(_GlobalAveragePooling):
    """Mean of each channel of an image: (B, height, width, C) to (B, C).

    See `GlobalPooling` for the arguments.
    """

    rank = 2


@serialization.builtin("keras.layers")
class GlobalAveragePooling3D(_GlobalAveragePooling):
    """Mean of each channel of a volume: (B, depth, height, width, C) to (B, C).

    See `GlobalPooling` for the arguments.
    """

    rank = 3
