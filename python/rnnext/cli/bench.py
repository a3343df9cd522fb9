"""`rnnext bench FILE`: how long one model takes on this machine, beside TensorFlow where it is."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import rnnext
from rnnext.cli.custom_objects import custom_objects
from rnnext.cli.model_files import add_model_arguments, read_model
from rnnext.cli.progress import (
    Progress,
    add_progress_argument,
    printed_on_stderr,
    shown_progress,
)
from rnnext.cli.sample_inputs import sample_inputs
from rnnext.errors import FileError, RnnextError
from rnnext.packages import MissingPackageError

if TYPE_CHECKING:
    from rnnext.cli.types import Commands

_EPILOG = """\
Inputs are random. Every round times every row in turn, because the speed of a machine drifts; a
row has the median and the 99th percentile of all its calls. TensorFlow's `model(x)` is the model in
a `tf.function`, which is its fastest way. Exit status 0: measured (with or without TensorFlow), 2:
the file cannot be read.

examples:
  rnnext bench model.keras
  rnnext bench model.h5 --steps 200 --batch 1 8 64 --json
"""

_ROUNDS = 5


class Row(NamedTuple):
    """A way to call a model.

    Attributes:
        engine: rnnext or TensorFlow.
        way: How Python calls it.
        batch: Samples a call.
        threads: 0: as many as the engine likes.
        call: Does it.
    """

    engine: str
    way: str
    batch: int
    threads: int
    call: Callable[[], object]


def add_parser(commands: Commands) -> None:
    """Adds the subcommand."""
    parser = commands.add_parser(
        "bench",
        help="how long a model takes here, beside TensorFlow where it is installed",
        description="Times predict and the call of a model.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("file", metavar="FILE", help="a Keras model: .keras, .h5 or .hdf5")
    add("--batch", type=int, nargs="+", default=[1, 32], metavar="B", help="samples a call (1 32)")
    add("--steps", type=int, default=20, metavar="T", help="size of axes left open (20)")
    add("--threads", type=int, nargs="+", metavar="N", help="default: 1 and all")
    add("--seconds", type=float, default=0.5, metavar="S", help="for each row (0.5)")
    add("--seed", type=int, default=0, help="of the random inputs (0)")
    add("--no-tensorflow", action="store_true", help="do not look for TensorFlow")
    add("--json", action="store_true", help="print the figures as JSON, times in seconds")
    add_model_arguments(parser)
    add_progress_argument(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Builds the rows, times them, prints them."""
    if not arguments.seconds > 0:
        raise RnnextError(f"--seconds must be more than 0, received {arguments.seconds}.")
    all_threads = rnnext.get_num_threads()
    thread_counts = sorted(set(arguments.threads or (1, all_threads)))
    if thread_counts[0] < 1:
        raise RnnextError(f"--threads must be at least 1, received {thread_counts[0]}.")
    with shown_progress(arguments) as progress, printed_on_stderr():
        rows, note = _rows(arguments, thread_counts, progress)
        try:
            times = time_rows(rows, arguments.seconds, progress)
        finally:
            rnnext.set_num_threads(all_threads)
    figures = [_figures(row, seconds) for row, seconds in zip(rows, times, strict=True)]
    if arguments.json:
        about = {"rnnext": rnnext.__version__, "isa": rnnext.isa(), "file": arguments.file}
        print(json.dumps({**about, "note": note, "rows": figures}, indent=1))
    else:
        _print_table(arguments.file, figures, note)
    return 0


