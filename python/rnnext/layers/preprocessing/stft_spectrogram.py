"""STFTSpectrogram: spectra of windows of a signal, by kernels that may be trained."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization, settings
from rnnext.errors import DataError, UnsupportedError
from rnnext.initializers.spectral_initializers import STFT, check_scaling, check_window
from rnnext.layers.convolutional.operations import conv
from rnnext.layers.integer_options import positive_integer
from rnnext.layers.spatial import SpatialLayer, standard_padding

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from rnnext.layers.option_types import LayerOptions

__all__ = ["STFTSpectrogram"]

_MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")
# A channel's spectrum, (N, C, T, F), as each form of output has its axes.
_EXPANDED_AXES = {"channels_last": (0, 2, 3, 1), "channels_first": (0, 1, 2, 3)}
_FLAT_AXES = {"channels_last": (0, 2, 1, 3), "channels_first": (0, 1, 3, 2)}


@serialization.builtin("keras.layers")
class STFTSpectrogram(SpatialLayer):
    """Computes a spectrum of each window of a signal: a short-time Fourier transform.

    The transform is a convolution with two kernels, the real and the imaginary part, which
    training changes unless `trainable=False`. Every channel is transformed alone.

    Args:
        mode: What is returned. "magnitude": of each frequency; "log": the logarithm of it; "psd":
            its square, doubled but for the first and the last frequency; "real", "imag": a part;
            "stft": both; "angle": the phase in radians.
        frame_length: The size of a window.
        frame_step: From one window to the next, at most `frame_length`; by default half of it.
        fft_length: The length of the transform, at least `frame_length`; by default the next
            power of two.
        window: By what a window is multiplied; see `initializers.STFT`.
        periodic: See `initializers.STFT`.
        scaling: See `initializers.STFT`.
        padding: "valid" or "same".
        expand_dims: Whether frequencies and channels are two axes.
        data_format: "channels_last", (B, T, C), or "channels_first", (B, C, T).
        **kwargs: Arguments of `Layer`.

    Raises:
        UnsupportedError: For an option that is not accepted.
        DataError: If the inputs are no floats.

    Input shape:
        `(B, T, C)`.

    Output shape:
        `(B, T', C * F)` with `F = fft_length // 2 + 1` frequencies, twice as many for "stft"; with
        `expand_dims` `(B, T', F, C)`. With "channels_first" `(B, C * F, T')` and `(B, C, T', F)`.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import STFTSpectrogram
        >>> layer = STFTSpectrogram("magnitude", frame_length=8, scaling="spectrum")
        >>> x = np.sin(np.pi / 2 * np.arange(16, dtype="float32"))[None, :, None]
        >>> print(layer(x)[0, 0].round(3))
        [0.043 0.297 0.5   0.297 0.043]
    """

    rank = 1
    mode: str
    frame_length: int
    frame_step: int | None
    fft_length: int | None
    window: Any
    periodic: bool
    scaling: str | None
    padding: str
    expand_dims: bool

    _config_order = (
        *("mode", "frame_length", "frame_step", "fft_length", "window", "periodic", "scaling"),
        *("padding", "data_format", "expand_dims"),
    )

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: Any = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        if mode not in _MODES:
            raise UnsupportedError(
                f"{self.label}: mode must be one of {_MODES}, received {mode!r}."
            )
        frame_length = positive_integer(frame_length, "frame_length", self.label)
        frame_step, fft_length = self._checked_lengths(frame_length, frame_step, fft_length)
        check_window(window, self.label)
        check_scaling(scaling, self.label)
        padding = standard_padding(padding, ("valid", "same"), self.label)
        self._take(locals(), without=("data_format",))
        self._set_data_format(data_format)

    def _checked_lengths(
        self, frame_length: int, frame_step: Any, fft_length: Any
    ) -> tuple[int | None, int | None]:
        if frame_step is not None:
            frame_step = positive_integer(frame_step, "frame_step", self.label)
            if frame_step > frame_length:
                raise UnsupportedError(
                    f"{self.label}: frame_step must be at most frame_length={frame_length}, "
                    f"received {frame_step}."
                )
        if fft_length is not None:
            fft_length = positive_integer(fft_length, "fft_length", self.label)
            if fft_length < frame_length:
                raise UnsupportedError(
                    f"{self.label}: fft_length must be at least frame_length={frame_length}, "
                    f"received {fft_length}."
                )
            if fft_length & (fft_length - 1):
                warnings.warn(
                    f"{self.label}: fft_length={fft_length} is no power of two.", stacklevel=3
                )
        return frame_step, fft_length

    @property
    def _step(self) -> int:
        return self.frame_step or max(1, self.frame_length // 2)

    @property
    def _frequencies(self) -> int:
        return (self.fft_length or 1 << (self.frame_length - 1).bit_length()) // 2 + 1

    def build(self, input_shape: Any) -> None:  # noqa: ARG002
        """Makes the kernels that the mode needs."""
        shape = (self.frame_length, 1, self._frequencies)
        for side, without in (("real", "imag"), ("imag", "real")):
            if self.mode != without:
                initializer = STFT(side, self.window, self.scaling, self.periodic)
                name = f"{side}_kernel"
                setattr(self, name, self.add_weight(shape, initializer, name=name))

    def call(self, inputs: NDArray[Any]) -> Any:
        """Returns the spectra."""
        if inputs.dtype.kind != "f":
            raise DataError(f"{self.label}: expected floats, received {inputs.dtype}.")
        parts = [
            self._transformed(inputs, getattr(self, f"{side}_kernel").value)
            for side in ("real", "imag")
            if self.mode in (side, "angle", "stft", "psd", "magnitude", "log")
        ]
        return self._arranged(self._of_parts(*parts))

    def _transformed(self, inputs: NDArray[Any], kernel: NDArray[Any]) -> Any:
        """(N, C, T', F): the product of every window of every channel with a kernel."""
        x = inputs if self._channels_first else np.swapaxes(inputs, 1, 2)
        samples, channels, steps = x.shape
        rows = conv(
            np.reshape(x, (samples * channels, steps, 1)),
            kernel.astype(inputs.dtype),
            strides=self._step,
            padding=self.padding,
            data_format="channels_last",
        )
        return np.reshape(rows, (samples, channels, *rows.shape[1:]))

    def _of_parts(self, real: Any, imag: Any = None) -> Any:
        if imag is None:
            return real
        if self.mode == "angle":
            return np.arctan2(imag, real)
        if self.mode == "stft":
            return np.concatenate([real, imag], axis=-1)
        power = np.square(real) + np.square(imag)
        if self.mode == "psd":
            twice = np.full(power.shape[-1], 2, power.dtype)
            twice[[0, -1]] = 1
            return power * twice
        least = power.dtype.type(settings.epsilon())
        magnitude = np.sqrt(np.maximum(power, least))
        return magnitude if self.mode == "magnitude" else np.log(np.maximum(magnitude, least))

    def _arranged(self, spectra: Any) -> Any:
        """(N, C, T', F) in the form of the outputs."""
        if self.expand_dims:
            return np.transpose(spectra, _EXPANDED_AXES[self.data_format])
        samples, channels, steps, frequencies = spectra.shape
        flat = np.transpose(spectra, _FLAT_AXES[self.data_format])
        size = channels * frequencies
        shape = (samples, size, steps) if self._channels_first else (samples, steps, size)
        return np.reshape(flat, shape)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shape of the spectra."""
        batch, *_ = input_shape
        (size,) = self._sizes_of(input_shape)
        channels = input_shape[1] if self._channels_first else input_shape[-1]
        frequencies = self._frequencies * (2 if self.mode == "stft" else 1)
        steps = size
        if size is not None:
            first = 1 if self.padding == "same" else self.frame_length
            steps = max(0, (size - first) // self._step + 1)
        if self.expand_dims:
            spectra = (batch, channels, steps, frequencies)
            return tuple(spectra[axis] for axis in _EXPANDED_AXES[self.data_format])
        width = None if channels is None else channels * frequencies
        return (batch, width, steps) if self._channels_first else (batch, steps, width)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "window": serialization.serialize(self.window)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Makes the layer that `get_config` described."""
        window = serialization.deserialize(config.get("window", "hann"))
        return cls(**{**config, "window": window})
