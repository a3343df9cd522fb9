"""`rnnext predict FILE X.npy`: a model's answer to arrays in files."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import rnnext
from rnnext.cli.array_files import check_output_name, read_array, write_arrays

if TYPE_CHECKING:
    from rnnext.cli.types import Commands

_EPILOG = """\
examples:
  rnnext predict model.keras x.npy               prints the answer
  rnnext predict model.keras x.npy -o y.csv      one row per sample
  rnnext predict model.keras a.npy b.npy -o y.npz
                                                 two inputs; several outputs, in the model's order
"""


def add_parser(commands: Commands) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "predict",
        help="a model's answer to the arrays in .npy files",
        description="Loads a model, runs it on arrays, and prints or writes its outputs.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE", help="a Keras model: .keras, .h5 or .hdf5")
    parser.add_argument(
        "inputs",
        metavar="X.npy",
        nargs="+",
        help="one array per model input, first axis samples (numpy.save writes such files)",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="Y",
        help="file to write: .npy, .csv (output of one or two axes) or .npz (several outputs)",
    )
    parser.add_argument("--batch-size", type=int, metavar="N", help="samples run at a time")
    parser.add_argument("--progress", action="store_true", help="show a progress bar")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Predict, then print or write."""
    if arguments.output is not None:
        check_output_name(arguments.output)
    model = rnnext.load_model(arguments.file)
    inputs = [read_array(name) for name in arguments.inputs]
    outputs = model.predict(
        inputs[0] if len(inputs) == 1 else inputs,
        batch_size=arguments.batch_size,
        verbose=1 if arguments.progress else 0,
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