def _rows(
    arguments: argparse.Namespace, thread_counts: list[int], progress: Progress
) -> tuple[list[Row], str]:
    """The rows, and why there are none of TensorFlow's, if so."""
    progress.say(f"reading {arguments.file}")
    model = read_model(arguments.file, arguments.config, custom_objects(arguments.custom))
    inputs = _inputs_by_batch(model, arguments)
    rows = [
        row
        for batch, x in inputs.items()
        for threads in thread_counts
        for row in _rnnext_rows(model, x, batch, threads)
    ]
    if arguments.no_tensorflow:
        return rows, ""
    try:
        if arguments.config is not None:
            raise FileError(f"{arguments.file}: TensorFlow opens whole models only.")
        progress.say("opening it in TensorFlow")
        return rows + _tensorflow_rows(arguments.file, inputs), ""
    except (MissingPackageError, FileError) as error:
        return rows, f"without TensorFlow: {error}"


def _inputs_by_batch(model: Any, arguments: argparse.Namespace) -> dict[int, Any]:
    """Batch -> what `predict` takes. A model that declares its batch has only that."""
    inputs = {}
    for batch in arguments.batch:
        arrays = sample_inputs(model, batch, arguments.steps, arguments.seed)
        inputs[len(arrays[0])] = arrays[0] if len(arrays) == 1 else arrays
    return inputs


def _rnnext_rows(model: Any, x: Any, batch: int, threads: int) -> list[Row]:
    return [
        Row("rnnext", "model.predict(x)", batch, threads, partial(model.predict, x)),
        Row("rnnext", "model(x)", batch, threads, partial(model, x)),
    ]


def _tensorflow_rows(file: str, inputs: dict[int, Any]) -> list[Row]:
    """TensorFlow's rows; it chooses its own number of threads.

    Raises:
        MissingPackageError: TensorFlow is not installed.
        FileError: Keras cannot open the file.
    """
    from rnnext.cli.tensorflow_reference import Reference

    reference = Reference(file, "TensorFlow's rows of `rnnext bench`")
    rows = []
    for batch, x in inputs.items():
        predict = partial(reference.model.predict, x, verbose=0)
        rows.append(Row("TensorFlow", "model.predict(x)", batch, 0, predict))
        rows.append(Row("TensorFlow", "model(x)", batch, 0, reference.compiled_call(x)))
    return rows


def time_rows(
    rows: list[Row], seconds: float, progress: Progress | None = None
) -> list[NDArray[np.float64]]:
    """Times of single calls, in seconds, of every row.

    Each of the rounds begins a row with a call that does not count: it brings back what other rows
    pushed out of the caches.
    """
    times: list[list[float]] = [[] for _ in rows]
    for turn in range(_ROUNDS):
        for row, taken in zip(rows, times, strict=True):
            if progress is not None:
                progress.say(f"round {turn + 1} of {_ROUNDS}: {row.engine}, batch {row.batch}")
            if row.threads:
                rnnext.set_num_threads(row.threads)
            row.call()
            end = time.perf_counter() + seconds / _ROUNDS
            while True:
                start = time.perf_counter()
                row.call()
                stop = time.perf_counter()
                taken.append(stop - start)
                if stop >= end:
                    break
    return [np.array(taken) for taken in times]


def _figures(row: Row, seconds: NDArray[np.float64]) -> dict[str, Any]:
    """What is reported of a row."""
    return {
        "engine": row.engine,
        "call": row.way,
        "batch": row.batch,
        "threads": row.threads or None,
        "median": float(np.median(seconds)),
        "p99": float(np.quantile(seconds, 0.99)),
        "calls": len(seconds),
    }


def _print_table(file: str, figures: list[dict[str, Any]], note: str) -> None:
    print(f"{file}: rnnext {rnnext.__version__} on {rnnext.isa()}, time of one call\n")
    print(f"{'engine':10}  {'call':16}  {'batch':>5}  {'threads':>7}  {'median':>11}  {'p99':>11}")
    for row in figures:
        threads = row["threads"] or "own"
        print(
            f"{row['engine']:10}  {row['call']:16}  {row['batch']:5}  {threads:>7}  "
            f"{row['median'] * 1e6:8,.1f} us  {row['p99'] * 1e6:8,.1f} us"
        )
    if note:
        print(f"\n{note}")
