"""Dropout's relatives: layers that change their input in training and hand it on at inference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from rnnext import serialization
from rnnext.errors import UnsupportedError
from rnnext.layers.input_spec import InputSpec
from rnnext.layers.layer import Layer
from rnnext.layers.regularization.dropout import Dropout

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


@serialization.builtin("keras.layers")
class AlphaDropout(Dropout):
    """Returns its input; see `Dropout` for the arguments."""


@serialization.builtin("keras.layers")
class GaussianDropout(Dropout):
    """Returns its input.

    Args:
        rate: Between 0 and 1; kept in the config.
        seed: Kept in the config.
        **kwargs: Arguments of `Layer`.

    Raises:
        UnsupportedError: If it is called with `training=True` and a rate above 0.
    """

    def __init__(
        self, rate: float, seed: int | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(rate, seed=seed, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        config = super().get_config()
        del config["noise_shape"]
        return config


class _SpatialDropout(GaussianDropout):
    """Would drop whole feature maps."""

    _rank: int

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        noise_shape = kwargs.pop("noise_shape", None)  # in the configs of Keras 2, always None
        super().__init__(rate, seed=seed, **kwargs)
        if noise_shape is not None:
            raise UnsupportedError(f"{self.label}: noise_shape={noise_shape!r} is not supported.")
        self.input_spec = InputSpec(ndim=self._rank)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments that Keras's constructor has, too."""
        config = super().get_config()
        del config["trainable"]
        return config


@serialization.builtin("keras.layers")
class SpatialDropout1D(_SpatialDropout):
    """Returns its input (B, T, D).

    Args:
        rate: Between 0 and 1; kept in the config.
        seed: Kept in the config.
        **kwargs: Arguments of `Layer`.
    """

    _rank = 3


class _SpatialDropoutWithFormat(_SpatialDropout):
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

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "data_format": self.data_format}


@serialization.builtin("keras.layers")
class SpatialDropout2D(_SpatialDropoutWithFormat):
    """Returns its input, of four axes.

    Args:
        rate: Between 0 and 1; kept in the config.
        data_format: Kept in the config.
        seed: Kept in the config.
        **kwargs: Arguments of `Layer`.
    """

    _rank = 4


@serialization.builtin("keras.layers")
class SpatialDropout3D(_SpatialDropoutWithFormat):
    """Returns its input, of five axes.

    Args:
        rate: Between 0 and 1; kept in the config.
        data_format: Kept in the config.
        seed: Kept in the config.
        **kwargs: Arguments of `Layer`.
    """

    _rank = 5


@serialization.builtin("keras.layers")
class GaussianNoise(Layer):
    """Returns its input; adding noise is for training, which rnnext does not do.

    Args:
        stddev: Between 0 and 1; kept in the config.
        seed: Kept in the config.
        **kwargs: Arguments of `Layer`.

    Raises:
        UnsupportedError: If it is called with `training=True` and a stddev above 0.
    """

    def __init__(
        self, stddev: float, seed: int | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(stddev, bool) or not isinstance(stddev, (int, float)) or not 0 <= stddev <= 1:
            raise UnsupportedError(
                f"{self.label}: stddev must be from 0 to 1, received {stddev!r}."
            )
        self.stddev = stddev
        self.seed = seed
        self.supports_masking = True

    def call(self, inputs: NDArray[Any], training: bool = False) -> NDArray[Any]:
        """Returns `inputs`."""
        if training and self.stddev > 0:
            raise UnsupportedError(f"{self.label}: training=True is not supported.")
        return inputs

    def _joined_axes(self, rank: int) -> Sequence[int] | None:  # noqa: ARG002
        return ()

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "stddev": self.stddev, "seed": self.seed}


@serialization.builtin("keras.layers")
class ActivityRegularization(Layer):
    """Returns its input; what it would add to a loss has no part in inference.

    Args:
        l1: Kept in the config.
        l2: Kept in the config.
        **kwargs: Arguments of `Layer`.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.l1 = l1
        self.l2 = l2
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
        return {**super().get_config(), "l1": self.l1, "l2": self.l2}
