"""Gradients of tables whose rows are looked up: one gradient for each look-up."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["RowGradient"]


class RowGradient:
    """Gradient of a matrix of which a batch used some rows, some of them several times.

    TensorFlow keeps such a gradient as rows with their indices. Keras's optimizers then square
    each row before they add up those of one index: the sum of squares, not the square of the sum.
    An embedding trained with Adam needs the rows apart to get the same velocities.

    Args:
        values: Gradient of each look-up, shape (look-ups, columns).
        indices: Row of each look-up, shape (look-ups,).
        shape: Shape of the matrix.

    Example:
        >>> import numpy as np
        >>> gradient = RowGradient(np.array([[1.0], [2.0]]), np.array([1, 1]), (3, 1))
        >>> gradient.added_up()[:, 0].tolist(), gradient.added_up(np.square)[:, 0].tolist()
        ([0.0, 3.0, 0.0], [0.0, 5.0, 0.0])
    """

    def __init__(self, values: NDArray[Any], indices: NDArray[Any], shape: Any) -> None:
        self.values = values
        self.indices = indices
        self.shape = tuple(shape)

    __array_ufunc__ = None  # an array plus rows is computed by `__radd__`

    def __add__(self, other: Any) -> Any:
        """Adds the gradient of another look-up in the same matrix, or one of the whole matrix."""
        if not isinstance(other, RowGradient):
            return self.added_up() + other
        values = np.concatenate([self.values, other.values])
        return RowGradient(values, np.concatenate([self.indices, other.indices]), self.shape)

    __radd__ = __add__

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.added_up(), dtype)

    def added_up(self, of: Any = None) -> NDArray[Any]:
        """Returns the sums over the look-ups of each row.

        Args:
            of: A function of an element, e.g. `numpy.square`; None: the gradients themselves.
        """
        values = self.values if of is None else of(self.values)
        total = np.zeros(self.shape, values.dtype)
        np.add.at(total, self.indices, values)
        return total

    def copy(self, dtype: Any) -> RowGradient:
        """Returns the gradient with its own values, of this dtype."""
        return RowGradient(np.array(self.values, dtype), self.indices, self.shape)
