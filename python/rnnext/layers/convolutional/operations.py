"""Convolutions and pooling as operations: Keras has them among its functions on arrays, too.

Arrays are (N, *spatial, C), with 1 to 3 spatial axes; with `data_format="channels_first"`
(N, C, *spatial).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import settings
from rnnext.autodiff.rules import computed
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.layers.convolutional.depthwise_convolution import ChannelwiseProduct
from rnnext.layers.convolutional.gradients import (
    of_channelwise_product,
    of_transposed_product,
    of_window_product,
)
from rnnext.layers.convolutional.transposed_convolution import TransposedProduct, transposed_sizes
from rnnext.layers.convolutional.window_product import WindowProduct
from rnnext.layers.convolutional.windows import Windows
from rnnext.layers.integer_options import integers
from rnnext.layers.pooling.window_reductions import LargestOfWindow, MeanOfWindow
from rnnext.layers.spatial import standard_padding
from rnnext.ops.operation import NN, operation
from rnnext.ops.promotion import as_float, as_tensor, promoted

__all__ = [
    "average_pool",
    "conv",
    "conv_transpose",
    "depthwise_conv",
    "max_pool",
    "separable_conv",
]

Array = NDArray[Any]
_OPTIONS = ("strides", "padding", "data_format", "dilation_rate")
_POOLING_OPTIONS = ("pool_size", "strides", "padding", "data_format")


def _windows(name: str, size: Any, strides: Any, padding: Any, dilation: Any, rank: int) -> Windows:
    if not 1 <= rank <= 3:
        raise ShapeError(f"expected inputs with 3 to 5 axes, received {rank + 2}.")
    return Windows(
        integers(size, rank, "size", name),
        integers(strides, rank, "strides", name),
        integers(dilation, rank, "dilation_rate", name),
        standard_padding(padding, ("valid", "same"), name),
    )


def _counts(windows: Windows, x: Array) -> tuple[int, ...]:
    counts: Any = windows.counts(x.shape[1:-1])
    if min(counts) < 1 and min(x.shape[1:-1]) > 0:
        raise ShapeError(f"no window of size {windows.extent} fits into an input of {x.shape}.")
    return tuple(max(count, 0) for count in counts)


def _channels_last(compute: Callable[[Any], Any], x: Any, data_format: Any) -> Any:
    """Computes with the channels on the last axis, and puts those of the result back."""
    name = settings.image_data_format() if data_format is None else data_format
    if name not in ("channels_last", "channels_first"):
        raise UnsupportedError(
            f"data_format must be 'channels_last' or 'channels_first', received {data_format!r}."
        )
    if name == "channels_last":
        return compute(x)
    return np.moveaxis(compute(np.moveaxis(x, 1, -1)), -1, 1)


def _pair(inputs: Any, kernel: Any) -> tuple[Array, Array]:
    x, k = promoted(as_float(inputs), as_float(kernel))
    if x.ndim != k.ndim:
        raise ShapeError(
            f"expected a kernel with {x.ndim} axes, as the inputs have, received {k.ndim}."
        )
    return x, k


def _rows(x: Array) -> Array:
    return np.ascontiguousarray(x)


# Convolutions ------------------------------------------------------------------------------------


@operation(NN, "Conv", options=_OPTIONS)
def conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Returns the products of a kernel with every window of the inputs; see `layers.Conv1D`.

    Args:
        inputs: `(N, *spatial, C)`.
        kernel: `(*size, C / groups, F)`.
        strides: From one window to the next: a number, or one for each axis.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first"; None: that of the settings.
        dilation_rate: From one element of a window to the next.

    Example:
        >>> import numpy as np
        >>> from rnnext import ops
        >>> ops.conv(np.arange(4.0).reshape(1, 4, 1), np.ones((2, 1, 1)))[0, :, 0]
        array([1., 3., 5.])
    """
    x, k = _pair(inputs, kernel)
    windows = _windows("conv", k.shape[:-2], strides, padding, dilation_rate, x.ndim - 2)
    if max(windows.strides) > 1 and max(windows.dilation) > 1:
        raise UnsupportedError("strides above 1 and a dilation_rate above 1 exclude each other.")

    def forward(values: Array, weights: Array) -> Any:
        counts = _counts(windows, values)
        groups, rest = divmod(values.shape[-1], weights.shape[-2])
        if rest or weights.shape[-1] % max(groups, 1):
            raise ShapeError(
                f"a kernel of shape {weights.shape} does not divide {values.shape[-1]} channels."
            )
        values, weights = _rows(values), _rows(weights)
        result = WindowProduct(windows, weights, groups=groups)(values, counts)
        return result, lambda d: of_window_product(
            windows, weights, values, counts, _rows(d), groups
        )

    return _channels_last(lambda values: computed(forward, values, k), x, data_format)


