"""The base class of layers that wrap another layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rnnext import serialization
from rnnext.errors import UnsupportedError
from rnnext.layers.layer import Layer

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from rnnext.layers.option_types import LayerOptions

__all__ = ["Wrapper"]


@serialization.builtin("keras.layers")
class Wrapper(Layer):
    """A layer around another layer, whose weights are its own.

    Args:
        layer: The layer to wrap.
        **kwargs: Arguments of `Layer`.

    Raises:
        UnsupportedError: If `layer` is no layer.
    """

    def __init__(self, layer: Any, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        if not isinstance(layer, Layer):
            raise UnsupportedError(f"{self.label}: expected a layer to wrap, received {layer!r}.")
        self.layer = layer

    def build(self, input_shape: Any) -> None:
        """Builds the wrapped layer."""
        if not self.layer.built:
            self.layer.build(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "layer": serialization.serialize(self.layer)}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """Makes the layer from what `get_config` returned, with `custom_objects` of its names."""
        layer = serialization.deserialize(config["layer"], custom_objects)
        return cls(**{**config, "layer": layer})
