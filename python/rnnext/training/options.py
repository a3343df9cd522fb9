"""Options of layers that stand in the way of training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rnnext.errors import UnsupportedError

__all__ = ["check_options"]


def check_options(model: Any) -> None:
    """Rejects regularizers and constraints of a file whose classes are not there.

    Args:
        model: The model.

    Raises:
        UnsupportedError: If a layer or a weight has one; it is named.
    """
    for layer in model._with_descendants():
        layer.check_regularizer()
    for weight in model.trainable_weights:
        for option in (weight.regularizer, weight.constraint):
            if isinstance(option, Mapping):
                raise UnsupportedError(
                    f"weight {weight.path!r}: the class of {dict(option)} is not known; register "
                    "it with rnnext.saving.register_keras_serializable before the model is made."
                )
