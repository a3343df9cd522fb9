"""`rnnext verify FILE`: outputs beside TensorFlow's on this machine, or beside recorded ones."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import rnnext
from rnnext.cli.array_files import read_array
from rnnext.cli.comparison import Row, agreement, compare, layer_outputs, print_table
from rnnext.cli.golden_answers import golden_rows, read_golden
from rnnext.cli.model_files import add_config_argument, read_model
from rnnext.cli.sample_inputs import add_sample_arguments, sample_inputs
from rnnext.errors import RnnextError, ShapeError

if TYPE_CHECKING:
    from rnnext.cli.types import Commands

_ALLOWED_OF_TENSORFLOW = 1e-4
_ALLOWED_OF_RECORDING = 2e-5
_EPILOG = """\
Differences are relative to the largest value of the layer's output: single values near zero would
tell nothing. Exit status 0: every output agrees, 1: one does not, 2: TensorFlow is not installed
or a file cannot be read.

A recording holds the inputs under the names of the model's inputs or as x, x1, ... (x0, x1, ...),
the outputs under their names or as y, y1, ..., and outputs of layers under the layers' names. It
needs no TensorFlow.

examples:
  rnnext verify model.keras                      random inputs, beside TensorFlow
  rnnext verify model.h5 --input x.npy           real ones
  rnnext verify model.h5 --golden answers.npz    beside recorded answers
"""


def add_parser(commands: Commands) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "verify",
        help="layer by layer against TensorFlow, or against recorded answers",
        description="Runs a model in rnnext and in TensorFlow on the same inputs and compares the "
        "output of every layer; or compares with outputs that were recorded.",
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
    add_sample_arguments(parser)
    parser.add_argument(
        "--golden",
        metavar="G.npz",
        action="append",
        default=[],
        help="compare with these recorded inputs and outputs instead of TensorFlow",
    )
    parser.add_argument(
        "--outputs",
        metavar="NAME",
        nargs="+",
        default=[],
        help="arrays of the recording that are the model's outputs (default: y, y1, ...)",
    )
    add_config_argument(parser, "a file of weights; with --golden")
    parser.add_argument(
        "--tolerance",
        type=float,
        metavar="R",
        help="largest relative difference that counts as agreement "
        f"({_ALLOWED_OF_TENSORFLOW:.0e}; with --golden {_ALLOWED_OF_RECORDING:.0e})",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the model, print the table."""
    rows = _against_recording(arguments) if arguments.golden else _against_tensorflow(arguments)
    allowed = arguments.tolerance
    if allowed is None:
        allowed = _ALLOWED_OF_RECORDING if arguments.golden else _ALLOWED_OF_TENSORFLOW
    return 0 if agreement(rows, allowed) else 1


def _against_recording(arguments: argparse.Namespace) -> list[Row]:
    """Compare with what .npz files hold."""
    if arguments.input:
        raise RnnextError("--golden has the inputs; leave out --input")
    golden = read_golden(arguments.golden)
    model = read_model(arguments.file, arguments.config)
    label = ", ".join(arguments.golden)
    rows = golden_rows(model, golden, arguments.outputs, label)
    print_table(rows, f"{label} against rnnext {rnnext.__version__} on {rnnext.isa()}")
    return rows


def _against_tensorflow(arguments: argparse.Namespace) -> list[Row]:
    """Run the model in TensorFlow too."""
    from rnnext.cli.tensorflow_reference import Reference

    if arguments.config is not None or arguments.outputs:
        raise RnnextError("--config and --outputs are for --golden; TensorFlow opens whole models")
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
        for row in compare(layer, mine, other, "TensorFlow")
    ]
    print_table(rows, f"{reference.label} against rnnext {rnnext.__version__} on {rnnext.isa()}")
    if repeated:
        print(f"called more than once, seen through what follows them: {', '.join(repeated)}")
    return rows


def comparable_layers(model: Any) -> tuple[list[Any], list[str]]:
    """The layers with one output to look at, and the names of those that are called repeatedly."""
    layers = [layer for layer in model.layers if type(layer).__name__ != "InputLayer"]
    compared = [layer for layer in layers if len(layer.inbound_nodes) == 1]
    return compared, [layer.name for layer in layers if layer not in compared]
