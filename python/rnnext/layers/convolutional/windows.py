"""Windows that slide over the spatial axes of an array: where they are, and what is in them.

Arrays are channels-last here, x: (N, *spatial, C). Pooling, convolutions and, the other way
round, transposed convolutions are built on these windows. Padding is TensorFlow's: with "same",
the extra zero of an odd number goes to the end.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Borders", "Windows", "pad"]

Borders = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Windows:
    """Windows of one size at regular distances; one entry for each spatial axis.

    Attributes:
        size: Number of elements in a window.
        strides: Distance from one window to the next.
        dilation: Distance between the elements of a window.
        padding: "valid": only windows within the array; "same": a window for each stride begun;
            "causal": likewise, and a window ends where it stands.
    """

    size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: str = "valid"

    @cached_property
    def extent(self) -> tuple[int, ...]:
        """From the first element of a window to behind its last one."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.size, self.dilation, strict=True))

    def counts(self, sizes: Sequence[int | None]) -> tuple[int | None, ...]:
        """How many windows there are over axes of these sizes; below 1 where none fits."""
        return _counts(self, tuple(sizes))

    def borders(self, sizes: Sequence[int], counts: Sequence[int]) -> Borders:
        """How many elements must be added before and after axes of these sizes."""
        return _borders(self, tuple(sizes), tuple(counts))

    def elements(
        self, x: NDArray[Any], offset: Sequence[int], counts: Sequence[int]
    ) -> NDArray[Any]:
        """The elements at one place of every window, a view (N, *counts, C).

        Args:
            x: (N, *spatial, C), padded. Not owned.
            offset: Which element of the window, an index for each axis.
            counts: Number of windows along each axis, at least 1.
        """
        return x[_places(self, tuple(offset), tuple(counts))]

    def view(self, x: NDArray[Any], counts: Sequence[int]) -> NDArray[Any]:
        """All windows, a view (N, *counts, *size, C).

        Args:
            x: (N, *spatial, C), padded, row-major, not empty. Not owned.
            counts: Number of windows along each axis, at least 1.
        """
        batch_step, *steps, channel_step = x.strides
        between = [step * stride for step, stride in zip(steps, self.strides, strict=True)]
        within = [step * d for step, d in zip(steps, self.dilation, strict=True)]
        # The constructor, unlike as_strided, refuses strides that leave the buffer.
        return np.ndarray(
            (len(x), *counts, *self.size, x.shape[-1]),
            x.dtype,
            buffer=x,
            strides=(batch_step, *between, *within, channel_step),
        )


# The same few shapes come again and again, and working out where their windows are takes as long
# as a small layer.
_once_per_shape = functools.lru_cache(maxsize=1024)


@_once_per_shape
def _counts(windows: Windows, sizes: tuple[int | None, ...]) -> tuple[int | None, ...]:
    spans = [k if windows.padding == "valid" else 1 for k in windows.extent]
    return tuple(
        None if n is None else (n - span) // stride + 1
        for n, span, stride in zip(sizes, spans, windows.strides, strict=True)
    )


@_once_per_shape
def _borders(windows: Windows, sizes: tuple[int, ...], counts: tuple[int, ...]) -> Borders:
    if windows.padding == "valid":
        return ((0, 0),) * len(windows.size)
    if windows.padding == "causal":
        return tuple((k - 1, 0) for k in windows.extent)
    missing = [
        max((count - 1) * stride + k - n, 0)
        for n, count, stride, k in zip(sizes, counts, windows.strides, windows.extent, strict=True)
    ]
    return tuple((total // 2, total - total // 2) for total in missing)


@_once_per_shape
def _places(
    windows: Windows, offset: tuple[int, ...], counts: tuple[int, ...]
) -> tuple[slice, ...]:
    starts = [i * d for i, d in zip(offset, windows.dilation, strict=True)]
    along_axes = zip(starts, counts, windows.strides, strict=True)
    return (
        slice(None),
        *(slice(start, start + (count - 1) * step + 1, step) for start, count, step in along_axes),
    )


def pad(x: NDArray[Any], borders: Borders, value: Any = 0) -> NDArray[Any]:
    """Adds elements around the spatial axes of (N, *spatial, C); `x` itself if there are none."""
    if not any(map(any, borders)):
        return x
    batch, *sizes, channels = x.shape
    padded_sizes = [
        before + size + after for size, (before, after) in zip(sizes, borders, strict=True)
    ]
    padded = np.zeros((batch, *padded_sizes, channels), x.dtype)
    if value:
        padded.fill(value)
    inner = [slice(before, before + n) for n, (before, _) in zip(sizes, borders, strict=True)]
    padded[(slice(None), *inner)] = x
    return padded
