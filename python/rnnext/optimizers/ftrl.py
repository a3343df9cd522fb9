"""Follow the regularised leader."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnext.optimizers.memory import Part
from rnnext.optimizers.optimizer import Optimizer

__all__ = ["Ftrl"]


class Ftrl(Optimizer):
    """Follow the regularised leader.

    Args:
        learning_rate: A number, a schedule, or a function without arguments that returns a
            number.
        learning_rate_power: Exponent of the sums of squared gradients, at most 0.
        initial_accumulator_value: What sums of squared gradients begin with.
        l1_regularization_strength: Factor of the sum of absolute weights.
        l2_regularization_strength: Factor of the sum of squared weights.
        l2_shrinkage_regularization_strength: The same, for the gradient only.
        beta: A number that is added to the roots of the sums.

    The other arguments are those of `Optimizer`.
    """

    slots_were_interleaved = True

    def __init__(
        self,
        learning_rate: Any = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self._keep(locals())

    def _slot_rounds(self) -> list[dict[str, float]]:
        return [{"accumulator": self.initial_accumulator_value, "linear": 0.0}]

    def _update(self, part: Part, rate: Any, step: int) -> None:  # noqa: ARG002
        number, w, g, a, b = part.number, part.w, part.g, part.a, part.b
        accumulator, linear = part.slots["accumulator"], part.slots["linear"]
        power = number(-self.learning_rate_power)
        l1 = number(self.l1_regularization_strength)
        l2 = number(self.l2_regularization_strength) + number(self.beta) / (2 * rate)
        np.power(accumulator, power, out=a)
        accumulator += part.of_gradients(np.square, b)
        np.power(accumulator, power, out=b)
        np.subtract(b, a, out=a)
        a /= rate
        a *= w
        if self.l2_shrinkage_regularization_strength:
            w *= number(2 * self.l2_shrinkage_regularization_strength)
            g += w
        g -= a
        linear += g
        b /= rate
        b += 2 * l2
        np.clip(linear, -l1, l1, out=a)
        a -= linear
        np.divide(a, b, out=w)
