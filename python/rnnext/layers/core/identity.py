"""Identity: a layer that does nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rnnext import nest, serialization
from rnnext.graph.tensor import KerasTensor
from rnnext.layers.layer import Layer

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import LayerOptions

__all__ = ["Identity"]


@serialization.builtin("keras.layers")
class Identity(Layer):
    """Returns its input, an array or a nested structure of arrays."""

    def __init__(self, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    @property
    def reads_strings(self) -> bool:
        """True."""
        return True

    def call(self, inputs: Any) -> Any:
        """Returns `inputs`."""
        return inputs

    def _joined_axes(self, rank: int) -> Sequence[int] | None:  # noqa: ARG002
        return ()

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape."""
        return input_shape

    def compute_output_spec(self, inputs: Any) -> Any:
        """Returns tensors like the inputs."""
        return nest.map_structure(lambda x: KerasTensor(x.shape, x.dtype, self.name), inputs)
