"""Dropout's relatives: layers that change their input in training and otherwise return it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization
from rnnext.errors import UnsupportedError
from rnnext.graph.recording import Recording
from rnnext.layers.input_spec import InputSpec
from rnnext.layers.layer import Layer
from rnnext.layers.regularization.dropout import Dropout
from rnnext.layers.regularization.noise import generator_of
from rnnext.regularizers import L1L2

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import LayerOptions

__all__ = [
    "ActivityRegularization",
    "AlphaDropout",
    "GaussianDropout",
    "GaussianNoise",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
]

# Klambauer et al., 2017: -alpha * scale.
_LEAST_OF_SELU = -1.6732632423543772 * 1.0507009873554805


@serialization.builtin("keras.layers")
class AlphaDropout(Dropout):
    """Sets values to the least of selu at random in training, and returns its input otherwise.

    Mean and variance of the values stay; see `Dropout` for the arguments.
    """

    def _noise(
        self, inputs: NDArray[Any], recording: Recording | None = None
    ) -> tuple[NDArray[Any], NDArray[Any] | None]:
        shape, generator = self._sizes_of_noise(inputs.shape), generator_of(self, recording)
        kept = generator.random(shape, dtype=np.float32) >= self.rate
        if self.rate == 1:
            return np.full(shape, np.nan, inputs.dtype), None  # as in Keras: infinity times zero
        scale = ((1 - self.rate) * (1 + self.rate * _LEAST_OF_SELU**2)) ** -0.5
        factor = (kept * scale).astype(inputs.dtype)
        shift = scale * (_LEAST_OF_SELU * ~kept - _LEAST_OF_SELU * self.rate)
        return factor, shift.astype(inputs.dtype)


@serialization.builtin("keras.layers")
class GaussianDropout(Dropout):
    """Multiplies values by normal noise around 1 in training, and returns its input otherwise.

    Args:
        rate: As of `Dropout`; the noise has the variance `rate / (1 - rate)`.
        seed: Seed of the layer's own random numbers.
        **kwargs: Arguments of `Layer`.
    """

    _config_order = ("rate", "seed")

    def __init__(
        self, rate: float, seed: int | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(rate, seed=seed, **kwargs)

    def _noise(
        self, inputs: NDArray[Any], recording: Recording | None = None
    ) -> tuple[NDArray[Any], NDArray[Any] | None]:
        with np.errstate(divide="ignore"):
            deviation = np.sqrt(np.divide(self.rate, 1 - self.rate))
        drawn = generator_of(self, recording).standard_normal(inputs.shape, dtype=np.float32)
        return (1 + deviation * drawn).astype(inputs.dtype), None


class _SpatialDropout(Dropout):
    """Drops whole feature maps in training."""

    _rank: int
    _config_order: tuple[str, ...] | None = ("rate", "seed")

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        noise_shape = kwargs.pop("noise_shape", None)  # in the configs of Keras 2, always None
        super().__init__(rate, seed=seed, **kwargs)
        if noise_shape is not None:
            raise UnsupportedError(f"{self.label}: noise_shape={noise_shape!r} is not supported.")
        self.input_spec = InputSpec(ndim=self._rank)

    def _sizes_of_noise(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        ones = (1,) * (len(shape) - 2)
        if getattr(self, "data_format", None) == "channels_first":
            return (*shape[:2], *ones)
        return (shape[0], *ones, shape[-1])

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments that Keras's constructor has, too."""
        config = super().get_config()
        del config["trainable"]
        return config


@serialization.builtin("keras.layers")
class SpatialDropout1D(_SpatialDropout):
    """Drops whole feature maps of its input (B, T, D), in training.

    Args:
        rate: The share of the maps that are dropped, from 0 to 1.
        seed: Seed of the layer's own random numbers.
        **kwargs: Arguments of `Layer`.
    """

    _rank = 3


class _SpatialDropoutWithFormat(_SpatialDropout):
    _config_order = ("rate", "seed", "data_format")

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(rate, seed=seed, **kwargs)
        if data_format not in (None, "channels_last", "channels_first"):
            raise UnsupportedError(
                f"{self.label}: data_format must be 'channels_last' or 'channels_first', received "
                f"{data_format!r}."
            )
        self.data_format = data_format or "channels_last"


@serialization.builtin("keras.layers")
class SpatialDropout2D(_SpatialDropoutWithFormat):
    """Drops whole feature maps of its input, of four axes, in training.

    Args:
        rate: The share of the maps that are dropped, from 0 to 1.
        data_format: "channels_last" (also None) or "channels_first".
        seed: Seed of the layer's own random numbers.
        **kwargs: Arguments of `Layer`.
    """

    _rank = 4


@serialization.builtin("keras.layers")
class SpatialDropout3D(_SpatialDropoutWithFormat):
    """Drops whole feature maps of its input, of five axes, in training.

    Args:
        rate: The share of the maps that are dropped, from 0 to 1.
        data_format: "channels_last" (also None) or "channels_first".
        seed: Seed of the layer's own random numbers.
        **kwargs: Arguments of `Layer`.
    """

    _rank = 5


@serialization.builtin("keras.layers")
class GaussianNoise(Layer):
    """Adds normal noise in training, and returns its input otherwise.

    Args:
        stddev: Standard deviation of the noise, from 0 to 1.
        seed: Seed of the layer's own random numbers.
        **kwargs: Arguments of `Layer`.

    Raises:
        UnsupportedError: If stddev is out of range.
    """

    stddev: float

    def __init__(
        self, stddev: float, seed: int | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)
        self._take(locals())
        if isinstance(stddev, bool) or not isinstance(stddev, (int, float)) or not 0 <= stddev <= 1:
            raise UnsupportedError(
                f"{self.label}: stddev must be from 0 to 1, received {stddev!r}."
            )
        self.supports_masking = True

    def call(self, inputs: NDArray[Any], training: bool | None = False) -> NDArray[Any]:
        """Returns `inputs`, in training with noise."""
        if not training or self.stddev == 0:
            return inputs
        drawn = generator_of(self).standard_normal(inputs.shape, dtype=np.float32)
        outputs: NDArray[Any] = inputs + (self.stddev * drawn).astype(inputs.dtype)
        return outputs

    def _joined_axes(self, rank: int) -> Sequence[int] | None:  # noqa: ARG002
        return ()

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape."""
        return input_shape


@serialization.builtin("keras.layers")
class ActivityRegularization(Layer):
    """Returns its input, and adds a penalty of it to the loss of training.

    Args:
        l1: Factor of the sum of absolute values.
        l2: Factor of the sum of squares. Both sums are divided by the number of samples.
        **kwargs: Arguments of `Layer`.
    """

    l1: float
    l2: float

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        if self.activity_regularizer is not None:
            raise UnsupportedError(
                f"{self.label}: activity_regularizer={self.activity_regularizer!r}; accepted are "
                "l1 and l2, which say what is added to the loss."
            )
        self._take(locals())
        self.activity_regularizer = L1L2(l1, l2) if l1 or l2 else None
        self.supports_masking = True

    def call(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Returns `inputs`."""
        return inputs

    def _joined_axes(self, rank: int) -> Sequence[int] | None:  # noqa: ARG002
        return ()

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        config = super().get_config()
        config.pop("activity_regularizer", None)  # which l1 and l2 are
        return config
