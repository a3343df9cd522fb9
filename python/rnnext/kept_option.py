"""What constraints and regularizers have in common: layers keep them for training elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rnnext.errors import UnsupportedError
from rnnext.naming import did_you_mean, snake_case
from rnnext.serialization import custom_object

__all__ = ["TrainingOption", "classes_by_name", "kept_option"]


class TrainingOption:
    """Base class: its attributes are its constructor's arguments."""

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return dict(vars(self))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Makes the object that `get_config` described."""
        return cls(**config)


def classes_by_name(*classes: type) -> dict[str, type]:
    """The classes by what Keras calls them: `MaxNorm` and `max_norm`."""
    return {name: cls for cls in classes for name in (cls.__name__, snake_case(cls.__name__))}


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
        custom = custom_object(identifier)
        identifier = classes.get(identifier, identifier) if custom is None else custom
    if isinstance(identifier, type):
        identifier = identifier()
    if identifier is None or isinstance(identifier, dict) or callable(identifier):
        return identifier
    raise UnsupportedError(
        f"{kind} {identifier!r} is not known; accepted: {sorted(classes)}, a function, or a config."
        + did_you_mean([identifier], classes)
    )