@operation(NN, "DepthwiseConv", options=_OPTIONS)
def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Returns the products of windows of each channel with its own kernels; see `conv`.

    Args:
        inputs: `(N, *spatial, C)`.
        kernel: `(*size, C, M)`; channel c makes the outputs c * M to c * M + M - 1.
        strides: From one window to the next.
        padding: "valid" or "same".
        data_format: See `conv`.
        dilation_rate: From one element of a window to the next.
    """
    x, k = _pair(inputs, kernel)
    windows = _windows("depthwise_conv", k.shape[:-2], strides, padding, dilation_rate, x.ndim - 2)

    def forward(values: Array, weights: Array) -> Any:
        counts = _counts(windows, values)
        if values.shape[-1] != weights.shape[-2]:
            raise ShapeError(
                f"a kernel of shape {weights.shape} is not for {values.shape[-1]} channels."
            )
        result = ChannelwiseProduct(windows, weights)(values, counts)
        return result, lambda d: of_channelwise_product(windows, weights, values, counts, d)

    return _channels_last(lambda values: computed(forward, values, k), x, data_format)


@operation(NN, "SeparableConv", options=_OPTIONS)
def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Returns `depthwise_conv` followed by a `conv` with windows of one element.

    Args:
        inputs: `(N, *spatial, C)`.
        depthwise_kernel: `(*size, C, M)`.
        pointwise_kernel: (1, ..., 1, C * M, F).
        strides: From one window to the next.
        padding: "valid" or "same".
        data_format: See `conv`.
        dilation_rate: From one element of a window to the next.
    """
    of_channels = depthwise_conv(
        inputs, depthwise_kernel, strides, padding, data_format, dilation_rate
    )
    return conv(of_channels, pointwise_kernel, data_format=data_format)


@operation(
    NN,
    "ConvTranspose",
    options=("strides", "padding", "output_padding", "data_format", "dilation_rate"),
)
def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Returns what the gradient of `conv` makes of the gradient of its result.

    Args:
        inputs: `(N, *spatial, C)`.
        kernel: `(*size, F, C)`.
        strides: From one window of the result to the next.
        padding: "valid" or "same".
        output_padding: By how much the result is longer than its windows; see
            `layers.Conv1DTranspose`.
        data_format: See `conv`.
        dilation_rate: From one element of a window to the next.
    """
    x, k = _pair(inputs, kernel)
    rank = x.ndim - 2
    windows = _windows("conv_transpose", k.shape[:-2], strides, padding, dilation_rate, rank)
    extra = None
    if output_padding is not None:
        extra = integers(output_padding, rank, "output_padding", "conv_transpose", least=0)

    def forward(values: Array, weights: Array) -> Any:
        if values.shape[-1] != weights.shape[-1]:
            raise ShapeError(
                f"a kernel of shape {weights.shape} is not for {values.shape[-1]} channels."
            )
        sizes: Any = transposed_sizes(windows, values.shape[1:-1], extra)
        values, weights = _rows(values), _rows(weights)
        result = TransposedProduct(windows, weights, None)(values, sizes)
        return result, lambda d: of_transposed_product(windows, weights, values, _rows(d))

    return _channels_last(lambda values: computed(forward, values, k), x, data_format)


# Pooling -----------------------------------------------------------------------------------------


def _pooled(
    kind: Any, x: Any, name: str, pool_size: Any, strides: Any, padding: Any, data_format: Any
) -> Any:
    strides = pool_size if strides is None else strides
    windows = _windows(name, pool_size, strides, padding, 1, x.ndim - 2)
    reduce = kind(windows)

    def forward(values: Array) -> Any:
        result = reduce(values, _counts(windows, values))
        return result, lambda d: reduce.gradient(values, result, d)

    return _channels_last(lambda values: computed(forward, values), x, data_format)


@operation(NN, "MaxPool", options=_POOLING_OPTIONS)
def max_pool(
    inputs: Any,
    pool_size: Any,
    strides: Any = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """Returns the largest element of every window; see `layers.MaxPooling1D`.

    Args:
        inputs: `(N, *spatial, C)`.
        pool_size: Size of a window: a number, or one for each axis.
        strides: From one window to the next; by default `pool_size`.
        padding: "valid" or "same".
        data_format: See `conv`.
    """
    x = as_tensor(inputs)
    return _pooled(LargestOfWindow, x, "max_pool", pool_size, strides, padding, data_format)


@operation(NN, "AveragePool", options=_POOLING_OPTIONS)
def average_pool(
    inputs: Any,
    pool_size: Any,
    strides: Any = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """Returns the mean of every window; see `layers.AveragePooling1D`.

    Args:
        inputs: `(N, *spatial, C)`.
        pool_size: Size of a window: a number, or one for each axis.
        strides: From one window to the next; by default `pool_size`.
        padding: "valid" or "same": only elements within the array count.
        data_format: See `conv`.
    """
    x = as_float(inputs)
    return _pooled(MeanOfWindow, x, "average_pool", pool_size, strides, padding, data_format)
