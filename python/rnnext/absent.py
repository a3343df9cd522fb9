"""Why a name of Keras or TensorFlow is missing: the text of errors and of docs/names.md."""

from __future__ import annotations

import functools

from rnnext.absent_names import ABSENT, REASONS
from rnnext.errors import UnsupportedError
from rnnext.imports import real_name

__all__ = [
    "AbsentImportError",
    "AbsentNameError",
    "attribute_error",
    "raise_import_error",
    "reason",
]


class AbsentNameError(UnsupportedError, AttributeError):
    """Raised for an attribute that Keras has and rnnext lacks."""


class AbsentImportError(UnsupportedError, ImportError):
    """Raised for an import of a name that Keras has and rnnext lacks."""


@functools.cache
def _reasons() -> dict[str, str]:
    return {
        f"{module}.{name}": REASONS[category]
        for module, by_category in ABSENT.items()
        for category, names in by_category.items()
        for name in names.split()
    }


def reason(name: str) -> str | None:
    """Returns why a name is absent; None if Keras does not have it, or nothing is said about it.

    Args:
        name: In Keras's form, without `keras.` in front: `"layers.RandomFlip"`.

    Example:
        >>> reason("layers.RandomFlip")
        'it is about images; rnnext is about sequences'
    """
    name = real_name(f"rnnext.{name}").removeprefix("rnnext.") if name.startswith("ops.") else name
    parts = name.split(".")
    # What a whole module is absent for is why its names are.
    for length in range(len(parts), 0, -1):
        found = _reasons().get("keras." + ".".join(parts[:length]))
        if found is not None:
            return found
    return None


def _message(name: str) -> str | None:
    inner = name.removeprefix("rnnext.").removeprefix("tensorflow.")
    why = reason(inner)
    return None if why is None else f"rnnext.{inner} is not there: {why}"


def attribute_error(package: str, name: str) -> AttributeError | None:
    """Returns the error for an attribute that Keras has and rnnext lacks, or None.

    Args:
        package: Name of the module, `"rnnext.layers"`.
        name: Name of the attribute.
    """
    message = _message(f"{package}.{name}")
    return None if message is None else AbsentNameError(message)


def raise_import_error(name: str) -> None:
    """Raises AbsentImportError if Keras has a module, or a name in a module, that is absent here.

    Args:
        name: What Python looks for when it imports: `"rnnext.layers.RandomFlip"`.
    """
    message = _message(name)
    if message is None:
        return
    raise AbsentImportError(message)
