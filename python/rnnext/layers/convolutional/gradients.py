"""The gradients of products of windows and kernels, one element of a window after the other.

Arrays are channels-last: x (N, *spatial, C), d (N, *counts, F), the gradient of the product.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import _core
from rnnext.layers.convolutional.windows import Borders, Windows, pad

__all__ = ["inner_part", "of_channelwise_product", "of_transposed_product", "of_window_product"]

Array = NDArray[Any]


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
    padded = pad(x, borders)
    d_padded, d_kernel = np.zeros_like(padded), np.zeros_like(kernel)
    if d.size:
        channels, filters = kernel.shape[-2], kernel.shape[-1] // groups
        for group in range(groups):
            own = slice(group * channels, (group + 1) * channels)
            made = slice(group * filters, (group + 1) * filters)
            rows = _rows(d[..., made])
            for offset in np.ndindex(*windows.size):
                elements = windows.elements(padded, offset, counts)[..., own]
                part = np.zeros((channels, filters), kernel.dtype)
                _core.add_outer_product(_rows(elements), rows, part)
                d_kernel[(*offset, slice(None), made)] = part
                spread = rows @ kernel[(*offset, slice(None), made)].T
                place = windows.elements(d_padded, offset, counts)[..., own]
                place += spread.reshape(place.shape)
    return inner_part(d_padded, x.shape[1:-1], borders), d_kernel


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
        d_x += (elements @ kernel[offset]).reshape(x.shape)
    return d_x, d_kernel
