"""The arguments of a layer's constructor: read by their names, kept, and put into a config."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rnnext import activations, constraints, initializers, regularizers, serialization
from rnnext.errors import UnsupportedError
from rnnext.layers.integer_options import positive_integer
from rnnext.naming import did_you_mean

__all__ = ["check_no_others", "constructor_arguments", "options_config", "read_options"]

# What a name ends in says what may be given for the option: a name, a config, an object.
_KINDS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "activation": (activations.get, lambda value: activations.serialize(activations.get(value))),
    "initializer": (initializers.get, initializers.serialize),
    "regularizer": (regularizers.get, serialization.serialize),
    "constraint": (constraints.get, serialization.serialize),
}
_POSITIVE_INTEGERS = frozenset(
    {
        "depth_multiplier",
        "filters",
        "head_dim",
        "input_dim",
        "key_dim",
        "n",
        "num_heads",
        "num_key_value_heads",
        "num_query_heads",
        "output_dim",
        "units",
    }
)
# Options of Keras that rnnext has not; the first three are not in configs.
_UNSUPPORTED = ("gptq_unpacked_column_size", "lora_alpha", "lora_rank", "quantization_config")
# What constructors pass on to `Layer`.
_OF_LAYER = frozenset({"name", "dtype", "activity_regularizer"})


def _read_positive(value: Any, name: str, layer: Any) -> int:
    is_fine = type(value) is int and value > 0
    return value if is_fine else positive_integer(value, name, layer.label)


def _read_none(value: Any, name: str, layer: Any) -> None:
    if value is not None:
        raise UnsupportedError(f"{layer.label}: {name}={value!r} is not supported.")


@functools.cache
def _readers(cls: Any, done: tuple[str, ...]) -> tuple[tuple[str, Any, Any], ...]:
    """The names that the constructor of a class spells, and what reads each: of two kinds."""
    code = cls.__init__.__code__
    readers = []
    for name in code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]:
        if name not in _OF_LAYER and name not in done:
            kind = _KINDS.get(name.rpartition("_")[2])
            checks: Any = _read_positive if name in _POSITIVE_INTEGERS else None
            checks = _read_none if name in _UNSUPPORTED else checks
            readers.append((name, None if kind is None else kind[0], checks))
    return tuple(readers)


def read_options(layer: Any, given: Mapping[str, Any], done: tuple[str, ...]) -> dict[str, Any]:
    """Returns the values of a constructor's arguments, without those of `Layer`.

    Args:
        layer: The layer.
        given: The `locals()` of the constructor; its class is in it as `__class__`.
        done: Arguments that are not wanted.

    Raises:
        UnsupportedError: For a value that is not accepted.
    """
    options: dict[str, Any] = {}
    for name, read, check in _readers(given["__class__"], done):
        value = given[name]
        if read is not None:
            options[name] = read(value)
        elif check is None:
            options[name] = value
        else:
            value = check(value, name, layer)
            if value is not None or name == "quantization_config":
                options[name] = value
    return options


def options_config(layer: Any, names: Iterable[str]) -> dict[str, Any]:
    """Returns options of a layer as they are in its config.

    Args:
        layer: The layer, which has them as attributes.
        names: Their names.
    """
    config = {}
    for name in names:
        kind = _KINDS.get(name.rpartition("_")[2])
        value = getattr(layer, name)
        config[name] = value if kind is None else kind[1](value)
    return config


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
