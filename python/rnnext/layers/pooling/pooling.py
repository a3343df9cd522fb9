"""Max and average pooling over windows of 1, 2 or 3 axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from rnnext import serialization
from rnnext.errors import ShapeError
from rnnext.graph.recording import Pullback, Recording
from rnnext.layers.convolutional.windows import Windows
from rnnext.layers.integer_options import integers
from rnnext.layers.pooling.window_reductions import (
    LargestOfWindow,
    MeanOfWindow,
    WindowReduction,
)
from rnnext.layers.rearrangement import Rearrangement
from rnnext.layers.spatial import SpatialLayer, standard_padding

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import SizeOption, UnnamedOptions

__all__ = [
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Pooling",
]


class Pooling(SpatialLayer):
    """Reduces the elements of each window to one, channel by channel. A mask does not pass it.

    Args:
        pool_size: Size of a window: a number, or one for each axis.
        strides: From one window to the next; by default `pool_size`.
        padding: "valid": only whole windows; "same": also windows that reach over the borders,
            where only the elements inside count.
        data_format: "channels_last" (also None), `(B, *spatial, C)`, or "channels_first".
        name: Name of the layer.
        **kwargs: Arguments of `Layer`.

    Raises:
        UnsupportedError: For a value that is not accepted.
        ShapeError: If the padding is "valid" and no window fits into the input.
    """

    _reduction: type[WindowReduction]
    pool_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: str

    def __init__(
        self,
        pool_size: SizeOption = 2,
        strides: SizeOption | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Unpack[UnnamedOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self._set_data_format(data_format)
        strides = pool_size if strides is None else strides
        pool_size = integers(pool_size, self.rank, "pool_size", self.label)
        strides = integers(strides, self.rank, "strides", self.label)
        padding = standard_padding(padding, ("valid", "same"), self.label)
        self._keep_options({"pool_size": pool_size, "padding": padding, "strides": strides})
        self._windows = Windows(self.pool_size, self.strides, (1,) * self.rank, self.padding)
        self._reduce = self._reduction(self._windows)

    def call(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Returns the reduced windows, in the input's data format."""
        counts: Any = self._window_counts(inputs.shape)
        return self._from_channels_last(self._reduce(self._to_channels_last(inputs), counts))

    def record(
        self,
        recording: Recording,  # noqa: ARG002
        inputs: NDArray[Any],
    ) -> tuple[NDArray[Any], Pullback]:
        """Pools so that it can be reversed."""
        outputs = Pooling.call(self, inputs)

        def pullback(d_outputs: list[Any]) -> list[Any]:
            x, y, d = (self._to_channels_last(a) for a in (inputs, outputs, d_outputs[0]))
            return [self._from_channels_last(self._reduce.gradient(x, y, d))]

        return self.cast_outputs(outputs), pullback

    def _window_counts(self, input_shape: Any) -> tuple[int | None, ...]:
        """The spatial sizes of the output."""
        counts = self._windows.counts(self._sizes_of(input_shape))
        least = 1 if self.padding == "valid" else 0
        if any(count is not None and count < least for count in counts):
            raise ShapeError(
                f"{self.label}: no window of pool_size {self.pool_size} fits into an input of "
                f"shape {tuple(input_shape)}."
            )
        return counts

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shape with the number of windows in place of the spatial sizes."""
        counts = self._window_counts(input_shape)
        return self._shape(input_shape[0], counts, self._channels_of(input_shape))


class _MaxPooling(Rearrangement, Pooling):
    _reduction = LargestOfWindow


class _AveragePooling(Pooling):
    _casts_integers = True
    _reduction = MeanOfWindow


@serialization.builtin("keras.layers")
class MaxPooling1D(_MaxPooling):
    """Largest element of each window of time steps: (B, T, C) to (B, windows, C).

    See `Pooling` for the arguments.

    Example:
        >>> from rnnext.layers import MaxPooling1D
        >>> MaxPooling1D(2)([[[1.0], [3.0], [2.0], [5.0]]])[0, :, 0]
        array([3., 5.], dtype=float32)
    """

    rank = 1


@serialization.builtin("keras.layers")
class MaxPooling2D(_MaxPooling):
    """Largest element of each window of images: (B, height, width, C) to (B, down, across, C).

    See `Pooling` for the arguments.
    """

    rank = 2


@serialization.builtin("keras.layers")
class MaxPooling3D(_MaxPooling):
    """Largest element of each window of volumes: `(B, *sizes, C)` to `(B, *windows, C)`.

    See `Pooling` for the arguments.
    """

    rank = 3


@serialization.builtin("keras.layers")
class AveragePooling1D(_AveragePooling):
    """Mean of each window of time steps: (B, T, C) to (B, windows, C).

    See `Pooling` for the arguments.

    Example:
        >>> from rnnext.layers import AveragePooling1D
        >>> AveragePooling1D(2)([[[1.0], [3.0], [2.0], [5.0]]])[0, :, 0]
        array([2. , 3.5], dtype=float32)
    """

    rank = 1


@serialization.builtin("keras.layers")
class AveragePooling2D(_AveragePooling):
    """Mean of each window of images: (B, height, width, C) to (B, down, across, C).

    See `Pooling` for the arguments.
    """

    rank = 2


@serialization.builtin("keras.layers")
class AveragePooling3D(_AveragePooling):
    """Mean of each window of volumes: `(B, *sizes, C)` to `(B, *windows, C)`.

    See `Pooling` for the arguments.
    """

    rank = 3
