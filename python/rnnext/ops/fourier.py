"""Discrete Fourier transforms of the last axes.

Complex numbers are pairs of arrays, real and imaginary part, as in Keras. Sums are in float64 and
rounded once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.autodiff.rules import computed
from rnnext.errors import DataError, ShapeError, UnsupportedError
from rnnext.ops.operation import MATH, operation
from rnnext.ops.promotion import as_float, as_tensor, promoted
from rnnext.ops.shapes import Shape, shape_of

__all__ = ["Pair", "as_pair", "check_lengths", "fft", "fft2", "ifft2", "irfft", "rfft"]

Array = NDArray[Any]
Pair = tuple[Any, Any]
Transform = Callable[[Array], Array]


def check_lengths(**lengths: Any) -> None:
    """Rejects what is no integer of at least 1; each is given by its name."""
    for name, length in lengths.items():
        if isinstance(length, bool) or not isinstance(length, (int, np.integer)) or length < 1:
            raise UnsupportedError(f"{name} must be an integer >= 1, received {length!r}.")


def as_pair(x: Any) -> Pair:
    """Returns the real and the imaginary part as arrays of one shape and dtype."""
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise UnsupportedError(
            f"x must be a pair of arrays, the real and the imaginary part, received {type(x)}."
        )
    real, imag = (as_tensor(part) for part in x)
    if real.shape != imag.shape:
        raise ShapeError(
            "the real and the imaginary part must have one shape, received "
            f"{real.shape} and {imag.shape}."
        )
    if real.dtype.kind != "f" or imag.dtype.kind != "f":
        raise DataError(f"x must be floats, received {real.dtype} and {imag.dtype}.")
    real, imag = promoted(real, imag)
    return real, imag


def _parts(z: Array, dtype: Any) -> Array:
    """The real and the imaginary part of complex numbers, on a new first axis."""
    return np.stack([z.real, z.imag]).astype(dtype)


def _joined(parts: Any) -> Array:
    real, imag = parts
    return np.asarray(real, np.float64) + 1j * np.asarray(imag, np.float64)


def _of_pair(
    transform: Callable[[Array], Array], adjoint: Callable[[Array], Array], x: Any
) -> Pair:
    def forward(real: Array, imag: Array) -> Any:
        def pullback(d: Array) -> tuple[Array, Array]:
            gradient = adjoint(_joined(d))
            return gradient.real, gradient.imag

        return _parts(transform(_joined((real, imag))), real.dtype), pullback

    result = computed(forward, *as_pair(x))
    return result[0], result[1]


@operation(MATH, "FFT")
def fft(x: Any) -> Pair:
    """Returns the discrete Fourier transform of the last axis: `sum x[t] e^(-2 pi i k t / N)`.

    Args:
        x: A pair of `(..., N)` floats: the real and the imaginary part.

    Returns:
        The real and the imaginary part, `(..., N)` each.

    Example:
        >>> import numpy as np
        >>> from rnnext import ops
        >>> real, imag = ops.fft((np.array([1.0, 2.0]), np.array([0.0, 1.0])))
        >>> print(real, imag)
        [ 3. -1.] [ 1. -1.]
    """
    return _of_pair(np.fft.fft, lambda d: np.fft.ifft(d) * d.shape[-1], x)


@operation(MATH, "FFT2")
def fft2(x: Any) -> Pair:
    """Returns the discrete Fourier transform of the last two axes; see `fft`.

    Args:
        x: A pair of `(..., H, W)` floats: the real and the imaginary part.
    """
    return _of_pair(np.fft.fft2, lambda d: np.fft.ifft2(d) * (d.shape[-1] * d.shape[-2]), x)


@operation(MATH, "IFFT2")
def ifft2(x: Any) -> Pair:
    """Returns what `fft2` makes `x` of.

    Args:
        x: A pair of `(..., H, W)` floats: the real and the imaginary part.
    """
    return _of_pair(np.fft.ifft2, lambda d: np.fft.fft2(d) / (d.shape[-1] * d.shape[-2]), x)


@operation(MATH, "RFFT", options=("fft_length",))
def rfft(x: Any, fft_length: int | None = None) -> Pair:
    """Returns the discrete Fourier transform of real numbers: the half that tells the other.

    Args:
        x: `(..., N)` floats.
        fft_length: The length of the transform; `x` is cut, or filled up with zeros. By default N.

    Returns:
        The real and the imaginary part, `(..., fft_length // 2 + 1)` each.

    Example:
        >>> import numpy as np
        >>> from rnnext import ops
        >>> real, imag = ops.rfft(np.array([0.0, 1.0, 2.0, 3.0]))
        >>> print(real, imag)
        [ 6. -2. -2.] [0. 2. 0.]
    """
    if fft_length is not None:
        check_lengths(fft_length=fft_length)

    def forward(values: Array) -> Any:
        size = values.shape[-1]
        length = fft_length or size

        def pullback(d: Array) -> Array:
            gradient = np.zeros(values.shape)
            kept = min(size, length)
            whole = np.fft.ifft(_joined(d), length).real * length
            gradient[..., :kept] = whole[..., :kept]
            return gradient

        return _parts(np.fft.rfft(values.astype(np.float64), length), values.dtype), pullback

    result = computed(forward, as_float(x))
    return result[0], result[1]


def _shape_of_signal(x: Any, fft_length: int | None = None) -> Shape:
    *first, size = shape_of(x[0])
    inner = None if size is None else 2 * (size - 1)
    return (*first, inner if fft_length is None else fft_length)


@operation(MATH, "IRFFT", options=("fft_length",), shape=_shape_of_signal, keeps_dtype=True)
def irfft(x: Any, fft_length: int | None = None) -> Any:
    """Returns the real numbers that `rfft` makes `x` of.

    Args:
        x: A pair of `(..., K)` floats: the real and the imaginary part.
        fft_length: How many numbers; `x` is cut, or filled up with zeros. By default
            `2 * (K - 1)`.

    Returns:
        `(..., fft_length)`.

    Example:
        >>> import numpy as np
        >>> from rnnext import ops
        >>> print(ops.irfft(ops.rfft(np.array([0.0, 1.0, 2.0, 3.0]))))
        [0. 1. 2. 3.]
    """
    if fft_length is not None:
        check_lengths(fft_length=fft_length)

    def forward(real: Array, imag: Array) -> Any:
        size = real.shape[-1]
        length = fft_length or 2 * (size - 1)

        def pullback(d: Array) -> tuple[Array, Array]:
            gradient = np.zeros(real.shape, np.complex128)
            kept = min(size, length // 2 + 1)
            whole = np.fft.rfft(d.astype(np.float64)) / length
            whole[..., 1 : (length + 1) // 2] *= 2  # which count for their conjugates, too
            gradient[..., :kept] = whole[..., :kept]
            return gradient.real, gradient.imag

        return np.fft.irfft(_joined((real, imag)), length).astype(real.dtype), pullback

    return computed(forward, *as_pair(x))
