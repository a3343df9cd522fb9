"""Calls of layers inside a trace, where each is noted with its pullback."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from rnnext.autodiff.tape import active
from rnnext.graph.arguments import default_of, positional_arguments

if TYPE_CHECKING:
    from rnnext.graph.recording import Recording

__all__ = ["recorded_call", "recorded_in_traces", "training_as_given"]


def recorded_in_traces(call: Callable[..., Any], record: Callable[..., Any]) -> Any:
    """Makes a class's `call` follow its gradient rule where a trace runs.

    So `super().call(x)` in a subclass and `layer.call(x)` in another layer have gradients. As in
    Keras, such a call is one of training only if it says so.

    Args:
        call: The class's `call`.
        record: Its rule, `record(self, recording, *args, **kwargs)`.
    """

    @functools.wraps(call)
    def call_or_record(self: Any, *args: Any, **kwargs: Any) -> Any:
        if active.tape is None:
            return call(self, *args, **kwargs)
        # All but the first argument by name, because `training` is none of the rule's.
        names = positional_arguments(call)
        kwargs.update(zip(names[1:], args[1:], strict=False))
        training = kwargs.pop("training", default_of(call, "training"))
        args = args[:1] or (kwargs.pop(names[0]),)
        with training_as_given(training) as recording:
            return recorded_call(functools.partial(record, self, recording), args, kwargs)

    return call_or_record


@contextlib.contextmanager
def training_as_given(training: bool | None) -> Iterator[Recording]:
    """What a call says about training holds for the layers inside it, too.

    Args:
        training: What it says; None: nothing, so what held before holds.

    Returns:
        The recording that the trace is part of.
    """
    recording = active.tape.recording  # type: ignore[union-attr]
    outer = recording.training
    try:
        recording.training = outer if training is None else bool(training)
        yield recording
    finally:
        recording.training = outer


def recorded_call(record: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Returns traced outputs; see `rnnext.autodiff.tracing.nested`."""
    from rnnext.autodiff.layer_call import nested

    return nested(record, args, kwargs)
