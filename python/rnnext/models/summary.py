"""The table that `model.summary()` prints."""

from __future__ import annotations

import html
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rnnext import nest
from rnnext.errors import UnsupportedError
from rnnext.graph.graph import Graph
from rnnext.graph.operation import Node, Operation
from rnnext.graph.tensor import KerasTensor
from rnnext.layers.layer import Layer, tensors_of_shapes
from rnnext.layers.variable import Variable, count_scalars
from rnnext.models.mask_nodes import graph_with_masks

__all__ = ["summary_html", "summary_text"]

_STACK_WIDTH, _STACK_ENDS = 88, (0.45, 0.80, 1.0)
_GRAPH_WIDTH, _GRAPH_ENDS = 108, (0.3, 0.56, 0.74, 1.0)
_TRAINABLE_WIDTH = 12  # what show_trainable adds


def summary_text(
    model: Any,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> str:
    """Returns Keras's summary of a model as text; for the arguments see `Model.summary`."""
    graph = graph_with_masks(model.network.graph) if _is_functional(model) else None
    nodes = graph.nodes if graph is not None and _is_branched(graph) else []
    header = ["Layer (type)", "Output Shape", "Param #"]
    default_width = _GRAPH_WIDTH if nodes else _STACK_WIDTH
    ends = tuple(positions or (_GRAPH_ENDS if nodes else _STACK_ENDS))
    if nodes:
        header.append("Connected to")
    if show_trainable:
        header.append("Trainable")
        default_width += _TRAINABLE_WIDTH
        ends = (*(end * 0.9 for end in ends), 1.0)
    if len(ends) != len(header):
        raise UnsupportedError(
            f"summary: positions must have {len(header)} values for the columns {header}, "
            f"received {positions!r}."
        )
    width = line_length or min(default_width, shutil.get_terminal_size().columns - 4)
    widths = _column_widths(ends, width)
    rows = []
    layers = model.layers if graph is None else graph.operations
    for layer in _in_range(layers, layer_range):
        rows += _rows_of(layer, nodes, expand_nested, show_trainable, 0)
    return "\n".join([f'Model: "{model.name}"', *_table(header, rows, widths), *_totals(model)])


def summary_html(model: Any) -> str:
    """Returns the summary of a model as a table for notebooks."""
    if not model.layers:
        return f"<code>{html.escape(repr(model))}</code>"
    graph = graph_with_masks(model.network.graph) if _is_functional(model) else None
    nodes = graph.nodes if graph is not None and _is_branched(graph) else []
    header = ["Layer (type)", "Output Shape", "Param #", *(["Connected to"] if nodes else [])]
    layers = model.layers if graph is None else graph.operations
    rows = [row for layer in layers for row in _rows_of(layer, nodes, False, False, 0)]

    def cells(tag: str, row: list[str]) -> str:
        return "".join(f"<{tag} style='text-align:left'>{html.escape(t)}</{tag}>" for t in row)

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    totals = "<br>".join(html.escape(line.strip()) for line in _totals(model))
    return (
        f"<p><b>{html.escape(model.name)}</b> ({type(model).__name__})</p><table><thead><tr>"
        f"{cells('th', header)}</tr></thead><tbody>{body}</tbody></table><p>{totals}</p>"
    )


def _in_range(layers: list[Any], layer_range: Sequence[str] | None) -> list[Any]:
    """The layers from the first to the last that match one of two names or patterns."""
    if layer_range is None:
        return layers
    if len(layer_range) != 2 or not all(isinstance(name, str) for name in layer_range):
        raise UnsupportedError(
            f"summary: layer_range must be two names or patterns, received {layer_range!r}."
        )
    first, last = (
        [i for i, layer in enumerate(layers) if re.match(name, layer.name)] for name in layer_range
    )
    if not first or not last:
        raise UnsupportedError(
            f"summary: layer_range={layer_range!r} matches none of "
            f"{[layer.name for layer in layers]}."
        )
    if first[0] > last[-1]:
        first, last = last, first
    return layers[first[0] : last[-1] + 1]


def _is_functional(model: Any) -> bool:
    """Whether the summary lists the operations of a graph; else it lists layers."""
    return bool(getattr(model, "is_functional", False))


def _is_branched(graph: Graph) -> bool:
    """Whether a graph is no plain chain of layers that are each called once."""
    depths = Counter(graph.depths.values())
    operations = {node.operation for node in graph.nodes}
    return (
        max(depths.values()) > 1
        or len(operations) < len(graph.nodes)
        or any(len(_sources(node)) > 1 for node in graph.nodes)
    )


def _sources(node: Node) -> list[KerasTensor]:
    return node.input_tensors + (node.mask_tensors or [])


def _column_widths(ends: Sequence[float], width: int) -> list[int]:
    """Width of each column's text, as Keras's table has it.

    Keras asks for columns that fill the line, and the table then takes borders and padding from
    them evenly, the rounding going from left to right.
    """
    stops = [int(end * width) for end in ends]
    widths = [stop - start for start, stop in zip([0, *stops], stops, strict=False)]
    if min(widths) < 4:
        raise UnsupportedError(f"summary: line_length={width} is too small for the columns.")
    excess = sum(widths) + 3 * len(widths) + 1 - width
    for i, left in enumerate(range(len(widths), 0, -1)):
        share = max(round(excess / left), 0)
        widths[i] = max(widths[i] - share, 1)
        excess -= share
    return widths


def _rows_of(
    layer: Operation, nodes: list[Node], expand: bool, trainable: bool, level: int
) -> list[list[str]]:
    prefix = "   " * level + "└ " if level else ""
    row = [f"{prefix}{layer.name} ({type(layer).__name__})", _output_shape(layer), _params(layer)]
    if nodes:
        row.append(_connections(layer, nodes))
    if trainable:
        weights = getattr(layer, "weights", [])
        row.append(("Y" if layer.trainable else "N") if weights else "-")  # type: ignore[attr-defined]
    rows = [row]
    if expand:
        for inner in getattr(layer, "layers", []):
            rows += _rows_of(inner, nodes, expand, trainable, level + 1)
    return rows


def _output_shape(layer: Operation) -> str:
    outputs = layer.inbound_nodes[-1].outputs if layer.inbound_nodes else _when_built(layer)
    shapes = nest.map_structure(lambda y: f"({', '.join(map(str, y.shape))})", outputs)
    flat = nest.flatten(shapes)
    if not flat:
        return "?"
    return flat[0] if len(flat) == 1 else str(shapes).replace("'", "")


def _when_built(layer: Operation) -> Any:
    """The outputs of a layer that no graph holds, for the inputs it was built for."""
    if not isinstance(layer, Layer) or not layer._build_shapes:
        return []
    try:
        shapes = layer.compute_output_shape(**layer._build_shapes)
    except NotImplementedError:
        return []
    return tensors_of_shapes(shapes, layer.compute_dtype, layer.name)


def _params(layer: Operation) -> str:
    if not isinstance(layer, Layer):
        return "0"
    return f"{layer.count_params():,}" if layer.built else "0 (unbuilt)"


def _connections(layer: Operation, nodes: list[Node]) -> str:
    names = []
    for node in layer.inbound_nodes:
        if node in nodes:
            for tensor in _sources(node):
                operation, node_index, tensor_index = tensor.source
                names.append(f"{operation.name}[{node_index}][{tensor_index}]")
    return ", ".join(names) or "-"


def _table(header: list[str], rows: list[list[str]], widths: list[int]) -> list[str]:
    align = {"Param #": str.rjust, "Trainable": str.center}
    aligned = [align.get(title, str.ljust) for title in header]

    def rule(left: str, line: str, cross: str, end: str) -> str:
        return left + cross.join(line * (width + 2) for width in widths) + end

    def lines(cells: list[str], bar: str, bottom: bool = False) -> list[str]:
        wrapped = [_wrap(cell, width) for cell, width in zip(cells, widths, strict=True)]
        height = max(map(len, wrapped))
        columns = []
        for cell, width, put in zip(wrapped, widths, aligned, strict=True):
            blank = [""] * (height - len(cell))
            columns.append([put(t, width) for t in (blank + cell if bottom else cell + blank)])
        return [f"{bar} {f' {bar} '.join(parts)} {bar}" for parts in zip(*columns, strict=True)]

    table = [rule("┏", "━", "┳", "┓"), *lines(header, "┃", bottom=True), rule("┡", "━", "╇", "┩")]
    for i, row in enumerate(rows):
        if i:
            table.append(rule("├", "─", "┼", "┤"))
        table += lines(row, "│")
    return [*table, rule("└", "─", "┴", "┘")]


def _wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width`, broken at spaces; a word that is longer is cut off."""
    lines = [""]
    for word in re.findall(r"\s*\S+\s*", text):
        if lines[-1] and len(lines[-1] + word.rstrip()) > width:
            lines.append(word)
        else:
            lines[-1] += word
    lines = [line.rstrip() for line in lines]
    return [line if len(line) <= width else f"{line[: width - 1]}…" for line in lines]


def _totals(model: Any) -> list[str]:
    groups = (
        ("Total", nest.flatten([model.trainable_weights, model.non_trainable_weights])),
        ("Trainable", model.trainable_weights),
        ("Non-trainable", model.non_trainable_weights),
    )
    return [f" {name} params: {count_scalars(w):,} ({_size(w)})" for name, w in groups]


def _size(weights: list[Variable]) -> str:
    size = float(sum(weight.stored.nbytes for weight in weights))
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} TB"
