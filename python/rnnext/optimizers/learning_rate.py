"""The learning rate of an optimizer: a variable, or what a schedule or a function returns."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnext import serialization, settings
from rnnext.errors import UnsupportedError
from rnnext.layers.variable import Variable
from rnnext.optimizers.memory import Slot
from rnnext.optimizers.schedules.schedule import LearningRateSchedule, schedule_of_config
from rnnext.optimizers.state import State

__all__ = ["LearningRate"]


class LearningRate(State):
    """What an optimizer knows of its learning rate."""

    _rate: Any = None

    @property
    def learning_rate(self) -> Any:
        """The learning rate of the next step: a variable, or what a schedule or function returns.

        Raises:
            UnsupportedError: If it is set to a number while a schedule or a function gives it.
        """
        if isinstance(self._rate, LearningRateSchedule):
            return self._rate(self._iterations)
        return self._rate if isinstance(self._rate, Variable) else self._rate()

    @learning_rate.setter
    def learning_rate(self, rate: Any) -> None:
        self._set_rate(rate)

    def _set_rate(self, rate: Any) -> None:
        if isinstance(rate, Variable):
            rate = rate.value
        if isinstance(rate, LearningRateSchedule) or callable(rate):
            self._variables = [v for v in self._variables if v is not self._rate]
            self._rate = rate
        elif isinstance(self._rate, Variable):
            self._rate.assign(rate)
        elif self._rate is None:
            value = np.array(rate, settings.floatx())
            self._rate = Slot(value, "learning_rate", self.name)
            self._variables.append(self._rate)
        else:
            raise UnsupportedError(
                f"{self._label}: the learning rate comes from {self._rate!r} and cannot be set to "
                f"{rate!r}; make the optimizer with a float as its learning_rate to set it later."
            )

    @property
    def lr(self) -> Any:
        """The learning rate, under its name in older programs."""
        return self.learning_rate

    @lr.setter
    def lr(self, rate: Any) -> None:
        self.learning_rate = rate

    def _checked_rate(self, rate: Any) -> Any:
        if isinstance(rate, dict):
            rate = schedule_of_config(rate)
        if isinstance(rate, (float, LearningRateSchedule)) or callable(rate):
            return rate
        raise UnsupportedError(
            f"{self._label}: learning_rate must be a float, a LearningRateSchedule or a function, "
            f"received {rate!r}."
        )

    def _rate_config(self) -> Any:
        """The learning rate as it stands in a config."""
        rate = self._rate
        return float(rate) if isinstance(rate, Variable) else serialization.serialize(rate)
