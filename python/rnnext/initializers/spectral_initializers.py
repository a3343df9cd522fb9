"""STFT: the kernels with which a convolution computes a short-time Fourier transform."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization, settings
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.initializers.base import Initializer, Shape

__all__ = ["STFT", "check_scaling", "check_window"]

# Windows that are sums of cosines, by their coefficients, as `scipy.signal.windows` has them.
_COSINES: dict[str, tuple[float, ...]] = {
    "blackman": (0.42, 0.5, 0.08),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
    "boxcar": (1.0,),
    "flattop": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
    "hamming": (0.54, 0.46),
    "hann": (0.5, 0.5),
    "nuttall": (0.3635819, 0.4891775, 0.1365995, 0.0106411),
}
_SCALINGS = ("density", "spectrum")


def check_window(window: Any, label: str) -> None:
    """Rejects the name of a window that is not known.

    Args:
        window: A name, or something else, which passes.
        label: What has the option, for the message.

    Raises:
        UnsupportedError: If it is not known.
    """
    if isinstance(window, str) and window not in _COSINES:
        raise UnsupportedError(
            f"{label}: window must be one of {sorted(_COSINES)}, None or an array, received "
            f"{window!r}."
        )


def check_scaling(scaling: Any, label: str) -> None:
    """Rejects an option `scaling` that is not known.

    Args:
        scaling: The option.
        label: What has it, for the message.

    Raises:
        UnsupportedError: If it is not known.
    """
    if scaling is not None and scaling not in _SCALINGS:
        raise UnsupportedError(
            f"{label}: scaling must be one of {_SCALINGS} or None, received {scaling!r}."
        )


def _named_window(name: str, length: int, periodic: bool) -> NDArray[Any]:
    if length == 1:
        return np.ones(1)
    angles = 2 * np.pi * np.arange(length) / (length if periodic else length - 1)
    terms = [(-1) ** k * a * np.cos(k * angles) for k, a in enumerate(_COSINES[name])]
    return np.asarray(sum(terms))


@serialization.builtin("keras.initializers")
class STFT(Initializer):
    """Kernels `(T, 1, F)` of a convolution that computes a short-time Fourier transform.

    The element at time t and frequency k is `w[t] * cos(2 pi t k / L)`, or `-w[t] * sin(...)`,
    with a transform of the length `L = 2 * (F - 1)` and a window w.

    Args:
        side: "real" or "imag": which part of the transform.
        window: "hann", "hamming", "blackman", "blackmanharris", "boxcar", "flattop", "nuttall",
            `(T,)` numbers, or None.
        scaling: By what the window is divided: "density": the root of the sum of its squares;
            "spectrum": the sum of its magnitudes; None: 1.
        periodic: Whether the window would go on with its first element after its last one.

    Raises:
        UnsupportedError: For another side, window or scaling.

    Example:
        >>> from rnnext.initializers import STFT
        >>> print(STFT("real", window=None)((4, 1, 3))[:, 0].round())
        [[ 1.  1.  1.]
         [ 1. -0. -1.]
         [ 1. -1.  1.]
         [ 1.  0. -1.]]
    """

    def __init__(
        self,
        side: str = "real",
        window: Any = "hann",
        scaling: str | None = "density",
        periodic: bool = False,
    ) -> None:
        if side not in ("real", "imag"):
            raise UnsupportedError(
                f"initializer STFT: side must be 'real' or 'imag', received {side!r}."
            )
        check_window(window, "initializer STFT")
        check_scaling(scaling, "initializer STFT")
        self.side = side
        self.window = window
        self.scaling = scaling
        self.periodic = periodic

    def __call__(self, shape: Shape, dtype: Any = None) -> NDArray[Any]:
        """Returns the kernels of this shape (T, 1, F) and dtype, computed in it as in Keras."""
        if len(shape) != 3:
            raise ShapeError(f"initializer STFT needs a shape of 3 axes, received {shape}.")
        length, _, count = shape
        name = dtype or settings.floatx()
        frequencies = np.arange(count, dtype=name) / (2 * (count - 1))
        times = np.arange(length, dtype=name)[:, None, None]
        angles = -2 * times * frequencies * np.arccos(times.dtype.type(-1))
        kernel = np.cos(angles) if self.side == "real" else np.sin(angles)
        if self.window is not None:
            window = self._factors(length).astype(name)[:, None, None]
            kernel = kernel * window / self._scale(window)
        return np.asarray(kernel, name)

    def _factors(self, length: int) -> NDArray[Any]:
        if isinstance(self.window, str):
            return _named_window(self.window, length, self.periodic)
        window = np.asarray(self.window)
        if window.shape != (length,):
            raise ShapeError(
                f"initializer STFT: window must have the shape ({length},), received "
                f"{window.shape}."
            )
        return window

    def _scale(self, window: NDArray[Any]) -> Any:
        if self.scaling == "density":
            return np.sqrt(np.sum(np.square(window)))
        return np.sum(np.abs(window)) if self.scaling == "spectrum" else 1

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            "side": self.side,
            "window": self.window,
            "periodic": self.periodic,
            "scaling": self.scaling,
        }
