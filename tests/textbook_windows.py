"""Convolution, pooling and resizing as a textbook writes them, in float64."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = tuple[int, ...]


def window_starts(n: int, k: int, stride: int, dilation: int, padding: str) -> list[int]:
    """Index of the first element of each window over an axis of n; may lie outside."""
    extent = (k - 1) * dilation + 1
    if padding == "valid":
        return list(range(0, n - extent + 1, stride))
    count = -(-n // stride)
    # Of the zeros that are missing, half come first, rounded down; causal windows end in place.
    missing = max((count - 1) * stride + extent - n, 0)
    before = extent - 1 if padding == "causal" else missing // 2
    return [i * stride - before for i in range(count)]


def windows(
    sizes: Ints, kernel_size: Ints, strides: Ints, dilation: Ints, padding: str
) -> Iterator[tuple[Ints, list[tuple[Ints, Ints]]]]:
    """For each window its place, and pairs of an index in it and the index in the array."""
    options = zip(sizes, kernel_size, strides, dilation, strict=True)
    starts = [window_starts(n, k, s, d, padding) for n, k, s, d in options]
    for place in np.ndindex(*map(len, starts)):
        start = [axis[i] for axis, i in zip(starts, place, strict=True)]
        inside = []
        for index in itertools.product(*map(range, kernel_size)):
            at = tuple(s + i * d for s, i, d in zip(start, index, dilation, strict=True))
            if all(0 <= a < n for a, n in zip(at, sizes, strict=True)):
                inside.append((index, at))
        yield place, inside


def output_sizes(sizes: Ints, kernel_size: Ints, strides: Ints, dilation: Ints, p: str) -> Ints:
    options = zip(sizes, kernel_size, strides, dilation, strict=True)
    return tuple(len(window_starts(n, k, s, d, p)) for n, k, s, d in options)


def convolution(
    x: Any, kernel: Any, bias: Any, strides: Ints, dilation: Ints, padding: str, groups: int = 1
) -> Array:
    """x (N, *spatial, C), kernel (*size, C / groups, F), bias (F,)."""
    x, kernel = np.asarray(x, "float64"), np.asarray(kernel, "float64")
    *size, channels, filters = kernel.shape
    shape = output_sizes(x.shape[1:-1], tuple(size), strides, dilation, padding)
    y = np.zeros((len(x), *shape, filters)) + np.asarray(bias, "float64")
    for place, inside in windows(x.shape[1:-1], tuple(size), strides, dilation, padding):
        for index, at in inside:
            for f in range(filters):
                group = f // (filters // groups)
                part = x[(slice(None), *at)][:, group * channels : (group + 1) * channels]
                y[(slice(None), *place, f)] += part @ kernel[(*index, slice(None), f)]
    return y


def depthwise_convolution(
    x: Any, kernel: Any, strides: Ints, dilation: Ints, padding: str
) -> Array:
    """x (N, *spatial, C), kernel (*size, C, M): outputs c * M to c * M + M - 1 from channel c."""
    *size, channels, multiplier = np.shape(kernel)
    one_for_each = np.reshape(kernel, (*size, 1, channels * multiplier))
    return convolution(x, one_for_each, 0, strides, dilation, padding, groups=channels)


def pooling(x: Any, pool_size: Ints, strides: Ints, padding: str, reduce: Any) -> Array:
    """Reduces what lies inside of each window over x (N, *spatial, C)."""
    x, dilation = np.asarray(x, "float64"), (1,) * len(pool_size)
    shape = output_sizes(x.shape[1:-1], pool_size, strides, dilation, padding)
    y = np.zeros((len(x), *shape, x.shape[-1]))
    for place, inside in windows(x.shape[1:-1], pool_size, strides, dilation, padding):
        elements = np.stack([x[(slice(None), *at)] for _, at in inside])
        y[(slice(None), *place)] = reduce(elements, axis=0)
    return y


def _sinc_window(radius: int) -> Callable[[Array], Array]:
    return lambda d: np.asarray(np.sinc(d) * np.sinc(d / radius))


# What a pixel at a distance counts for, and beyond which distance it does not count.
RESIZING: dict[str, tuple[Callable[[Array], Array], int]] = {
    "bilinear": (lambda d: 1 - d, 1),
    "bicubic": (  # Keys 1981
        lambda d: np.where(d < 1, (1.5 * d - 2.5) * d * d + 1, ((-0.5 * d + 2.5) * d - 4) * d + 2),
        2,
    ),
    "lanczos3": (_sinc_window(3), 3),
    "lanczos5": (_sinc_window(5), 5),
}


def resized(x: Any, factors: Ints, method: str) -> Array:
    """x (N, height, width, C), enlarged by whole factors; outside of the image nothing counts."""
    kernel, radius = RESIZING[method]
    y = np.asarray(x, "float64")
    for axis, factor in enumerate(factors, start=1):
        centres = (np.arange(y.shape[axis] * factor) + 0.5) / factor - 0.5
        distances = np.abs(centres[:, np.newaxis] - np.arange(y.shape[axis]))
        weights = np.where(distances < radius, kernel(distances), 0)
        weights /= weights.sum(axis=1, keepdims=True)
        y = np.moveaxis(np.tensordot(weights, y, (1, axis)), 0, axis)
    return y


def adaptive_pooling(x: Array, count: int, reduce: Any) -> Array:
    """`count` windows along each spatial axis: from floor(i L / n) up to ceil((i + 1) L / n)."""
    places = [
        [slice(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]
        for size in x.shape[1:-1]
    ]
    result = np.empty((len(x), *[count] * len(places), x.shape[-1]))
    for index in np.ndindex(*[count] * len(places)):
        window = tuple(axis[i] for axis, i in zip(places, index, strict=True))
        axes = tuple(range(1, x.ndim - 1))
        result[(slice(None), *index)] = reduce(x[(slice(None), *window)], axis=axes)
    return result
