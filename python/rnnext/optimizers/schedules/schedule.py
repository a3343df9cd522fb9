"""What a schedule of the learning rate is, and schedules by config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rnnext import serialization
from rnnext.errors import UnsupportedError
from rnnext.kept_option import KeptArguments, named_object

__all__ = ["LearningRateSchedule", "deserialize", "schedule_of_config", "serialize"]


class LearningRateSchedule(KeptArguments):
    """Base class of schedules: called with the number of a step, they return the learning rate."""

    _keras_module = "keras.optimizers.schedules"

    def __init__(self) -> None:
        """Takes no arguments; subclasses define theirs."""

    def _check_positive(self, option: str) -> None:
        value = getattr(self, option)
        if not value > 0:
            raise UnsupportedError(
                f"{type(self).__name__}: {option} must be above 0, received {value!r}."
            )

    def __call__(self, step: Any) -> Any:
        """Returns the learning rate of a step; subclasses override it."""
        raise NotImplementedError(f"{type(self).__name__} has no __call__() method.")


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict[str, Any]:
    """Returns the config of a schedule, with its class."""
    return dict(serialization.serialize(learning_rate_schedule))


def deserialize(config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Returns the schedule of a config; the inverse of `serialize`.

    Args:
        config: What `serialize` returned.
        custom_objects: Classes by the name the config uses for them.
    """
    with serialization.custom_object_scope(custom_objects):
        return schedule_of_config(config)


def schedule_of_config(config: Any) -> Any:
    """Returns the schedule of a config, with the classes there are by their names."""
    from rnnext.optimizers import schedules

    known = {name: getattr(schedules, name) for name in dir(schedules) if name[0].isupper()}
    return named_object("schedule of the learning rate", LearningRateSchedule, known, config)
