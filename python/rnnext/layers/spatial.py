"""Options, shapes and the data format that all layers over time, images and volumes share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.errors import UnsupportedError
from rnnext.layers.input_spec import InputSpec
from rnnext.layers.layer import Layer
from rnnext.layers.symbolic import Shape

__all__ = [
    "SpatialLayer",
    "integer_tuple",
    "integers",
    "lowest",
    "positive_integer",
    "standard_padding",
]

_DATA_FORMATS = ("channels_last", "channels_first")


def integers(
    value: Any, count: int, option: str, label: str, least: int | None = 1
) -> tuple[int, ...]:
    """Returns an option that is one integer, or one for each axis, as `count` integers.

    Args:
        value: An integer, or a list or tuple of `count` integers.
        count: How many there must be.
        option: Name of the option, for the error message.
        label: Name of the layer, for the error message.
        least: The smallest integer accepted, or None.

    Raises:
        UnsupportedError: If it is anything else.
    """
    sequence = list(value) if isinstance(value, (list, tuple)) else [value] * count
    fits = len(sequence) == count and all(_is_integer(item) for item in sequence)
    if not fits or (least is not None and any(item < least for item in sequence)):
        several = f" or {count} integers" if count > 1 else ""
        bound = "" if least is None else f" >= {least}"
        raise UnsupportedError(
            f"{label}: {option} must be an integer{several}{bound}, received {value!r}."
        )
    return tuple(int(item) for item in sequence)


def integer_tuple(value: Any, option: str, label: str, least: int) -> tuple[int, ...]:
    """Returns an option that is a list of integers >= `least`, or raises UnsupportedError."""
    if not isinstance(value, (list, tuple)) or not all(
        _is_integer(item) and item >= least for item in value
    ):
        raise UnsupportedError(
            f"{label}: {option} must be a list of integers >= {least}, received {value!r}."
        )
    return tuple(int(item) for item in value)


def positive_integer(value: Any, option: str, label: str) -> int:
    """Returns an option that is an integer of at least 1, or raises UnsupportedError."""
    if not _is_integer(value) or value < 1:
        raise UnsupportedError(f"{label}: {option} must be an integer >= 1, received {value!r}.")
    return int(value)


def _is_integer(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


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
        self.data_format = name
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
        return np.ascontiguousarray(np.moveaxis(y, -1, 1)) if self._channels_first else y

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        config = super().get_config()
        if "data_format" in vars(self):  # some layers over time have no such option
            config["data_format"] = self.data_format
        return config
