"""The gradients of products of windows and kernels.

Arrays are channels-last: x (N, *spatial, C), d (N, *counts, F), the gradient of the product.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import _core
from rnnext.layers.convolutional.windows import Borders, Windows, pad

__all__ = ["inner_part", "of_channelwise_product", "of_transposed_product", "of_window_product"]

Array = NDArray[Any]

# How many elements are copied out of windows at a time: the copies stay in the nearer caches.
_BLOCK = 1 << 18


def inner_part(x: Array, sizes: tuple[int, ...], borders: Borders) -> Array:
    """Returns what `pad` put the borders around."""
    inner = (slice(before, before + n) for n, (before, _) in zip(sizes, borders, strict=True))
    return x[(slice(None), *inner)]


def _rows(x: Array) -> Array:
    return np.ascontiguousarray(x).reshape(-1, x.shape[-1])


def of_window_product(
    windows: Windows, kernel: Array, x: Array, counts: tuple[int, ...], d: Array, groups: int
) -> tuple[Array, Array]:
    """Returns the gradients of `x` and of the kernel of a `WindowProduct`.

    Args:
        windows: Where the windows are.
        kernel: (*size, C / groups, F).
        x: The input, without borders.
        counts: Number of windows along each axis.
        d: (N, *counts, F).
        groups: Number of groups that channels and filters are divided into.
    """
    borders = windows.borders(x.shape[1:-1], counts)
    padded = np.ascontiguousarray(pad(x, borders))
    d_padded, d_kernel = np.zeros_like(padded), np.zeros_like(kernel)
    if d.size:
        channels, filters = kernel.shape[-2], kernel.shape[-1] // groups
        of_sample = math.prod(counts) * math.prod(windows.size) * channels
        samples = max(_BLOCK // of_sample, 1)
        for group in range(groups):
            own = slice(group * channels, (group + 1) * channels)
            made = slice(group * filters, (group + 1) * filters)
            d_kernel[..., made] = _add_window_gradients(
                windows, kernel[..., made], padded, counts, d[..., made], own, d_padded, samples
            )
    return inner_part(d_padded, x.shape[1:-1], borders), d_kernel


def _add_window_gradients(
    windows: Windows,
    kernel: Array,
    padded: Array,
    counts: tuple[int, ...],
    d: Array,
    own: slice,
    d_padded: Array,
    samples: int,
) -> Array:
    """Adds to the gradient of the input's channels `own`; returns that of their kernel.

    Windows are copied into rows, so many samples at a time, as `WindowProduct` does: one product
    gives the gradient of the kernel, and one that of all windows, which are then added up.
    """
    matrix = kernel.reshape(-1, kernel.shape[-1])
    transposed = _core.DenseKernel(np.ascontiguousarray(matrix.T), None, ("linear",))
    d_matrix = np.zeros_like(matrix)
    every = windows.view(padded, counts)[..., own]
    for first in range(0, len(d), samples):
        block = slice(first, first + samples)
        rows, contents = _rows(d[block]), every[block]
        copied = np.ascontiguousarray(contents).reshape(len(rows), -1)
        _core.add_outer_product(copied, rows, d_matrix)
        spread = transposed.run(rows, True).reshape(contents.shape)
        for offset in np.ndindex(*windows.size):
            place = windows.elements(d_padded[block], offset, counts)[..., own]
            place += spread[(slice(None),) * (1 + len(counts)) + offset]
    return d_matrix.reshape(kernel.shape)


def of_channelwise_product(
    windows: Windows, kernel: Array, x: Array, counts: tuple[int, ...], d: Array
) -> tuple[Array, Array]:
    """Returns the gradients of `x` and of a kernel (*size, C, M); d is (N, *counts, C * M)."""
    borders = windows.borders(x.shape[1:-1], counts)
    padded = pad(x, borders)
    d_padded, d_kernel = np.zeros_like(padded), np.zeros_like(kernel)
    if d.size:
        d = d.reshape(*d.shape[:-1], *kernel.shape[-2:])
        axes = tuple(range(d.ndim - 2))
        for offset in np.ndindex(*windows.size):
            elements = windows.elements(padded, offset, counts)
            d_kernel[offset] = (elements[..., np.newaxis] * d).sum(axis=axes, dtype=np.float64)
            place = windows.elements(d_padded, offset, counts)
            place += (d * kernel[offset]).sum(axis=-1)
    return inner_part(d_padded, x.shape[1:-1], borders), d_kernel


def of_transposed_product(
    windows: Windows, kernel: Array, x: Array, d: Array
) -> tuple[Array, Array]:
    """Returns the gradients of `x` and of a kernel (*size, F, C) of a transposed convolution.

    Args:
        windows: Where the windows of the output are.
        kernel: (*size, F, C).
        x: (N, *spatial, C): one element for each window.
        d: (N, *output sizes, F).
    """
    counts, sizes = x.shape[1:-1], d.shape[1:-1]
    d_x, d_kernel = np.zeros_like(x), np.zeros_like(kernel)
    if not x.size or not d.size:
        return d_x, d_kernel
    borders = tuple(
        (before, max((count - 1) * stride + extent - before - n, 0))
        for count, stride, extent, n, (before, _) in zip(
            counts,
            windows.strides,
            windows.extent,
            sizes,
            windows.borders(sizes, counts),
            strict=True,
        )
    )
    padded = pad(d, borders)
    rows = _rows(x)
    for offset in np.ndindex(*windows.size):
        elements = _rows(windows.elements(padded, offset, counts))
        part = np.zeros(kernel.shape[-2:], kernel.dtype)
        _core.add_outer_product(elements, rows, part)
        d_kernel[offset] = part
        spread = _core.DenseKernel(np.ascontiguousarray(kernel[offset]), None, ("linear",))
        d_x += spread.run(elements, True).reshape(x.shape)
    return d_x, d_kernel
