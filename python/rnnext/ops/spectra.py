"""Windows of a signal, and their spectra: the short-time Fourier transform and its inverse."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.autodiff.rules import computed
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.ops.fourier import Pair, as_pair, check_lengths, irfft, rfft
from rnnext.ops.operation import MATH, operation
from rnnext.ops.promotion import as_float, as_tensor
from rnnext.ops.shapes import Shape, shape_of

__all__ = ["extract_sequences", "istft", "stft"]

Array = NDArray[Any]
# Keras's two windows: a raised cosine, of which this much is constant.
_CONSTANT_PART = {"hann": 0.5, "hamming": 0.54}


# Windows of a signal -----------------------------------------------------------------------------


def _count(size: Any, length: int, stride: int) -> Any:
    return None if size is None else max(0, 1 + (size - length) // stride)


def _cut(x: Array, length: int, stride: int) -> Array:
    """(..., N) to (..., K, length): the windows that fit."""
    if x.shape[-1] < length:
        return np.zeros((*x.shape[:-1], 0, length), x.dtype)
    windows = np.lib.stride_tricks.sliding_window_view(x, length, axis=-1)
    return np.ascontiguousarray(windows[..., ::stride, :])


def _added(windows: Array, stride: int) -> Array:
    """(..., K, L) to (..., (K - 1) * stride + L): what overlaps is added."""
    *first, count, length = windows.shape
    parts = -(-length // stride)
    padded = np.zeros((*first, count, parts * stride), windows.dtype)
    padded[..., :length] = windows
    padded = padded.reshape(*first, count, parts, stride)
    result = np.zeros((*first, count + parts - 1, stride), windows.dtype)
    for i in range(parts):
        result[..., i : i + count, :] += padded[..., i, :]
    return result.reshape(*first, -1)[..., : max(0, (count - 1) * stride + length)]


def _windows(x: Any, length: int, stride: int) -> Any:
    def forward(values: Array) -> Any:
        def pullback(d: Array) -> Array:
            gradient = np.zeros(values.shape, d.dtype)
            whole = _added(d, stride)
            gradient[..., : whole.shape[-1]] = whole
            return gradient

        return _cut(values, length, stride), pullback

    return computed(forward, x)


def _overlapped(windows: Any, stride: int) -> Any:
    def forward(values: Array) -> Any:
        length = values.shape[-1]
        return _added(values, stride), lambda d: _cut(d, length, stride)

    return computed(forward, windows)


def _shape_of_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Shape:
    check_lengths(sequence_length=sequence_length, sequence_stride=sequence_stride)
    *first, size = shape_of(x)
    return (*first, _count(size, sequence_length, sequence_stride), sequence_length)


@operation(
    MATH,
    "ExtractSequences",
    options=("sequence_length", "sequence_stride"),
    shape=_shape_of_sequences,
    keeps_dtype=True,
)
def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Any:
    """Returns the windows of the last axis: `(..., N)` becomes `(..., K, sequence_length)`.

    Args:
        x: `(..., N)`.
        sequence_length: The size of a window.
        sequence_stride: From the begin of one window to that of the next.

    Returns:
        The `K = 1 + (N - sequence_length) // sequence_stride` windows that fit.

    Example:
        >>> from rnnext import ops
        >>> ops.extract_sequences([1, 2, 3, 4, 5, 6], 3, 2)
        array([[1, 2, 3],
               [3, 4, 5]], dtype=int32)
    """
    check_lengths(sequence_length=sequence_length, sequence_stride=sequence_stride)
    array = as_tensor(x)
    if not array.ndim:
        raise ShapeError("expected an array with an axis, received a number.")
    return _windows(array, sequence_length, sequence_stride)


# Spectra of windows ------------------------------------------------------------------------------


def _raised_cosine(name: str, length: int) -> Array:
    """TensorFlow's windows, which are periodic where their length is even."""
    if name not in _CONSTANT_PART:
        raise UnsupportedError(
            f"window must be one of {sorted(_CONSTANT_PART)}, None or an array, received {name!r}."
        )
    if length == 1:
        return np.ones(1)
    constant = _CONSTANT_PART[name]
    angles = 2 * np.pi * np.arange(length) / (length - length % 2)
    return np.asarray(constant - (1 - constant) * np.cos(angles))


def _window(window: Any, sequence_length: int, fft_length: int, dtype: Any) -> Any:
    """The factors of a window: in the middle of the transform's length, zeros around them."""
    check_lengths(sequence_length=sequence_length, fft_length=fft_length)
    if fft_length < sequence_length:
        raise UnsupportedError(
            "fft_length must be at least sequence_length, received "
            f"sequence_length={sequence_length}, fft_length={fft_length}."
        )
    if window is None:
        return None
    is_name = isinstance(window, str)
    factors = _raised_cosine(window, sequence_length) if is_name else as_tensor(window)
    if factors.shape != (sequence_length,):
        raise ShapeError(
            f"window must have the shape ({sequence_length},) of sequence_length, received "
            f"{factors.shape}."
        )
    before = (fft_length - sequence_length) // 2
    return np.pad(factors.astype(dtype), (before, fft_length - sequence_length - before))


