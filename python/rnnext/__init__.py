"""rnnext: Keras recurrent networks without TensorFlow.

`import rnnext as tf` serves `tf.keras`, which is this module, and TensorFlow's names that programs
use beside it: `rnnext.tensorflow` has them. `docs/names.md` says which of Keras's names are here.
"""

import importlib as _importlib
import sys as _sys
import typing as _typing
from importlib.machinery import PathFinder as _PathFinder

from rnnext.errors import DataError, FileError, RnnextError, ShapeError, UnsupportedError
from rnnext.naming import clear_session
from rnnext.settings import (
    __version__,
    available_isas,
    get_num_threads,
    isa,
    set_num_threads,
    set_random_seed,
)

if _typing.TYPE_CHECKING:
    from rnnext import (
        activations,
        backend,
        callbacks,
        config,
        constraints,
        dask,
        datasets,
        dtype_policies,
        errors,
        initializers,
        keras,
        layers,
        losses,
        metrics,
        mixed_precision,
        models,
        ops,
        optimizers,
        preprocessing,
        random,
        ray,
        regularizers,
        saving,
        spark,
        strings,
        utils,
        wrappers,
    )
    from rnnext.dtype_policies import DTypePolicy, FloatDTypePolicy
    from rnnext.graph.operation import Operation
    from rnnext.graph.tensor import KerasTensor
    from rnnext.initializers import Initializer
    from rnnext.inspection.explanation import Explanation, explain
    from rnnext.interop import from_torch
    from rnnext.layers import Input, InputSpec, Layer
    from rnnext.layers.rnn.trace import Trace, Traces
    from rnnext.layers.variable import Variable
    from rnnext.losses import Loss
    from rnnext.metrics import Metric
    from rnnext.models import Model, Sequential
    from rnnext.name_scopes import name_scope
    from rnnext.optimizers import Optimizer
    from rnnext.regularizers import Regularizer
    from rnnext.saving import from_keras, load_model
    from rnnext.serialization import register_keras_serializable
    from rnnext.streaming.pool import PooledStream, StreamPool
    from rnnext.streaming.stream import Stream
    from rnnext.tensorflow.devices import device


class _First:
    """Finder of `rnnext.keras...` and of TensorFlow's modules, see `rnnext.imports`."""

    _names = tuple(
        f"rnnext.{name}"
        for name in (
            *("compat", "data", "engine", "keras", "linalg", "math", "nn", "python", "test"),
            *("layers.advanced", "layers.convolutional_r", "layers.cudnn", "layers.embeddings"),
            *("layers.merge", "layers.noise", "layers.recurrent", "layers.wrappers"),
            *("objectives", "optimizers.legacy", "train"),
            *("utils.data_utils", "utils.generic_utils", "utils.layer_utils"),
            *("utils.np_utils", "utils.vis_utils"),
            *("ops.linalg", "ops.nn", "ops.numpy"),
        )
    )

    @classmethod
    def find_spec(cls, name: str, *_: _typing.Any) -> _typing.Any:
        if not name.startswith(cls._names):
            return None
        return _importlib.import_module("rnnext.imports").alias_spec(name)


class _Last:
    """Finder that says why a module is absent."""

    @staticmethod
    def find_spec(name: str, *_: _typing.Any) -> None:
        if name.startswith("rnnext."):
            _importlib.import_module("rnnext.absent").raise_import_error(name)


_sys.meta_path.insert(0, _First)
_sys.meta_path.append(_Last)

# A hundred layers take longer to import than NumPy: they come when they are first asked for.
_MODULES = (
    "activations",
    "backend",
    "callbacks",
    "config",
    "constraints",
    "dask",
    "datasets",
    "dtype_policies",
    "errors",
    "initializers",
    "keras",
    "layers",
    "losses",
    "metrics",
    "mixed_precision",
    "models",
    "ops",
    "optimizers",
    "preprocessing",
    "random",
    "ray",
    "regularizers",
    "saving",
    "spark",
    "strings",
    "torch",  # not in __all__: `from rnnext import *` shall not need torch
    "utils",
    "wrappers",
)
_MODULE_OF = {
    "DTypePolicy": "rnnext.dtypes",
    "Explanation": "rnnext.inspection.explanation",
    "FloatDTypePolicy": "rnnext.dtype_policies",
    "Initializer": "rnnext.initializers",
    "Input": "rnnext.layers",
    "InputSpec": "rnnext.layers",
    "KerasTensor": "rnnext.graph.tensor",
    "Layer": "rnnext.layers",
    "Loss": "rnnext.losses",
    "Metric": "rnnext.metrics",
    "Model": "rnnext.models",
    "Operation": "rnnext.graph.operation",
    "Optimizer": "rnnext.optimizers",
    "PooledStream": "rnnext.streaming.pool",
    "Regularizer": "rnnext.regularizers",
    "Sequential": "rnnext.models",
    "Stream": "rnnext.streaming.stream",
    "StreamPool": "rnnext.streaming.pool",
    "Trace": "rnnext.layers.rnn.trace",
    "Traces": "rnnext.layers.rnn.trace",
    "Variable": "rnnext.layers.variable",
    "device": "rnnext.tensorflow.devices",
    "explain": "rnnext.inspection.explanation",
    "from_keras": "rnnext.saving",
    "from_torch": "rnnext.interop",
    "load_model": "rnnext.saving",
    "name_scope": "rnnext.name_scopes",
    "register_keras_serializable": "rnnext.serialization",
}

__all__ = [
    "DTypePolicy",
    "DataError",
    "Explanation",
    "FileError",
    "FloatDTypePolicy",
    "Initializer",
    "Input",
    "InputSpec",
    "KerasTensor",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Operation",
    "Optimizer",
    "PooledStream",
    "Regularizer",
    "RnnextError",
    "Sequential",
    "ShapeError",
    "Stream",
    "StreamPool",
    "Trace",
    "Traces",
    "UnsupportedError",
    "Variable",
    "__version__",
    "activations",
    "available_isas",
    "backend",
    "callbacks",
    "clear_session",
    "config",
    "constraints",
    "dask",
    "datasets",
    "device",
    "dtype_policies",
    "errors",
    "explain",
    "from_keras",
    "from_torch",
    "get_num_threads",
    "initializers",
    "isa",
    "keras",
    "layers",
    "load_model",
    "losses",
    "metrics",
    "mixed_precision",
    "models",
    "name_scope",
    "ops",
    "optimizers",
    "preprocessing",
    "random",
    "ray",
    "register_keras_serializable",
    "regularizers",
    "saving",
    "set_num_threads",
    "set_random_seed",
    "spark",
    "strings",
    "utils",
    "version",
    "wrappers",
]


def version() -> str:
    """Returns the version, as `keras.version()` does."""
    return __version__


def __getattr__(name: str) -> _typing.Any:
    if name in _MODULES:
        return _importlib.import_module(f"rnnext.{name}")
    # `from rnnext import arrays` asks for an attribute before the module is imported: no name of
    # TensorFlow's is meant.
    if name.startswith("__") or _PathFinder.find_spec(f"rnnext.{name}", __path__) is not None:
        raise AttributeError(f"module 'rnnext' has no attribute {name!r}.")
    value = getattr(_importlib.import_module(_MODULE_OF.get(name, "rnnext.tensorflow")), name)
    setattr(_sys.modules[__name__], name, value)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
