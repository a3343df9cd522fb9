"""Keras's schedules of the learning rate."""

from __future__ import annotations

import math
from typing import Any

from rnnext.errors import UnsupportedError
from rnnext.optimizers.schedules.schedule import LearningRateSchedule

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
]


class CosineDecay(LearningRateSchedule):
    """Falls along half a cosine.

    Args:
        initial_learning_rate: Where the learning rate begins.
        decay_steps: Steps over which it falls.
        alpha: Where it ends, as a part of where it began.
        warmup_target: Where it rises to before it falls; None: it does not.
        warmup_steps: Steps in which the learning rate rises.
    """

    def __init__(
        self,
        initial_learning_rate: Any,
        decay_steps: Any,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: Any = None,
        warmup_steps: float = 0,
    ) -> None:
        self._keep(locals())
        self._check_positive("decay_steps")

    def __call__(self, step: Any) -> float:
        """Returns the learning rate of a step."""
        start, step = self.initial_learning_rate, float(step)
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return float(start + (self.warmup_target - start) * step / self.warmup_steps)
            start, step = self.warmup_target, step - self.warmup_steps
        part = min(step / self.decay_steps, 1.0)
        return float(start * ((1 - self.alpha) * _half_cosine(part) + self.alpha))


class CosineDecayRestarts(LearningRateSchedule):
    """Falls along half a cosine, again and again.

    Args:
        initial_learning_rate: Where the learning rate begins.
        first_decay_steps: Steps of the first fall.
        t_mul: How many times longer each fall is than the one before.
        m_mul: Where each fall begins, as a multiple of where the one before did.
        alpha: Where it ends, as a part of where it began.
    """

    def __init__(
        self,
        initial_learning_rate: Any,
        first_decay_steps: Any,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        self._keep(locals())
        self._check_positive("first_decay_steps")
        if not t_mul >= 1:
            raise UnsupportedError(
                f"CosineDecayRestarts: t_mul must be at least 1, received {t_mul!r}."
            )

    def __call__(self, step: Any) -> float:
        """Returns the learning rate of a step."""
        part, length, height = float(step) / self.first_decay_steps, 1.0, 1.0
        while part >= length:
            part, length, height = part - length, length * self.t_mul, height * self.m_mul
        cosine = height * _half_cosine(part / length)
        return float(self.initial_learning_rate * ((1 - self.alpha) * cosine + self.alpha))


class ExponentialDecay(LearningRateSchedule):
    """Falls by the same factor in the same time.

    Args:
        initial_learning_rate: Where the learning rate begins.
        decay_steps: Steps over which it falls.
        decay_rate: How far it falls in that time.
        staircase: Whether it falls at the end of that time, not little by little.
    """

    def __init__(
        self,
        initial_learning_rate: Any,
        decay_steps: Any,
        decay_rate: Any,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        self._keep(locals())
        self._check_positive("decay_steps")

    def __call__(self, step: Any) -> float:
        """Returns the learning rate of a step."""
        part = float(step) / self.decay_steps
        part = math.floor(part) if self.staircase else part
        return float(self.initial_learning_rate * self.decay_rate**part)


class InverseTimeDecay(LearningRateSchedule):
    """Falls with one over the time.

    Args:
        initial_learning_rate: Where the learning rate begins.
        decay_steps: Steps over which it falls.
        decay_rate: How far it falls in that time.
        staircase: Whether it falls at the end of that time, not little by little.
    """

    def __init__(
        self,
        initial_learning_rate: Any,
        decay_steps: Any,
        decay_rate: Any,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        self._keep(locals())
        self._check_positive("decay_steps")

    def __call__(self, step: Any) -> float:
        """Returns the learning rate of a step."""
        part = float(step) / self.decay_steps
        part = math.floor(part) if self.staircase else part
        return float(self.initial_learning_rate / (1 + self.decay_rate * part))


class PiecewiseConstantDecay(LearningRateSchedule):
    """Changes at given steps.

    Args:
        boundaries: Steps at which it changes.
        values: Learning rates between these; one more than there are boundaries.
    """

    def __init__(
        self,
        boundaries: Any,
        values: Any,
        name: str = "PiecewiseConstant",
    ) -> None:
        self._keep(locals())
        if len(boundaries) != len(values) - 1:
            raise UnsupportedError(
                f"{type(self).__name__}: expected one value more than boundaries, received "
                f"{len(values)} values and {len(boundaries)} boundaries."
            )

    def __call__(self, step: Any) -> float:
        """Returns the learning rate of a step."""
        return float(self.values[sum(step > boundary for boundary in self.boundaries)])


class PolynomialDecay(LearningRateSchedule):
    """Falls along a polynomial.

    Args:
        initial_learning_rate: Where the learning rate begins.
        decay_steps: Steps over which it falls.
        end_learning_rate: Where it ends.
        power: Exponent of the polynomial.
        cycle: Whether it rises again after it has fallen.
    """

    def __init__(
        self,
        initial_learning_rate: Any,
        decay_steps: Any,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self._keep(locals())
        self._check_positive("decay_steps")

    def __call__(self, step: Any) -> float:
        """Returns the learning rate of a step."""
        step, steps = float(step), self.decay_steps
        steps = steps * max(math.ceil(step / steps), 1) if self.cycle else steps
        left = 1 - min(step, steps) / steps
        span = self.initial_learning_rate - self.end_learning_rate
        return float(span * left**self.power + self.end_learning_rate)


def _half_cosine(part: float) -> float:
    """From 1 to 0 while `part` goes from 0 to 1."""
    return 0.5 * (1 + math.cos(math.pi * part))
