"""Keras's regularizers: what training adds to the loss for a weight.

Layers take them and keep them in their configs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization
from rnnext.arrays import as_array
from rnnext.autodiff.tracing import value_and_gradient
from rnnext.errors import RnnextError, ShapeError, UnsupportedError
from rnnext.kept_option import TrainingOption, classes_by_name, kept_option

__all__ = [
    "L1",
    "L1L2",
    "L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "deserialize",
    "get",
    "known",
    "l1",
    "l1_l2",
    "l2",
    "orthogonal_regularizer",
    "penalty",
    "serialize",
]


class Regularizer(TrainingOption):
    """Base class: a callable from the values of a weight to a number.

    Example:
        >>> L2(0.25).gradient([1.0, -2.0])
        array([ 0.5, -1. ])
    """

    def __call__(self, x: Any) -> Any:
        """Returns what is added to the loss."""
        raise NotImplementedError

    def gradient(self, x: Any) -> NDArray[Any]:
        """Returns the gradient of what is added to the loss, in the shape of the weight.

        A class that has none of its own is traced through what it computes.

        Raises:
            UnsupportedError: If it computes with something that has no gradient rule.
        """
        return np.asarray(value_and_gradient(self, as_array(x, "regularized weight"))[1])


@serialization.builtin("keras.regularizers")
class L1L2(Regularizer):
    """`l1 * sum(|x|) + l2 * sum(x ** 2)`.

    Example:
        >>> float(L1L2(l1=0.5, l2=0.25)([1.0, -2.0]))
        2.75
    """

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0) -> None:
        self.l1 = _factor("l1", l1 or 0.0)
        self.l2 = _factor("l2", l2 or 0.0)

    @property
    def is_zero(self) -> bool:
        """Whether it adds nothing: a weight that is looked up then keeps its sparse gradient."""
        return not self.l1 and not self.l2

    def __call__(self, x: Any) -> Any:
        """Returns the penalty of a weight of any shape."""
        values = as_array(x, "regularized weight")
        return self.l1 * np.sum(np.abs(values)) + self.l2 * np.sum(np.square(values))

    def gradient(self, x: Any) -> NDArray[Any]:
        """Returns the gradient of the penalty: `l1 * sign(x) + 2 * l2 * x`."""
        values = as_array(x, "regularized weight")
        gradient = values * (2 * self.l2)
        if self.l1 != 0:
            gradient += self.l1 * np.sign(values)
        return np.asarray(gradient)


@serialization.builtin("keras.regularizers")
class L1(Regularizer):
    """`l1 * sum(|x|)`."""

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = _factor("l1", l1)

    def __call__(self, x: Any) -> Any:
        """Returns the penalty of a weight of any shape."""
        return L1L2(l1=self.l1)(x)

    def gradient(self, x: Any) -> NDArray[Any]:
        """Returns the gradient of the penalty: `l1 * sign(x)`."""
        return L1L2(l1=self.l1).gradient(x)


@serialization.builtin("keras.regularizers")
class L2(Regularizer):
    """`l2 * sum(x ** 2)`."""

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = _factor("l2", l2)

    def __call__(self, x: Any) -> Any:
        """Returns the penalty of a weight of any shape."""
        return L1L2(l2=self.l2)(x)

    def gradient(self, x: Any) -> NDArray[Any]:
        """Returns the gradient of the penalty: `2 * l2 * x`."""
        return L1L2(l2=self.l2).gradient(x)


@serialization.builtin("keras.regularizers")
class OrthogonalRegularizer(Regularizer):
    """`factor` times the mean absolute cosine between two rows, or columns, of a matrix."""

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor = _factor("factor", factor)
        if mode not in ("rows", "columns"):
            raise UnsupportedError(
                f"OrthogonalRegularizer: mode must be 'rows' or 'columns', received {mode!r}."
            )
        self.mode = mode

    def __call__(self, x: Any) -> Any:
        """Returns the penalty of a weight of two axes.

        Raises:
            ShapeError: If it has another number of axes.
        """
        rows, _, _ = self._unit_rows(x)
        pairs = np.triu(np.abs(rows @ rows.T), 1)
        return self.factor * np.sum(pairs) / (len(rows) * (len(rows) - 1) / 2)

    def gradient(self, x: Any) -> NDArray[Any]:
        """Returns the gradient of the penalty.

        Raises:
            ShapeError: If the weight has another number of axes than two.
        """
        rows, norms, free = self._unit_rows(x)
        signs = np.sign(rows @ rows.T)  # of the cosine of each pair
        np.fill_diagonal(signs, 0)
        pull = signs @ rows
        # A row of unit length only turns: what pulls along the row itself has no effect.
        pull -= np.where(free, np.sum(pull * rows, axis=1, keepdims=True), 0) * rows
        gradient = pull * (self.factor / (len(rows) * (len(rows) - 1) / 2)) / norms
        return np.asarray(gradient if self.mode == "rows" else gradient.T)

    def _unit_rows(self, x: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Rows (or columns) of length one; what they were divided by; whether by their length."""
        matrix = as_array(x, "regularized weight")
        if matrix.ndim != 2:
            raise ShapeError(
                f"OrthogonalRegularizer: expected a weight of two axes, received {matrix.shape}."
            )
        rows = matrix if self.mode == "rows" else matrix.T
        squares = np.sum(np.square(rows), axis=1, keepdims=True)
        norms = np.sqrt(np.maximum(squares, 1e-12))
        return rows / norms, norms, squares > 1e-12


