"""The table of the README: rnnext beside TensorFlow on the model of `rnnext demo`.

    python3 -m pip install '.[bench]'
    python3 bench/readme_table.py

Every figure is measured here and now. Each round starts one new process per engine, in turn,
because the speed of a machine drifts; the table has the medians over the rounds.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from packaging.requirements import Requirement

from comparison.machine import processor

CALLS = {"rnnext": 2000, "tensorflow": 50}
DISTRIBUTIONS = {"rnnext": "rnnext", "tensorflow": "tensorflow-cpu"}


# ---- one engine, in a process of its own ---------------------------------------------------------


def measure(engine: str, model_file: str, started: float) -> dict[str, float]:
    """Import, load, answer, then time single calls.

    `started` is time.monotonic() just before this process was started.
    """
    before = time.perf_counter()
    if engine == "rnnext":
        from rnnext.models import load_model
    else:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        from keras.models import load_model
    imported = time.perf_counter() - before
    import numpy as np

    x = np.linspace(0.0, 1.4, 33, dtype=np.float32).reshape(1, 33, 1)
    model = load_model(model_file)
    model.predict(x, verbose=0)
    figures = {"import_ms": imported * 1e3, "first_answer_ms": (time.monotonic() - started) * 1e3}
    figures["memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    calls = CALLS[engine]
    figures["predict_us"] = median_us(lambda: model.predict(x, verbose=0), calls)
    if engine == "rnnext":
        figures["call_us"] = median_us(lambda: model(x), calls)
    else:
        import tensorflow as tf

        compiled = tf.function(model)  # calling the model itself takes longer than predict
        tensor = tf.constant(x)
        figures["call_us"] = median_us(lambda: compiled(tensor).numpy(), calls)
    return figures


def median_us(call: Callable[[], object], calls: int) -> float:
    """Median time of one call, after some that do not count."""
    times = []
    for i in range(calls + calls // 10):
        start = time.perf_counter()
        call()
        if i >= calls // 10:
            times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


# ---- what is installed ---------------------------------------------------------------------------


def installed_mb(name: str) -> float:
    """Size of a distribution's files."""
    files = importlib.metadata.distribution(name).files or []
    return sum(os.stat(path).st_size for file in files if (path := file.locate()).exists()) / 1e6


def with_dependencies(name: str, known: set[str] | None = None) -> set[str]:
    """The distribution and all it needs to run."""
    known = set() if known is None else known
    if name in known:
        return known
    known.add(name)
    for line in importlib.metadata.requires(name) or []:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            with_dependencies(requirement.name.lower().replace("_", "-"), known)
    return known


# ---- rounds and table ----------------------------------------------------------------------------


def run_rounds(rounds: int) -> dict[str, dict[str, float]]:
    """Medians over the rounds: engine -> figure -> value."""
    from rnnext import demo

    model_file = str(demo.MODEL_FILE)
    seen: dict[str, list[dict[str, float]]] = {engine: [] for engine in CALLS}
    for i in range(rounds):
        for engine, results in seen.items():
            print(f"\rround {i + 1} of {rounds}: {engine:12}", end="", file=sys.stderr, flush=True)
            command = [sys.executable, __file__, "--measure", engine, model_file]
            command.append(str(time.monotonic()))
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            results.append(json.loads(done.stdout.splitlines()[-1]))
    print(file=sys.stderr)
    return {
        engine: {key: statistics.median(r[key] for r in results) for key in results[0]}
        for engine, results in seen.items()
    }


def table(figures: dict[str, dict[str, float]]) -> str:
    """The Markdown table."""
    sizes = {
        engine: sum(installed_mb(part) for part in with_dependencies(name))
        for engine, name in DISTRIBUTIONS.items()
    }
    lines = ["| | rnnext | TensorFlow | |", "| --- | ---: | ---: | ---: |"]

    def row(title: str, unit: str, ours: float, theirs: float) -> None:
        times = float(f"{theirs / ours:.2g}")
        lines.append(f"| {title} | {ours:,.0f} {unit} | {theirs:,.0f} {unit} | {times:,g} times |")

    row("installed, with dependencies", "MB", sizes["rnnext"], sizes["tensorflow"])
    for title, unit, key in (
        ("import", "ms", "import_ms"),
        ("process start to first answer", "ms", "first_answer_ms"),
        ("peak memory", "MB", "memory_mb"),
        ("`model.predict(x)`", "us", "predict_us"),
        ("`model(x)`, TensorFlow's in a `tf.function`", "us", "call_us"),
    ):
        row(title, unit, figures["rnnext"][key], figures["tensorflow"][key])
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure is not None:
        engine, model_file, started = arguments.measure
        print(json.dumps(measure(engine, model_file, float(started))))
        return
    figures = run_rounds(arguments.rounds)
    versions = {name: importlib.metadata.version(name) for name in ("rnnext", "tensorflow-cpu")}
    print(table(figures))
    print(
        f"\nrnnext {versions['rnnext']} ({installed_mb('rnnext'):.1f} MB of it rnnext itself), "
        f"TensorFlow {versions['tensorflow-cpu']}, Python {platform.python_version()}, "
        f"{processor()}, {os.cpu_count()} cores; medians of {arguments.rounds} interleaved rounds."
    )


if __name__ == "__main__":
    main()
