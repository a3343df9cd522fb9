"""Options, shapes and the data format that all layers over time, images and volumes share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.arrays import cast
from rnnext.errors import UnsupportedError
from rnnext.graph.tensor import Shape
from rnnext.layers.input_spec import InputSpec
from rnnext.layers.layer import Layer

__all__ = [
    "SpatialLayer",
    "lowest",
    "standard_padding",
]

_DATA_FORMATS = ("channels_last", "channels_first")


def standard_padding(value: Any, accepted: tuple[str, ...], label: str) -> str:
    """Returns the option `padding` in lower case, or raises UnsupportedError."""
    padding = value.lower() if isinstance(value, str) else value
    if padding not in accepted:
        raise UnsupportedError(f"{label}: padding must be one of {accepted}, received {value!r}.")
    return str(padding)


def lowest(dtype: np.dtype[Any]) -> Any:
    """Returns what every number of this dtype is at least: the neutral element of a maximum."""
    if dtype.kind == "f":
        return -np.inf
    return False if dtype.kind == "b" else np.iinfo(dtype).min


class SpatialLayer(Layer):
    """Base class of layers over `rank` spatial axes: 1 (time), 2 (images) or 3 (volumes).

    Attributes:
        rank: Number of spatial axes.
        data_format: "channels_last", (B, *spatial, C), or "channels_first", (B, C, *spatial).
    """

    rank: int
    data_format = "channels_last"

    def _set_data_format(self, data_format: Any) -> None:
        """Sets the format and what follows from it for the input."""
        name = "channels_last" if data_format is None else str(data_format).lower()
        if name not in _DATA_FORMATS:
            raise UnsupportedError(
                f"{self.label}: data_format must be one of {_DATA_FORMATS}, received "
                f"{data_format!r}."
            )
        self._keep_options({"data_format": name})
        self.input_spec = InputSpec(ndim=self.rank + 2, meaning=self._meaning)

    @property
    def _channels_first(self) -> bool:
        return self.data_format == "channels_first"

    @property
    def _meaning(self) -> str:
        axes = {1: "time", 2: "height, width", 3: "depth, height, width"}[self.rank]
        names = f"channels, {axes}" if self._channels_first else f"{axes}, channels"
        return f"(batch, {names})"

    @property
    def _spatial_axes(self) -> tuple[int, ...]:
        first = 2 if self._channels_first else 1
        return tuple(range(first, first + self.rank))

    def _sizes_of(self, shape: Sequence[Any]) -> Shape:
        """The spatial sizes of a shape in the layer's data format."""
        return tuple(shape[2:] if self._channels_first else shape[1:-1])

    def _channels_of(self, shape: Sequence[Any]) -> int | None:
        size: int | None = shape[1 if self._channels_first else -1]
        return size

    def _shape(self, batch: int | None, sizes: Sequence[Any], channels: int | None) -> Shape:
        """The shape with these sizes in the layer's data format."""
        return (batch, channels, *sizes) if self._channels_first else (batch, *sizes, channels)

    def _to_channels_last(self, x: NDArray[Any]) -> NDArray[Any]:
        return np.moveaxis(x, 1, -1) if self._channels_first else x

    def _from_channels_last(self, y: NDArray[Any]) -> NDArray[Any]:
        return cast(np.moveaxis(y, -1, 1), y.dtype) if self._channels_first else y