def _factor(option: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise UnsupportedError(f"regularizer: {option} must be a number, received {value!r}.")
    return float(value)


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer
_CLASSES = classes_by_name(L1, L2, L1L2, OrthogonalRegularizer)
_CLASSES["l1l2"] = _CLASSES["l1_l2"] = L1L2


def penalty(regularizer: Any, x: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Returns what a regularizer adds to the loss for an array of floats, and its gradient.

    Args:
        regularizer: A `Regularizer`, or a function of an array.
        x: The values.

    Raises:
        UnsupportedError: If it computes with something that has no gradient rule.

    Example:
        >>> value, gradient = penalty(lambda w: 0.5 * np.sum(w**2), np.array([1.0, 3.0]))
        >>> float(value), gradient
        (5.0, array([1., 3.]))
    """
    if getattr(type(regularizer), "gradient", Regularizer.gradient) is Regularizer.gradient:
        value, gradient = value_and_gradient(regularizer, x)
    else:
        value, gradient = regularizer(x), regularizer.gradient(x)
    return np.asarray(value), np.asarray(gradient)


def get(identifier: Any) -> Any:
    """Returns what a layer keeps for its `..._regularizer` argument.

    Args:
        identifier: None, a name (`"l2"`), a regularizer or another callable, or a config, which
            is kept as it is.

    Raises:
        UnsupportedError: If it is none of these.

    Example:
        >>> get("l2").get_config()
        {'l2': 0.01}
    """
    return kept_option("regularizer", _CLASSES, identifier)


def known(identifier: Any) -> Any:
    """Returns what `get` does, and of a config the regularizer, if its class is there.

    Args:
        identifier: See `get`.
    """
    found = get(identifier)
    if not isinstance(found, Mapping):
        return found
    with contextlib.suppress(RnnextError):  # a class that is not there: the config is kept
        made = deserialize(found)
        # A class of Keras's that is no regularizer is kept as it is, too: a file may name any.
        if isinstance(made, Regularizer) or not serialization.is_builtin(type(made)):
            return made
    return found


def serialize(regularizer: Any) -> Any:
    """Returns the config of a regularizer, with its class."""
    return serialization.serialize(regularizer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Returns the regularizer of a config; the inverse of `serialize`.

    Args:
        config: What `serialize` returned.
        custom_objects: Classes and functions by the name the config uses for them.
    """
    return serialization.deserialize(config, custom_objects)
