"""The arguments of a layer's constructor, along its whole class hierarchy."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterable
from typing import Any

from rnnext import serialization
from rnnext.errors import UnsupportedError
from rnnext.naming import did_you_mean

__all__ = ["check_no_others", "constructor_arguments"]


def check_no_others(cls: Any, names: Iterable[str], label: str) -> None:
    """Rejects arguments of a layer's constructor that are left when its own were taken.

    Args:
        cls: The layer's class.
        names: The names of those that are left.
        label: How to call the layer in the message.

    Raises:
        UnsupportedError: If there is one; it names all that are accepted.
    """
    unknown = sorted(names)
    if unknown:
        accepted = _accepted_options(cls)
        hint = did_you_mean(unknown, accepted)
        raise UnsupportedError(f"{label}: unknown arguments {unknown}; accepted: {accepted}.{hint}")


def _accepted_options(cls: Any) -> list[str]:
    """Returns the names of all arguments that a class and its bases accept."""
    names: set[str] = set()
    for base in cls.__mro__:
        names |= base.__dict__.get("_more_options", frozenset())
        if "__init__" in base.__dict__ and base is not object:
            for parameter in list(inspect.signature(base.__init__).parameters.values())[1:]:
                if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                    names.add(parameter.name)
    return sorted(names - cls._no_options)


def constructor_arguments(layer: Any, construction: functools.partial[Any]) -> dict[str, Any]:
    """Returns what a layer was constructed with, as a config; for classes without get_config.

    Args:
        layer: The layer.
        construction: Its class, with the arguments.

    Raises:
        UnsupportedError: If an argument has no JSON form, so that the class must write its own
            get_config.
    """
    label = f"layer {layer.name!r} ({type(layer).__name__})"
    signature = inspect.signature(type(layer).__init__)
    bound = signature.bind(None, *construction.args, **construction.keywords)
    bound.apply_defaults()
    (_, *named) = bound.arguments.items()
    config: dict[str, Any] = {}
    for name, value in named:
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            config.update(value)
        elif kind is inspect.Parameter.VAR_POSITIONAL or kind is inspect.Parameter.POSITIONAL_ONLY:
            raise UnsupportedError(
                f"{label}: its constructor has positional-only arguments; write get_config()."
            )
        else:
            config[name] = value
    for option in ("name", "dtype", "trainable"):  # in the config as they are now
        config.pop(option, None)
    try:
        return dict(serialization.serialize(config))
    except UnsupportedError as error:
        raise UnsupportedError(f"{label} needs a get_config() method: {error}") from error