def _shapes_of_spectrum(
    x: Any,
    sequence_length: int,  # noqa: ARG001
    sequence_stride: int,
    fft_length: int,
    window: Any = "hann",  # noqa: ARG001
    center: bool = True,
) -> Any:
    check_lengths(sequence_stride=sequence_stride, fft_length=fft_length)
    *first, size = shape_of(x)
    if size is not None and center:
        size += 2 * (fft_length // 2)
    shape = (*first, _count(size, fft_length, sequence_stride), fft_length // 2 + 1)
    return shape, shape


@operation(
    MATH,
    "STFT",
    options=("sequence_length", "sequence_stride", "fft_length", "window", "center"),
    shape=_shapes_of_spectrum,
    keeps_dtype=True,
)
def stft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: Any = "hann",
    center: bool = True,
) -> Pair:
    """Returns the short-time Fourier transform: `rfft` of windows of the last axis.

    Args:
        x: `(..., N)` floats: a signal.
        sequence_length: The size of a window.
        sequence_stride: From one window to the next.
        fft_length: The length of the transform, at least that of a window.
        window: By what a window is multiplied: "hann", "hamming", None or `(sequence_length,)`
            numbers.
        center: Whether the signal is mirrored at its ends, so that windows have their middle at
            multiples of the stride.

    Returns:
        The real and the imaginary part, `(..., K, fft_length // 2 + 1)` each.

    Example:
        >>> import numpy as np
        >>> from rnnext import ops
        >>> real, imag = ops.stft(np.ones(8, "float32"), 4, 2, 4)
        >>> real.shape
        (5, 3)
        >>> print(real[0])
        [ 2. -1.  0.]
    """
    check_lengths(sequence_stride=sequence_stride)
    signal = as_float(x)
    factors = _window(window, sequence_length, fft_length, signal.dtype)
    if center:
        edge = fft_length // 2
        signal = np.pad(signal, [(0, 0)] * (signal.ndim - 1) + [(edge, edge)], mode="reflect")
    windows = _windows(signal, fft_length, sequence_stride)
    real, imag = rfft(windows if factors is None else windows * factors)
    return real, imag


def _normalised(factors: Any, stride: int) -> Any:
    """The window of `istft`: with it the squares of overlapping windows add up to one."""
    length = len(factors)
    parts = -(-length // stride)
    squares = np.pad(factors**2, (0, parts * stride - length))
    sums = np.sum(np.reshape(squares, (parts, stride)), axis=0)
    return factors / np.tile(sums, parts)[:length]


def _shape_of_inverse(
    x: Any,
    sequence_length: int,  # noqa: ARG001
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",  # noqa: ARG001
    center: bool = True,
) -> Shape:
    *first, count, _ = shape_of(x[0])
    if length is not None or count is None:
        return (*first, length)
    size = fft_length + sequence_stride * (count - 1)
    return (*first, size - 2 * (fft_length // 2) if center else size)


@operation(
    MATH,
    "ISTFT",
    options=("sequence_length", "sequence_stride", "fft_length", "length", "window", "center"),
    shape=_shape_of_inverse,
    keeps_dtype=True,
)
def istft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",
    center: bool = True,
) -> Any:
    """Returns the signal of which `stft` makes `x`.

    Args:
        x: A pair of `(..., K, fft_length // 2 + 1)` floats: the real and the imaginary part.
        sequence_length: As in `stft`.
        sequence_stride: As in `stft`.
        fft_length: As in `stft`.
        length: How many samples are returned; by default all.
        window: As in `stft`.
        center: As in `stft`.

    Returns:
        `(..., N)`.

    Example:
        >>> import numpy as np
        >>> from rnnext import ops
        >>> x = np.arange(8, dtype="float64")
        >>> y = ops.istft(ops.stft(x, 4, 2, 4), 4, 2, 4)
        >>> bool(np.allclose(y, x))
        True
    """
    check_lengths(sequence_stride=sequence_stride)
    real, imag = as_pair(x)
    factors = _window(window, sequence_length, fft_length, real.dtype)
    windows = irfft((real, imag), fft_length)
    if factors is not None:
        windows = windows * _normalised(factors, sequence_stride)
    signal = _overlapped(windows, sequence_stride)
    start = fft_length // 2 if center else 0
    if length is not None:
        return signal[..., start : start + length]
    return signal[..., start : signal.shape[-1] - start]
