"""Optimizers by name and by config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rnnext import optimizers, serialization
from rnnext.kept_option import named_object
from rnnext.optimizers.optimizer import Optimizer

__all__ = ["deserialize", "get", "serialize"]


def get(identifier: Any) -> Any:
    """Returns the optimizer that `compile` is given.

    Args:
        identifier: None, a name in any case (`"adam"`, `"SGD"`), a config, or an optimizer.

    Raises:
        UnsupportedError: If it is none of these.

    Example:
        >>> round(float(get("adam").learning_rate), 5)
        0.001
    """
    return named_object("optimizer", Optimizer, _classes(), identifier)


def _classes() -> Mapping[str, Any]:
    found = (getattr(optimizers, name) for name in dir(optimizers))
    return {
        cls.__name__.lower(): cls
        for cls in found
        if isinstance(cls, type) and issubclass(cls, Optimizer) and cls is not Optimizer
    }


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """Returns the config of an optimizer, with its class."""
    return dict(serialization.serialize(optimizer))


def deserialize(config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Returns the optimizer of a config; the inverse of `serialize`.

    Args:
        config: What `serialize` returned.
        custom_objects: Classes by the name the config uses for them.
    """
    with serialization.custom_object_scope(custom_objects):
        return get(config)
