"""What layers add to the loss while they compute: `add_loss` and `activity_regularizer`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rnnext import nest
from rnnext.autodiff.tape import AddedLoss, Tape, active
from rnnext.errors import DataError
from rnnext.graph.masked_array import untraced
from rnnext.graph.recording import Pullback, Recording
from rnnext.graph.tensor import KerasTensor
from rnnext.regularizers.regularizer import penalty

__all__ = [
    "add",
    "added_to",
    "changes",
    "collected",
    "keep",
    "may_add",
    "noted",
    "regularizes",
    "with_penalties",
]


class _Last(threading.local):
    """What the layers of this thread's last call outside a tape added."""

    losses: tuple[AddedLoss, ...] = ()
    noted: list[AddedLoss] | None = None  # of a call that is running


_last = _Last()


class _Changes:
    """Counts what may change the answer of `may_add` for a model whose layers stay the same."""

    count = 0


changes = _Changes()


def add(layer: Any, loss: Any) -> None:
    """Adds to the loss of the call that is running; see `Layer.add_loss`.

    Args:
        layer: The layer.
        loss: A number, an array or a nested structure of them.

    Raises:
        DataError: If there is something else.
    """
    if not layer._adds_losses:
        vars(layer)["_adds_losses"] = True
        changes.count += 1
    for value in nest.flatten(loss):
        if isinstance(value, KerasTensor):
            raise DataError(
                f"{layer.label}: add_loss() takes arrays, inside call(); received the symbolic "
                f"tensor {value.name!r}. Call add_loss(loss) in the call() of a layer."
            )
        if not hasattr(value, "dtype"):
            raise DataError(
                f"{layer.label}: add_loss() takes arrays that call() computed, received {value!r}."
            )
        if active.tape is not None:
            active.tape.losses.append(AddedLoss(layer, value))
        elif _last.noted is not None:
            _last.noted.append(AddedLoss(layer, np.asarray(value)))


def added_to(layers: list[Any]) -> list[Any]:
    """Returns what these layers added in the call of the running tape, or else in the last one."""
    owners = {id(layer) for layer in layers}
    found = _last.losses if active.tape is None else active.tape.losses
    return [loss.value for loss in found if id(loss.owner) in owners]


def keep(tape: Tape) -> None:
    """Keeps what was added inside a tape that is closed now, as plain arrays."""
    _last.losses = tuple(AddedLoss(loss.owner, np.asarray(loss.value)) for loss in tape.losses)
    tape.losses = []


def regularizes(layer: Any) -> bool:
    """Whether a layer has an activity regularizer, other than one of a class that is not there."""
    regularizer = layer.activity_regularizer
    is_known = regularizer is not None and not isinstance(regularizer, Mapping)
    return is_known and bool(layer._regularizes_outputs)


def may_add(layer: Any) -> bool:
    """Whether a layer, or one inside it, has an activity regularizer or called `add_loss`."""
    return any(regularizes(each) or each._adds_losses for each in layer._with_descendants())


def noted(call: Callable[[], Any]) -> Any:
    """Runs a call of a user's layer outside a tape, and keeps what it adds to the loss, if it does.

    Args:
        call: A function without arguments that calls the layer.
    """
    if _last.noted is not None:  # inside another one
        return call()
    _last.noted = []
    try:
        outputs = call()
        if _last.noted:
            _last.losses = tuple(_last.noted)
    finally:
        _last.noted = None
    return outputs


def collected(call: Callable[[], Any]) -> Any:
    """Runs a call outside a tape, and keeps what the layers in it add to the loss.

    Args:
        call: A function without arguments that calls a layer.

    Returns:
        What it returns, with plain arrays.
    """
    tape = Tape(Recording(training=False))
    with tape.running():
        outputs = call()
    tape.is_open = False
    keep(tape)
    return nest.map_structure(untraced, outputs)


def with_penalties(
    layer: Any, recording: Recording, outputs: Any, pullback: Pullback
) -> tuple[Any, Pullback]:
    """Adds the penalties of a layer's activity regularizer, each divided by the batch size.

    Args:
        layer: The layer.
        recording: The pass.
        outputs: What the layer computed in it.
        pullback: How that is reversed.

    Returns:
        The outputs, and their pullback with the gradients of the penalties.
    """
    leaves = nest.flatten(outputs)
    found: list[tuple[AddedLoss, Any]] = []
    for y in leaves:
        value, gradient = penalty(layer.activity_regularizer, y)
        rows = y.dtype.type(len(y) if y.ndim else 1)
        found.append((AddedLoss(layer, np.asarray(value / rows, y.dtype)), gradient / rows))
    recording.losses += [loss for loss, _ in found]

    def reverse(d_outputs: list[Any]) -> list[Any]:
        for i, (loss, slope) in enumerate(found):
            if loss.gradient is None:
                continue
            d = slope * slope.dtype.type(loss.gradient)
            logits = recording.logits.get(id(leaves[i]))
            if logits is not None and logits.taken:  # what came back is the gradient of the logits
                d = logits.gradient(d)
            known = d_outputs[i]
            d_outputs[i] = d if known is None else known + d
        return pullback(d_outputs)

    return outputs, reverse
