"""What an optimizer keeps: its variables, and flat arrays over all weights of one dtype."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.arrays import as_array
from rnnext.errors import ShapeError
from rnnext.graph.row_gradient import RowGradient
from rnnext.layers.variable import Variable

__all__ = ["Group", "Part", "Slot", "groups_of"]


class Slot(Variable):
    """A variable of an optimizer, e.g. the momentum of one weight. Steps change it in place.

    Args:
        values: Its memory, which the optimizer may share.
        name: Its name, e.g. `"dense_kernel_momentum"`.
        prefix: Name of the optimizer, or None.
    """

    def __init__(self, values: NDArray[Any], name: str, prefix: str | None) -> None:
        super().__init__(values, dtype=values.dtype, trainable=False, name=name)
        self.memory = values
        self._prefix = prefix
        self.stored = values.view()
        self.stored.flags.writeable = False

    @property
    def path(self) -> str:
        """`optimizer/variable`, as Keras writes it."""
        return f"{self._prefix}/{self.name}" if self._prefix else self.name

    def assign(self, value: Any) -> Variable:
        """Replaces the values.

        Args:
            value: Array-like of the same shape; it is cast to the dtype of the variable.

        Returns:
            The variable.

        Raises:
            ShapeError: If the shape differs. The old values are kept.
        """
        np.copyto(self.memory, self.fitting(value), casting="unsafe")
        return self


class Part:
    """A stretch of the flat arrays that one update works on: all weights, or one of them.

    Attributes:
        w: The weights, changed in place.
        before: The weights as they were; a copy is in `w` already unless the step is fused.
        decay: What a fused update takes off each weight first, two numbers that it is multiplied
            by, or None.
        g: Their gradients. An update may overwrite them at its end.
        slots: The slots by name.
        number: Type of the numbers.
        index: Which variable of the optimizer it is; of all weights the first one's.
        shape: Shape of that variable.
    """

    __slots__ = (
        "_group",
        "_place",
        "before",
        "decay",
        "g",
        "index",
        "number",
        "shape",
        "slots",
        "w",
    )

    def __init__(self, group: Group, fresh: NDArray[Any], place: int | None) -> None:
        self._group, self._place = group, place
        self.number: Any = group.dtype.type
        self.index = group.indices[place or 0]
        self.shape = group.shapes[place or 0]
        self.decay: tuple[float, float] | None = None
        if place is None:
            self.w, self.before, self.g = fresh, group.before, group.gradients
            self.slots = group.slots
            return
        span = group.spans[place]
        self.w, self.before, self.g = fresh[span], group.before[span], group.gradients[span]
        self.slots = {name: array[span] for name, array in group.slots.items()}

    @property
    def a(self) -> NDArray[Any]:
        """Scratch of the size of the part."""
        return self._stretch(self._group.a)

    @property
    def b(self) -> NDArray[Any]:
        """More scratch."""
        return self._stretch(self._group.b)

    def _stretch(self, flat: NDArray[Any]) -> NDArray[Any]:
        return flat if self._place is None else flat[self._group.spans[self._place]]

    def fused(self, uses_squares: bool = True) -> tuple[Any, ...]:
        """Returns the first arguments of a compiled update, which also copies the weights.

        Args:
            uses_squares: Whether it reads the squares of the gradients.
        """
        if self._place is not None and self._place in self._group.apart_rows:
            sums, squares, rows = self._group.rows[self._place].sums_by_row(uses_squares)
            return self.before, self.w, sums, squares, rows, self.decay
        squares = None
        if uses_squares and self._group.rows and self.rows():
            squares = self.of_gradients(np.square, self.b)
        return self.before, self.w, self.g, squares, None, self.decay

    def rows(self) -> list[tuple[slice, RowGradient]]:
        """Returns the gradients that came in rows, with their places in this part."""
        rows = self._group.rows
        if self._place is None:
            return [(self._group.spans[place], row) for place, row in rows.items()]
        return [(slice(None), rows[self._place])] if self._place in rows else []

    def of_gradients(self, function: Any, out: NDArray[Any]) -> NDArray[Any]:
        """Writes `function` of the gradients into `out`: of each look-up of a table, added up."""
        function(self.g, out=out)
        if self._group.rows:
            for span, row in self.rows():
                out[span] = row.added_up(function).reshape(-1)
        return out

    def map_gradients(self, function: Any, number: Any) -> None:
        """Replaces the gradients by `function` of them and a number."""
        function(self.g, number, out=self.g)
        if self._group.rows:
            for _, row in self.rows():
                row.values = function(row.values, number)

    def set_gradient(self, gradient: Any) -> None:
        """Replaces the gradient of a part that is one weight: an array, or a `RowGradient`."""
        self.forget_rows()
        if isinstance(gradient, RowGradient):
            assert self._place is not None
            self._group.rows[self._place] = gradient
            gradient = gradient.added_up()
        self.g[...] = gradient.reshape(-1)

    def add_up_rows(self) -> None:
        """Writes the sums of the gradients that came in rows, after their values changed."""
        for span, row in self.rows():
            self.g[span] = row.added_up().reshape(-1)

    def forget_rows(self) -> None:
        """Keeps only the sums of gradients that came in rows."""
        for place in list(self._group.rows) if self._place is None else [self._place]:
            self._group.rows.pop(place, None)


class Group:
    """The variables of one dtype, and the flat arrays of their gradients, slots and weights.

    Small models spend a step in calls, not in arithmetic: five weights laid end to end take a
    fifth of the calls. The weights a step computes are handed to the variables as read-only views
    of one flat array. That of the step before is used again, unless a view of it is still held.
    """

    def __init__(self, dtype: Any, variables: Sequence[Variable], indices: Sequence[int]) -> None:
        self.dtype = np.dtype(dtype)
        self.variables = list(variables)
        self.indices = list(indices)
        self.shapes = [variable.shape for variable in self.variables]
        ends = np.cumsum([variable.stored.size for variable in self.variables]).tolist()
        self.spans = [slice(start, stop) for start, stop in zip([0, *ends], ends, strict=False)]
        self.size = ends[-1]
        self.gradients = np.empty(self.size, self.dtype)
        self._gradient_views = [self.view(self.gradients, i) for i in range(len(ends))]
        self.slots: dict[str, NDArray[Any]] = {}
        self.rows: dict[int, RowGradient] = {}  # by place, of the gradients just taken
        self.apart_rows: set[int] = set()  # of those that are not among `gradients`
        self.places: list[int] = []  # of the variables with gradients
        self.before = self.gradients  # the weights as they were; see `fresh`
        self._current: NDArray[Any] | None = None
        self._spare: NDArray[Any] | None = None
        self._handed_out: list[NDArray[Any]] = []

    @functools.cached_property
    def a(self) -> NDArray[Any]:
        """Scratch."""
        return np.empty(self.size, self.dtype)

    @functools.cached_property
    def b(self) -> NDArray[Any]:
        """More scratch."""
        return np.empty(self.size, self.dtype)

    def view(self, flat: NDArray[Any], place: int) -> NDArray[Any]:
        """Returns one variable's share of a flat array, in its shape."""
        return flat[self.spans[place]].reshape(self.shapes[place])

    def slot(self, name: str, place: int, initial: float) -> NDArray[Any]:
        """Returns the memory of the slot of one variable."""
        if name not in self.slots:
            self.slots[name] = np.full(self.size, initial, self.dtype)
        return self.view(self.slots[name], place)

    def take(self, gradients: Sequence[Any], adds_up_rows: bool = True) -> None:
        """Copies the gradients; nothing else changes.

        Args:
            gradients: By index of the variable: an array, a `RowGradient`, or None.
            adds_up_rows: Whether the sums of gradients that come in rows are wanted in `gradients`.

        Raises:
            ShapeError: If a gradient has not the shape of its variable.
        """
        self.places, self.rows, self.apart_rows = [], {}, set()
        for place, index in enumerate(self.indices):
            gradient = gradients[index]
            if gradient is None:
                continue
            if isinstance(gradient, RowGradient):
                self.rows[place] = gradient.astype(self.dtype)
            elif not isinstance(gradient, np.ndarray):
                gradient = as_array(gradient, f"gradient of {self.variables[place].path!r}")
            if gradient.shape != self.shapes[place]:
                raise ShapeError(
                    f"gradient of weight {self.variables[place].path!r}: expected shape "
                    f"{self.shapes[place]}, received {gradient.shape}."
                )
            self.places.append(place)
            view = self._gradient_views[place]
            if place not in self.rows:
                view[...] = gradient
            elif adds_up_rows:
                view[...] = self.rows[place].added_up()
            else:
                self.apart_rows.add(place)

    @property
    def is_whole(self) -> bool:
        """Whether all variables have gradients."""
        return len(self.places) == len(self.variables)

    def parts(self, fresh: NDArray[Any], apart: bool) -> list[Part]:
        """Returns the parts with gradients: one for all weights, or one for each.

        Args:
            fresh: The weights to change.
            apart: Whether each weight must be a part of its own.
        """
        if not apart and self.is_whole and not self.apart_rows:
            return [Part(self, fresh, None)]
        return [Part(self, fresh, place) for place in self.places]

    def fresh(self, copied: bool = True) -> NDArray[Any]:
        """Returns a copy of the weights, to be changed and given to `hand_out`.

        Args:
            copied: False: a fused update writes all of it, from `before`.
        """
        # Two references, the attribute and the argument: no view of it is left.
        if self._spare is not None and sys.getrefcount(self._spare) <= 2:
            fresh = self._spare
        else:
            fresh = self._spare = np.empty(self.size, self.dtype)
        known = self._current is not None and all(
            variable.stored is array
            for variable, array in zip(self.variables, self._handed_out, strict=True)
        )
        self.before = fresh
        if known and self._current is not None:
            if copied:
                np.copyto(fresh, self._current)
            else:
                self.before = self._current
        else:
            for variable, span in zip(self.variables, self.spans, strict=True):
                fresh[span] = variable.stored.reshape(-1)
        return fresh

    def views(self, flat: NDArray[Any]) -> list[NDArray[Any]]:
        """Returns the variables' shares of a flat array, in their shapes."""
        return [self.view(flat, place) for place in range(len(self.shapes))]

    def hand_out(self, fresh: NDArray[Any]) -> None:
        """Gives the variables their new values, without a copy."""
        read_only = fresh.view()
        read_only.flags.writeable = False
        self._handed_out = self.views(read_only)
        self._current, self._spare = fresh, self._current
        for variable, array in zip(self.variables, self._handed_out, strict=True):
            variable.replace(array)


def groups_of(variables: Sequence[Variable]) -> list[Group]:
    """Returns the groups of the variables, one for each dtype."""
    by_dtype: dict[Any, list[int]] = {}
    for index, variable in enumerate(variables):
        by_dtype.setdefault(variable.stored.dtype, []).append(index)
    return [
        Group(dtype, [variables[i] for i in indices], indices)
        for dtype, indices in by_dtype.items()
    ]
