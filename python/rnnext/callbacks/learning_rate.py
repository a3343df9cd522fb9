"""The learning rate as callbacks read and set it, and the callback that sets it by a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rnnext.callbacks.callback import Callback
from rnnext.errors import UnsupportedError
from rnnext.progbar import print_message

__all__ = ["LearningRateScheduler", "log_learning_rates", "optimizers_of", "rate_of", "set_rate"]


def optimizers_of(optimizer: Any) -> list[tuple[str, Any]]:
    """Returns the optimizers inside one, with their names; `""` and itself if there are none."""
    inner = getattr(optimizer, "optimizers", None)
    return [("", optimizer)] if inner is None else [(o.name, o) for o in inner]


def rate_of(optimizer: Any) -> float:
    """Returns the learning rate, rounded to float32: Keras keeps it in a float32 variable.

    Raises:
        UnsupportedError: If the optimizer has none.
    """
    if not hasattr(optimizer, "learning_rate"):
        raise UnsupportedError(f"{optimizer!r} is an optimizer without a learning_rate.")
    rate = optimizer.learning_rate
    if callable(rate):  # a schedule
        rate = rate(optimizer.iterations)
    return float(np.float32(np.asarray(rate)))


def set_rate(optimizer: Any, rate: float, callback: str) -> None:
    """Sets the learning rate.

    Raises:
        UnsupportedError: If it is a schedule, which decides itself.
    """
    if callable(optimizer.learning_rate):
        raise UnsupportedError(
            f"{callback}: the learning rate of the optimizer is a schedule, "
            f"{type(optimizer.learning_rate).__name__}, and cannot be set; make the optimizer with "
            "a float."
        )
    optimizer.learning_rate = rate


def log_learning_rates(optimizer: Any, logs: dict[str, Any]) -> None:
    """Adds the learning rate to the logs of an epoch; of several optimizers, each by its name."""
    for name, each in optimizers_of(optimizer):
        logs[f"learning_rate_{name}" if name else "learning_rate"] = rate_of(each)


class LearningRateScheduler(Callback):
    """Sets the learning rate before each epoch.

    Args:
        schedule: A function of the epoch and the learning rate, or of the epoch alone.
        verbose: 1 prints a line.

    Example:
        >>> from rnnext.optimizers import SGD
        >>> class Trained:
        ...     optimizer = SGD(0.5)
        >>> scheduler = LearningRateScheduler(lambda epoch, rate: rate / 2)
        >>> scheduler.set_model(Trained())
        >>> scheduler.on_epoch_begin(0)
        >>> float(Trained.optimizer.learning_rate)
        0.25
    """

    def __init__(self, schedule: Callable[..., Any], verbose: int = 0) -> None:
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Sets the learning rate."""
        for name, optimizer in optimizers_of(self.model.optimizer):
            rate = self._scheduled(epoch, rate_of(optimizer))
            set_rate(optimizer, rate, "LearningRateScheduler")
            if self.verbose > 0:
                print_message(
                    f"\nEpoch {epoch + 1}: LearningRateScheduler setting {name and name + ' '}"
                    f"learning rate to {rate}."
                )

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Adds the learning rate to the logs."""
        if logs is not None:
            log_learning_rates(self.model.optimizer, logs)

    def _scheduled(self, epoch: int, rate: float) -> float:
        try:
            new = self.schedule(epoch, rate)
        except TypeError:  # a function of the epoch alone, from Keras 1 and 2
            new = self.schedule(epoch)
        if not isinstance(new, (float, np.float32)):
            raise UnsupportedError(
                f"LearningRateScheduler: schedule must return a float, received {new!r}."
            )
        return new  # type: ignore[return-value]
