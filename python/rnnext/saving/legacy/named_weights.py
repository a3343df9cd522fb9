"""Finds the weights of a model in arrays that have names and no order, as TensorFlow.js has them.

A name begins with that of the layer and ends with that of the weight::

    bidirectional/forward_lstm/lstm_cell/kernel

Names alone decide: what they leave open is an error, because arrays of one shape could be swapped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from rnnext.errors import FileError
from rnnext.layers.layer import Layer
from rnnext.layers.rnn.bidirectional import Bidirectional
from rnnext.models import Model
from rnnext.saving.legacy.weight_order import Part, parts_of
from rnnext.saving.weight_plan import Array, WeightPlan, layer_label

__all__ = ["plan_named_weights"]


def plan_named_weights(model: Model, arrays: Mapping[str, Array], label: str) -> WeightPlan:
    """Matches a model's weights with named arrays.

    Args:
        model: The built model; layers of models inside it are found by their own names.
        arrays: The arrays by name.
        label: How errors call the file.

    Returns:
        The plan, with a place for every weight and every array.

    Raises:
        FileError: A layer without arrays, arrays without a layer, names that do not decide, or
            another shape.
    """
    plan = WeightPlan(label)
    owners: dict[str, Layer] = {}
    for layer in _leaves(model):
        if owners.setdefault(layer.name, layer) is not layer:
            raise FileError(
                f"{label}: two layers have the name {layer.name!r}, so the names of the weights "
                "do not say which are whose."
            )
    found: dict[str, dict[str, Array]] = defaultdict(dict)
    for name, array in arrays.items():
        found[name.partition("/")[0]][name] = array
    if found.keys() != owners.keys():
        raise FileError(
            f"{label}: the file has weights of {sorted(found)}, the layers with weights are "
            f"{sorted(owners)}."
        )
    for name, layer in owners.items():
        for part, named in _of_parts(layer, found[name], label):
            _add(plan, layer, part, named)
    plan.check_complete(model)
    return plan


def _leaves(model: Model) -> Iterator[Layer]:
    """The layers with weights that are no models themselves, each once."""
    seen: set[int] = set()
    waiting = list(reversed(model.layers))
    while waiting:
        layer = waiting.pop()
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        if isinstance(layer, Model):
            waiting += reversed(layer.layers)
        elif layer.weights:
            yield layer


def _of_parts(
    layer: Layer, named: dict[str, Array], label: str
) -> Iterator[tuple[Part, dict[str, Array]]]:
    """The parts of a layer that have weights of their own, each with its arrays."""
    parts = parts_of(layer)
    if len(parts) == 1:
        yield parts[0], named
        return
    if not isinstance(layer, Bidirectional) or len(parts) != 2:
        raise FileError(
            f"{label}: {layer_label(layer)}: {len(parts)} layers or cells inside it have weights, "
            f"and the names {list(named)} do not say which are whose."
        )
    waiting = dict(named)
    for part in parts:
        start = f"{part.keras2[0][0]}_"  # forward_ or backward_
        names = [name for name in waiting if name.partition("/")[2].startswith(start)]
        yield part, {name: waiting.pop(name) for name in names}
    if waiting:
        raise FileError(
            f"{label}: {layer_label(layer)}: weights {list(waiting)} are named after neither "
            "direction (forward_..., backward_...)."
        )


def _add(plan: WeightPlan, layer: Layer, part: Part, named: dict[str, Array]) -> None:
    """Plan the arrays of one part in the order of its weights."""
    expected = [variable.name for variable in part.variables]
    by_leaf = {name.rpartition("/")[2]: array for name, array in named.items()}
    if len(by_leaf) != len(named) or sorted(by_leaf) != sorted(expected):
        raise FileError(
            f"{plan.label}: {layer_label(layer)}: weights whose names end in {expected} are "
            f"expected, the file has {list(named)}."
        )
    plan.add_all(layer, part.variables, [by_leaf[name] for name in expected], layer.name)
