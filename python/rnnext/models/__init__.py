"""Models, under their Keras names."""

from __future__ import annotations

from rnnext.models.model import (
    Functional,
    Model,
    clone_model,
    from_keras,
    load_model,
    model_from_json,
)
from rnnext.models.sequential import Sequential

__all__ = [
    "Functional",
    "Model",
    "Sequential",
    "clone_model",
    "from_keras",
    "load_model",
    "model_from_json",
]
