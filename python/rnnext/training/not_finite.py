"""Where a loss that is no finite number comes from."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from rnnext import nest
from rnnext.dtypes import FLOAT_KINDS
from rnnext.graph.recording import Recording

__all__ = ["warn_not_finite"]


def warn_not_finite(
    model: Any, loss: float, run: Callable[[Recording], Any], x: Any, y: Any
) -> None:
    """Warns of a loss that is no finite number, and names where the first such number came up.

    Args:
        model: The model.
        loss: The loss.
        run: Runs the model once more on the batch.
        x: Inputs of the batch.
        y: Labels of the batch.
    """
    found = _in_data("inputs", x) or _in_layers(model, run) or _in_data("labels", y)
    reason = found or "all inputs, labels and outputs are finite, the loss function is not"
    warnings.warn(
        f"{model.label}: the loss of a batch is {loss}: {reason}. Training goes on, but weights do "
        "not recover from such a loss; callbacks.TerminateOnNaN stops it. Smaller data, a smaller "
        "learning_rate or clipnorm help against overflow.",
        RuntimeWarning,
        stacklevel=2,
    )


def _in_data(what: str, data: Any) -> str | None:
    if all(map(_is_finite, nest.flatten(data))):
        return None
    return f"the {what} of the batch are not finite"


def _in_layers(model: Any, run: Callable[[Recording], Any]) -> str | None:
    """The first layer, in the order in which they finish, whose outputs are not finite."""
    culprits: list[Any] = []
    with np.errstate(all="ignore"), _watched(model, culprits):
        run(Recording(training=True, generator=np.random.default_rng(0)))
    if not culprits:
        return None
    layer = culprits[0]
    own = [w for w in getattr(layer, "weights", ()) if not _is_finite(w.value)]
    if own:
        return f"{layer.label} is the first whose output is not finite, nor is its {own[0].path!r}"
    return f"{layer.label} is the first whose output is not finite"


@contextlib.contextmanager
def _watched(model: Any, culprits: list[Any]) -> Iterator[None]:
    """Notes operations whose recorded calls return something that is not finite.

    Layers inside a layer note themselves before it does.
    """
    operations = {id(o): o for o in model._with_descendants() if o is not model}
    program = getattr(model, "program", None) if getattr(model, "_runs_graph", False) else None
    for instruction in program.instructions if program is not None else ():
        operations[id(instruction.operation)] = instruction.operation
    for operation in operations.values():
        for name in ("record", "record_with_masks"):
            vars(operation)[name] = _noting(operation, getattr(operation, name), culprits)
    try:
        yield
    finally:
        for operation in operations.values():
            for name in ("record", "record_with_masks"):
                del vars(operation)[name]


def _noting(operation: Any, record: Callable[..., Any], culprits: list[Any]) -> Callable[..., Any]:
    def noting(*args: Any, **kwargs: Any) -> Any:
        results = record(*args, **kwargs)
        if not all(map(_is_finite, nest.flatten(results[0]))):
            culprits.append(operation)
        return results

    return noting


def _is_finite(value: Any) -> bool:
    if (
        value is None
        or getattr(value, "dtype", None) is None
        or value.dtype.kind not in FLOAT_KINDS
    ):
        return True
    return bool(np.isfinite(np.asarray(value)).all())
