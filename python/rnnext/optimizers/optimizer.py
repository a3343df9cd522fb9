"""What an optimizer is: the options that all of them have."""

from __future__ import annotations

import warnings
from typing import Any

from rnnext.errors import UnsupportedError
from rnnext.kept_option import KeptArguments
from rnnext.naming import did_you_mean, unique_name
from rnnext.optimizers.schedules.schedule import LearningRateSchedule, schedule_of_config

__all__ = ["Optimizer"]

_KERAS1_NAMES = {"lr": "learning_rate"}


class Optimizer(KeptArguments):
    """Base class of optimizers.

    Args:
        learning_rate: A number, a schedule, or a function without arguments that returns a
            number.
        weight_decay: Part of a weight that is taken off it in each step.
        clipnorm: Largest norm of each gradient.
        clipvalue: Largest absolute value of an element of a gradient.
        global_clipnorm: Largest norm of all gradients together.
        use_ema: Whether to keep averages of the weights.
        ema_momentum: Part of the averages that a step keeps, 0 to 1.
        ema_overwrite_frequency: Steps after which the averages replace the weights.
        loss_scale_factor: Factor of the loss, taken off the gradients again.
        gradient_accumulation_steps: Steps whose gradients are added up, at least 2.
        name: Name of the optimizer.
        **kwargs: `decay`, which does nothing since Keras 3.

    Raises:
        UnsupportedError: If there is another argument, or one has a value that Keras refuses.

    Example:
        >>> from rnnext.optimizers import SGD
        >>> SGD(0.1, clipnorm=1.0).get_config()["clipnorm"]
        1.0
    """

    _keras_module = "keras.optimizers"

    def __init__(
        self,
        learning_rate: Any,
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
        self.name = name or unique_name(type(self).__name__)
        if kwargs.pop("decay", None) is not None:
            warnings.warn(f"{self._label}: decay does nothing, as in Keras 3", stacklevel=3)
        self._check_no_others(kwargs)
        self.learning_rate = self._checked_rate(learning_rate)
        self.weight_decay = weight_decay
        self.clipnorm, self.clipvalue = clipnorm, clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema, self.ema_momentum = use_ema, ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self._check_values()

    @property
    def _label(self) -> str:
        return f"optimizer {self.name!r} ({type(self).__name__})"

    @property
    def lr(self) -> Any:
        """The learning rate, under its name in older programs."""
        return self.learning_rate

    def _check_no_others(self, kwargs: dict[str, Any]) -> None:
        if kwargs:
            accepted = self._argument_names()
            name = min(kwargs)
            raise UnsupportedError(
                f"{self._label}: unknown arguments {sorted(kwargs)}; accepted: {accepted}"
                + did_you_mean([_KERAS1_NAMES.get(name, name)], accepted)
            )

    def _checked_rate(self, rate: Any) -> Any:
        if isinstance(rate, dict):
            rate = schedule_of_config(rate)
        if isinstance(rate, (float, LearningRateSchedule)) or callable(rate):
            return rate
        raise UnsupportedError(
            f"{self._label}: learning_rate must be a float, a LearningRateSchedule or a function, "
            f"received {rate!r}."
        )

    def _check_values(self) -> None:
        clips = {k: getattr(self, k) for k in ("clipnorm", "clipvalue", "global_clipnorm")}
        if sum(value is not None for value in clips.values()) > 1:
            raise UnsupportedError(
                f"{self._label}: only one of {list(clips)} may be set, not {clips}."
            )
        for option, accepted, fits in (
            ("ema_momentum", "a number from 0 to 1", lambda v: not self.use_ema or 0 <= v <= 1),
            (
                "ema_overwrite_frequency",
                "None or an integer >= 1",
                lambda v: not self.use_ema or not v or (isinstance(v, int) and v >= 1),
            ),
            ("gradient_accumulation_steps", "None or an integer >= 2", lambda v: not v or v >= 2),
        ):
            value = getattr(self, option)
            if not fits(value):
                raise UnsupportedError(
                    f"{self._label}: {option} must be {accepted}, received {value!r}."
                )
