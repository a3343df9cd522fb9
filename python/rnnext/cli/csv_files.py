"""Numbers in text files: tables that become the arrays a model takes."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.errors import FileError, ShapeError

SUFFIXES = (".csv", ".tsv", ".txt")

ROWS_HELP = (
    "what a row of a .csv is when inputs have steps: samples: a row has all values of a sample, "
    "step after step (default); steps: the file is one sample, and a row has the values of a step"
)


def read_table(name: str) -> NDArray[np.float64]:
    """Reads a table of numbers.

    Values are separated by commas, semicolons, tabs or blanks. A first row that is not all numbers
    is a header; a first column that has no name in it, as pandas writes its index, is left out.

    Args:
        name: Path of the file.

    Returns:
        (rows, columns).

    Raises:
        FileError: A value is no number, rows differ in length, or there are none; says where.
        OSError: The file cannot be opened.
    """
    try:
        text = Path(name).read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(f"{name}: expected a text of numbers: {error}") from error
    lines = [(i, line) for i, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise FileError(f"{name}: it holds no numbers.")
    rows = [(number, _cells(line, _separator(lines[0][1]))) for number, line in lines]
    header = rows[0][1]
    skipped = 0
    if any(_number(cell) is None for cell in header):
        skipped = 1 if header[0] == "" and len(header) > 1 else 0
        del rows[0]
        if not rows:
            raise FileError(
                f"{name}: it holds no numbers, only the line {lines[0][1].strip()[:60]!r}."
            )
    width = len(rows[0][1])
    values = []
    for number, cells in rows:
        if len(cells) != width:
            raise FileError(
                f"{name}: line {number} has {len(cells)} values, line {rows[0][0]} has {width}; "
                "sequences of different lengths go into a .npy, padded."
            )
        values.append([_value(cell, name, number, i) for i, cell in enumerate(cells)][skipped:])
    return np.array(values)


def _separator(line: str) -> str | None:
    """What stands between the values of a line; None: blanks."""
    return next((separator for separator in ";\t," if separator in line), None)


def _cells(line: str, separator: str | None) -> list[str]:
    if separator is None:
        return line.split()
    cells = next(csv.reader([line], delimiter=separator, skipinitialspace=True))
    # Where semicolons separate the values, commas are decimal points.
    return [cell.strip().replace(",", "." if separator == ";" else ",") for cell in cells]


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _value(cell: str, name: str, line: int, column: int) -> float:
    number = _number(cell)
    if number is None:
        said = f"{cell!r} is not a number" if cell else "a value is missing"
        raise FileError(f"{name}: line {line}, value {column + 1}: {said}")
    return number


def as_input(table: NDArray[Any], tensor: Any, rows: str | None, name: str) -> NDArray[Any]:
    """A table in the shape of a model's input.

    Args:
        table: (rows, columns).
        tensor: The model's symbolic input.
        rows: "samples" or "steps", see `ROWS_HELP`; None: samples, unless that is in doubt.
        name: How errors call the file.

    Returns:
        (N, ...) of the input's dtype.

    Raises:
        ShapeError: The rows do not fit, or could mean two things.
    """
    shape = tuple(tensor.shape[1:])
    where = f"{name}: a table of {table.shape[0]} rows and {table.shape[1]} columns"
    if rows == "steps":
        if len(shape) != 2 or shape[1] not in (None, table.shape[1]):
            raise ShapeError(f"{where} is no sequence for the input {_shown(shape)}.")
        return table[None].astype(tensor.dtype)
    filled = _filled(shape, table.shape[1])
    if filled is None:
        way = "write a .npy"
        if len(shape) == 2 and shape[1] in (None, table.shape[1]):
            way = "--rows steps if the file is one sample with a step in each row, else a .npy"
        raise ShapeError(f"{where}: a row is a sample, and does not fill {_shown(shape)}; {way}.")
    if rows is None and len(shape) == 2 and shape[0] is None and filled[0] == 1 and len(table) > 1:
        raise ShapeError(
            f"{where}: for the input {_shown(shape)} a row may be a sample of one step, or one "
            "step of a single sample; say --rows samples or --rows steps."
        )
    return table.reshape(len(table), *filled).astype(tensor.dtype)


def _filled(shape: tuple[int | None, ...], values: int) -> tuple[int, ...] | None:
    """The shape with its open axis such that it holds so many values; None if there is none."""
    known = math.prod(size for size in shape if size is not None)
    if shape.count(None) > 1 or known == 0 or values % known:
        return None
    if None not in shape and known != values:
        return None
    return tuple(values // known if size is None else size for size in shape)


def _shown(shape: tuple[int | None, ...]) -> str:
    names = ["any" if size is None else str(size) for size in shape]
    return f"of shape (samples, {', '.join(names)})" if names else "of shape (samples,)"
