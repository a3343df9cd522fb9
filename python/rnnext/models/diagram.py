"""A model's graph as boxes and lines: a box for each layer, a line for each tensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rnnext import nest
from rnnext.errors import UnsupportedError
from rnnext.layers.layer import Layer
from rnnext.models.functional import Functional
from rnnext.plots.diagram import Box, Diagram

__all__ = ["diagram_of"]

Describe = Callable[[Any], tuple[str, ...]]


def diagram_of(model: Any, describe: Describe, expand_nested: bool = False) -> Diagram:
    """Returns the diagram of a model.

    Args:
        model: A functional model or a Sequential that is built; of a class of the user's own the
            layers alone, without lines.
        describe: Returns what the box of a layer says.
        expand_nested: Whether models inside the model are drawn by their layers.

    Raises:
        UnsupportedError: If the model has no layers yet.
    """
    if not isinstance(model, Functional):
        layers = [layer for layer in model.layers if isinstance(layer, Layer)]
        if not layers:
            raise UnsupportedError(
                f"{model.label}: there is nothing to draw before it is built; call it, or give it "
                "an Input."
            )
        return Diagram(tuple(Box(each.name, describe(each), 0) for each in layers), ())
    if not model.built:
        raise UnsupportedError(
            f"{model.label} is not built, so its graph is not known; call it, or give it an Input."
        )
    boxes: dict[str, tuple[tuple[str, ...], str]] = {}
    edges: dict[tuple[str, str], None] = {}
    _add(model, "", describe, expand_nested, boxes, edges)
    rows = _rows(list(boxes), list(edges))
    found = tuple(Box(key, lines, rows[key], group) for key, (lines, group) in boxes.items())
    return Diagram(found, tuple(edges))


def _add(
    model: Any,
    prefix: str,
    describe: Describe,
    expand: bool,
    boxes: dict[str, tuple[tuple[str, ...], str]],
    edges: dict[tuple[str, str], None],
) -> dict[int, str]:
    """Adds a model's boxes and edges; returns the box that each tensor comes from, by its id."""
    graph = model.network.graph
    ends: dict[int, str] = {}
    expanded: dict[str, dict[int, str]] = {}
    for node in graph.nodes:
        operation = node.operation
        key = prefix + operation.name
        is_nested = expand and isinstance(operation, Functional) and operation.built
        if not is_nested:
            boxes.setdefault(key, (describe(operation), prefix.rstrip("/")))
            edges.update(dict.fromkeys((ends[id(t)], key) for t in node.input_tensors))
            ends.update((id(t), key) for t in node.outputs)
            continue
        inner = operation.network.graph
        if key not in expanded:
            expanded[key] = _add(operation, f"{key}/", describe, expand, boxes, edges)
        for tensor, source in zip(node.input_tensors, inner.inputs, strict=False):
            edges[ends[id(tensor)], f"{key}/{source.source.operation.name}"] = None
        for tensor, source in zip(node.outputs, nest.flatten(inner.outputs), strict=True):
            ends[id(tensor)] = expanded[key][id(source)]
    return ends


def _rows(keys: list[str], edges: list[tuple[str, str]]) -> dict[str, int]:
    """The longest way to each box from one that nothing leads to."""
    rows = dict.fromkeys(keys, 0)
    for _ in keys:  # as often as a way may be long
        before = dict(rows)
        for a, b in edges:
            if a != b:
                rows[b] = max(rows[b], rows[a] + 1)
        if rows == before or max(rows.values()) > len(keys):
            break
    return rows
