"""Packages whose modules are imported when one of their names is first asked for (PEP 562).

Few models use more than a tenth of the layers, and all of them take a quarter of NumPy's time.
What type checkers read about such a package is in its `__init__.pyi`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

__all__ = ["on_demand"]


def on_demand(
    package: str,
    names_of_module: Mapping[str, Sequence[str]],
    defined_as: Mapping[str, str] = MappingProxyType({}),
) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """Returns the `__all__`, `__getattr__` and `__dir__` of a package.

    Args:
        package: Its full name.
        names_of_module: Public names by the module of the package that defines them.
        defined_as: What the module itself calls those that have another name there.

    Example:
        >>> public, get, _ = on_demand("rnnext.saving", {"limits": ["Limits"]})
        >>> public
        ['Limits']
        >>> get("Limits")
        <class 'rnnext.saving.limits.Limits'>
    """
    module_of = {name: module for module, names in names_of_module.items() for name in names}
    public = sorted(module_of)

    def get(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = importlib.import_module(f"{package}.{module_of[name]}")
        value = getattr(module, defined_as.get(name, name))
        setattr(sys.modules[package], name, value)  # asked for again, it is found without `get`
        return value

    return public, get, lambda: public
