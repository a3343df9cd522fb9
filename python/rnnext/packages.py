"""Packages that only some functions and commands need."""

from __future__ import annotations

import importlib
from typing import Any

from rnnext.errors import RnnextError


class MissingPackageError(RnnextError, ImportError):
    """A function, a command or a module needs a package that is not installed."""


def load_package(module: str, purpose: str, install: str) -> Any:
    """Import a module that rnnext does not depend on.

    Args:
        module: Its import name.
        purpose: What needs it, e.g. "`rnnext demo --plot`".
        install: What to give to pip.

    Raises:
        MissingPackageError: Its package is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != package:
            raise  # the package is there, and something in it is broken
        raise MissingPackageError(
            f"{purpose} needs {package}, which is not installed: python3 -m pip install {install}"
        ) from error
