"""Muon."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import _core
from rnnext.optimizers import fused
from rnnext.optimizers.arithmetic import power
from rnnext.optimizers.memory import Part
from rnnext.optimizers.optimizer import Optimizer

__all__ = ["Muon"]


class Muon(Optimizer):
    """Orthogonal steps for matrices, Adam for other weights.

    Args:
        learning_rate: A number, a schedule, or a function without arguments that returns a
            number.
        adam_beta_1: `beta_1` of the weights that Adam trains.
        adam_beta_2: `beta_2` of the weights that Adam trains.
        adam_weight_decay: `weight_decay` of the weights that Adam trains.
        epsilon: Small number that keeps divisors from zero.
        weight_decay: Part of a weight that is taken off it in each step.
        exclude_layers: Patterns of the paths of weights that Adam trains.
        exclude_embeddings: Whether Adam trains embeddings.
        muon_a: Coefficient of the Newton-Schulz iteration.
        muon_b: The same.
        muon_c: The same.
        adam_lr_ratio: Learning rate of Adam as a multiple of `learning_rate`.
        momentum: Part of the last step that is added to this one.
        ns_steps: Steps of the Newton-Schulz iteration.
        nesterov: Whether momentum is Nesterov's.
        rms_rate: Root mean square of a step, as a multiple of the learning rate.

    The other arguments are those of `Optimizer`.
    """

    _apart = True  # matrices keep their shapes

    def __init__(
        self,
        learning_rate: Any = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float = 0.004,
        epsilon: float = 1e-07,
        weight_decay: float = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        exclude_layers: Any = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.775,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: float = 5,
        nesterov: bool = True,
        rms_rate: float = 0.2,
        **kwargs: Any,
    ) -> None:
        exclude_layers = exclude_layers or []
        self._keep(locals())

    def _make_slots(self) -> None:
        for index in range(len(self._trainable_variables)):
            self._add_slot(index, "momentum")
            if self._is_adams(index):
                self._add_slot(index, "velocity")

    def _is_adams(self, index: int) -> bool:
        variable = self._trainable_variables[index]
        return (
            variable.ndim != 2
            or (self.exclude_embeddings and "embedding" in variable.path.lower())
            or any(re.search(pattern, variable.path) for pattern in self.exclude_layers)
        )

    def _weight_decay_of(self, part: Part) -> Any:
        return self.adam_weight_decay if self._is_adams(part.index) else self.weight_decay

    def _update(self, part: Part, rate: Any, step: int) -> None:
        if self._is_adams(part.index):
            self._adam_update(part, rate * part.number(self.adam_lr_ratio), step)
        else:
            self._muon_update(part, rate)

    def _adam_update(self, part: Part, rate: Any, step: int) -> None:
        betas = self.adam_beta_1, self.adam_beta_2
        first, second = (power(part.number, beta, step) for beta in betas)
        fused.update(
            _core.update_adam,
            part,
            (part.slots["momentum"], part.slots["velocity"], None),
            rate * np.sqrt(1 - second) / (1 - first),
            1 - self.adam_beta_1,
            1 - self.adam_beta_2,
            self.epsilon,
        )

    def _muon_update(self, part: Part, rate: Any) -> None:
        number, m, g, a = part.number, part.slots["momentum"], part.g, part.a
        np.multiply(m, number(self.momentum - 1), out=a)
        a += g
        m += a
        if self.nesterov:
            g += np.multiply(m, number(self.momentum), out=a)
        else:
            np.copyto(g, m)
        update = rate * self._orthogonal(g.reshape(part.shape))
        if self.rms_rate is not None:
            update = update * np.sqrt(number(max(part.shape))) * number(self.rms_rate)
        part.w -= update.reshape(-1)

    def _orthogonal(self, x: NDArray[Any]) -> NDArray[Any]:
        """The nearest orthogonal matrix, roughly, by the Newton-Schulz iteration."""
        number = x.dtype.type
        first, second, third = (number(c) for c in (self.muon_a, self.muon_b, self.muon_c))
        tall = x.shape[0] > x.shape[1]
        x = x.T if tall else x
        x = x / (np.sqrt(np.sum(np.square(x))) + number(1e-7))
        for _ in range(int(self.ns_steps)):
            product = x @ x.T
            x = first * x + (second * product + (third * product) @ product) @ x
        return x.T if tall else x
