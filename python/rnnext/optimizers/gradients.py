"""What becomes of gradients before an update: put in order, scaled, accumulated, limited."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from rnnext.errors import ShapeError, UnsupportedError
from rnnext.layers.variable import Variable
from rnnext.optimizers import clipping
from rnnext.optimizers.memory import Group, Part
from rnnext.optimizers.state import State

__all__ = ["Gradients"]


class Gradients(State):
    """The options of an optimizer that concern gradients."""

    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    loss_scale_factor: float | None
    gradient_accumulation_steps: int | None
    _groups: list[Group]
    _index: dict[int, int]
    _trainable_variables: list[Variable]

    def build(self, variables: Iterable[Variable]) -> None:
        """Makes the slots of these variables."""
        raise NotImplementedError

    def scale_loss(self, loss: Any) -> Any:
        """Returns the loss times `loss_scale_factor`."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    @property
    def _uses_gradients_as_they_are(self) -> bool:
        is_limited = self.clipnorm or self.clipvalue or self.global_clipnorm
        is_scaled = self.loss_scale_factor is not None
        return not (is_limited or is_scaled or self.gradient_accumulation_steps)

    def _by_index(self, grads: Sequence[Any], variables: Any) -> Sequence[Any]:
        """The gradients in the order of the variables that the optimizer was built with."""
        if variables is not None:
            variables = list(variables)
            if not self.built:
                self.build(variables)
        elif not self.built:
            raise UnsupportedError(
                f"{self._label}: apply(gradients) without variables needs an optimizer that is "
                "built; call optimizer.build(variables) first."
            )
        known = self._trainable_variables if variables is None else variables
        if len(grads) != len(known):
            raise ShapeError(
                f"{self._label}: {len(grads)} gradients were given for {len(known)} variables."
            )
        missing = [v.path for g, v in zip(grads, known, strict=True) if g is None]
        if len(missing) == len(known):
            raise UnsupportedError(f"{self._label}: No gradients provided for any variable.")
        if missing:
            warnings.warn(
                f"Gradients do not exist for variables {missing} when minimizing the loss. If "
                "using `model.compile()`, did you forget to provide a `loss` argument?",
                stacklevel=3,
            )
        if variables is None or self._are_known(variables):
            return grads
        if not self._index:
            self._index = {id(v): i for i, v in enumerate(self._trainable_variables)}
        ordered = [None] * len(self._trainable_variables)
        for gradient, variable in zip(grads, variables, strict=True):
            index = self._index.get(id(variable))
            if index is None:
                raise UnsupportedError(
                    f"{self._label}: unknown variable {variable!r}; the optimizer was built with "
                    "others. Make a new optimizer for a new set of variables."
                )
            ordered[index] = gradient
        return ordered

    def _are_known(self, variables: list[Variable]) -> bool:
        """Whether they are those of `build`, in the same order."""
        known = self._trainable_variables
        return len(variables) == len(known) and all(map(operator.is_, variables, known))

    def _unscale(self, parts: Sequence[Part]) -> None:
        """Divides the gradients by what the loss was multiplied by."""
        if self.loss_scale_factor is not None:
            for part in parts:
                part.map_gradients(np.divide, part.number(self.loss_scale_factor))

    def _accumulated(self, parts: list[Part]) -> bool:
        """Adds the gradients to those kept; whether they are to be used, as their mean, now."""
        steps = self.gradient_accumulation_steps or 1
        if (int(self._iterations.memory) + 1) % steps:
            for part in parts:
                part.slots["gradient_accumulator"] += part.g
            return False
        for part in parts:
            part.g += part.slots["gradient_accumulator"]
            part.g /= part.number(steps)
            part.forget_rows()
        return True

    def _limit(self, whole: Sequence[Part], apart: Sequence[Part]) -> None:
        """Clips the gradients.

        Args:
            whole: All of them.
            apart: The same; with `clipnorm`, each in a part of its own.
        """
        if self.clipnorm and self.clipnorm > 0:
            clipping.clip_by_norm(apart, self.clipnorm)
        elif self.global_clipnorm and self.global_clipnorm > 0:
            clipping.clip_by_global_norm(whole, self.global_clipnorm)
        elif self.clipvalue and self.clipvalue > 0:
            clipping.clip_by_value(whole, self.clipvalue)
