"""rnnext: Keras recurrent networks without TensorFlow."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from rnnext import config, errors
from rnnext._core import __version__
from rnnext.config import (
    available_isas,
    get_num_threads,
    isa,
    set_num_threads,
    set_random_seed,
)
from rnnext.errors import DataError, FileError, RnnextError, ShapeError, UnsupportedError
from rnnext.naming import clear_session

if TYPE_CHECKING:
    from rnnext import (
        activations,
        constraints,
        datasets,
        initializers,
        layers,
        models,
        ops,
        preprocessing,
        regularizers,
        saving,
        utils,
    )
    from rnnext.interop import from_torch
    from rnnext.layers import Input
    from rnnext.models import Model, Sequential
    from rnnext.saving import from_keras, load_model
    from rnnext.serialization import register_keras_serializable
    from rnnext.streaming.stream import Stream

__all__ = [
    "DataError",
    "FileError",
    "Input",
    "Model",
    "RnnextError",
    "Sequential",
    "ShapeError",
    "Stream",
    "UnsupportedError",
    "__version__",
    "activations",
    "available_isas",
    "clear_session",
    "config",
    "constraints",
    "datasets",
    "errors",
    "from_keras",
    "from_torch",
    "get_num_threads",
    "initializers",
    "isa",
    "layers",
    "load_model",
    "models",
    "ops",
    "preprocessing",
    "register_keras_serializable",
    "regularizers",
    "saving",
    "set_num_threads",
    "set_random_seed",
    "utils",
]

# A hundred layers take longer to import than NumPy: they come when they are first asked for.
_MODULES = {
    "activations",
    "constraints",
    "datasets",
    "initializers",
    "layers",
    "models",
    "ops",
    "preprocessing",
    "regularizers",
    "saving",
    "utils",
}
_MODULE_OF = {
    "Input": "rnnext.layers",
    "Model": "rnnext.models",
    "Sequential": "rnnext.models",
    "Stream": "rnnext.streaming.stream",
    "from_keras": "rnnext.saving",
    "from_torch": "rnnext.interop",
    "load_model": "rnnext.saving",
    "register_keras_serializable": "rnnext.serialization",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"rnnext.{name}")
    if name in _MODULE_OF:
        value = getattr(importlib.import_module(_MODULE_OF[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'rnnext' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
