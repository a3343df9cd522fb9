"""Losses by name and by config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rnnext import losses, serialization
from rnnext.kept_option import named_object

__all__ = ["deserialize", "get", "serialize"]

_NO_LOSS = ("Loss", "Reduction", "deserialize", "get", "serialize")


def get(identifier: Any) -> Any:
    """Returns the loss that `compile` is given, by name.

    Args:
        identifier: None, a name (`"mse"`, `"MeanSquaredError"`), a config, a loss or a function.

    Raises:
        UnsupportedError: If it is none of these.

    Example:
        >>> float(get("mae")([0.0, 1.0], [1.0, 3.0]))
        1.5
    """
    return named_object("loss", object, _by_name(), identifier)


def _by_name() -> Mapping[str, Any]:
    known = {name: getattr(losses, name) for name in dir(losses) if name not in _NO_LOSS}
    return {**known, "bce": losses.binary_crossentropy, "BCE": losses.binary_crossentropy}


def serialize(loss: Any) -> Any:
    """Returns the config of a loss, with its class, or of a function."""
    return serialization.serialize(loss)


def deserialize(name: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Returns the loss of a config; the inverse of `serialize`.

    Args:
        name: What `serialize` returned.
        custom_objects: Classes and functions by the name the config uses for them.
    """
    with serialization.custom_object_scope(custom_objects):
        return get(name)
