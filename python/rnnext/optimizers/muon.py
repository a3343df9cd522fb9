"""Muon."""

from __future__ import annotations

from typing import Any

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
