"""Keras on TensorFlow, the reference that parity tests compare with."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

# Keras 3.15 on NumPy 2: a Keras variable's __array__ has no `copy` argument.
THIRD_PARTY_WARNINGS = (
    r"ignore:__array__ implementation:DeprecationWarning:keras\.src\.backend\.tensorflow\..*",
)

# The version whose names, configs and answers are rnnext's. Python 3.10 has none after 3.12.
REFERENCE = (3, 15)


def load_keras() -> ModuleType:
    """The keras module on TensorFlow and the CPU; skips where they are not installed.

    Call it at the top of a file whose every test compares with Keras; the fixture `keras` is for
    single tests. An installed TensorFlow that cannot be imported is an error, not a skip.
    """
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("TensorFlow, the reference, is not installed", allow_module_level=True)
    version = importlib.metadata.version("keras")
    if tuple(map(int, version.split(".")[:2])) < REFERENCE:
        pytest.skip(f"the reference is Keras 3.15, installed is {version}", allow_module_level=True)
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    keras = importlib.import_module("keras")
    assert keras.backend.backend() == "tensorflow"
    return keras


def arrays(outputs: Any) -> list[NDArray[Any]]:
    """What a Keras or rnnext layer returned, one tensor or several, as arrays."""
    several = isinstance(outputs, (list, tuple))
    return [np.asarray(output) for output in (outputs if several else [outputs])]
