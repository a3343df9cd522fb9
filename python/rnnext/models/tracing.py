"""The trace of a recurrent layer inside a model: the program is run up to its call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rnnext.errors import UnsupportedError
from rnnext.graph.masked_array import masks_of
from rnnext.graph.program import Action
from rnnext.layers.layer import Layer
from rnnext.models.functional import Functional
from rnnext.naming import did_you_mean

__all__ = ["trace_layer"]


def trace_layer(model: Functional, x: Any, layer: Any, mask: Any) -> Any:
    """Returns the trace of a layer at its first call; see `Model.trace`."""
    target = layer if isinstance(layer, Layer) else _found(model, layer)
    if mask is None:
        mask = masks_of(x)
    found = _trace(model, x, mask, target)
    if found is None:
        raise UnsupportedError(
            f"{model.label}: {target.label} is not called in its graph, or only by a wrapper; "
            f"accepted are the layers {[each.name for each in _traceable(model)]}."
        )
    return found


def _traceable(model: Functional) -> Iterator[Layer]:
    """The layers that have a trace, those of models inside the model, too."""
    for layer in model.layers:
        if isinstance(layer, Functional) and layer.built:
            yield from _traceable(layer)
        elif hasattr(layer, "trace"):
            yield layer


def _found(model: Functional, name: str | None) -> Layer:
    layers = list(_traceable(model))
    names = [layer.name for layer in layers]
    chosen = layers if name is None else [each for each in layers if each.name == name]
    if not layers:
        raise UnsupportedError(f"{model.label}: no recurrent layer in it has gates to trace.")
    if not chosen:
        raise UnsupportedError(
            f"{model.label}: no recurrent layer {name!r}; there are {names}."
            f"{did_you_mean([name], names)}"
        )
    if len(chosen) > 1:
        given = "none was named" if name is None else f"several are named {name!r}"
        raise UnsupportedError(
            f"{model.label}: {given}; give layer=, one of {names}, or the layer itself."
        )
    return chosen[0]


def _trace(model: Functional, x: Any, mask: Any, target: Layer) -> Any:
    """The trace of a layer; None if the graph does not call it."""
    execution, values, masks = model.network.prepared(x, mask)
    for position, instruction in enumerate(execution.program.instructions):
        operation: Any = instruction.operation
        if operation is target and instruction.action is Action.CALL:
            args, kwargs = execution.arguments_of(position, values, masks)
            kwargs.pop("training", None)
            return target.trace(*args, **kwargs)
        if isinstance(operation, Functional) and target in _traceable(operation):
            args, kwargs = execution.arguments_of(position, values, masks)
            found = _trace(operation, args[0], kwargs.get("mask"), target)
            if found is not None:
                return found
    return None
