"""`rnnext verify FILE`: every layer's output beside TensorFlow's, on this machine."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import rnnext
from rnnext import nest
from rnnext.cli.array_files import read_array
from rnnext.cli.sample_inputs import sample_inputs
from rnnext.errors import RnnextError, ShapeError

if TYPE_CHECKING:
    from rnnext.cli.types import Commands

_EPILOG = """\
Differences are relative to the largest value of the layer's output: single values near zero would
tell nothing. Exit status 0: every layer agrees, 1: one does not, 2: TensorFlow is not installed or
the file cannot be read.

examples:
  rnnext verify model.keras                      random inputs
  rnnext verify model.h5 --input x.npy           real ones
"""


class Row(NamedTuple):
    """How one layer's output compares."""

    layer: str
    kind: str
    shape: tuple[int, ...]
    absolute: float
    relative: float


def add_parser(commands: Commands) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "verify",
        help="layer by layer against TensorFlow, where it is installed",
        description="Runs a model in rnnext and in TensorFlow on the same inputs and compares the "
        "output of every layer.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE", help="a Keras model: .keras, .h5 or .hdf5")
    parser.add_argument(
        "--input",
        metavar="X.npy",
        action="append",
        default=[],
        help="inputs, one per model input (default: random ones)",
    )
    parser.add_argument("--samples", type=int, default=4, metavar="N", help="random samples (4)")
    parser.add_argument(
        "--steps", type=int, default=20, metavar="T", help="size of axes the model leaves open (20)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the random inputs (0)")
    parser.add_argument(
        "--tolerance",
        type=float,
        default=1e-4,
        metavar="R",
        help="largest relative difference that counts as agreement (1e-4)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run both, print the table."""
    from rnnext.cli.tensorflow_reference import Reference

    model = rnnext.load_model(arguments.file)
    reference = Reference(arguments.file)
    inputs = [read_array(name) for name in arguments.input]
    if not inputs:
        inputs = sample_inputs(model, arguments.samples, arguments.steps, arguments.seed)
    elif len(inputs) != len(model.inputs):
        raise ShapeError(
            f"the model has {len(model.inputs)} inputs, --input was given {len(inputs)} times"
        )
    compared, repeated = comparable_layers(model)
    ours = layer_outputs(model, compared, inputs)
    theirs = reference.layer_outputs([layer.name for layer in compared], inputs)
    rows = [
        row
        for layer, mine, other in zip([*compared, model], ours, theirs, strict=True)
        for row in compare(layer, mine, other)
    ]
    _print_table(rows, f"{reference.label} against rnnext {rnnext.__version__} on {rnnext.isa()}")
    if repeated:
        print(f"called more than once, seen through what follows them: {', '.join(repeated)}")
    worst = max(rows, key=lambda row: row.relative)
    agree = worst.relative <= arguments.tolerance
    print(
        f"\nlargest relative difference {worst.relative:.1e} in {worst.layer}: "
        f"{'they agree' if agree else 'THEY DISAGREE'} (allowed: {arguments.tolerance:.0e})"
    )
    return 0 if agree else 1


def comparable_layers(model: Any) -> tuple[list[Any], list[str]]:
    """The layers with one output to look at, and the names of those that are called repeatedly."""
    layers = [layer for layer in model.layers if type(layer).__name__ != "InputLayer"]
    compared = [layer for layer in layers if len(layer.inbound_nodes) == 1]
    return compared, [layer.name for layer in layers if layer not in compared]


def layer_outputs(
    model: Any, layers: Sequence[Any], inputs: Sequence[NDArray[Any]]
) -> list[list[NDArray[Any]]]:
    """Every layer's outputs (some have several, such as states) and, last, the model's.

    All of them come from one run.
    """
    probe = rnnext.Model(model.inputs, [*(layer.output for layer in layers), model.outputs])
    outputs = probe(list(inputs))
    return [[np.asarray(array) for array in nest.flatten(output)] for output in outputs]


def compare(layer: Any, ours: Sequence[NDArray[Any]], theirs: Sequence[NDArray[Any]]) -> list[Row]:
    """One row per output of a layer, or of the model.

    Raises:
        RnnextError: The two sides differ in the number or shape of outputs.
    """
    shapes = [array.shape for array in ours], [array.shape for array in theirs]
    if shapes[0] != shapes[1]:
        raise RnnextError(
            f"layer {layer.name!r}: outputs of shape {shapes[0]} in rnnext, {shapes[1]} in "
            "TensorFlow"
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


def _print_table(rows: Sequence[Row], title: str) -> None:
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
