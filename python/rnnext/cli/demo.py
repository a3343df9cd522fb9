"""`rnnext demo`: the bundled model on the bundled series, beside TensorFlow's recorded answers."""

from __future__ import annotations

import argparse
import hashlib
import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

import rnnext
from rnnext import demo
from rnnext.errors import FileError

if TYPE_CHECKING:
    from rnnext.cli.types import Commands

ALLOWED_DIFFERENCE = 1e-5
"""Between network outputs (about 0 to 1.4). Both sides round float32 33 steps long: about 1e-7 a
step; what is seen is under 1e-6."""


def add_parser(commands: Commands) -> None:
    """Adds the subcommand."""
    parser = commands.add_parser(
        "demo",
        help="a bundled model, its forecasts beside TensorFlow's recorded ones",
        description="Loads the bundled network, forecasts the yearly sunspot numbers of "
        f"{demo.FIRST_HELD_OUT_YEAR}-2008, which it never saw in training, and compares with the "
        "answers TensorFlow gave. Exit status 0: they agree, 1: they do not.",
        epilog="examples: rnnext demo --plot sunspots.png, rnnext demo --train",
    )
    parser.add_argument("--plot", metavar="FILE", help="draw the forecast (.png, .svg, .pdf)")
    parser.add_argument(
        "--train",
        action="store_true",
        help="first train the network again from its series, which takes seconds, and compare",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Load, forecast, compare, report."""
    if arguments.plot is not None:
        from rnnext.cli import demo_plot

        pyplot = demo_plot.load_pyplot()  # first: what is missing shows before the work
    recorded = _recorded_answers()
    if arguments.train:
        from rnnext.cli import demo_training

        demo_training.train_and_compare(recorded.tensorflow)
    model = rnnext.load_model(demo.MODEL_FILE)
    years, numbers = demo.series()
    x, forecast_years = demo.windows(years, numbers)
    x = x[np.isin(forecast_years, recorded.years)]
    outputs = model.predict(x)[:, 0]

    model.summary()
    _print_forecasts(recorded, outputs, numbers[-len(outputs) :])
    agree = _print_agreement(recorded, outputs)
    _print_skill(outputs, numbers)
    one = x[-1:]
    print(
        f"one call (33 years in, one forecast out): "
        f"{_median_microseconds(lambda: model(one)):.1f} us, median, on {rnnext.isa()}"
    )
    if arguments.plot is not None:
        demo_plot.draw(pyplot, arguments.plot, years, numbers, recorded.years, outputs)
        print(f"drawn: {arguments.plot}")
    return 0 if agree else 1


def _recorded_answers() -> demo.Answers:
    """TensorFlow's answers, which must belong to the bundled model file."""
    recorded = demo.read_answers()
    found = hashlib.sha256(demo.MODEL_FILE.read_bytes()).hexdigest()
    if found != recorded.model_sha256:
        raise FileError(
            f"{demo.MODEL_FILE}: not the file TensorFlow's answers were recorded for "
            f"(sha256 {found}, recorded {recorded.model_sha256}); install rnnext again."
        )
    return recorded


def _print_forecasts(recorded: demo.Answers, outputs: demo.Floats, observed: demo.Floats) -> None:
    """One line per held-out year."""
    print(
        f"\nSunspot number of a year, forecast from the {demo.WINDOW} years before it.\n"
        f"None of these years was used in training.\n\n"
        f"year  observed     rnnext  TensorFlow {recorded.tensorflow}  difference"
    )
    ours = demo.from_network(outputs)
    theirs = demo.from_network(recorded.outputs)
    for year, seen, mine, other in zip(recorded.years, observed, ours, theirs, strict=True):
        print(f"{year}  {seen:8.1f}  {mine:9.5f}  {other:17.5f}  {abs(mine - other):10.1e}")


def _print_agreement(recorded: demo.Answers, outputs: demo.Floats) -> bool:
    """Whether the network's outputs are TensorFlow's."""
    difference = float(np.max(np.abs(outputs - recorded.outputs)))
    agree = difference <= ALLOWED_DIFFERENCE  # not so for NaN
    print(
        f"\nlargest difference from TensorFlow: {difference:.1e} in the network's output: "
        f"{'they agree' if agree else 'THEY DISAGREE'} (allowed: {ALLOWED_DIFFERENCE:.0e})"
    )
    return agree


def _print_skill(outputs: demo.Floats, numbers: demo.Floats) -> None:
    """The forecasts' error beside the simplest forecast's."""
    observed = numbers[-len(outputs) :]
    last_year = numbers[-len(outputs) - 1 : -1]
    error = demo.root_mean_square(demo.from_network(outputs) - observed)
    naive = demo.root_mean_square(last_year - observed)
    print(
        f"typical error (root mean square): {error:.1f} sunspots; "
        f"of the guess 'same as last year': {naive:.1f}"
    )


def _median_microseconds(call: Callable[[], object], calls: int = 300) -> float:
    """Median time of one call."""
    times = []
    for _ in range(calls):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6
