"""Boxes in rows with lines between them, as SVG: the picture of a graph."""

from __future__ import annotations

import html
import itertools
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Box", "Diagram", "svg_of"]

_CHARACTER, _LINE = 7.3, 18  # of a monospaced font of 12 pixels
_PADDING, _BETWEEN, _GAP, _MARGIN = 12, 28, 34, 12
_STYLE = (
    "text{font:12px ui-monospace,Menlo,Consolas,monospace;fill:#222}"
    ".name{font-weight:600}"
    ".box{fill:#f7f8fb;stroke:#5b6b8c;stroke-width:1.2}"
    ".group{fill:none;stroke:#9aa5bd;stroke-dasharray:5 4}"
    ".edge{fill:none;stroke:#5b6b8c;stroke-width:1.2;marker-end:url(#arrow)}"
)


class Box(NamedTuple):
    """One box.

    Attributes:
        key: Names it in edges.
        lines: What it says, the first line its title.
        row: Its distance from the top.
        group: What it is drawn inside of, with other boxes of the same name; "": nothing.
    """

    key: str
    lines: tuple[str, ...]
    row: int
    group: str = ""


class Diagram(NamedTuple):
    """Boxes, and pairs of keys between which lines go."""

    boxes: tuple[Box, ...]
    edges: tuple[tuple[str, str], ...]


class _Place(NamedTuple):
    x: float
    y: float
    width: float
    height: float


def svg_of(diagram: Diagram, horizontal: bool = False) -> str:
    """Draws a diagram.

    Args:
        diagram: Boxes and edges.
        horizontal: Whether rows go from left to right instead of from top to bottom.

    Example:
        >>> boxes = (Box("a", ("input",), 0), Box("b", ("lstm", "LSTM"), 1))
        >>> svg_of(Diagram(boxes, (("a", "b"),))).count("<rect")
        2
    """
    routes, waypoints = _routes(diagram)
    places = _places([*diagram.boxes, *waypoints], routes, horizontal)
    parts = [_group(name, places, diagram.boxes) for name in _groups(diagram)]
    parts += [_edge([places[key] for key in route], horizontal) for route in routes]
    parts += [_box(box, places[box.key]) for box in diagram.boxes]
    width = max(p.x + p.width for p in places.values()) + _MARGIN
    height = max(p.y + p.height for p in places.values()) + _MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}"><style>{_STYLE}</style>'
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#5b6b8c"/></marker></defs>'
        f"{''.join(parts)}</svg>"
    )


def _routes(diagram: Diagram) -> tuple[list[list[str]], list[Box]]:
    """The keys that each edge passes, and a box without lines in each row that it only passes.

    So a long edge goes between the boxes of the rows in between, not behind them.
    """
    rows = {box.key: box.row for box in diagram.boxes}
    routes, waypoints = [], []
    for i, (a, b) in enumerate(diagram.edges):
        passed = [Box(f"edge {i}, row {row}", (), row) for row in range(rows[a] + 1, rows[b])]
        routes.append([a, *(box.key for box in passed), b])
        waypoints += passed
    return routes, waypoints


def _size(box: Box) -> tuple[float, float]:
    return (
        max(map(len, box.lines), default=0) * _CHARACTER + 2 * _PADDING,
        len(box.lines) * _LINE + _PADDING,
    )


def _places(
    boxes: Sequence[Box], routes: Sequence[Sequence[str]], horizontal: bool
) -> dict[str, _Place]:
    """Rows one after the other, each centred, its boxes near those that lead to them."""
    rows: list[list[Box]] = [[] for _ in range(max(box.row for box in boxes) + 1)]
    for box in boxes:
        rows[box.row].append(box)
    order = _ordered(rows, [pair for route in routes for pair in itertools.pairwise(route)])
    along, across = (0, 1) if horizontal else (1, 0)
    lengths = [sum(_size(b)[across] for b in row) + _BETWEEN * (len(row) - 1) for row in order]
    places, start = {}, float(_MARGIN)
    for row, length in zip(order, lengths, strict=True):
        depth = max(_size(box)[along] for box in row)
        at = _MARGIN + (max(lengths) - length) / 2
        for box in row:
            size = list(_size(box))
            if not box.lines:  # an edge passes all of the row
                size[along] = depth
            middle = start + (depth - size[along]) / 2
            x, y = (middle, at) if horizontal else (at, middle)
            places[box.key] = _Place(x, y, *size)
            at += size[across] + _BETWEEN
        start += depth + _GAP
    return places


def _ordered(rows: list[list[Box]], edges: Sequence[tuple[str, str]]) -> list[list[Box]]:
    """The boxes of each row in the order of the mean place of those that lead to them."""
    place: dict[str, float] = {}
    ordered = []
    for row in rows:
        wanted = {}
        for i, box in enumerate(row):
            before = [place[a] for a, b in edges if b == box.key and a in place]
            wanted[box.key] = sum(before) / len(before) if before else float(i)
        ordered.append(sorted(row, key=lambda box: (box.group, wanted[box.key])))
        for i, box in enumerate(ordered[-1]):
            place[box.key] = i - (len(row) - 1) / 2
    return ordered


def _groups(diagram: Diagram) -> list[str]:
    return list(dict.fromkeys(box.group for box in diagram.boxes if box.group))


def _group(name: str, places: dict[str, _Place], boxes: Sequence[Box]) -> str:
    inside = [places[box.key] for box in boxes if box.group == name]
    left, top = min(p.x for p in inside) - 8, min(p.y for p in inside) - 8
    right = max(p.x + p.width for p in inside) + 8
    bottom = max(p.y + p.height for p in inside) + 8
    return (
        f'<rect class="group" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" '
        f'height="{bottom - top:.1f}" rx="6"><title>{html.escape(name)}</title></rect>'
    )


def _edge(route: Sequence[_Place], horizontal: bool) -> str:
    """A line out of the first place, through those between, into the last."""
    parts: list[str] = []
    for a, b in itertools.pairwise(route):
        if horizontal:
            x1, y1, x2, y2 = a.x + a.width, a.y + a.height / 2, b.x, b.y + b.height / 2
            middle = (x1 + x2) / 2
            bend = f"C{middle:.1f},{y1:.1f} {middle:.1f},{y2:.1f}"
        else:
            x1, y1, x2, y2 = a.x + a.width / 2, a.y + a.height, b.x + b.width / 2, b.y
            middle = (y1 + y2) / 2
            bend = f"C{x1:.1f},{middle:.1f} {x2:.1f},{middle:.1f}"
        parts.append(f"{'L' if parts else 'M'}{x1:.1f},{y1:.1f} {bend} {x2:.1f},{y2:.1f}")
    return f'<path class="edge" d="{" ".join(parts)}"/>'


def _box(box: Box, place: _Place) -> str:
    texts = [
        f'<text class="{"line" if i else "name"}" x="{place.x + place.width / 2:.1f}" '
        f'y="{place.y + _PADDING / 2 + _LINE * (i + 0.72):.1f}" text-anchor="middle">'
        f"{html.escape(line)}</text>"
        for i, line in enumerate(box.lines)
    ]
    return (
        f'<rect class="box" x="{place.x:.1f}" y="{place.y:.1f}" width="{place.width:.1f}" '
        f'height="{place.height:.1f}" rx="5"/>{"".join(texts)}'
    )
