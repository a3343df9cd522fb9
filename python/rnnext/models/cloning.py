"""Copies of models with fresh weights."""

from __future__ import annotations

from typing import Any

from rnnext import nest, serialization
from rnnext.errors import UnsupportedError
from rnnext.models.model import Model
from rnnext.models.training import Trainer

__all__ = ["clone_model"]


def clone_model(model: Model, input_tensors: Any = None, clone_function: Any = None) -> Model:
    """Makes a model of the same layers, with fresh weights.

    A compiled model's clone is compiled alike, with an optimizer and metrics of its own.

    Args:
        model: A Sequential or functional model.
        input_tensors: Must be None.
        clone_function: Must be None.

    Raises:
        UnsupportedError: If another argument is given.

    Example:
        >>> from rnnext.layers import LSTM, Input
        >>> from rnnext.models import Sequential
        >>> clone_model(Sequential([Input((5, 3)), LSTM(2)])).output_shape
        (None, 2)
    """
    for option, value in (("input_tensors", input_tensors), ("clone_function", clone_function)):
        if value is not None:
            raise UnsupportedError(
                f"clone_model of {model.label}: {option}={value!r} is not supported; accepted is "
                "None."
            )
    copy: Model = serialization.copy_from_config(model)
    if model.compiled:
        _compile_like(copy, model)
    return copy


def _compile_like(clone: Model, model: Model) -> None:
    """Compiles a clone as the model, with an optimizer and metrics of its own.

    A loss has no state, and functions are no part of a config: they are the model's.
    """
    stateful = {
        "optimizer": model.optimizer,
        "metrics": model._compile_metrics,
        "weighted_metrics": model._compile_weighted_metrics,
    }
    kept = ("loss", "loss_weights", "run_eagerly", "steps_per_execution", "jit_compile")
    Trainer.compile(
        clone,
        **{name: getattr(model, name) for name in kept},
        **{name: nest.map_structure(_fresh, value) for name, value in stateful.items()},
    )


def _fresh(value: Any) -> Any:
    """A new object of the same config; names and functions as they are."""
    return type(value).from_config(value.get_config()) if hasattr(value, "get_config") else value
