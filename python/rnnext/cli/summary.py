"""`rnnext summary FILE`: a model's layers."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from rnnext.cli.custom_objects import custom_objects
from rnnext.cli.model_files import add_model_arguments, read_model

if TYPE_CHECKING:
    from rnnext.cli.types import Commands


def add_parser(commands: Commands) -> None:
    """Adds the subcommand."""
    parser = commands.add_parser(
        "summary",
        help="layers, shapes and numbers of weights of a model file",
        description="Prints a model's layers, their output shapes and numbers of weights.",
        epilog="example: rnnext summary model.keras",
    )
    parser.add_argument("file", metavar="FILE", help="a Keras model: .keras, .h5 or .hdf5")
    parser.add_argument(
        "--program",
        action="store_true",
        help="print what the model does instead: its instructions over numbered slots",
    )
    add_model_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints the summary, or the program."""
    model = read_model(arguments.file, arguments.config, custom_objects(arguments.custom))
    if arguments.program:
        print(model.program)
    else:
        model.summary()
    return 0
