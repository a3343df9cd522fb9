"""The tables of docs/parity.md and docs/gradients.md: written, and read back.

Each group of layers has a heading and a table, so that a reader finds a layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path

from parity_cases import SECTIONS

Row = tuple[str, str]

COLUMNS = ("rnnext - TensorFlow", "rnnext", "TensorFlow", "rnnext, mean", "TensorFlow, mean")


def tables(rows: Iterable[Row], cells: Callable[[Row], list[str]]) -> Iterator[str]:
    """The lines of the tables; `cells` gives the five figures of a row."""
    for section, members in groupby(rows, lambda row: SECTIONS.get(row, "In training")):
        yield from ("", f"## {section}", "")
        yield "| layer | option | " + " | ".join(COLUMNS) + " |"
        yield "| --- | --- |" + " ---: |" * len(COLUMNS)
        for row in members:
            yield "| " + " | ".join([*row, *cells(row)]) + " |"


def rows_of(page: Path) -> dict[Row, list[str]]:
    """The rows of all tables of a page, in their order, and the figures of each."""
    rows = {}
    for line in page.read_text("utf-8").splitlines():
        if line.startswith("|") and not line.startswith(("| layer |", "| --- |")):
            layer, option, *figures = (cell.strip() for cell in line[1:-1].split("|"))
            rows[layer, option] = figures
    return rows
