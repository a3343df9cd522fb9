"""Gradient descent with momentum."""

from __future__ import annotations

from typing import Any

from rnnext import _core
from rnnext.errors import UnsupportedError
from rnnext.optimizers import fused
from rnnext.optimizers.arithmetic import through_float32
from rnnext.optimizers.memory import Part
from rnnext.optimizers.optimizer import Optimizer

__all__ = ["SGD"]


class SGD(Optimizer):
    """Gradient descent, with momentum if asked for.

    Args:
        learning_rate: A number, a schedule, or a function without arguments that returns a
            number.
        momentum: Part of the last step that is added to this one.
        nesterov: Whether momentum is Nesterov's.

    The other arguments are those of `Optimizer`.
    """

    _fused = True

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
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
        if not isinstance(momentum, float) or not 0 <= momentum <= 1:
            raise UnsupportedError(
                f"{self._label}: momentum must be a float from 0 to 1, received {momentum!r}."
            )

    def _slot_rounds(self) -> list[dict[str, float]]:
        return [{"momentum": 0.0}] if self.momentum != 0 else []

    def _update(self, part: Part, rate: Any, step: int) -> None:  # noqa: ARG002
        fused.update(
            _core.update_sgd,
            part,
            (part.slots["momentum"] if self.momentum != 0 else None,),
            rate,
            through_float32(part.number, self.momentum),
            self.nesterov,
            uses_squares=False,
        )
