"""Lion."""

from __future__ import annotations

from typing import Any

from rnnext.optimizers.optimizer import Optimizer

__all__ = ["Lion"]


class Lion(Optimizer):
    """Steps by the sign of the averaged gradient.

    Args:
        learning_rate: A number, a schedule, or a function without arguments that returns a
            number.
        beta_1: Decay of the average of gradients.
        beta_2: Decay of the average of squared gradients.

    The other arguments are those of `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
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
