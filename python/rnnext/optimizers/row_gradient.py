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
