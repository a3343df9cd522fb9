"""Dropout: at inference, the identity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from rnnext import serialization
from rnnext.errors import UnsupportedError
from rnnext.layers.layer import Layer

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import LayerOptions

__all__ = ["Dropout"]


@serialization.builtin("keras.layers")
class Dropout(Layer):
    """Returns its input; dropping values is for training, which rnnext does not do.

    Args:
        rate: Between 0 and 1; kept in the config.
        noise_shape: Sizes, None for the input's own; kept in the config.
        seed: Kept in the config.
        **kwargs: Arguments of `Layer`.

    Raises:
        UnsupportedError: If an option is not of the stated form, or the layer is called with
            `training=True` and a rate above 0.
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Any = None,
        seed: int | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
            raise UnsupportedError(f"{self.label}: rate must be from 0 to 1, received {rate!r}.")
        self.rate = rate
        self.noise_shape = self._checked_noise_shape(noise_shape)
        self.seed = seed
        self.supports_masking = True

    def _checked_noise_shape(self, noise_shape: Any) -> tuple[int | None, ...] | None:
        if noise_shape is None:
            return None
        is_sequence = isinstance(noise_shape, (list, tuple))
        if not is_sequence or not all(
            size is None or (isinstance(size, int) and not isinstance(size, bool) and size > 0)
            for size in noise_shape
        ):
            raise UnsupportedError(
                f"{self.label}: noise_shape must be None or a tuple of integers >= 1 and None, "
                f"received {noise_shape!r}."
            )
        return tuple(noise_shape)

    def call(self, inputs: NDArray[Any], training: bool = False) -> NDArray[Any]:
        """Returns `inputs`."""
        if training and self.rate > 0:
            raise UnsupportedError(f"{self.label}: training=True is not supported.")
        return inputs

    def _joined_axes(self, rank: int) -> Sequence[int] | None:  # noqa: ARG002
        return ()

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "rate": self.rate,
            "seed": self.seed,
            "noise_shape": serialization.serialize(self.noise_shape),
        }
