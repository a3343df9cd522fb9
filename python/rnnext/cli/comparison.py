"""Outputs beside the outputs of a reference: rows of differences, and the table they make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import rnnext
from rnnext import nest
from rnnext.errors import RnnextError


class Row(NamedTuple):
    """How one layer's output compares."""

    layer: str
    kind: str
    shape: tuple[int, ...]
    absolute: float
    relative: float


def agreement(rows: Sequence[Row], tolerance: float) -> bool:
    """Prints the largest relative difference; tells whether it is within the tolerance.

    Raises:
        RnnextError: There is nothing to compare.
    """
    if not rows:
        raise RnnextError("the model has no outputs to compare.")
    worst = max(rows, key=lambda row: row.relative)
    agree = worst.relative <= tolerance
    print(
        f"\nlargest relative difference {worst.relative:.1e} in {worst.layer}: "
        f"{'they agree' if agree else 'THEY DISAGREE'} (allowed: {tolerance:.0e})"
    )
    return agree


def layer_outputs(
    model: Any, layers: Sequence[Any], inputs: Sequence[NDArray[Any]]
) -> list[list[NDArray[Any]]]:
    """Every layer's outputs (some have several, such as states) and, last, the model's.

    All of them come from one run.
    """
    wanted = [*(nest.flatten(layer.output) for layer in layers), list(model.outputs)]
    probe = rnnext.Model(model.inputs, nest.flatten(wanted))
    arrays = iter(nest.flatten(probe(list(inputs))))
    return [[np.asarray(next(arrays)) for _ in tensors] for tensors in wanted]


def compare(
    layer: Any, ours: Sequence[NDArray[Any]], theirs: Sequence[NDArray[Any]], reference: str
) -> list[Row]:
    """One row per output of a layer, or of the model.

    Args:
        layer: The layer or model, for its name.
        ours: Its outputs in rnnext.
        theirs: Its outputs in the reference.
        reference: How an error calls the reference.

    Raises:
        RnnextError: The two sides differ in the number or shape of outputs.
    """
    shapes = [array.shape for array in ours], [array.shape for array in theirs]
    if shapes[0] != shapes[1]:
        raise RnnextError(
            f"layer {layer.name!r}: outputs of shape {shapes[0]} in rnnext, {shapes[1]} in "
            f"{reference}."
        )
    rows = []
    for i, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        name = layer.name if len(ours) == 1 else f"{layer.name} [{i}]"
        rows.append(Row(name, type(layer).__name__, mine.shape, *differences(mine, other)))
    return rows


def differences(ours: NDArray[Any], theirs: NDArray[Any]) -> tuple[float, float]:
    """Largest absolute difference, and that relative to the largest finite value of `theirs`.

    Equal infinities, and NaN beside NaN, are no difference; NaN or infinity on one side only is an
    infinite one.

    >>> differences(np.array([1.0, 2.0]), np.array([1.0, 2.5]))
    (0.5, 0.2)
    """
    a, b = ours.astype(np.float64), theirs.astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    if same.all():
        return 0.0, 0.0
    if not np.isfinite([a[~same], b[~same]]).all():
        return float("inf"), float("inf")
    absolute = float(np.max(np.abs(a[~same] - b[~same])))
    largest = float(np.max(np.abs(b), where=np.isfinite(b), initial=0.0))
    return absolute, absolute / largest if largest > 0 else float("inf")


def print_table(rows: Sequence[Row], title: str) -> None:
    """Layers down, differences across."""
    heads = ("layer", "kind", "output shape", "absolute", "relative")
    cells = [
        (row.layer, row.kind, str(row.shape), f"{row.absolute:.1e}", f"{row.relative:.1e}")
        for row in rows
    ]
    widths = [max(len(line[i]) for line in [heads, *cells]) for i in range(len(heads))]
    print(f"{title}; largest difference per layer:\n")
    for line in [heads, *cells]:
        words = [word.ljust(width) for word, width in zip(line, widths, strict=True)]
        print("  ".join(words).rstrip())
