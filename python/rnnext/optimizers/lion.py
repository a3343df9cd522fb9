"""Lion."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnext.errors import UnsupportedError
from rnnext.optimizers.arithmetic import mix, through_float32
from rnnext.optimizers.memory import Part
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
        if not 0 < beta_1 <= 1:
            raise UnsupportedError(
                f"{self._label}: beta_1 must be above 0 and at most 1, received {beta_1!r}."
            )

    def _slot_rounds(self) -> list[dict[str, float]]:
        return [{"momentum": 0.0}]

    def _update(self, part: Part, rate: Any, step: int) -> None:  # noqa: ARG002
        m, g, a, b = part.slots["momentum"], part.g, part.a, part.b
        beta_1, beta_2 = (through_float32(part.number, b) for b in (self.beta_1, self.beta_2))
        np.multiply(m, beta_1, out=a)
        np.multiply(g, 1 - beta_1, out=b)
        a += b
        np.sign(a, out=a)
        a *= rate
        part.w -= a
        mix(m, beta_2, g, 1 - beta_2)
