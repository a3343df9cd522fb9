"""Training steps of rnnext, Keras and PyTorch, measured side by side.

    python bench/training.py --output bench/results/NAME     # NAME.md and NAME.json
    python bench/training.py --models 'LSTM(32) 30 x 1' --engines rnnext-1 torch-1 --busy 0 1

Every engine trains every model in a process of its own, from the same weights on the same batches.
They take turns, an epoch each, and the machine's peak is measured in the same rounds. The limit of
a model is the multiply-adds of three forward passes at that peak. Needs `rnnext[test]`, which
brings TensorFlow, and PyTorch. docs/training.md tells what the figures mean.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import rnnext
from comparison.limits import start_limits
from comparison.machine import describe_machine, read_caches, versions
from comparison.processes import BENCH_FOLDER, EndedError, Measurer
from crowded import busy
from trained.engines import ENGINES
from trained.models import MODELS
from trained.report import render, summarize
from trained.start import measure_starts

_PAUSE = 0.02  # threads of the engine before that still spin go to sleep
_CHECK_TOLERANCE = 1e-3


def main() -> int:
    arguments = parse_arguments()
    distributions = ("numpy", "keras", "tensorflow", "tensorflow-cpu", "torch")
    report: dict[str, Any] = {
        "machine": describe_machine(read_caches()),
        "isa": rnnext.isa(),
        "versions": {"rnnext": rnnext.__version__, **versions(distributions)},
        "settings": {key: vars(arguments)[key] for key in ("rounds", "batches", "seconds")},
        "limits": {},
        "results": {str(count): {} for count in arguments.busy},
        "cannot_run": [],
    }
    rates: dict[int, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for model in arguments.models:
            measure_model(model, arguments, report, rates, folder)
            write(report, arguments.output)
    if arguments.starts:
        report["starts"] = measure_starts(arguments.starts)
        write(report, arguments.output)
    print(render(report))
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--models", nargs="+", default=list(MODELS), choices=list(MODELS), metavar="MODEL")
    add("--engines", nargs="+", default=list(ENGINES), choices=list(ENGINES), metavar="ENGINE")
    add("--busy", nargs="+", type=int, default=[0], metavar="N", help="other processes; default 0")
    add("--rounds", type=int, default=7)
    add("--batches", type=int, default=100, help="of an epoch")
    add("--seconds", type=float, default=0.3, help="of training in a turn, at least one epoch")
    add("--starts", type=int, default=0, metavar="N", help="measure whole programs N times, too")
    add("--output", type=Path, metavar="NAME", help="write NAME.md and NAME.json")
    add("--compiler", default="c++", help="for the program that measures the machine's peak")
    return parser.parse_args()


def start_worker(engine: str, model: str, batches: int, folder: Path) -> Measurer:
    """The process of an engine; its first answer says whether it can run."""
    chosen = ENGINES[engine]
    path = os.pathsep.join(filter(None, (str(BENCH_FOLDER), os.environ.get("PYTHONPATH"))))
    environment = {**chosen.environment, "PYTHONPATH": path}
    if chosen.threads:
        environment["OMP_NUM_THREADS"] = str(chosen.threads)
    command = [sys.executable, "-m", "trained.worker", engine, model, str(batches)]
    return Measurer(command, environment, folder / f"{engine}.log")


def measure_model(
    name: str,
    arguments: argparse.Namespace,
    report: dict[str, Any],
    rates: dict[int, list[float]],
    folder: Path,
) -> None:
    """Measures one model in all engines, beside each number of busy processes, into the report."""
    batches = 1 if MODELS[name].alone else arguments.batches
    with contextlib.ExitStack() as stack:
        workers = {}
        for engine in arguments.engines:
            workers[engine] = start_worker(engine, name, batches, folder)
            stack.callback(workers[engine].close)
        limits = {}
        for threads in sorted({ENGINES[e].threads or 1 for e in arguments.engines}):
            limits[threads] = start_limits(
                report["isa"], threads, read_caches(), folder, arguments.compiler
            )
            stack.callback(limits[threads].close)
        report["cannot_run"] += _drop_those_that_cannot_run(name, workers)
        for count in arguments.busy:
            rounds: dict[str, list[dict[str, list[float]]]] = {engine: [] for engine in workers}
            with busy(count):
                for _ in range(arguments.rounds):
                    if count == 0:
                        for threads, limit in limits.items():
                            rates.setdefault(threads, []).append(limit.measure(0.1)["flops"])
                    for engine, worker in workers.items():
                        time.sleep(_PAUSE)
                        rounds[engine].append(worker.measure(arguments.seconds))
            peaks = {threads: median(values) for threads, values in rates.items()}
            report["limits"] = peaks
            report["results"][str(count)][name] = summarize(name, rounds, peaks)
            print(render_progress(name, count, report), file=sys.stderr, flush=True)


def _drop_those_that_cannot_run(name: str, workers: dict[str, Measurer]) -> list[str]:
    """Waits for the workers' first answers, and takes out those that fail or compute otherwise."""
    reasons, checks = {}, {}
    for engine, worker in workers.items():
        try:
            answer = worker.answer()
        except EndedError as error:
            answer = {"cannot_run": str(error)}
        if "cannot_run" in answer:
            reasons[engine] = answer["cannot_run"]
        else:
            checks[engine] = answer["check"]
    expected = median(checks.values()) if checks else 0.0
    for engine, check in checks.items():
        if not abs(check - expected) <= _CHECK_TOLERANCE * abs(expected):
            reasons[engine] = f"its first loss is {check:.6g}, the others' {expected:.6g}"
    for engine in reasons:
        workers.pop(engine)
    return [f"- {engine}, {name}: {reason}" for engine, reason in reasons.items()]


def render_progress(name: str, count: int, report: dict[str, Any]) -> str:
    """A line for each model while others are still to come."""
    figures = report["results"][str(count)][name]
    times = ", ".join(f"{engine} {f['median'] * 1e3:.2f}" for engine, f in figures.items())
    return f"{name}, {count} busy: {times} ms a step"


def write(report: dict[str, Any], output: Path | None) -> None:
    """Writes what there is so far, where asked to."""
    if output is None:
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    Path(f"{output}.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    Path(f"{output}.md").write_text(render(report), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
