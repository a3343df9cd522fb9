"""Packages whose modules are imported when one of their names is first asked for (PEP 562).

Few models use more than a tenth of the layers, and all of them take a quarter of NumPy's time.
The package's `__init__.pyi`, which type checkers read, is the one table of what is where.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

__all__ = ["absent_name", "attach"]

# The two forms of a line that exports a name, and a line that imports what an alias stands for:
#   from rnnext.ops.activation import silu as silu
#   swish = silu
#   from rnnext.ops.indexing import slice_
_IMPORT = re.compile(r"^from (\S+) import (\w+)( as \w+)?$", re.MULTILINE)
_ALIAS = re.compile(r"^(\w+) = (\w+)$", re.MULTILINE)


def attach(package: str) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """Returns the `__all__`, `__getattr__` and `__dir__` of a package with an `__init__.pyi`.

    Args:
        package: Its full name; it is being imported.

    Example:
        >>> public, get, _ = attach("rnnext.saving")
        >>> "Limits" in public
        True
        >>> get("Limits")
        <class 'rnnext.saving.formats.limits.Limits'>
    """
    stub = Path(str(sys.modules[package].__file__)).with_suffix(".pyi").read_text("utf-8")
    imported = {name: (module, bool(public)) for module, name, public in _IMPORT.findall(stub)}
    defined_as = {name: name for name, (_, is_public) in imported.items() if is_public}
    defined_as.update(_ALIAS.findall(stub))
    names = sorted(defined_as)

    def get(name: str) -> Any:
        if name not in defined_as:
            raise absent_name(package, name)
        original = defined_as[name]
        module = imported[original][0]
        if module == package:  # `from rnnext.config import threading as threading`, a module in it
            value: Any = importlib.import_module(f"{package}.{original}")
        else:
            value = getattr(importlib.import_module(module), original)
        setattr(sys.modules[package], name, value)  # asked for again, it is found without `get`
        return value

    return names, get, lambda: names


def absent_name(package: str, name: str) -> AttributeError:
    """Returns the error for a missing name of a package; it says why, if Keras has the name."""
    # `from package import module` asks for an attribute first: that is no reason to look it up.
    path = vars(sys.modules[package]).get("__path__", [])
    if not name.startswith("__") and PathFinder.find_spec(f"{package}.{name}", path) is None:
        absent = importlib.import_module("rnnext.absent")
        error = absent.attribute_error(package, name)
        if isinstance(error, AttributeError):
            return error
    shown = package.replace("rnnext.tensorflow", "rnnext")  # under the name that programs use
    return AttributeError(f"module {shown!r} has no attribute {name!r}")
