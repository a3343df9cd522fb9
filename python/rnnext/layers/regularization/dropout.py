"""Dropout: the identity, unless in training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.graph.recording import Pullback, Recording
from rnnext.layers.layer import Layer
from rnnext.layers.regularization.noise import dropout_factors, generator_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import LayerOptions

__all__ = ["Dropout"]


@serialization.builtin("keras.layers")
class Dropout(Layer):
    """Sets values to zero at random in training, and returns its input otherwise.

    The values that are left are multiplied by `1 / (1 - rate)`.

    Args:
        rate: The share of the values that are dropped, from 0 to 1.
        noise_shape: Sizes of what is drawn, None for the input's own; it broadcasts to the input.
        seed: Seed of the layer's own random numbers; see `rnnext.set_random_seed`.
        **kwargs: Arguments of `Layer`.

    Call arguments:
        inputs: Floats of any shape.
        training: Whether to drop values.

    Raises:
        UnsupportedError: If an option is not of the stated form.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import Dropout
        >>> y = Dropout(0.5)(np.ones((1, 100), "float32"), training=True)
        >>> np.unique(y)
        array([0., 2.], dtype=float32)
    """

    rate: float
    seed: int | None

    _config_order: tuple[str, ...] | None = ("rate", "seed", "noise_shape")

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
        self._take(locals())
        self.noise_shape = self._checked_noise_shape(noise_shape)
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

    def call(self, inputs: NDArray[Any], training: bool | None = False) -> NDArray[Any]:
        """Returns `inputs`, in training with noise."""
        if not training or self.rate == 0:
            return inputs
        factor, offset = self._noise(inputs)
        outputs: NDArray[Any] = inputs * factor
        return outputs if offset is None else outputs + offset

    def record(
        self, recording: Recording, inputs: NDArray[Any], training: bool | None = None
    ) -> tuple[NDArray[Any], Pullback]:
        """Drops values if this is training; their gradients are dropped alike."""
        if not (recording.training if training is None else training) or self.rate == 0:
            return self.cast_outputs(inputs), lambda d_outputs: d_outputs
        factor, offset = self._noise(inputs, recording)
        outputs = inputs * factor
        if offset is not None:
            outputs += offset

        def pullback(d_outputs: list[Any]) -> list[Any]:
            d = d_outputs[0]
            own = recording.buffers.take(self, "gradient", d.shape, d.dtype)
            return [np.multiply(d, factor, out=own)]

        return self.cast_outputs(outputs), pullback

    def _noise(
        self, inputs: NDArray[Any], recording: Recording | None = None
    ) -> tuple[NDArray[Any], NDArray[Any] | None]:
        """What the inputs are multiplied by, and what is then added to them."""
        generator = generator_of(self, recording)
        shape = self._sizes_of_noise(inputs.shape)
        out = None
        if recording is not None:
            out = recording.buffers.take(self, "noise", shape, inputs.dtype)
        return dropout_factors(generator, self.rate, shape, inputs.dtype, out), None

    def _sizes_of_noise(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if self.noise_shape is None:
            return shape
        if len(self.noise_shape) != len(shape):
            raise ShapeError(
                f"{self.label}: noise_shape={self.noise_shape} must have as many sizes as the "
                f"inputs {shape}."
            )
        return tuple(
            own if size is None else size for size, own in zip(self.noise_shape, shape, strict=True)
        )

    def _joined_axes(self, rank: int) -> Sequence[int] | None:  # noqa: ARG002
        return ()

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape."""
        return input_shape
