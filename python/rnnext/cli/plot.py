"""`rnnext plot FILE X.npy -o out.png`: gates and states of a recurrent layer, step by step."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rnnext.cli.array_files import read_inputs
from rnnext.cli.csv_files import ROWS_HELP
from rnnext.cli.custom_objects import custom_objects
from rnnext.cli.model_files import add_model_arguments, read_model
from rnnext.packages import load_package
from rnnext.plots.figure import check_ending
from rnnext.saving.formats.replacement import replaced

if TYPE_CHECKING:
    from rnnext.cli.types import Commands

_EPILOG = """\
The picture has a row for each gate, the candidate and each state: units down, steps across; masked
steps are hatched. A Bidirectional has a column for each direction.

examples:
  rnnext plot model.keras x.npy -o gates.png                 the only recurrent layer, first sample
  rnnext plot model.keras x.npy -o gates.svg --layer lstm_1 --sample 3
"""


def add_parser(commands: Commands) -> None:
    """Adds the subcommand."""
    parser = commands.add_parser(
        "plot",
        help="a picture of a recurrent layer's gates and states",
        description="Runs a model on a sample and draws what a recurrent layer computes.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE", help="a Keras model: .keras, .h5 or .hdf5")
    parser.add_argument(
        "inputs", metavar="X", nargs="+", help="one array per model input: .npy or .csv"
    )
    parser.add_argument("--rows", choices=("samples", "steps"), help=ROWS_HELP)
    parser.add_argument("--layer", metavar="NAME", help="which layer, if there are several")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="which sample")
    parser.add_argument(
        "-o", "--output", metavar="FILE", required=True, help="picture to write: .png, .svg, .pdf"
    )
    add_model_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Traces the layer and draws the picture."""
    # First: what is missing shows before the work.
    load_package("matplotlib", "`rnnext plot`", "'rnnext[plot]'")
    model = read_model(arguments.file, arguments.config, custom_objects(arguments.custom))
    inputs = read_inputs(arguments.inputs, model, arguments.rows)
    trace = model.trace(inputs[0] if len(inputs) == 1 else inputs, layer=arguments.layer)
    figure = trace.plot(sample=arguments.sample)
    check_ending(figure, arguments.output)
    with replaced(arguments.output) as stream:
        figure.savefig(stream, dpi=150, format=Path(arguments.output).suffix[1:].lower())
    return 0
