"""Gradients of tables whose rows are looked up: one gradient for each look-up."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from rnnext import _core

__all__ = ["RowGradient", "in_half_range"]

Array = NDArray[Any]

# Functions of one array that are 0 at 0: rows that were not looked up stay 0.
_ROW_BY_ROW = frozenset(
    {
        *(np.negative, np.positive, np.square, np.absolute, np.sign, np.sqrt, np.tanh, np.sin),
        *(np.arcsinh, np.arctan, np.sinh, np.expm1, np.log1p, np.conjugate),
    }
)
# From here on, numbers are rounded to infinity in float16.
_BEYOND_HALF = 65520.0
_OF_SAME_ROWS = frozenset({np.add, np.subtract, np.multiply, np.maximum, np.minimum})


class RowGradient(NDArrayOperatorsMixin):
    """Gradient of a matrix of which a batch used some rows, some of them several times.

    TensorFlow keeps such a gradient as rows with their indices. Keras's optimizers then square
    each row before they add up those of one index: the sum of squares, not the square of the sum.
    An embedding trained with Adam needs the rows apart to get the same velocities.

    NumPy's functions and `rnnext.ops` compute with it as Keras's do with `tf.IndexedSlices`. A
    function that is 0 at 0 is computed for each look-up, so `ops.square(gradient)` has squares of
    each, not of their sum. So are products with, and quotients by, numbers and tables of the same
    shape. Any other function sees the sums over the look-ups of each row, an array.

    Args:
        values: Gradient of each look-up, shape (look-ups, columns).
        indices: Row of each look-up, shape (look-ups,).
        shape: Shape of the matrix.

    Example:
        >>> import numpy as np
        >>> gradient = RowGradient(np.array([[1.0], [2.0]]), np.array([1, 1]), (3, 1))
        >>> gradient.added_up()[:, 0].tolist(), gradient.added_up(np.square)[:, 0].tolist()
        ([0.0, 3.0, 0.0], [0.0, 5.0, 0.0])
        >>> np.asarray(np.square(gradient))[:, 0].tolist(), np.exp(gradient)[1].round(2).tolist()
        ([0.0, 5.0, 0.0], [20.09])
    """

    node = None  # no trace computed it; see `rnnext.autodiff`

    def __init__(self, values: NDArray[Any], indices: NDArray[Any], shape: Any) -> None:
        self.values = values
        self.indices = indices
        self.shape = tuple(shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Dtype of the values."""
        return self.values.dtype

    @property
    def ndim(self) -> int:
        """Number of axes of the matrix."""
        return len(self.shape)

    @property
    def flags(self) -> Any:
        """How the values lie in memory."""
        return self.values.flags

    @property
    def __traced__(self) -> RowGradient:
        return self  # functions take it as it is, not as an array

    @property
    def value(self) -> NDArray[Any]:
        """The sums over the look-ups of each row."""
        return self.added_up()

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

    def astype(self, dtype: Any, copy: bool = False) -> RowGradient:
        """Returns the gradient with values of this dtype."""
        return RowGradient(self.values.astype(dtype, copy=copy), self.indices, self.shape)

    contiguous = astype  # what `rnnext.arrays.cast` calls

    def __getitem__(self, index: Any) -> Any:
        return self.added_up()[index]

    def _with(self, values: NDArray[Any]) -> RowGradient:
        return RowGradient(values, self.indices, self.shape)

    def _beside(self, x: Any) -> Any:
        """What stands beside the rows: the other rows, a number, or the same rows of a table."""
        if isinstance(x, RowGradient):
            return x.values
        return np.asarray(x)[self.indices] if np.ndim(x) else x

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__" and not kwargs and self._keeps_rows(ufunc, inputs):
            return self._with(ufunc(*map(self._beside, inputs)))
        plain = [x.added_up() if isinstance(x, RowGradient) else x for x in inputs]
        return getattr(ufunc, method)(*plain, **kwargs)

    def _keeps_rows(self, ufunc: Any, inputs: Any) -> bool:
        rows = [x for x in inputs if isinstance(x, RowGradient)]
        if ufunc in _ROW_BY_ROW or (len(rows) == 2 and ufunc in _OF_SAME_ROWS):
            return all(x.indices is self.indices for x in rows)
        fits = len(rows) == 1 and all(np.shape(x) in ((), self.shape) for x in inputs)
        is_quotient = ufunc is np.true_divide and rows[0] is inputs[0]
        return fits and (ufunc is np.multiply or is_quotient)

    def __array_function__(self, function: Any, _types: Any, args: Any, kwargs: Any) -> Any:
        def plain(x: Any) -> Any:
            if isinstance(x, (list, tuple)):
                return type(x)(map(plain, x))
            return x.added_up() if isinstance(x, RowGradient) else x

        return function(*plain(args), **{name: plain(x) for name, x in kwargs.items()})


def in_half_range(gradient: Any) -> Any:
    """Returns a gradient with infinity in place of what float16 does not hold, as Keras has it.

    Args:
        gradient: An array, or a `RowGradient`.

    Example:
        >>> import numpy as np
        >>> in_half_range(np.array([1e-9, 1e5, -1e5], "float32"))
        array([1.e-09,    inf,   -inf], dtype=float32)
    """
    values = gradient.values if isinstance(gradient, RowGradient) else gradient
    is_beyond = np.abs(values) >= _BEYOND_HALF
    if not is_beyond.any():
        return gradient
    limited = np.where(is_beyond, np.copysign(values.dtype.type(np.inf), values), values)
    return gradient._with(limited) if isinstance(gradient, RowGradient) else limited
