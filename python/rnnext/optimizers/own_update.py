"""Optimizers that users write for Keras 3: `build`, `update_step` and what they call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from rnnext import initializers, nest, settings
from rnnext.arrays import as_array, cast
from rnnext.autodiff.tape import suspended
from rnnext.errors import UnsupportedError
from rnnext.graph.arguments import positional_arguments
from rnnext.graph.row_gradient import RowGradient
from rnnext.layers.variable import Variable
from rnnext.optimizers.memory import Group, Part, Slot
from rnnext.optimizers.state import State

__all__ = ["OwnUpdate", "OwnVariable"]

_UPDATE_ARGUMENTS = ("gradient", "variable", "learning_rate")
# Attributes of the optimizer itself, whose variables are counted where they are made.
_OWN_ATTRIBUTES = frozenset(
    {
        "_excluded",
        "_groups",
        "_iterations",
        "_parts",
        "_rate",
        "_rounds",
        "_trainable_variables",
        "_variables",
    }
)


class OwnVariable(Variable):
    """A variable that a user's optimizer keeps.

    Args:
        prefix: Name of the optimizer.
        **options: As for `Variable`.
    """

    def __init__(self, prefix: str, **options: Any) -> None:
        super().__init__(**options)
        self._prefix = prefix

    @property
    def path(self) -> str:
        """`optimizer/variable`, as Keras writes it."""
        return f"{self._prefix}/{self.name}"


class OwnUpdate(State):
    """What a subclass with a `build` and an `update_step` of its own uses."""

    _trainable_variables: list[Variable]
    _index: dict[int, int]
    learning_rate: Any
    _parts: dict[int, tuple[Part, int]] | None = None  # by index, with the step; inside a step

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, (Variable, list, tuple, dict)) and name not in _OWN_ATTRIBUTES:
            self._keep_variables(value)
        super().__setattr__(name, value)

    def _keep_variables(self, value: Any) -> None:
        """Counts variables that are set as attributes to the state, as Keras does."""
        found = [v for v in nest.flatten(value) if isinstance(v, Variable)]
        if found and "_variables" not in vars(self):
            raise UnsupportedError(
                f"optimizer {type(self).__name__}: __init__ must call super().__init__() before "
                "it keeps variables."
            )
        for variable in found:
            if all(variable is not v for v in (*self._variables, *self._trainable_variables)):
                self._variables.append(variable)

    # What `build` calls ---------------------------------------------------------------------------

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: str = "none",  # noqa: ARG002
        layout: Any = None,  # noqa: ARG002
        name: str | None = None,
    ) -> Variable:
        """Returns a new variable of the optimizer, which files keep.

        Args:
            shape: Its shape.
            initializer: An initializer, its name, or a function of a shape.
            dtype: Its dtype; default: `floatx()`.
            aggregation: Kept for programs of Keras; one process has nothing to aggregate.
            layout: The same.
            name: Its name.
        """
        variable = OwnVariable(
            self.name,
            initializer=initializers.get(initializer),
            shape=tuple(shape),
            dtype=dtype or settings.floatx(),
            trainable=False,
            name=name or "variable",
        )
        self._variables.append(variable)
        return variable

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """Returns a new variable of the shape and dtype of another one.

        Args:
            reference_variable: A weight.
            name: What is put after the path of the weight; default `"var"`.
            initializer: As in `add_variable`.
        """
        return self.add_variable(
            reference_variable.shape,
            initializer,
            reference_variable.dtype,
            name=f"{reference_variable.path.replace('/', '_')}_{name or 'var'}",
        )

    def add_optimizer_variables(
        self, trainable_variables: Sequence[Variable], name: Any, initializer: Any = "zeros"
    ) -> Any:
        """Returns new variables, one for each weight.

        Args:
            trainable_variables: The weights.
            name: What is put after the path of each weight; or a list of such names.
            initializer: As in `add_variable`; or one for each name.

        Returns:
            A list; for several names a tuple of lists.
        """
        names = [name] if isinstance(name, str) else list(name)
        same = not isinstance(initializer, (list, tuple))
        chosen = [initializer] * len(names) if same else list(initializer)
        if len(names) != len(chosen):
            raise UnsupportedError(
                f"{self._label}: add_optimizer_variables() needs one initializer, or one for each "
                f"name; received {len(chosen)} for the names {names}."
            )
        rows = [
            [self.add_variable_from_reference(v, *pair) for pair in zip(names, chosen, strict=True)]
            for v in trainable_variables
        ]
        columns = tuple([row[i] for row in rows] for i in range(len(names)))
        return columns[0] if isinstance(name, str) else columns

    # What `update_step` calls ---------------------------------------------------------------------

    def assign(self, variable: Variable, value: Any) -> None:
        """Replaces the values of a variable; of rows that were looked up those rows alone."""
        if isinstance(value, RowGradient):
            new = variable.numpy()
            new[value.indices] = value.values
            value = new
        variable.assign(_plain(value))

    def assign_add(self, variable: Variable, value: Any) -> None:
        """Adds to the values of a variable."""
        variable.assign(variable.stored + cast(_plain(value), variable.stored.dtype))

    def assign_sub(self, variable: Variable, value: Any) -> None:
        """Takes off the values of a variable."""
        variable.assign(variable.stored - cast(_plain(value), variable.stored.dtype))

    def _get_variable_index(self, variable: Variable) -> int:
        """The place of a weight among those that the optimizer was built with."""
        if not self._index:
            self._index = {id(v): i for i, v in enumerate(self._trainable_variables)}
        index = self._index.get(id(variable))
        if index is None:
            raise UnsupportedError(f"{self._label}: unknown variable {variable!r}.")
        return index

    def _update(self, part: Part, rate: Any, step: int) -> None:
        raise NotImplementedError

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Changes one weight; a subclass overrides it. The optimizers of Keras do their step.

        Args:
            gradient: The gradient, scaled and limited. Of a table whose rows are looked up, the
                gradients of the look-ups; NumPy's functions and `rnnext.ops` take them.
            variable: The weight.
            learning_rate: The learning rate.

        Example:
            >>> import numpy as np
            >>> from rnnext.layers.variable import Variable
            >>> from rnnext.optimizers import Optimizer
            >>> class SignDescent(Optimizer):
            ...     def update_step(self, gradient, variable, learning_rate):
            ...         self.assign_sub(variable, learning_rate * np.sign(gradient))
            >>> weight = Variable(np.ones(2, "float32"))
            >>> SignDescent(0.25).apply([np.array([3.0, -0.5])], [weight])
            >>> weight.numpy()
            array([0.75, 1.25], dtype=float32)
        """
        if self._parts is None:
            raise UnsupportedError(
                f"{self._label}: update_step() belongs to a step; call apply(gradients, variables)."
            )
        part, step = self._parts[self._get_variable_index(variable)]
        keeps_rows = isinstance(gradient, RowGradient)
        part.set_gradient(gradient if keeps_rows else _plain(gradient))
        part.w[...] = variable.stored.reshape(-1)
        self._update(part, part.number(_plain(learning_rate)), step)
        variable.assign(part.w.reshape(part.shape))

    @property
    def _has_own_update(self) -> bool:
        return type(self).update_step is not OwnUpdate.update_step

    def _check_own_update(self) -> None:
        """Rejects a class of Keras 2, and one whose `build` leaves out that of its base."""
        if len(positional_arguments(type(self).update_step)) < len(_UPDATE_ARGUMENTS):
            raise UnsupportedError(
                f"{self._label}: update_step must take {', '.join(_UPDATE_ARGUMENTS)}, as in Keras "
                "3; Keras 2 called it without the learning rate."
            )
        if not self._trainable_variables:
            raise UnsupportedError(
                f"{self._label}: build(variables) must call super().build(variables)."
            )

    def _update_each(
        self, pairs: Sequence[tuple[Group, Any]], parts: Sequence[Part], step: int
    ) -> None:
        """Calls `update_step` for each weight; after an error nothing has changed.

        Args:
            pairs: Groups with their fresh weights.
            parts: The weights that have gradients, one in each part.
            step: The number of this step, from 1.
        """
        before = [(v, _kept(v)) for v in (*self._trainable_variables, *self._variables)]
        self._parts = {part.index: (part, step) for part in parts}
        rate: Any = self.learning_rate
        try:
            with suspended():
                for part in parts:
                    self._trainable_variables[part.index].assign(part.w.reshape(part.shape))
                for part in parts:
                    variable = self._trainable_variables[part.index]
                    self.update_step(_gradient_of(part), variable, rate)
        except BaseException:
            for variable, stored in before:
                variable.assign(stored) if isinstance(variable, Slot) else variable.replace(stored)
            raise
        finally:
            self._parts = None
        for group, fresh in pairs:
            for view, variable in zip(group.views(fresh), group.variables, strict=True):
                view[...] = variable.stored


def _kept(variable: Variable) -> NDArray[Any]:
    """The values of a variable as they are now; a slot changes in place."""
    return variable.numpy() if isinstance(variable, Slot) else variable.stored


def _gradient_of(part: Part) -> Any:
    """The gradient of a part that is one weight."""
    rows = part.rows()
    return rows[0][1] if rows else part.g.reshape(part.shape).copy()


def _plain(value: Any) -> NDArray[Any]:
    if isinstance(value, RowGradient):
        return value.added_up()
    return as_array(value, "value for a variable of an optimizer")
