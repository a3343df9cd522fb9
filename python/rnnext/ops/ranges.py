"""Numbers at regular distances, grids and powers of them, and windows of signals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import settings
from rnnext.arrays import asarray
from rnnext.ops.operation import NUMPY, operation
from rnnext.ops.promotion import as_float, as_tensor, result_type

Array = NDArray[Any]


def _between(
    start: Any, stop: Any, num: int, endpoint: bool, dtype: Any, axis: int
) -> tuple[Array, Array]:
    """Numbers from start to stop along a new axis, and the distance of two."""
    if num < 0:
        raise ValueError(f"num must be an integer >= 0, received {num}.")
    wanted = np.dtype(dtype or result_type(start, stop, 0.5))
    inner = wanted if wanted.kind == "f" else np.dtype(np.float64)
    first, last = (asarray(as_tensor(x), wanted).astype(inner) for x in (start, stop))
    intervals = num - 1 if endpoint else num
    shape = np.broadcast_shapes(first.shape, last.shape)
    part = np.arange(num).reshape(-1, *[1] * len(shape)) / max(intervals, 1)
    part = part.astype(inner)
    numbers = np.moveaxis(first * (1 - part) + last * part, 0, axis)
    step = (last - first) / intervals if intervals > 0 else np.asarray(np.nan, inner)
    numbers = numbers if wanted.kind == "f" else np.floor(numbers)
    return asarray(numbers).astype(wanted, copy=False), asarray(step)


@operation(NUMPY, "Linspace", options=("num", "endpoint", "retstep", "dtype", "axis"))
def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """Returns `num` numbers at equal distances.

    Args:
        start: The first number, or an array of them.
        stop: The last number.
        num: How many.
        endpoint: Whether `stop` is among them.
        retstep: Whether the distance is returned, too.
        dtype: Dtype of the result; by default floats.
        axis: Where the new axis goes.

    Example:
        >>> from rnnext import ops
        >>> ops.linspace(0, 1, 5)
        array([0.  , 0.25, 0.5 , 0.75, 1.  ], dtype=float32)
    """
    numbers, step = _between(start, stop, num, endpoint, dtype, axis)
    return (numbers, step) if retstep else numbers


@operation(NUMPY, "Logspace", options=("num", "endpoint", "base", "dtype", "axis"))
def logspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: Any = 10,
    dtype: Any = None,
    axis: int = 0,
) -> Array:
    """Returns `base` to the power of numbers at equal distances; see `linspace`."""
    exponents, _ = _between(start, stop, num, endpoint, dtype, axis)
    return asarray(np.power(exponents.dtype.type(base), exponents))


@operation(NUMPY, "Geomspace", options=("num", "endpoint", "dtype", "axis"))
def geomspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    dtype: Any = None,
    axis: int = 0,
) -> Array:
    """Returns numbers each of which is the one before times the same factor; see `linspace`."""
    inner = np.dtype(dtype or settings.floatx())
    first, last = (as_tensor(x).astype(inner) for x in (start, stop))
    logs = [np.log10(np.abs(x)) for x in (first, last)]
    exponents, _ = _between(logs[0], logs[1], num, endpoint, dtype, axis)
    sign = np.sign(first) if not first.ndim else np.expand_dims(np.sign(first), axis)
    return asarray(np.power(exponents.dtype.type(10), exponents) * sign)


@operation(NUMPY, "Meshgrid", options=("indexing",))
def meshgrid(*x: Any, indexing: str = "xy") -> list[Array]:
    """Returns the coordinates of a grid: each array along an axis of its own.

    Args:
        *x: The coordinates along each axis.
        indexing: "ij": axis i is that of the i-th array; "xy": the first two are exchanged.
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"indexing must be 'xy' or 'ij', received {indexing!r}.")
    arrays = [as_tensor(values).reshape(-1) for values in x]
    places = list(range(len(arrays)))
    if indexing == "xy":
        places[:2] = places[:2][::-1]
    shape = [0] * len(arrays)
    for values, place in zip(arrays, places, strict=True):
        shape[place] = values.size
    return [
        np.broadcast_to(values.reshape([-1 if i == place else 1 for i in range(len(shape))]), shape)
        for values, place in zip(arrays, places, strict=True)
    ]


@operation(NUMPY, "Vander", options=("N", "increasing"))
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Array:
    """Returns the powers of every element, from N - 1 down to 0, or up from 0."""
    array = as_tensor(x)
    powers = np.arange(array.shape[0] if N is None else N)
    inner = as_float(array)
    powers = (powers if increasing else powers[::-1]).astype(inner.dtype)
    return asarray(np.power(np.expand_dims(inner, -1), powers)).astype(array.dtype)


# Windows -----------------------------------------------------------------------------------------


def _window(function: Callable[..., Array], x: Any, *options: Any) -> Array:
    return function(int(as_tensor(x)), *options).astype(settings.floatx())


def bartlett(x: Any) -> Array:
    """Returns a window of `x` points that rises from 0 to 1 and falls, in straight lines."""
    return _window(np.bartlett, x)


def blackman(x: Any) -> Array:
    """Returns a Blackman window of `x` points; see `numpy.blackman`."""
    return _window(np.blackman, x)


def hamming(x: Any) -> Array:
    """Returns a Hamming window of `x` points; see `numpy.hamming`."""
    return _window(np.hamming, x)


def hanning(x: Any) -> Array:
    """Returns a Hann window of `x` points; see `numpy.hanning`."""
    return _window(np.hanning, x)


def kaiser(x: Any, beta: Any) -> Array:
    """Returns a Kaiser window of `x` points; see `numpy.kaiser`."""
    return _window(np.kaiser, x, beta)
