"""One engine on one case, in a process of its own that measures when it is told to.

    python -m comparison.worker ENGINE CASE_FOLDER THREADS

Writes one line of JSON when it is ready or knows that it cannot run, then one for every line it
reads, which says for how many seconds to measure each way of calling.
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import sys
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from comparison.cases import CannotRun, Case
from comparison.engines import ENGINES

TOLERANCE = 1e-4
"""Largest difference from rnnext's answer, whose values are at most about 1, that counts as the
same computation: float32 sums of a few hundred products over a few hundred steps, and no reduced
precision."""

_SAMPLE_SECONDS = 2e-5  # one reading of the clock must not matter


def main() -> None:
    engine, folder, threads = sys.argv[1:]
    # What libraries print must not get between the lines of the protocol.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def say(message: dict[str, Any]) -> None:
        answers.write(json.dumps(message) + "\n")

    case = Case.load(Path(folder))
    try:
        ways, errors = build_checked(engine, case, int(threads))
    except CannotRun as reason:
        say({"cannot_run": str(reason)})
        return
    except Exception as error:  # an engine's own failure, of any kind, is a line of the table
        say({"cannot_run": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"})
        return
    say({"max_error": errors})
    for line in sys.stdin:
        say({name: measure(call, float(line)) for name, call in ways.items()})


def build_checked(
    engine: str, case: Case, threads: int
) -> tuple[dict[str, Callable[[], Any]], dict[str, float]]:
    """The ways to call an engine, and how far each one's answer is from the expected one.

    Raises:
        CannotRun: The engine cannot, or computes something else.
    """
    module = importlib.import_module(f"comparison.engines.{ENGINES[engine].module}")
    ways = module.build(case, threads)
    errors = {}
    for name, call in ways.items():
        answer = np.asarray(call())
        if answer.shape != case.expected.shape:
            raise CannotRun(f"{name}: answer of shape {answer.shape}, not {case.expected.shape}")
        errors[name] = float(np.max(np.abs(answer - case.expected)))
        if not errors[name] <= TOLERANCE:
            raise CannotRun(f"{name}: answer differs by {errors[name]:.1e}, over {TOLERANCE:.0e}")
    return ways, errors


def measure(call: Callable[[], Any], seconds: float) -> dict[str, float]:
    """Median and least time of a call, in seconds, and how many were made.

    The first call, with cold caches, does not count. Calls shorter than what a clock can resolve
    are timed several at once.
    """
    timer = timeit.Timer(call)
    first = timer.timeit(1)
    at_once = max(1, round(_SAMPLE_SECONDS / max(timer.timeit(1), 1e-9)))
    if first < seconds:
        samples = []
        end = timeit.default_timer() + seconds
        while not samples or timeit.default_timer() < end:
            samples.append(timer.timeit(at_once) / at_once)
    else:
        samples = [timer.timeit(1)]
    return {
        "median": statistics.median(samples),
        "min": min(samples),
        "calls": len(samples) * at_once,
    }


if __name__ == "__main__":
    main()
