"""`rnnext verify FILE`: outputs beside TensorFlow's on this machine, or beside recorded ones."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import rnnext
from rnnext.cli.array_files import read_inputs
from rnnext.cli.comparison import Row, agreement, compare, layer_outputs, print_table
from rnnext.cli.csv_files import ROWS_HELP
from rnnext.cli.custom_objects import custom_objects
from rnnext.cli.golden_answers import golden_rows, read_golden
from rnnext.cli.model_files import add_model_arguments, read_model
from rnnext.cli.progress import (
    Progress,
    add_progress_argument,
    printed_on_stderr,
    shown_progress,
)
from rnnext.cli.sample_inputs import add_sample_arguments, sample_inputs
from rnnext.errors import RnnextError

if TYPE_CHECKING:
    from rnnext.cli.types import Commands

_ALLOWED_OF_TENSORFLOW = 1e-4
_ALLOWED_OF_RECORDING = 2e-5
_EPILOG = """\
Differences are relative to the largest value of the layer's output, because those relative to a
value near zero mean nothing. Exit status 0: every output agrees, 1: one does not, 2: TensorFlow is
not installed or a file cannot be read.

A recording holds the inputs under the names of the model's inputs or as x, x1, ... (x0, x1, ...),
the outputs under their names or as y, y1, ..., and outputs of layers under the layers' names. It
needs no TensorFlow.

examples:
  rnnext verify model.keras                      random inputs, beside TensorFlow
  rnnext verify model.h5 --input x.npy           real ones
  rnnext verify model.h5 --golden answers.npz    beside recorded answers
  rnnext verify model.h5 --golden answers.npz --custom my_layers.py
"""


def add_parser(commands: Commands) -> None:
    """Adds the subcommand."""
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
        metavar="X",
        action="append",
        default=[],
        help="inputs, one .npy or .csv per model input (default: random ones)",
    )
    parser.add_argument("--rows", choices=("samples", "steps"), help=ROWS_HELP)
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
    add_model_arguments(parser, "a file of weights; with --golden")
    parser.add_argument(
        "--tolerance",
        type=float,
        metavar="R",
        help="largest relative difference that counts as agreement "
        f"({_ALLOWED_OF_TENSORFLOW:.0e}; with --golden {_ALLOWED_OF_RECORDING:.0e})",
    )
    add_progress_argument(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the model, prints the table."""
    compare_outputs = _against_recording if arguments.golden else _against_tensorflow
    with shown_progress(arguments) as progress:
        rows, title, note = compare_outputs(arguments, progress)
    print_table(rows, title)
    if note:
        print(note)
    allowed = arguments.tolerance
    if allowed is None:
        allowed = _ALLOWED_OF_RECORDING if arguments.golden else _ALLOWED_OF_TENSORFLOW
    return 0 if agreement(rows, allowed) else 1


def _against_recording(
    arguments: argparse.Namespace, progress: Progress
) -> tuple[list[Row], str, str]:
    """Compares with what .npz files hold; the rows, the table's title and a note below it."""
    if arguments.input:
        raise RnnextError("--golden has the inputs; leave out --input.")
    progress.say(f"reading {arguments.file}")
    golden = read_golden(arguments.golden)
    label = ", ".join(arguments.golden)
    with printed_on_stderr():
        model = read_model(arguments.file, arguments.config, custom_objects(arguments.custom))
        progress.say("running it in rnnext")
        rows = golden_rows(model, golden, arguments.outputs, label)
    return rows, f"{label} against rnnext {rnnext.__version__} on {rnnext.isa()}", ""


def _against_tensorflow(
    arguments: argparse.Namespace, progress: Progress
) -> tuple[list[Row], str, str]:
    """Runs the model in TensorFlow too; the rows, the table's title and a note below it."""
    from rnnext.cli.tensorflow_reference import Reference

    if arguments.config is not None or arguments.outputs:
        raise RnnextError("--config and --outputs are for --golden; TensorFlow opens whole models.")
    with printed_on_stderr():
        progress.say(f"reading {arguments.file}")
        model = read_model(arguments.file, None, custom_objects(arguments.custom))
        progress.say("opening it in TensorFlow")
        reference = Reference(arguments.file)
        if arguments.input:
            inputs = read_inputs(arguments.input, model, arguments.rows)
        else:
            inputs = sample_inputs(model, arguments.samples, arguments.steps, arguments.seed)
        compared, repeated = comparable_layers(model)
        progress.say("running it in rnnext")
        ours = layer_outputs(model, compared, inputs)
        progress.say("running it in TensorFlow")
        theirs = reference.layer_outputs([layer.name for layer in compared], inputs)
    rows = [
        row
        for layer, mine, other in zip([*compared, model], ours, theirs, strict=True)
        for row in compare(layer, mine, other, "TensorFlow")
    ]
    title = f"{reference.label} against rnnext {rnnext.__version__} on {rnnext.isa()}"
    note = "called more than once, compared by what follows them: " + ", ".join(repeated)
    return rows, title, note if repeated else ""


def comparable_layers(model: Any) -> tuple[list[Any], list[str]]:
    """The layers with one output to look at, and the names of those that are called repeatedly."""
    layers = [layer for layer in model.layers if type(layer).__name__ != "InputLayer"]
    compared = [layer for layer in layers if len(layer.inbound_nodes) == 1]
    return compared, [layer.name for layer in layers if layer not in compared]
