"""Rescaling: a factor and an offset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization
from rnnext.arrays import as_array, asarray, cast
from rnnext.layers.layer import Layer

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from rnnext.layers.option_types import LayerOptions

__all__ = ["Rescaling"]


@serialization.builtin("keras.layers")
class Rescaling(Layer):
    """Computes `x * scale + offset`.

    Args:
        scale: A number, or an array that broadcasts to the inputs.
        offset: The same.
        **kwargs: Arguments of `Layer`.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import Rescaling
        >>> Rescaling(0.5, offset=-1)(np.array([[0, 2, 4]]))
        array([[-1.,  0.,  1.]], dtype=float32)
    """

    _casts_integers = True

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.scale = scale
        self.offset = offset
        self.supports_masking = True

    def call(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Returns the rescaled inputs."""
        scale, offset = self._packed or self._pack()
        with np.errstate(over="ignore", invalid="ignore"):
            return asarray(inputs * scale + offset)

    def _joined_axes(self, rank: int) -> Sequence[int] | None:  # noqa: ARG002
        """The axes along which scale or offset have several numbers, from the end."""
        shapes = [np.shape(self.scale), np.shape(self.offset)]
        return [-i for shape in shapes for i in range(1, len(shape) + 1) if shape[-i] != 1]

    def _pack_weights(self) -> tuple[NDArray[Any], NDArray[Any]]:
        scale, offset = (
            cast(as_array(value, f"{self.label}: {option}"), self.compute_dtype)
            for option, value in (("scale", self.scale), ("offset", self.offset))
        )
        return scale, offset

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "scale": serialization.serialize(self.scale),
            "offset": serialization.serialize(self.offset),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Makes the layer that `get_config` described."""
        config = dict(config)
        for option in ("scale", "offset"):
            if option in config:
                config[option] = serialization.deserialize(config[option])
        return cls(**config)
