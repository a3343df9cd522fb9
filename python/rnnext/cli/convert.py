"""`rnnext convert IN OUT`: any file that rnnext or TensorFlow reads, as a .keras or .h5 file."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

import rnnext
from rnnext.cli.comparison import agreement, compare, layer_outputs
from rnnext.cli.custom_objects import custom_objects
from rnnext.cli.model_files import add_model_arguments, read_model
from rnnext.cli.progress import add_progress_argument, printed_on_stderr, shown_progress
from rnnext.cli.sample_inputs import add_sample_arguments, sample_inputs
from rnnext.errors import FileError
from rnnext.saving import upgraded
from rnnext.saving.formats.replacement import write_file
from rnnext.saving.formats.source import tensorflow_file
from rnnext.saving.save import file_format

if TYPE_CHECKING:
    from rnnext.cli.types import Commands

Answers = Callable[[Sequence[NDArray[Any]]], list[NDArray[Any]]]

_ALLOWED = 1e-4
_EPILOG = """\
Names with '/' and the weights before Keras 2's hard_sigmoid mean something else to Keras 3, so they
are rewritten, with a message. If something cannot be rewritten, an error says why.

OUT is a .keras file, for Keras 3, or an .h5 file, for Keras 3 and, where it gives the same answers,
Keras 2. Its answers to random inputs are compared with those of IN before it is written. If OUT
exists, the command asks before it replaces it; --force does not ask. Exit status 0: written, 1: the
answers differ, nothing is written, 2: an error.

TensorFlow's own formats need TensorFlow (python3 -m pip install tensorflow tf_keras), which runs
what it finds in a SavedModel: convert only those that you trust.

examples:
  rnnext convert old.h5 new.keras                            of any Keras since 2016
  rnnext convert new.keras old.h5                            for Keras 2
  rnnext convert weights.h5 new.keras --config model.json    weights and architecture
  rnnext convert saved_model_folder new.keras                TensorFlow's SavedModel
  rnnext convert ckpt/weights new.keras --config model.json  TensorFlow's checkpoint
"""


def add_parser(commands: Commands) -> None:
    """Adds the subcommand."""
    parser = commands.add_parser(
        "convert",
        help="an older file, a SavedModel or a checkpoint as a Keras 3 file",
        description="Writes a model as a .keras or .h5 file that rnnext and Keras open, with the "
        "answers of the original.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "file",
        metavar="IN",
        help="a Keras model, a TensorFlow SavedModel folder, or the prefix of a checkpoint",
    )
    parser.add_argument("output", metavar="OUT", help="the file to write: .keras or .h5")
    parser.add_argument("--force", action="store_true", help="replace OUT if it is there")
    add_model_arguments(parser, "a file of weights or a checkpoint", "IN")
    add_sample_arguments(parser)
    parser.add_argument(
        "--tolerance",
        type=float,
        default=_ALLOWED,
        metavar="R",
        help=f"largest difference relative to the largest output ({_ALLOWED:.0e})",
    )
    add_progress_argument(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Read, rewrite, compare, write."""
    output = Path(arguments.output)
    save_format = file_format(output)
    if not arguments.force:
        confirm_overwriting(output)
    with shown_progress(arguments) as progress, printed_on_stderr():
        progress.say(f"reading {arguments.file}")
        custom = custom_objects(arguments.custom)
        model, answers = _read(arguments.file, arguments.config, custom)
        new, changes = upgraded(model)
        content = io.BytesIO()
        new.save(content, save_format=save_format)
        written = rnnext.load_model(content.getvalue(), custom, compile=False)
        progress.say("comparing the answers")
        inputs = sample_inputs(model, arguments.samples, arguments.steps, arguments.seed)
        rows = compare(written, _answers(written, inputs), answers(inputs), "IN")
    for change in changes:
        print(change)
    if not agreement(rows, arguments.tolerance):
        print(f"{output}: not written")
        return 1
    write_file(output, content.getvalue())
    print(f"{output}: written; it gives the answers of {arguments.file}")
    return 0


def confirm_overwriting(path: Path) -> None:
    """Ask on a terminal whether a file that is there may be replaced.

    Raises:
        FileError: The answer is no, or there is no terminal to ask on.
    """
    if not path.exists():
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise FileError(f"{path}: the file exists; --force replaces it.")
    sys.stderr.write(f"{path} exists. Replace it? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise FileError(f"{path}: left as it is.")


def _read(file: str, config: str | None, custom: Mapping[str, Any]) -> tuple[Any, Answers]:
    """The model, and what gives the original's outputs."""
    tensorflow = tensorflow_file(Path(file))
    if tensorflow is not None:
        from rnnext.cli.tensorflow_formats import load_in_tensorflow

        original, answers = load_in_tensorflow(tensorflow, config)
        return rnnext.from_keras(original, custom_objects=custom), answers
    model = read_model(file, config, custom)
    return model, lambda inputs: _answers(model, inputs)


def _answers(model: Any, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Outputs of a model of rnnext, whatever structure its inputs and outputs have."""
    (outputs,) = layer_outputs(model, [], inputs)
    return outputs
