"""`rnnext predict FILE X.npy`: a model's answer to arrays in files."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import rnnext
from rnnext.cli.array_files import check_output_name, read_inputs, write_arrays
from rnnext.cli.csv_files import ROWS_HELP
from rnnext.cli.custom_objects import custom_objects
from rnnext.cli.model_files import add_model_arguments, read_model
from rnnext.cli.progress import add_progress_argument, printed_on_stderr, shown_progress

if TYPE_CHECKING:
    from rnnext.cli.types import Commands

_EPILOG = """\
In a .csv (.tsv, .txt) a row is a sample: its values fill the model's input, step after step, so
(N, T*D) numbers become (N, T, D). A header is skipped, and with it a column without a name. A file
that holds a single sequence, one step in each row, is read with --rows steps.

examples:
  rnnext predict model.keras x.npy               prints the answer
  rnnext predict model.keras x.npy -o y.csv      one row per sample
  rnnext predict model.keras x.csv --rows steps  one sequence, one step per row
  rnnext predict model.h5 x.npy --custom my_layers.py
  rnnext predict model.keras a.npy b.npy -o y.npz
                                                 two inputs; several outputs, in the model's order
"""


def add_parser(commands: Commands) -> None:
    """Adds the subcommand."""
    parser = commands.add_parser(
        "predict",
        help="a model's answer to the arrays in .npy or .csv files",
        description="Loads a model, runs it on arrays, and prints or writes its outputs.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE", help="a Keras model: .keras, .h5 or .hdf5")
    parser.add_argument(
        "inputs",
        metavar="X",
        nargs="+",
        help="one array per model input: .npy, first axis samples (numpy.save writes such files), "
        "or .csv",
    )
    parser.add_argument("--rows", choices=("samples", "steps"), help=ROWS_HELP)
    parser.add_argument(
        "-o",
        "--output",
        metavar="Y",
        help="file to write: .npy, .csv (output of one or two axes) or .npz (several outputs)",
    )
    parser.add_argument("--batch-size", type=int, metavar="N", help="samples run at a time")
    add_model_arguments(parser)
    add_progress_argument(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Predict, then print or write."""
    if arguments.output is not None:
        check_output_name(arguments.output)
    with shown_progress(arguments) as progress, printed_on_stderr():
        progress.say(f"reading {arguments.file}")
        model = read_model(arguments.file, arguments.config, custom_objects(arguments.custom))
        inputs = read_inputs(arguments.inputs, model, arguments.rows)
        progress.clear()
        outputs = model.predict(
            inputs[0] if len(inputs) == 1 else inputs,
            batch_size=arguments.batch_size,
            verbose=1 if progress.is_shown else 0,
        )
    named = dict(zip(model.output_names, rnnext.nest.flatten(outputs), strict=True))
    if arguments.output is not None:
        write_arrays(arguments.output, named)
        return 0
    for name, output in named.items():
        if len(named) > 1:
            print(f"{name}:")
        print(output)
    return 0
