"""DepthwiseConv1D/2D and SeparableConv1D/2D: a kernel for each channel."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization
from rnnext.graph.recording import Recording
from rnnext.layers.convolutional.convolution import Convolution, ConvolutionLayer
from rnnext.layers.convolutional.gradients import of_channelwise_product, of_window_product
from rnnext.layers.convolutional.window_product import WindowProduct
from rnnext.layers.convolutional.windows import Windows, pad
from rnnext.layers.integer_options import positive_integer

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import (
        ActivationOption,
        InitializerOption,
        KeptOption,
        SizeOption,
        WeightedOptions,
    )

__all__ = [
    "ChannelwiseProduct",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "SeparableConv1D",
    "SeparableConv2D",
]


class ChannelwiseProduct:
    """The windows of each channel times a kernel of that channel.

    One pass over all windows for each of their elements: with windows of few elements there is
    too little to sum for a matrix product.

    Args:
        windows: Where the windows are.
        kernel: (*size, C, M): M kernels for each channel.
        bias: (C * M,) or None.
    """

    def __init__(
        self, windows: Windows, kernel: NDArray[Any], bias: NDArray[Any] | None = None
    ) -> None:
        self._windows = windows
        self._kernel = kernel
        self._start: Any = kernel.dtype.type(0)
        if bias is not None:
            self._start = bias.reshape(kernel.shape[-2:])

    def __call__(self, x: NDArray[Any], counts: tuple[int, ...]) -> NDArray[Any]:
        """(N, *spatial, C) to (N, *counts, C * M)."""
        channels, multiplier = self._kernel.shape[-2:]
        sums = np.empty((len(x), *counts, channels, multiplier), x.dtype)
        sums[...] = self._start
        if sums.size:
            x = pad(x, self._windows.borders(x.shape[1:-1], counts))
            with np.errstate(over="ignore", invalid="ignore"):
                for offset in np.ndindex(*self._windows.size):
                    elements = self._windows.elements(x, offset, counts)
                    sums += elements[..., np.newaxis] * self._kernel[offset]
        return sums.reshape(len(x), *counts, channels * multiplier)


class DepthwiseConv(ConvolutionLayer):
    """Convolves each channel for itself: channel c makes outputs c * M to c * M + M - 1.

    Args:
        kernel_size: Size of the window: a number, or one for each axis.
        strides: From one window to the next: a number, or one for each axis.
        padding: "valid": no padding; "same": zeros around, so that with strides 1 the size stays.
        depth_multiplier: Number of outputs M for each channel.
        data_format: "channels_last" (also None), (B, *spatial, C), or "channels_first".
        dilation_rate: From one element of a window to the next: a number, or one for each axis.
        activation: See `rnnext.activations.get`; default linear.
        use_bias: Whether there is a bias.
        depthwise_initializer: How the kernel (*kernel_size, C, M) starts.
        bias_initializer: How the bias (C * M,) starts.
        depthwise_regularizer: Adds to the loss in training.
        bias_regularizer: Adds to the loss in training.
        activity_regularizer: What training adds to the loss for the outputs.
        depthwise_constraint: Applied to it after each training step.
        bias_constraint: Applied to it after each training step.
        **kwargs: Arguments of `Layer`.

    Raises:
        UnsupportedError: For a value that is not accepted.
        ShapeError: If no window fits into the input.
    """

    depthwise_initializer: Any

    _weight_options = ("depthwise", "bias")
    _own_options = ("depth_multiplier",)
    _option_names = MappingProxyType({"kernel": "depthwise"})

    def __init__(
        self,
        kernel_size: SizeOption,
        strides: SizeOption = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: SizeOption = 1,
        activation: ActivationOption = None,
        use_bias: bool = True,
        depthwise_initializer: InitializerOption = "glorot_uniform",
        bias_initializer: InitializerOption = "zeros",
        depthwise_regularizer: KeptOption = None,
        bias_regularizer: KeptOption = None,
        activity_regularizer: KeptOption = None,
        depthwise_constraint: KeptOption = None,
        bias_constraint: KeptOption = None,
        **kwargs: Unpack[WeightedOptions],
    ) -> None:
        self._init_from_options(locals())
        self.depth_multiplier = positive_integer(depth_multiplier, "depth_multiplier", self.label)

    def _make_weights(self, channels: int) -> None:
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = self.add_weight(shape, self.depthwise_initializer, name="kernel")

    def _output_channels(self, channels: int) -> int:
        return channels * self.depth_multiplier

    def _pack_weights(self) -> tuple[Convolution, Any]:
        return self._product(), None if self.activation.name == "linear" else self.activation

    def _product(self) -> ChannelwiseProduct:
        bias = None if self.bias is None else self.bias.value
        return ChannelwiseProduct(self._windows, self.kernel.value, bias)

    def _sums(self, x: NDArray[Any], counts: tuple[int, ...]) -> NDArray[Any]:
        return self._product()(x, counts)

    def _reverse(
        self, recording: Recording, x: NDArray[Any], counts: tuple[int, ...], d: NDArray[Any]
    ) -> NDArray[Any]:
        d_x, d_kernel = of_channelwise_product(self._windows, self.kernel.value, x, counts, d)
        recording.add(self.kernel, d_kernel)
        return d_x


@serialization.builtin("keras.layers")
class DepthwiseConv1D(DepthwiseConv):
    """Convolves each channel over time: (B, T, C) to (B, windows, C * M).

    See `DepthwiseConv` for the arguments.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import DepthwiseConv1D
        >>> layer = DepthwiseConv1D(2, use_bias=False)
        >>> layer.build((None, None, 2))
        >>> layer.set_weights([np.array([[[1.0], [10.0]], [[1.0], [10.0]]])])
        >>> layer([[[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]])
        array([[[ 3., 30.],
                [ 5., 50.]]], dtype=float32)
    """

    rank = 1


@serialization.builtin("keras.layers")
class DepthwiseConv2D(DepthwiseConv):
    """Convolves each channel of images: (B, height, width, C) to (B, ..., ..., C * M).

    See `DepthwiseConv` for the arguments.
    """

    rank = 2


class SeparableConv(ConvolutionLayer):
    """Convolves each channel for itself, then mixes the channels of each place.

    Args:
        filters: Number of output channels F.
        kernel_size: Size of the window: a number, or one for each axis.
        strides: From one window to the next: a number, or one for each axis.
        padding: "valid": no padding; "same": zeros around, so that with strides 1 the size stays;
            "causal" (SeparableConv1D, as in Keras 2): zeros before, so that no output depends on
            later inputs.
        data_format: "channels_last" (also None), (B, *spatial, C), or "channels_first".
        dilation_rate: From one element of a window to the next: a number, or one for each axis.
        depth_multiplier: Number of values M that each channel makes before the mixing.
        activation: See `rnnext.activations.get`; default linear.
        use_bias: Whether there is a bias.
        depthwise_initializer: How the kernel of the channels (*kernel_size, C, M) starts.
        pointwise_initializer: How the kernel of the mixing (1, ..., 1, C * M, F) starts.
        bias_initializer: How the bias (F,) starts.
        depthwise_regularizer: Adds to the loss in training.
        pointwise_regularizer: Adds to the loss in training.
        bias_regularizer: Adds to the loss in training.
        activity_regularizer: What training adds to the loss for the outputs.
        depthwise_constraint: Applied to it after each training step.
        pointwise_constraint: Applied to it after each training step.
        bias_constraint: Applied to it after each training step.
        **kwargs: Arguments of `Layer`.

    Raises:
        UnsupportedError: For a value that is not accepted.
        ShapeError: If no window fits into the input.
    """

    depthwise_initializer: Any
    pointwise_initializer: Any

    _weight_options = ("depthwise", "pointwise", "bias")
    _own_options = ("filters", "depth_multiplier")

    def __init__(
        self,
        filters: int,
        kernel_size: SizeOption,
        strides: SizeOption = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: SizeOption = 1,
        depth_multiplier: int = 1,
        activation: ActivationOption = None,
        use_bias: bool = True,
        depthwise_initializer: InitializerOption = "glorot_uniform",
        pointwise_initializer: InitializerOption = "glorot_uniform",
        bias_initializer: InitializerOption = "zeros",
        depthwise_regularizer: KeptOption = None,
        pointwise_regularizer: KeptOption = None,
        bias_regularizer: KeptOption = None,
        activity_regularizer: KeptOption = None,
        depthwise_constraint: KeptOption = None,
        pointwise_constraint: KeptOption = None,
        bias_constraint: KeptOption = None,
        **kwargs: Unpack[WeightedOptions],
    ) -> None:
        self._init_from_options(locals())
        self.filters = positive_integer(filters, "filters", self.label)
        self.depth_multiplier = positive_integer(depth_multiplier, "depth_multiplier", self.label)

    def _make_weights(self, channels: int) -> None:
        depthwise = (*self.kernel_size, channels, self.depth_multiplier)
        self.depthwise_kernel = self.add_weight(
            depthwise,
            self.depthwise_initializer,
            name="depthwise_kernel",
        )
        pointwise = (*[1] * self.rank, channels * self.depth_multiplier, self.filters)
        self.pointwise_kernel = self.add_weight(
            pointwise,
            self.pointwise_initializer,
            name="pointwise_kernel",
        )

    def _output_channels(self, channels: int) -> int:  # noqa: ARG002
        return self.filters

    def _pack_weights(self) -> tuple[Convolution, Any]:
        spec, finish = self._split_activation()
        channelwise, mix = self._products(spec)
        return lambda x, counts: mix(channelwise(x, counts), counts), finish

    def _products(self, spec: Any) -> tuple[ChannelwiseProduct, WindowProduct]:
        bias = None if self.bias is None else self.bias.value
        channelwise = ChannelwiseProduct(self._windows, self.depthwise_kernel.value)
        return channelwise, WindowProduct(
            self._single_places, self.pointwise_kernel.value, bias, spec
        )

    @property
    def _single_places(self) -> Windows:
        return Windows((1,) * self.rank, (1,) * self.rank, (1,) * self.rank)

    def _sums(self, x: NDArray[Any], counts: tuple[int, ...]) -> NDArray[Any]:
        channelwise, mix = self._products(("linear",))
        return mix(channelwise(x, counts), counts)

    def _reverse(
        self, recording: Recording, x: NDArray[Any], counts: tuple[int, ...], d: NDArray[Any]
    ) -> NDArray[Any]:
        depthwise, pointwise = self.depthwise_kernel.value, self.pointwise_kernel.value
        mixed = ChannelwiseProduct(self._windows, depthwise)(x, counts)
        d_mixed, d_pointwise = of_window_product(
            self._single_places, pointwise, mixed, counts, d, groups=1
        )
        d_x, d_depthwise = of_channelwise_product(self._windows, depthwise, x, counts, d_mixed)
        recording.add(self.depthwise_kernel, d_depthwise)
        recording.add(self.pointwise_kernel, d_pointwise)
        return d_x


@serialization.builtin("keras.layers")
class SeparableConv1D(SeparableConv):
    """Separable convolution over time: (B, T, C) to (B, windows, F).

    See `SeparableConv` for the arguments.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import SeparableConv1D
        >>> SeparableConv1D(8, 3, padding="same")(np.zeros((5, 10, 4))).shape
        (5, 10, 8)
    """

    rank = 1
    _paddings = ("valid", "same", "causal")


@serialization.builtin("keras.layers")
class SeparableConv2D(SeparableConv):
    """Separable convolution over images: (B, height, width, C) to (B, ..., ..., F).

    See `SeparableConv` for the arguments.
    """

    rank = 2
