"""`--custom FILE.py[:NAME]`: the user's own classes and functions."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from rnnext.errors import RnnextError
from rnnext.layers import Layer


def add_custom_argument(parser: argparse.ArgumentParser) -> None:
    """Adds ``--custom``."""
    parser.add_argument(
        "--custom",
        metavar="FILE.py[:NAME]",
        action="append",
        default=[],
        help="run this Python file, and let the model use the classes and functions defined in it, "
        "or the one of this name; may be given several times",
    )


def custom_objects(files: Sequence[str]) -> dict[str, Any]:
    """Runs the files, which may print and fail as they like, and collects what they define.

    Args:
        files: As given to ``--custom``.

    Returns:
        Name -> class or function.

    Raises:
        RnnextError: A file cannot be run, does not have the name, or defines nothing; its classes
            are of another library; or two files define one name.
    """
    found: dict[str, Any] = {}
    modules: dict[str, ModuleType] = {}
    for argument in files:
        file, name = _parts(argument)
        if file not in modules:
            modules[file] = _run(file)
        objects = _defined(modules[file])
        if name is not None:
            objects = {name: _named(modules[file], name, file, objects)}
        elif not objects:
            raise RnnextError(f"--custom {file}: it defines no class and no function.")
        for key, value in objects.items():
            _check_library(key, value, file)
            if found.setdefault(key, value) is not value:
                raise RnnextError(f"--custom {file}: another file defines {key!r} too.")
    return found


def _parts(argument: str) -> tuple[str, str | None]:
    """The file and the name; a colon may also follow the drive of a Windows path."""
    file, colon, name = argument.rpartition(":")
    return (file, name) if colon and name.isidentifier() else (argument, None)


def _run(file: str) -> ModuleType:
    """The file as a module. It may import what lies beside it; what it prints is no answer."""
    path = Path(file)
    if not path.is_file():
        raise RnnextError(f"--custom {file}: there is no such file.")
    spec = importlib.util.spec_from_file_location(f"custom_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise RnnextError(f"--custom {file}: a Python file (.py) is expected.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    sys.path.insert(0, str(path.resolve().parent))
    try:
        with contextlib.redirect_stdout(sys.stderr):
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise RnnextError(f"--custom {file}: {_described(error, file)}") from error
    return module


def _described(error: BaseException, file: str) -> str:
    """An error of the user's file, with the line of the file."""
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).resolve() == Path(file).resolve()
    ]
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {type(error).__name__}: {error.msg}"
    where = f"line {lines[-1]}: " if lines else ""
    return f"{where}{type(error).__name__}: {error}"


def _defined(module: ModuleType) -> dict[str, Any]:
    """Classes and functions that the file defines, not those that it imports."""
    return {
        name: value
        for name, value in vars(module).items()
        if (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
    }


def _named(module: ModuleType, name: str, file: str, defined: dict[str, Any]) -> Any:
    if not hasattr(module, name):
        raise RnnextError(
            f"--custom {file}:{name}: the file has no {name!r}; it defines {sorted(defined)}."
        )
    return getattr(module, name)


def _check_library(name: str, value: Any, file: str) -> None:
    """Rejects a layer of Keras: it would compute with TensorFlow's tensors."""
    if not inspect.isclass(value) or issubclass(value, Layer):
        return
    for base in value.__mro__:
        library = base.__module__.partition(".")[0]
        if library in ("keras", "tf_keras", "tensorflow", "torch"):
            raise RnnextError(
                f"--custom {file}: class {name!r} is one of {library}'s; rnnext needs a subclass "
                "of rnnext.layers.Layer whose call computes with NumPy."
            )
