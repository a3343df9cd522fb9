"""Max and average pooling over windows of 1, 2 or 3 axes."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization
from rnnext.errors import ShapeError
from rnnext.graph.recording import Pullback, Recording
from rnnext.layers.convolutional.gradients import inner_part
from rnnext.layers.convolutional.windows import Windows, pad
from rnnext.layers.integer_options import integers
from rnnext.layers.rearrangement import Rearrangement
from rnnext.layers.spatial import SpatialLayer, lowest, standard_padding

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

    def call(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Returns the reduced windows, in the input's data format."""
        counts: Any = self._window_counts(inputs.shape)
        x = self._to_channels_last(inputs)
        if 0 in counts:
            return self._from_channels_last(x[(slice(None), *map(slice, counts))].copy())
        return self._from_channels_last(self._pooled(x, counts))

    def _pooled(self, x: NDArray[Any], counts: tuple[int, ...]) -> NDArray[Any]:
        """`(N, *spatial, C)` to `(N, *counts, C)`."""
        raise NotImplementedError

    def _combined(
        self, x: NDArray[Any], counts: tuple[int, ...], combine: np.ufunc, neutral: Any
    ) -> NDArray[Any]:
        """Combines the elements of each window; those beyond the borders are `neutral`.

        One pass over all windows for each of their elements. For windows of 2 to 25 elements that
        took half the time of NumPy's reduction over the last axes of a strided view; only windows
        of 7 x 7 took twice as long.
        """
        x = pad(x, self._windows.borders(x.shape[1:-1], counts), neutral)
        first, *others = (
            self._windows.elements(x, offset, counts)
            for offset in itertools.product(*map(range, self.pool_size))
        )
        if not others:
            return first.copy()
        output = np.empty(first.shape, x.dtype)  # row-major; order="C" takes twice as long
        combine(first, others[0], out=output)
        for elements in others[1:]:
            combine(output, elements, out=output)
        return output

    def record(
        self,
        recording: Recording,  # noqa: ARG002
        inputs: NDArray[Any],
    ) -> tuple[NDArray[Any], Pullback]:
        """Pools so that it can be reversed."""
        outputs = self.call(inputs)

        def pullback(d_outputs: list[Any]) -> list[Any]:
            x = self._to_channels_last(inputs)
            y = np.moveaxis(outputs, 1, -1) if self._channels_first else outputs
            d = np.moveaxis(d_outputs[0], 1, -1) if self._channels_first else d_outputs[0]
            counts = y.shape[1:-1]
            borders = self._windows.borders(x.shape[1:-1], counts)
            sizes = [
                n + before + after
                for n, (before, after) in zip(x.shape[1:-1], borders, strict=True)
            ]
            gradient = np.zeros((len(x), *sizes, x.shape[-1]), x.dtype)
            if y.size:
                self._spread(gradient, x, y, d)
            inner = inner_part(gradient, x.shape[1:-1], borders)
            return [self._from_channels_last(inner)]

        return self.cast_outputs(outputs), pullback

    def _spread(
        self, gradient: NDArray[Any], x: NDArray[Any], y: NDArray[Any], d: NDArray[Any]
    ) -> None:
        """Adds to the gradient of `x`, with its borders, what that of the outputs `y` gives."""
        raise NotImplementedError

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
    def _pooled(self, x: NDArray[Any], counts: tuple[int, ...]) -> NDArray[Any]:
        return self._combined(x, counts, np.maximum, lowest(x.dtype))

    def _spread(
        self, gradient: NDArray[Any], x: NDArray[Any], y: NDArray[Any], d: NDArray[Any]
    ) -> None:
        """Of equal maxima of a window the first has the gradient."""
        counts = y.shape[1:-1]
        x = pad(x, self._windows.borders(x.shape[1:-1], counts), lowest(x.dtype))
        open_ = np.ones(y.shape, bool)
        for offset in itertools.product(*map(range, self.pool_size)):
            hits = open_ & (self._windows.elements(x, offset, counts) == y)
            open_ &= ~hits
            place = self._windows.elements(gradient, offset, counts)
            place += d * hits


class _AveragePooling(Pooling):
    _casts_integers = True

    def _pooled(self, x: NDArray[Any], counts: tuple[int, ...]) -> NDArray[Any]:
        with np.errstate(over="ignore", invalid="ignore"):
            sums = self._combined(x, counts, np.add, 0)
            sums /= self._elements_inside(x, counts)
        return sums

    def _elements_inside(self, x: NDArray[Any], counts: tuple[int, ...]) -> Any:
        """How many elements of each window lie within x."""
        if self.padding == "valid":
            return x.dtype.type(math.prod(self.pool_size))
        return self._combined(np.ones((1, *x.shape[1:-1], 1), x.dtype), counts, np.add, 0)

    def _spread(
        self, gradient: NDArray[Any], x: NDArray[Any], y: NDArray[Any], d: NDArray[Any]
    ) -> None:
        counts = y.shape[1:-1]
        shares = d / self._elements_inside(x, counts)
        for offset in itertools.product(*map(range, self.pool_size)):
            place = self._windows.elements(gradient, offset, counts)
            place += shares


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
