"""Flatten: all axes but the batch as one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization
from rnnext.errors import UnsupportedError
from rnnext.graph.tensor import KerasTensor
from rnnext.layers.input_spec import InputSpec
from rnnext.layers.layer import Layer

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import LayerOptions

__all__ = ["Flatten"]


@serialization.builtin("keras.layers")
class Flatten(Layer):
    """Turns (B, ...) into (B, product of the other sizes). A mask does not pass it.

    Args:
        data_format: "channels_last" (also None), or "channels_first", which moves axis 1 to the
            end before flattening.
        **kwargs: Arguments of `Layer`.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import Flatten
        >>> Flatten()(np.zeros((2, 3, 4))).shape
        (2, 12)
    """

    data_format: str | None

    def __init__(self, data_format: str | None = None, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        if data_format not in (None, "channels_last", "channels_first"):
            raise UnsupportedError(
                f"{self.label}: data_format must be 'channels_last' or 'channels_first', received "
                f"{data_format!r}."
            )
        data_format = data_format or "channels_last"
        self._take(locals())
        self.input_spec = InputSpec(min_ndim=1, meaning="(batch, ...)")

    def call(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Returns (B, features)."""
        if self.data_format == "channels_first" and inputs.ndim > 1:
            inputs = np.moveaxis(inputs, 1, -1)
        return inputs.reshape(len(inputs), math.prod(inputs.shape[1:]))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns (B, features); features is None if a size is."""
        sizes = input_shape[1:]
        return (input_shape[0], None if None in sizes else math.prod(sizes))

    def compute_output_spec(self, inputs: KerasTensor) -> KerasTensor:
        """Returns a tensor of the input's dtype."""
        return KerasTensor(self.compute_output_shape(inputs.shape), inputs.dtype, self.name)
