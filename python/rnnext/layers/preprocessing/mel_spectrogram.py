"""MelSpectrogram: the energies of a sound in bands as wide as they are heard."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.layers.convolutional.operations import conv
from rnnext.layers.integer_options import positive_integer
from rnnext.layers.layer import Layer
from rnnext.ops.spectra import stft

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from rnnext.layers.option_types import LayerOptions

__all__ = ["MelSpectrogram"]

# The mel scale of the Hidden Markov Model Toolkit: 1127 * ln(1 + hertz / 700).
_BREAK_HERTZ = 700.0
_MELS = 1127.0


def _mel(hertz: Any) -> Any:
    return _MELS * np.log1p(np.asarray(hertz, np.float64) / _BREAK_HERTZ)


@serialization.builtin("keras.layers")
class MelSpectrogram(Layer):
    """Computes mel spectrograms: of each window of a sound its energies in bands of frequencies.

    A band is a triangle on the mel scale `1127 * ln(1 + hertz / 700)`. The weights of the bands
    are computed in float64, where Keras rounds every step to float32: its narrow bands differ by
    up to 1e-4 of themselves from the formula.

    With `power_to_db` the loudest element of a batch says what is cut off, as in Keras, so an
    output depends on the batch; `predict` takes Keras's batches of 32 unless it is told others.

    Args:
        fft_length: The length of the Fourier transform.
        sequence_stride: From one window to the next, in samples.
        sequence_length: The size of a window, at most `fft_length`, the default.
        window: "hann", "hamming", None, or `(sequence_length,)` numbers.
        sampling_rate: Samples in a second.
        num_mel_bins: How many bands.
        min_freq: The lower edge of the lowest band, in hertz.
        max_freq: The upper edge of the highest band; by default half the sampling rate.
        power_to_db: Whether energies are in decibels, `10 * log10(energy / ref_power)`.
        top_db: How many decibels below the loudest element are kept.
        mag_exp: The power of the magnitudes: 2 for energies.
        min_power: The least energy, before the logarithm.
        ref_power: The energy that is 0 decibels.
        **kwargs: Arguments of `Layer`.

    Raises:
        UnsupportedError: For lengths that are not accepted.
        ShapeError: If the inputs have not one or two axes.

    Input shape:
        `(B, N)` or `(N,)`, samples of sounds.

    Output shape:
        `(B, num_mel_bins, T)` or `(num_mel_bins, T)` with `T = 1 + N // sequence_stride`.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import MelSpectrogram
        >>> layer = MelSpectrogram(fft_length=256, sequence_stride=128, num_mel_bins=3)
        >>> x = np.sin(np.arange(1024, dtype="float32"))[None]  # 2546 hertz
        >>> print(layer(x)[0, :, 4].round(1))
        [-44.4  35.5  34.1]
    """

    fft_length: int
    sequence_stride: int
    sequence_length: int
    window: Any
    sampling_rate: int
    num_mel_bins: int
    min_freq: float
    max_freq: float
    power_to_db: bool
    top_db: float
    mag_exp: float
    min_power: float
    ref_power: float

    _casts_integers = True

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: Any = "hann",
        sampling_rate: int = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        sequence_length = sequence_length or fft_length
        for name in ("fft_length", "sequence_stride", "sequence_length", "num_mel_bins"):
            positive_integer(locals()[name], name, self.label)
        if fft_length < sequence_length:
            raise UnsupportedError(
                f"{self.label}: fft_length must be at least sequence_length={sequence_length}, "
                f"received {fft_length}."
            )
        max_freq = max_freq or int(sampling_rate / 2)
        self._take(locals())

    @property
    def pads_to_batch(self) -> bool:
        """Whether an output depends on the samples of its batch, which then are Keras's 32."""
        return bool(self.power_to_db)

    def call(self, inputs: NDArray[Any]) -> Any:
        """Returns the spectrograms."""
        if inputs.ndim not in (1, 2):
            raise ShapeError(
                f"{self.label}: expected samples (N,) or (batch, N), received shape {inputs.shape}."
            )
        rows = inputs[None] if inputs.ndim == 1 else inputs
        (matrix,) = self._packed or self._pack()
        energies = conv(self._magnitudes(rows), matrix[None], data_format="channels_last")
        if self.power_to_db:
            energies = self._decibels(energies)
        result = np.swapaxes(energies, -1, -2)
        return result[0] if inputs.ndim == 1 else result

    def _magnitudes(self, rows: NDArray[Any]) -> Any:
        """(B, T, F): of each frequency."""
        real, imag = stft(
            rows, self.sequence_length, self.sequence_stride, self.fft_length, self.window
        )
        return np.sqrt(np.square(real) + np.square(imag)) ** self.mag_exp

    def _decibels(self, energies: Any) -> Any:
        with np.errstate(all="ignore"):
            loud = 10 * np.log10(np.maximum(energies, energies.dtype.type(self.min_power)))
            loud = loud - 10 * math.log10(max(abs(self.ref_power), self.min_power))
            return np.maximum(loud, np.max(loud) - self.top_db)

    def _pack_weights(self) -> tuple[NDArray[Any]]:
        matrix = self.linear_to_mel_weight_matrix(
            self.num_mel_bins,
            self.fft_length // 2 + 1,
            self.sampling_rate,
            self.min_freq,
            self.max_freq,
            self.compute_dtype,
        )
        return (matrix,)

    def linear_to_mel_weight_matrix(
        self,
        num_mel_bins: int = 20,
        num_spectrogram_bins: int = 129,
        sampling_rate: float = 8000,
        lower_edge_hertz: float = 125.0,
        upper_edge_hertz: float = 3800.0,
        dtype: Any = "float32",
    ) -> NDArray[Any]:
        """Returns the matrix (frequencies, bands) that makes energies of bands of a spectrum.

        Args:
            num_mel_bins: How many bands.
            num_spectrogram_bins: How many frequencies, from 0 to half the sampling rate.
            sampling_rate: Samples in a second.
            lower_edge_hertz: The lower edge of the lowest band.
            upper_edge_hertz: The upper edge of the highest band.
            dtype: Of the matrix.
        """
        frequencies = _mel(np.linspace(0, sampling_rate / 2, num_spectrogram_bins))[:, None]
        edges = np.linspace(_mel(lower_edge_hertz), _mel(upper_edge_hertz), num_mel_bins + 2)
        lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
        rising = (frequencies - lower) / (centre - lower)
        falling = (upper - frequencies) / (upper - centre)
        weights = np.maximum(0, np.minimum(rising, falling))
        weights[0] = 0  # the mean of the samples is in no band
        return np.asarray(weights, dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shape of the spectrograms."""
        *batch, size = input_shape
        if size is not None:
            odd = self.fft_length % 2
            size = max(0, 1 + (size - odd) // self.sequence_stride)
        return (*batch, self.num_mel_bins, size)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "window": serialization.serialize(self.window)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Makes the layer that `get_config` described."""
        window = serialization.deserialize(config.get("window", "hann"))
        return cls(**{**config, "window": window})
