"""`keras.backend.tensorflow_backend` of Keras 2: `keras.backend`, and which GPUs there are."""

import importlib as _importlib
import typing as _typing

__all__: list[str] = []


def _get_available_gpus() -> list[str]:
    return []  # as where TensorFlow finds none


def __getattr__(name: str) -> _typing.Any:
    return getattr(_importlib.import_module("rnnext.backend"), name)
