"""The largest element, or the mean, of every window: what pooling computes."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.layers.convolutional.gradients import inner_part
from rnnext.layers.convolutional.windows import Windows, pad
from rnnext.layers.spatial import lowest

__all__ = ["LargestOfWindow", "MeanOfWindow", "WindowReduction"]

Array = NDArray[Any]


class WindowReduction:
    """Reduces the elements of each window to one, channel by channel.

    Args:
        windows: Where the windows are.
    """

    def __init__(self, windows: Windows) -> None:
        self._windows = windows

    def __call__(self, x: Array, counts: tuple[int, ...]) -> Array:
        """(N, *spatial, C) to (N, *counts, C)."""
        if 0 in counts:
            return x[(slice(None), *map(slice, counts))].copy()
        return self._reduced(x, counts)

    def gradient(self, x: Array, y: Array, d: Array) -> Array:
        """Returns the gradient of `x`.

        Args:
            x: (N, *spatial, C).
            y: (N, *counts, C), what the call returned.
            d: Its gradient.
        """
        borders = self._windows.borders(x.shape[1:-1], y.shape[1:-1])
        sizes = [
            n + before + after for n, (before, after) in zip(x.shape[1:-1], borders, strict=True)
        ]
        gradient = np.zeros((len(x), *sizes, x.shape[-1]), x.dtype)
        if y.size:
            self._spread(gradient, x, y, d)
        return inner_part(gradient, x.shape[1:-1], borders)

    def _reduced(self, x: Array, counts: tuple[int, ...]) -> Array:
        raise NotImplementedError

    def _spread(self, gradient: Array, x: Array, y: Array, d: Array) -> None:
        """Adds to the gradient of `x`, with its borders, what that of `y` gives."""
        raise NotImplementedError

    def _offsets(self) -> Any:
        return itertools.product(*map(range, self._windows.size))

    def _combined(
        self, x: Array, counts: tuple[int, ...], combine: np.ufunc, neutral: Any
    ) -> Array:
        """Combines the elements of each window; those beyond the borders are `neutral`.

        One pass over all windows for each of their elements. For windows of 2 to 25 elements that
        took half the time of NumPy's reduction over the last axes of a strided view; only windows
        of 7 x 7 took twice as long.
        """
        x = pad(x, self._windows.borders(x.shape[1:-1], counts), neutral)
        first, *others = (self._windows.elements(x, offset, counts) for offset in self._offsets())
        if not others:
            return first.copy()
        output = np.empty(first.shape, x.dtype)  # row-major; order="C" takes twice as long
        combine(first, others[0], out=output)
        for elements in others[1:]:
            combine(output, elements, out=output)
        return output


class LargestOfWindow(WindowReduction):
    """The largest element of each window."""

    def _reduced(self, x: Array, counts: tuple[int, ...]) -> Array:
        return self._combined(x, counts, np.maximum, lowest(x.dtype))

    def _spread(self, gradient: Array, x: Array, y: Array, d: Array) -> None:
        """Of equal maxima of a window the first has the gradient."""
        counts = y.shape[1:-1]
        x = pad(x, self._windows.borders(x.shape[1:-1], counts), lowest(x.dtype))
        open_ = np.ones(y.shape, bool)
        for offset in self._offsets():
            hits = open_ & (self._windows.elements(x, offset, counts) == y)
            open_ &= ~hits
            place = self._windows.elements(gradient, offset, counts)
            place += d * hits


class MeanOfWindow(WindowReduction):
    """The mean of the elements of each window that are within the array."""

    def _reduced(self, x: Array, counts: tuple[int, ...]) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            sums = self._combined(x, counts, np.add, 0)
            sums /= self._elements_inside(x, counts)
        return sums

    def _elements_inside(self, x: Array, counts: tuple[int, ...]) -> Any:
        """How many elements of each window lie within x."""
        if self._windows.padding == "valid":
            return x.dtype.type(math.prod(self._windows.size))
        return self._combined(np.ones((1, *x.shape[1:-1], 1), x.dtype), counts, np.add, 0)

    def _spread(self, gradient: Array, x: Array, y: Array, d: Array) -> None:
        counts = y.shape[1:-1]
        shares = d / self._elements_inside(x, counts)
        for offset in self._offsets():
            place = self._windows.elements(gradient, offset, counts)
            place += shares
