"""The state of an optimizer as variables: read, set, written to files."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from rnnext.errors import ShapeError, UnsupportedError
from rnnext.layers.variable import Variable
from rnnext.optimizers.memory import Slot

__all__ = ["State"]


class State:
    """What an optimizer keeps between steps."""

    name: str
    built: bool
    _variables: list[Variable]  # the number of steps first
    _iterations: Slot

    @property
    def _label(self) -> str:
        return f"optimizer {self.name!r} ({type(self).__name__})"

    @property
    def inner(self) -> Any:
        """The optimizer that this one wraps, or None."""
        return None

    @property
    def variables(self) -> list[Variable]:
        """The state: the number of steps, the learning rate, then the slots in Keras's order."""
        return list(self._variables)

    slots_were_interleaved = False  # in files of Keras to 2.10, too
    _rounds: list[dict[str, list[Variable]]]
    _trainable_variables: list[Variable]

    @property
    def trained(self) -> list[Variable]:
        """The variables that the optimizer was built with."""
        return list(self._trainable_variables)

    def slot_rounds(self) -> list[dict[str, list[Variable]]]:
        """The slots by kind, one for each variable; those of a round lie side by side in files."""
        return self._rounds

    @property
    def _model_variables_moving_average(self) -> list[Variable]:
        """The averages of the variables, under Keras's name; [] without `use_ema`."""
        return next((kinds["average"] for kinds in self._rounds if "average" in kinds), [])

    def after_steps(self, steps: int) -> None:
        """Computes what depends on the number of steps alone, where a file does not keep it."""

    def get_weights(self) -> list[Any]:
        """Returns copies of the values of `variables`."""
        return [variable.numpy() for variable in self.variables]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Sets the values of `variables`, all of them or, after an error, none.

        Raises:
            UnsupportedError: If the optimizer is not built.
            ShapeError: If there are more or fewer arrays, or one has another shape.
        """
        if not self.built:
            raise UnsupportedError(
                f"{self._label}: set_weights() needs an optimizer that is built; call "
                "optimizer.build(variables) first."
            )
        variables = self.variables
        if len(weights) != len(variables):
            raise ShapeError(
                f"{self._label}: set_weights() received {len(weights)} arrays; the optimizer has "
                f"{len(self.variables)} variables."
            )
        fitting = [v.fitting(w) for v, w in zip(self.variables, weights, strict=True)]
        for variable, value in zip(self.variables, fitting, strict=True):
            variable.assign(value)

    def save_own_variables(self, store: Any) -> None:
        """Writes the state as Keras does: under the numbers of `variables`."""
        for number, variable in enumerate(self.variables):
            store[str(number)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Reads what `save_own_variables` wrote; of another number of variables it only warns."""
        if len(store.keys()) != len(self.variables):
            warnings.warn(
                f"{self._label}: the state is not loaded; the optimizer has "
                f"{len(self.variables)} variables, the saved one {len(store.keys())}."
                + ("" if self.built else " It is not built yet: call optimizer.build(variables)."),
                stacklevel=2,
            )
            return
        self.set_weights([np.asarray(store[str(i)]) for i in range(len(self.variables))])
