"""Conv1DTranspose, Conv2DTranspose, Conv3DTranspose: convolutions run backwards."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import _core, serialization
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.graph.recording import Recording
from rnnext.graph.streaming import Streamed, StreamedCall
from rnnext.layers.convolutional.convolution import Convolution, ConvolutionLayer
from rnnext.layers.convolutional.gradients import of_transposed_product
from rnnext.layers.convolutional.windows import Windows
from rnnext.layers.integer_options import integers, positive_integer

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import (
        ActivationOption,
        InitializerOption,
        KeptOption,
        LayerOptions,
        SizeOption,
        WeightedOptions,
    )

__all__ = [
    "Conv1DTranspose",
    "Conv2DTranspose",
    "Conv3DTranspose",
    "TransposedProduct",
    "transposed_sizes",
]

# How many elements are added to windows at a time; see WindowProduct.
_BLOCK = 1 << 18


class TransposedProduct:
    """The adjoint of `WindowProduct`: every input adds its multiple of the kernel to one window.

    Args:
        windows: Where the windows of the output are.
        kernel: (*size, F, C). Copied.
        bias: (F,) or None.
    """

    def __init__(self, windows: Windows, kernel: NDArray[Any], bias: NDArray[Any] | None) -> None:
        self._windows = windows
        *_, self._filters, channels = kernel.shape
        # What all inputs add is one product of matrices, with (C, product of size * F).
        matrix = np.ascontiguousarray(kernel.reshape(-1, channels).T)
        self._kernel = _core.DenseKernel(matrix, None, ("linear",))
        self._bias = bias

    def __call__(self, x: NDArray[Any], output_sizes: tuple[int, ...]) -> NDArray[Any]:
        """(N, *spatial, C) to (N, *output_sizes, F)."""
        outputs = np.zeros((len(x), *output_sizes, self._filters), x.dtype)
        if x.size and outputs.size:
            added = math.prod((*x.shape[1:-1], *self._windows.size, self._filters))
            samples = max(_BLOCK // added, 1)
            for n in range(0, len(x), samples):
                self._add(x[n : n + samples], outputs[n : n + samples])
        if self._bias is not None:
            with np.errstate(over="ignore", invalid="ignore"):
                outputs += self._bias
        return outputs

    def _add(self, x: NDArray[Any], outputs: NDArray[Any]) -> None:
        """Fills the outputs (n, *output_sizes, F), zeros before."""
        windows, counts, sizes = self._windows, x.shape[1:-1], outputs.shape[1:-1]
        values = self._kernel.run(np.ascontiguousarray(x), True)
        values = values.reshape(*x.shape[:-1], *windows.size, self._filters)
        borders = windows.borders(sizes, counts)
        spans = [
            max((count - 1) * stride + k, before + n)
            for count, stride, k, n, (before, _) in zip(
                counts, windows.strides, windows.extent, sizes, borders, strict=True
            )
        ]
        padded = np.zeros((len(x), *spans, self._filters), x.dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            for offset in np.ndindex(*windows.size):
                place = windows.elements(padded, offset, counts)
                place += values[(..., *offset, slice(None))]
        inner = (slice(before, before + n) for n, (before, _) in zip(sizes, borders, strict=True))
        outputs[...] = padded[(slice(None), *inner)]


def transposed_sizes(
    windows: Windows, sizes: Sequence[int | None], output_padding: tuple[int, ...] | None
) -> tuple[int | None, ...]:
    """Returns the spatial sizes of the output of a transposed convolution.

    Args:
        windows: The windows of the output.
        sizes: The spatial sizes of the input.
        output_padding: By how much the output is longer than its windows; see `ConvTranspose`.
    """

    def size(n: int | None, stride: int, extent: int, extra: int | None) -> int | None:
        if n is None:
            return None
        if windows.padding == "valid":
            return (n - 1) * stride + (max(extent, stride) if extra is None else extent + extra)
        return n * stride if extra is None else (n - 1) * stride + extent % 2 + extra

    extras = output_padding or [None] * len(windows.size)
    along = zip(sizes, windows.strides, windows.extent, extras, strict=True)
    return tuple(size(*axis) for axis in along)


class ConvTranspose(ConvolutionLayer):
    """The adjoint of `Conv`: what its gradient does to the output, this layer does to the input.

    Every input adds its multiple of the kernel to a window of the output. The windows lie as
    those of a convolution of the output with the same strides, dilation and padding.

    Args:
        filters: Number of output channels F.
        kernel_size: Size of the window: a number, or one for each axis.
        strides: From one window to the next: a number, or one for each axis.
        padding: "valid": the output holds all windows, and is (T - 1) * strides + kernel_size
            long; "same": it is T * strides long.
        output_padding: By how much the output is longer than its windows; with padding "same",
            than (T - 1) * strides + kernel_size % 2. A number below the strides, or one for each
            axis; None for the sizes given above.
        data_format: "channels_last" (also None), (B, *spatial, C), or "channels_first".
        dilation_rate: From one element of a window to the next: a number, or one for each axis.
        activation: See `rnnext.activations.get`; default linear.
        use_bias: Whether there is a bias.
        kernel_initializer: How the kernel (*kernel_size, F, C) starts.
        bias_initializer: How the bias (F,) starts.
        kernel_regularizer: Adds to the loss in training.
        bias_regularizer: Adds to the loss in training.
        activity_regularizer: What training adds to the loss for the outputs.
        kernel_constraint: Applied to it after each training step.
        bias_constraint: Applied to it after each training step.
        **kwargs: Arguments of `Layer`.

    Raises:
        UnsupportedError: For a value that is not accepted.
        ShapeError: If nothing is left of the output.
    """

    kernel_initializer: Any

    _own_options = ("filters", "output_padding")

    def __init__(
        self,
        filters: int,
        kernel_size: SizeOption,
        strides: SizeOption = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: SizeOption = 1,
        activation: ActivationOption = None,
        use_bias: bool = True,
        kernel_initializer: InitializerOption = "glorot_uniform",
        bias_initializer: InitializerOption = "zeros",
        kernel_regularizer: KeptOption = None,
        bias_regularizer: KeptOption = None,
        activity_regularizer: KeptOption = None,
        kernel_constraint: KeptOption = None,
        bias_constraint: KeptOption = None,
        **kwargs: Unpack[WeightedOptions],
    ) -> None:
        self._init_from_options(locals())

    def _init_from_options(self, given: dict[str, Any]) -> None:
        super()._init_from_options(given)
        self.filters = positive_integer(given["filters"], "filters", self.label)
        self._refuse_strides_with_dilation()
        self.output_padding: tuple[int, ...] | None = None
        if given["output_padding"] is not None:
            self.output_padding = integers(
                given["output_padding"], self.rank, "output_padding", self.label, least=0
            )
            if any(p >= s for p, s in zip(self.output_padding, self.strides, strict=True)):
                raise UnsupportedError(
                    f"{self.label}: output_padding must be less than strides, received "
                    f"output_padding={self.output_padding}, strides={self.strides}."
                )

    def _make_weights(self, channels: int) -> None:
        shape = (*self.kernel_size, self.filters, channels)
        self.kernel = self.add_weight(shape, self.kernel_initializer, name="kernel")

    def _output_channels(self, channels: int) -> int:  # noqa: ARG002
        return self.filters

    def _output_sizes(self, input_shape: Any) -> tuple[Any, ...]:
        """The spatial sizes of the output; see the class."""
        sizes = transposed_sizes(self._windows, self._sizes_of(input_shape), self.output_padding)
        if any(size is not None and size < 0 for size in sizes):
            raise ShapeError(
                f"{self.label}: nothing is left of the output for an input of shape "
                f"{tuple(input_shape)}, output_padding={self.output_padding}."
            )
        return sizes

    def streamed(self, call: StreamedCall) -> Streamed:
        """Rejects sequences: an input adds to several steps of the output."""
        call.raise_not_streamable()

    def _pack_weights(self) -> tuple[Convolution, Any]:
        return self._product(), None if self.activation.name == "linear" else self.activation

    def _product(self) -> TransposedProduct:
        bias = None if self.bias is None else self.bias.value
        return TransposedProduct(self._windows, self.kernel.value, bias)

    def _sums(self, x: NDArray[Any], counts: tuple[int, ...]) -> NDArray[Any]:
        return self._product()(x, counts)

    def _reverse(
        self, recording: Recording, x: NDArray[Any], _counts: tuple[int, ...], d: NDArray[Any]
    ) -> NDArray[Any]:
        d_x, d_kernel = of_transposed_product(self._windows, self.kernel.value, x, d)
        recording.add(self.kernel, d_kernel)
        return d_x


@serialization.builtin("keras.layers")
class Conv1DTranspose(ConvTranspose):
    """Transposed convolution over time: (B, T, C) to (B, longer T, F).

    See `ConvTranspose` for the arguments.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import Conv1DTranspose
        >>> layer = Conv1DTranspose(1, 2, use_bias=False)
        >>> layer.build((None, None, 1))
        >>> layer.set_weights([np.array([1.0, 10.0]).reshape(2, 1, 1)])
        >>> layer([[[1.0], [2.0], [3.0]]])[0, :, 0]
        array([ 1., 12., 23., 30.], dtype=float32)
    """

    rank = 1


@serialization.builtin("keras.layers")
class Conv2DTranspose(ConvTranspose):
    """Transposed convolution over images: (B, height, width, C) to (B, larger, wider, F).

    See `ConvTranspose` for the arguments.
    """

    rank = 2


@serialization.builtin("keras.layers")
class Conv3DTranspose(ConvTranspose):
    """Transposed convolution over volumes: (B, depth, height, width, C) to (B, larger, F).

    See `ConvTranspose` for the arguments; here `data_format` comes before `output_padding`.
    """

    rank = 3

    def __init__(
        self,
        filters: int,
        kernel_size: SizeOption,
        strides: SizeOption = 1,
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: Any = None,
        *args: Any,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            filters, kernel_size, strides, padding, output_padding, data_format, *args, **kwargs
        )
