"""rnnext: Keras recurrent networks without TensorFlow."""

from __future__ import annotations

from rnnext import activations, initializers, layers, models, ops
from rnnext._core import __version__
from rnnext.config import (
    available_isas,
    get_num_threads,
    isa,
    set_num_threads,
    set_random_seed,
)
from rnnext.errors import DataError, FileError, RnnextError, ShapeError, UnsupportedError
from rnnext.layers.input import Input
from rnnext.models import Model, Sequential, from_keras, load_model
from rnnext.naming import clear_session
from rnnext.serialization import register_keras_serializable

__all__ = [
    "DataError",
    "FileError",
    "Input",
    "Model",
    "RnnextError",
    "Sequential",
    "ShapeError",
    "UnsupportedError",
    "__version__",
    "activations",
    "available_isas",
    "clear_session",
    "from_keras",
    "get_num_threads",
    "initializers",
    "isa",
    "layers",
    "load_model",
    "models",
    "ops",
    "register_keras_serializable",
    "set_num_threads",
    "set_random_seed",
]
