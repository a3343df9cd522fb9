"""Models, under their Keras names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rnnext.models.functional import Functional
from rnnext.models.model import Model, clone_model
from rnnext.models.sequential import Sequential

if TYPE_CHECKING:
    from rnnext.saving import from_keras, load_model, model_from_json

__all__ = [
    "Functional",
    "Model",
    "Sequential",
    "clone_model",
    "from_keras",
    "load_model",
    "model_from_json",
]

# Keras has them here. `rnnext.saving` imports this package, so they come when asked for.
_OF_SAVING = {"from_keras", "load_model", "model_from_json"}


def __getattr__(name: str) -> Any:
    if name not in _OF_SAVING:
        raise AttributeError(f"module 'rnnext.models' has no attribute {name!r}")
    from rnnext import saving

    return getattr(saving, name)


def __dir__() -> list[str]:
    return sorted(__all__)
