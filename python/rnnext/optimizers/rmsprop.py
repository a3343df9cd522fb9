"""Optimizers that divide by an average or a sum of squared gradients."""

from __future__ import annotations

from typing import Any

from rnnext.optimizers.optimizer import Optimizer

__all__ = ["Adadelta", "Adafactor", "Adagrad", "RMSprop"]


class RMSprop(Optimizer):
    """Steps by the gradient over the root of its mean square.

    Args:
        learning_rate: A number, a schedule, or a function without arguments that returns a
            number.
        rho: Decay of the average of squared gradients.
        momentum: Part of the last step that is added to this one.
        epsilon: Small number that keeps divisors from zero.
        centered: Whether gradients are divided by their variance, not by their mean square.

    The other arguments are those of `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-07,
        centered: bool = False,
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


class Adagrad(Optimizer):
    """Steps by the gradient over the root of the sum of its squares.

    Args:
        learning_rate: A number, a schedule, or a function without arguments that returns a
            number.
        initial_accumulator_value: What sums of squared gradients begin with.
        epsilon: Small number that keeps divisors from zero.

    The other arguments are those of `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-07,
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


class Adadelta(Optimizer):
    """Adagrad over a window that moves on.

    Args:
        learning_rate: A number, a schedule, or a function without arguments that returns a
            number.
        rho: Decay of the average of squared gradients.
        epsilon: Small number that keeps divisors from zero.

    The other arguments are those of `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-07,
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


class Adafactor(Optimizer):
    """Adam whose squares are kept by row and column.

    Args:
        learning_rate: A number, a schedule, or a function without arguments that returns a
            number.
        beta_2_decay: Exponent by which the average forgets more slowly from step to step.
        epsilon_1: Small number that keeps divisors from zero.
        epsilon_2: Lower limit of the scale of a weight.
        clip_threshold: Largest root mean square of a step.
        relative_step: Whether the learning rate falls with the square root of the steps.

    The other arguments are those of `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 0.001,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
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
