"""Follow the regularised leader."""

from __future__ import annotations

from typing import Any

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
