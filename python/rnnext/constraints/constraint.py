"""Keras's constraints: what training does to a weight after each step.

Layers take them and keep them in their configs; optimizers apply those of a variable.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization
from rnnext.arrays import as_array
from rnnext.kept_option import TrainingOption, classes_by_name, kept_option

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "serialize",
    "unit_norm",
]

_EPSILON = 1e-7  # Keras's, below a norm that may be zero


class Constraint(TrainingOption):
    """Base class: a callable from the values of a weight to the values it may have."""

    def __call__(self, w: Any) -> NDArray[Any]:
        """Returns the nearest values that are allowed."""
        raise NotImplementedError


@serialization.builtin("keras.constraints")
class MinMaxNorm(Constraint):
    """Brings the norm along `axis` between two limits, or part of the way there.

    Args:
        min_value: Lower limit.
        max_value: Upper limit.
        rate: The part of the way, 1 for all of it.
        axis: Axis, or axes, that the norm is taken along.

    Example:
        >>> MinMaxNorm(min_value=1.0, max_value=2.0)([[3.0], [4.0]]).round(5)
        array([[1.2],
               [1.6]])
    """

    def __init__(
        self,
        min_value: float = 0.0,
        max_value: float = 1.0,
        rate: float = 1.0,
        axis: Any = 0,
    ) -> None:
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w: Any) -> NDArray[Any]:
        """Returns the weight, scaled."""
        values = as_array(w, "constrained weight")
        norm = _norm(values, self.axis)
        wanted = self.rate * np.clip(norm, self.min_value, self.max_value) + (1 - self.rate) * norm
        return np.asarray(values * (wanted / (_EPSILON + norm)))


@serialization.builtin("keras.constraints")
class MaxNorm(Constraint):
    """Brings the norm along `axis` to `max_value` at most."""

    def __init__(self, max_value: float = 2, axis: Any = 0) -> None:
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w: Any) -> NDArray[Any]:
        """Returns the weight, scaled."""
        return MinMaxNorm(max_value=self.max_value, axis=self.axis)(w)


@serialization.builtin("keras.constraints")
class UnitNorm(Constraint):
    """Brings the norm along `axis` to one."""

    def __init__(self, axis: Any = 0) -> None:
        self.axis = axis

    def __call__(self, w: Any) -> NDArray[Any]:
        """Returns the weight, scaled."""
        values = as_array(w, "constrained weight")
        return np.asarray(values / (_EPSILON + _norm(values, self.axis)))


@serialization.builtin("keras.constraints")
class NonNeg(Constraint):
    """Sets negative values to zero."""

    def __call__(self, w: Any) -> NDArray[Any]:
        """Returns the weight without negative values."""
        values = as_array(w, "constrained weight")
        return np.asarray(np.maximum(values, 0))


def _norm(values: NDArray[Any], axis: Any) -> NDArray[Any]:
    along = tuple(axis) if isinstance(axis, (list, tuple)) else axis
    return np.asarray(np.sqrt(np.sum(np.square(values), axis=along, keepdims=True)))


max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm
_CLASSES = classes_by_name(MaxNorm, MinMaxNorm, NonNeg, UnitNorm)


def get(identifier: Any) -> Any:
    """Returns what a layer keeps for its `..._constraint` argument.

    Args:
        identifier: None, a name (`"max_norm"`), a constraint or another callable, or a config,
            which is kept as it is.

    Raises:
        UnsupportedError: If it is none of these.

    Example:
        >>> get("max_norm").get_config()
        {'max_value': 2, 'axis': 0}
    """
    return kept_option("constraint", _CLASSES, identifier)


def serialize(constraint: Any) -> Any:
    """Returns the config of a constraint, with its class."""
    return serialization.serialize(constraint)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Returns the constraint of a config; the inverse of `serialize`.

    Args:
        config: What `serialize` returned.
        custom_objects: Classes and functions by the name the config uses for them.
    """
    return serialization.deserialize(config, custom_objects)
