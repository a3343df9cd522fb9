"""What the options of training share: objects that keep the arguments they were given."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rnnext import serialization
from rnnext.errors import UnsupportedError
from rnnext.naming import did_you_mean, snake_case

__all__ = [
    "KeptArguments",
    "TrainingOption",
    "classes_by_name",
    "kept_option",
    "named_object",
]


class TrainingOption:
    """Base class: its attributes are its constructor's arguments."""

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return dict(vars(self))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Makes the object that `get_config` described."""
        return cls(**config)


class KeptArguments:
    """Base class: the constructor's arguments are attributes and make the config.

    A constructor spells its arguments in Keras's order and keeps them in one line:
    `self._keep(locals())`. Those that all optimizers, losses, ... have go to the constructor of
    their base class, which checks them.
    """

    _keras_module = ""  # where Keras has the class

    if TYPE_CHECKING:  # the attributes are the arguments of the constructors

        def __getattr__(self, name: str) -> Any: ...

    def _keep(self, arguments: dict[str, Any]) -> None:
        base = next(cls for cls in type(self).__mro__ if KeptArguments in cls.__bases__)
        common = inspect.signature(base).parameters
        given = {k: v for k, v in arguments.items() if k not in ("self", "kwargs")}
        base.__init__(  # type: ignore[misc]
            self, **{k: given.pop(k) for k in common if k in given}, **arguments.get("kwargs", {})
        )
        vars(self).update(given)

    @classmethod
    def _argument_names(cls) -> list[str]:
        """The arguments of rnnext's class; a user's subclass writes its own into its config."""
        ours = next(base for base in cls.__mro__ if base.__module__.startswith("rnnext."))
        parameters = inspect.signature(ours).parameters.values()
        return [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, as Keras names them."""
        return {
            name: serialization.serialize(getattr(self, name)) for name in self._argument_names()
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Makes the object that `get_config` described."""
        return cls(**config)

    def _serialize(self) -> dict[str, Any]:
        known = type(self).__module__.startswith("rnnext.")
        return {
            "module": self._keras_module if known else type(self).__module__,
            "class_name": type(self).__name__,
            "config": self.get_config(),
            "registered_name": None if known else serialization.get_registered_name(type(self)),
        }


def classes_by_name(*classes: type) -> dict[str, type]:
    """The classes by what Keras calls them: `MaxNorm` and `max_norm`."""
    return {name: cls for cls in classes for name in (cls.__name__, snake_case(cls.__name__))}


def named_object(kind: str, base: Any, known: Mapping[str, Any], identifier: Any) -> Any:
    """Returns an optimizer, loss, metric, ... from what `compile` may be given for it.

    Args:
        kind: What it is, for the error.
        base: Its base class, or `object` if any callable will do.
        known: Classes and functions by all names they have.
        identifier: None, a name, a config, a class, or the object itself.

    Raises:
        UnsupportedError: If it is none of these.
    """
    if isinstance(identifier, dict) and identifier.get("class_name") == "function":
        identifier = identifier["config"]
    found = identifier
    if isinstance(identifier, dict) and "class_name" in identifier:
        name, config = identifier["class_name"], identifier.get("config") or {}
        found = serialization.custom_object(identifier.get("registered_name") or name)
        found = known.get(name, known.get(str(name).lower())) if found is None else found
        if isinstance(found, type):
            found = found.from_config(dict(config))  # type: ignore[attr-defined]
    elif isinstance(identifier, str):
        found = serialization.custom_object(identifier)
        found = known.get(identifier, found) if found is None else found
        found = known.get(identifier.lower()) if found is None and base is not object else found
    if isinstance(found, type):
        found = found()
    if identifier is None or (isinstance(found, base) if base is not object else callable(found)):
        return found
    raise UnsupportedError(
        f"{kind} {identifier!r} is not known; accepted: {sorted(known)}, an instance, or a config."
        + did_you_mean([identifier], known)
    )


def kept_option(kind: str, classes: Mapping[str, type], identifier: Any) -> Any:
    """Returns what a layer keeps of an argument that only training uses.

    Args:
        kind: What it is, for the error.
        classes: The known ones by name.
        identifier: None, a name, an object with a config, a function, or a config, which is kept
            as it is: inference needs none of the user's classes that it may name.

    Raises:
        UnsupportedError: If it is an unknown name or something else.
    """
    if isinstance(identifier, str):
        custom = serialization.custom_object(identifier)
        identifier = classes.get(identifier, identifier) if custom is None else custom
    if isinstance(identifier, type):
        identifier = identifier()
    if identifier is None or isinstance(identifier, dict) or callable(identifier):
        return identifier
    raise UnsupportedError(
        f"{kind} {identifier!r} is not known; accepted: {sorted(classes)}, a function, or a config."
        + did_you_mean([identifier], classes)
    )
