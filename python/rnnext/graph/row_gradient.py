"""Gradients of tables whose rows are looked up: one gradient for each look-up."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import _core

__all__ = ["RowGradient"]

Array = NDArray[Any]


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
        sums, _, rows = RowGradient(values, self.indices, self.shape).sums_by_row(False)
        used = np.flatnonzero(rows >= 0)
        total[used] = sums[rows[used]]
        return total

    def sums_by_row(self, with_squares: bool) -> tuple[Array, Array | None, Array]:
        """Returns the sums over the look-ups of the rows that were used, and where they are.

        Args:
            with_squares: Whether sums of squares are wanted, too.

        Returns:
            The sums and the sums of squares (None unless wanted), each of shape (rows used,
            columns), and for each row of the matrix which row of these is its, or -1.
        """
        values = np.ascontiguousarray(self.values)
        if values.dtype not in (np.float32, np.float64):  # half precision
            values = values.astype(np.float32)
        indices = np.ascontiguousarray(self.indices, np.int64)
        rows = np.empty(self.shape[0], np.int32)
        sums = np.empty_like(values)
        squares = np.empty_like(values) if with_squares else None
        used = _core.add_look_ups(values, indices, rows, sums, squares)
        return sums[:used], None if squares is None else squares[:used], rows

    def astype(self, dtype: Any) -> RowGradient:
        """Returns the gradient with values of this dtype."""
        return RowGradient(self.values.astype(dtype, copy=False), self.indices, self.shape)
