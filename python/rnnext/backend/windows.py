"""Convolutions, pooling and padding by the names of Keras's older backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rnnext import ops
from rnnext.autodiff.watchable import with_numpy
from rnnext.backend.older import temporal_padding
from rnnext.errors import UnsupportedError
from rnnext.tensorflow.renamed import renamed

__all__ = [
    "conv1d",
    "conv2d",
    "conv3d",
    "depthwise_conv2d",
    "pool2d",
    "pool3d",
    "resize_volumes",
    "separable_conv2d",
    "spatial_2d_padding",
    "spatial_3d_padding",
]

_OPERATIONS = "layers.convolutional.operations."
_OPTIONS = "strides padding data_format dilation_rate"

conv2d = renamed(f"{_OPERATIONS}conv", f"x kernel {_OPTIONS}")
conv3d = conv2d
depthwise_conv2d = renamed(f"{_OPERATIONS}depthwise_conv", f"x depthwise_kernel {_OPTIONS}")
separable_conv2d = renamed(
    f"{_OPERATIONS}separable_conv", f"x depthwise_kernel pointwise_kernel {_OPTIONS}"
)


@with_numpy
def conv1d(
    x: Any,
    kernel: Any,
    strides: int = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int = 1,
) -> Any:
    """Returns the products of a kernel with every window of sequences; see `ops.conv`.

    Args:
        x: (N, T, C).
        kernel: (size, C, F).
        strides: From one window to the next.
        padding: "valid", "same" or, with zeros before the first step alone, "causal".
        data_format: "channels_last", or "channels_first" but for "causal".
        dilation_rate: From one element of a window to the next.

    Raises:
        UnsupportedError: For "causal" with "channels_first".
    """
    if padding == "causal":
        if data_format == "channels_first":
            raise UnsupportedError(
                "conv1d: padding='causal' is accepted with data_format='channels_last' alone."
            )
        size: Any = ops.shape(kernel)[0]
        x = temporal_padding(x, (dilation_rate * (size - 1), 0))
        padding = "valid"
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


@with_numpy
def pool2d(
    x: Any,
    pool_size: Sequence[int],
    strides: Sequence[int] = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    pool_mode: str = "max",
) -> Any:
    """Returns the largest element or the mean of every window; see `ops.max_pool`.

    Args:
        x: (N, H, W, C).
        pool_size: Size of a window, a number for each axis.
        strides: From one window to the next, unlike `ops.max_pool` 1 by default.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first".
        pool_mode: "max" or "avg".

    Raises:
        UnsupportedError: For another mode.
    """
    if pool_mode not in ("max", "avg"):
        raise UnsupportedError(f"pool_mode must be 'max' or 'avg', received {pool_mode!r}.")
    function = ops.max_pool if pool_mode == "max" else ops.average_pool
    return function(x, pool_size, strides, padding, data_format)


@with_numpy
def pool3d(
    x: Any,
    pool_size: Sequence[int],
    strides: Sequence[int] = (1, 1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    pool_mode: str = "max",
) -> Any:
    """Returns the largest element or the mean of every window of (N, D, H, W, C); see `pool2d`."""
    return pool2d(x, pool_size, strides, padding, data_format, pool_mode)


def _padded(x: Any, padding: Sequence[Sequence[int]], data_format: str | None) -> Any:
    sides = [(int(before), int(after)) for before, after in padding]
    first = data_format == "channels_first"
    return ops.pad(x, [(0, 0), (0, 0), *sides] if first else [(0, 0), *sides, (0, 0)])


@with_numpy
def spatial_2d_padding(
    x: Any,
    padding: Sequence[Sequence[int]] = ((1, 1), (1, 1)),
    data_format: str | None = None,
) -> Any:
    """Returns images with zeros before and after both of their axes."""
    return _padded(x, padding, data_format)


@with_numpy
def spatial_3d_padding(
    x: Any,
    padding: Sequence[Sequence[int]] = ((1, 1), (1, 1), (1, 1)),
    data_format: str | None = None,
) -> Any:
    """Returns volumes with zeros before and after each of their three axes."""
    return _padded(x, padding, data_format)


@with_numpy
def resize_volumes(
    x: Any, depth_factor: int, height_factor: int, width_factor: int, data_format: str
) -> Any:
    """Returns volumes with every element repeated along the three axes."""
    first = 2 if data_format == "channels_first" else 1
    for axis, factor in enumerate((depth_factor, height_factor, width_factor), first):
        x = ops.repeat(x, factor, axis=axis)
    return x
