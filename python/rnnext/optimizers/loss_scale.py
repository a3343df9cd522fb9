"""The optimizer around another one that keeps gradients in the range of half precision."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from rnnext import serialization
from rnnext.errors import UnsupportedError
from rnnext.graph.row_gradient import RowGradient
from rnnext.interrupts import HeldInterrupts
from rnnext.layers.variable import Variable, weights_lock
from rnnext.optimizers.lookup import get
from rnnext.optimizers.optimizer import Optimizer

__all__ = ["LossScaleOptimizer"]

# Arguments of the base class, which older files of Keras have with these values.
_DEFAULTS = {
    **dict.fromkeys(("weight_decay", "clipnorm", "global_clipnorm", "clipvalue")),
    "use_ema": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    **dict.fromkeys(("loss_scale_factor", "gradient_accumulation_steps")),
}


class LossScaleOptimizer(Optimizer):
    """Another optimizer, with a loss that is multiplied so that small gradients do not become 0.

    If a gradient is not finite, the step is left out and the scale is halved; after
    `dynamic_growth_steps` steps without one it is doubled.

    Args:
        inner_optimizer: The optimizer.
        initial_scale: The first scale.
        dynamic_growth_steps: Steps with finite gradients after which the scale is doubled.
        name: Name of the optimizer.
        **kwargs: None is accepted: all other options are those of the inner optimizer.

    Raises:
        UnsupportedError: If there is another argument.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers.variable import Variable
        >>> from rnnext.optimizers import SGD
        >>> weight = Variable(np.ones(2, "float32"))
        >>> optimizer = LossScaleOptimizer(SGD(1.0), initial_scale=8.0)
        >>> float(optimizer.scale_loss(0.5))
        4.0
        >>> optimizer.apply([np.array([4.0, np.inf])], [weight])
        >>> optimizer.apply([np.array([4.0, 2.0])], [weight])
        >>> weight.numpy(), float(optimizer.dynamic_scale)
        (array([0. , 0.5], dtype=float32), 4.0)
    """

    inner_optimizer: Any = None
    _has_own_update = False  # the inner optimizer updates

    def __init__(
        self,
        inner_optimizer: Any,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if not kwargs.pop("dynamic", True):
            raise UnsupportedError(
                "LossScaleOptimizer: dynamic must be True, received False; set loss_scale_factor "
                "of the inner optimizer for a scale that does not change."
            )
        for option, default in _DEFAULTS.items():
            value = kwargs.pop(option, default)
            if value != default:
                raise UnsupportedError(
                    f"LossScaleOptimizer: {option} must be {default!r}, received {value!r}; set it "
                    "on the inner optimizer."
                )
        super().__init__(0.0, name=name, **kwargs)
        self.inner_optimizer = get(inner_optimizer)
        self.initial_scale = initial_scale
        self.dynamic_growth_steps = dynamic_growth_steps
        self.inner_optimizer.loss_scale_factor = None  # or gradients would be scaled twice

    def build(self, variables: Iterable[Variable]) -> None:
        """Makes the variables of both optimizers; a second call does nothing.

        Args:
            variables: What will be trained.
        """
        if self.built:
            return
        self.step_counter = self.add_variable((), "zeros", "int64", name="step_counter")
        scale = np.array(self.initial_scale, "float32")
        self.dynamic_scale = self.add_variable((), lambda *_a, **_k: scale, name="dynamic_scale")
        self._trainable_variables = list(variables)
        self.inner_optimizer.build(self._trainable_variables)
        self.built = True

    def apply(self, grads: Sequence[Any], trainable_variables: Any = None) -> None:
        """Takes one step of the inner optimizer, or leaves it out; see `Optimizer.apply`.

        Args:
            grads: Gradients of the scaled loss.
            trainable_variables: Their variables; None: those it was built with.
        """
        if not self.built and trainable_variables is not None:
            trainable_variables = list(trainable_variables)
            self.build(trainable_variables)
        if not self.built:
            raise UnsupportedError(
                f"{self._label}: apply(gradients) without variables needs an optimizer that is "
                "built; call optimizer.build(variables) first."
            )
        with HeldInterrupts(), weights_lock:
            if all(g is None or np.isfinite(_values(g)).all() for g in grads):
                self._take_scaled_step(grads, trainable_variables)
            else:
                self.step_counter.assign(0)
                self.dynamic_scale.assign(self.dynamic_scale.value * np.float32(0.5))

    def _take_scaled_step(self, grads: Sequence[Any], variables: Any) -> None:
        scale = self.dynamic_scale.value
        unscaled = [None if g is None else _divided(g, scale) for g in grads]
        self.inner_optimizer.apply(unscaled, variables)
        if int(self.step_counter) == self.dynamic_growth_steps - 1:
            self.step_counter.assign(0)
            self.dynamic_scale.assign(scale * np.float32(2.0))
        else:
            self.step_counter.assign_add(1)

    @property
    def variables(self) -> list[Variable]:
        """The variables of this optimizer, then those of the inner one."""
        return [*self._variables, *self.inner_optimizer.variables]

    @property
    def inner(self) -> Any:
        """The optimizer that files keep beside this one."""
        return self.inner_optimizer

    @property
    def learning_rate(self) -> Any:
        """The learning rate of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: Any) -> None:
        if self.inner_optimizer is None:  # the one that Keras keeps beside it, which does nothing
            self._set_rate(rate)
        else:
            self.inner_optimizer.learning_rate = rate

    @property
    def iterations(self) -> Any:
        """How many steps the inner optimizer took."""
        return self.inner_optimizer.iterations

    def scale_loss(self, loss: Any) -> Any:
        """Returns the loss times the scale."""
        return loss * (float(self.dynamic_scale) if self.built else self.initial_scale)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Ends training; see `Optimizer.finalize_variable_values`."""
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            "name": self.name,
            "inner_optimizer": serialization.serialize(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }


def _values(gradient: Any) -> Any:
    return gradient.values if isinstance(gradient, RowGradient) else np.asarray(gradient)


def _divided(gradient: Any, scale: Any) -> Any:
    values = gradient if isinstance(gradient, RowGradient) else np.asarray(gradient)
    return values / values.dtype.type(scale)
