"""Times of calls beside busy processes: OpenMP's threads and the pool, in turn.

    python3 bench/crowded.py --model sleepecg.keras --busy 0 1 2

One process for each way of sharing work out (RNNEXT_THREADING). They take turns, so that both meet
the same neighbours, those that this script starts (--busy) and those that are there anyway.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

THREADINGS = ("pool", "openmp")
LAYERS = ("8,60,96,96", "1,100,256,256", "32,100,128,256")


def make_call(workload: str) -> Callable[[], Any]:
    """A model's `predict` of one sample, or the call of an LSTM of the shapes B,T,D,units."""
    import rnnext

    rng = np.random.default_rng(1)
    if workload.endswith((".keras", ".h5")):
        model = rnnext.load_model(workload)
        shape = [size or 300 for size in model.input_shape[1:]]
        x = rng.standard_normal((1, *shape)).astype("float32")
        return lambda: model.predict(x)
    *sizes, units = map(int, workload.split(","))
    layer = rnnext.layers.LSTM(units)
    x = rng.standard_normal(sizes).astype("float32")
    return lambda: layer(x)


def work() -> None:
    """A worker: times calls of the workload that each line of its input names."""
    calls: dict[str, Callable[[], Any]] = {}
    for line in sys.stdin:
        workload, seconds = json.loads(line)
        call = calls.get(workload) or calls.setdefault(workload, make_call(workload))
        call()
        times = []
        end = time.perf_counter() + seconds
        while (begin := time.perf_counter()) < end:
            call()
            times.append(time.perf_counter() - begin)
        print(json.dumps(times), flush=True)


def start_worker(threading: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, __file__, "--work"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "RNNEXT_THREADING": threading},
    )


def measure(worker: subprocess.Popen[str], workload: str, seconds: float) -> list[float]:
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(json.dumps([workload, seconds]) + "\n")
    worker.stdin.flush()
    return json.loads(worker.stdout.readline())


@contextmanager
def busy(count: int) -> Iterator[None]:
    """So many other processes that compute all the time."""
    loop = "while True: pass"
    others = [subprocess.Popen([sys.executable, "-c", loop]) for _ in range(count)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def figures(times: list[float]) -> tuple[float, float, float]:
    """Median, mean and 99th percentile in us."""
    us = np.array(times) * 1e6
    return float(np.median(us)), float(us.mean()), float(np.percentile(us, 99))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--work", action="store_true", help=argparse.SUPPRESS)
    add("--model", action="append", default=[], metavar="FILE", help="a model, one sample a call")
    add("--layers", nargs="*", default=LAYERS, metavar="B,T,D,UNITS", help="LSTMs")
    add("--busy", nargs="+", type=int, default=[0, 1, 2], metavar="N", help="other processes")
    add("--rounds", type=int, default=10)
    add("--seconds", type=float, default=0.5, help="for each way of sharing and round")
    arguments = parser.parse_args()
    if arguments.work:
        return work()
    workers = {threading: start_worker(threading) for threading in THREADINGS}
    print("| busy | workload | us | pool | openmp | ratio |")
    print("| ---: | --- | --- | ---: | ---: | ---: |")
    for count in arguments.busy:
        for workload in [*arguments.model, *arguments.layers]:
            times: dict[str, list[float]] = {threading: [] for threading in THREADINGS}
            with busy(count):
                for _ in range(arguments.rounds):
                    for threading, worker in workers.items():
                        times[threading] += measure(worker, workload, arguments.seconds)
            name = os.path.basename(workload)
            rows = zip(
                ("median", "mean", "p99"), *(figures(times[t]) for t in THREADINGS), strict=True
            )
            for label, pool, openmp in rows:
                ratio = openmp / pool
                print(f"| {count} | {name} | {label} | {pool:.0f} | {openmp:.0f} | {ratio:.2f} |")
            sys.stdout.flush()
    for worker in workers.values():
        worker.kill()
        worker.wait()
    return None


if __name__ == "__main__":
    main()
