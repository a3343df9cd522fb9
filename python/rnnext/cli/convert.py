"""`rnnext convert IN OUT.keras`: any file that rnnext or TensorFlow reads, as a Keras 3 file."""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

import rnnext
from rnnext.cli.comparison import agreement, compare, layer_outputs
from rnnext.cli.model_files import add_config_argument, read_model
from rnnext.cli.sample_inputs import add_sample_arguments, sample_inputs
from rnnext.errors import FileError
from rnnext.saving import upgraded
from rnnext.saving.formats.source import tensorflow_file

if TYPE_CHECKING:
    from rnnext.cli.types import Commands

Answers = Callable[[Sequence[NDArray[Any]]], list[NDArray[Any]]]

_ALLOWED = 1e-4
_EPILOG = """\
What Keras 3 would read as something else is rewritten, and said: names with '/', and the weights
before Keras 2's hard_sigmoid. What cannot be rewritten is refused with the reason.

Before OUT.keras is written it is opened again and compared with IN on random inputs. Exit status
0: written, 1: the answers differ, nothing is written, 2: it could not be done.

TensorFlow's own formats need TensorFlow (python3 -m pip install tensorflow tf_keras), which runs
what it finds in a SavedModel: convert only those that you trust.

examples:
  rnnext convert old.h5 new.keras                            of any Keras since 2016
  rnnext convert weights.h5 new.keras --config model.json    weights and architecture
  rnnext convert saved_model_folder new.keras                TensorFlow's SavedModel
  rnnext convert ckpt/weights new.keras --config model.json  TensorFlow's checkpoint
"""


def add_parser(commands: Commands) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "convert",
        help="an older file, a SavedModel or a checkpoint as a Keras 3 file",
        description="Writes a model as a .keras file that rnnext and Keras 3 open, with the "
        "answers of the original.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "file",
        metavar="IN",
        help="a Keras model, a TensorFlow SavedModel folder, or the prefix of a checkpoint",
    )
    parser.add_argument("output", metavar="OUT.keras", help="the file to write")
    add_config_argument(parser, "a file of weights or a checkpoint")
    add_sample_arguments(parser)
    parser.add_argument(
        "--tolerance",
        type=float,
        default=_ALLOWED,
        metavar="R",
        help=f"largest difference relative to the largest output ({_ALLOWED:.0e})",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Read, rewrite, compare, write."""
    output = Path(arguments.output)
    if output.suffix != ".keras":
        raise FileError(f"{output}: models are written as .keras only")
    model, answers = _read(arguments.file, arguments.config)
    new, changes = upgraded(model)
    content = io.BytesIO()
    new.save(content)
    written = rnnext.load_model(content.getvalue())

    inputs = sample_inputs(model, arguments.samples, arguments.steps, arguments.seed)
    rows = compare(written, _answers(written, inputs), answers(inputs), "IN")
    for change in changes:
        print(change)
    if not agreement(rows, arguments.tolerance):
        print(f"{output}: not written")
        return 1
    output.write_bytes(content.getvalue())
    print(f"{output}: written; it gives the answers of {arguments.file}")
    return 0


def _read(file: str, config: str | None) -> tuple[Any, Answers]:
    """The model, and what gives the original's outputs."""
    tensorflow = tensorflow_file(Path(file))
    if tensorflow is not None:
        from rnnext.cli.tensorflow_formats import load_in_tensorflow

        original, answers = load_in_tensorflow(tensorflow, config)
        return rnnext.from_keras(original), answers
    model = read_model(file, config)
    return model, lambda inputs: _answers(model, inputs)


def _answers(model: Any, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Outputs of a model of rnnext, whatever structure its inputs and outputs have."""
    (outputs,) = layer_outputs(model, [], inputs)
    return outputs
