"""Streams a second: a StreamPool beside streams that step one by one.

    python3 bench/stream_pool.py --output bench/results/NAME     # NAME.md and NAME.png

All streams have a step at every tick. The three ways take turns; a figure is the median of rounds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import rnnext
from comparison.machine import describe_machine, read_caches
from rnnext.layers import LSTM, Dense, Input

COUNTS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10000)
MOST_ALONE = 1000  # streams of their own that are made
WAYS = ("Stream.step", "StreamPool.step", "StreamPool.step_batch")


def model_of(units: int) -> rnnext.Model:
    return rnnext.Sequential([Input((None, 8)), LSTM(units), Dense(1)])


def ways(model: rnnext.Model, count: int) -> dict[str, tuple[Callable[[], Any], int]]:
    """What is timed, and how many streams step in it."""
    x = np.random.default_rng(0).standard_normal((count, 8)).astype("float32")
    alone = [(model.stream(), x[i : i + 1]) for i in range(min(count, MOST_ALONE))]
    pool = rnnext.StreamPool(model)
    streams = [pool.join() for _ in range(count)]
    steps = dict(zip(streams, x, strict=True))
    return {
        "Stream.step": (lambda: [stream.step(step) for stream, step in alone], len(alone)),
        "StreamPool.step": (lambda: pool.step(steps), count),
        "StreamPool.step_batch": (lambda: pool.step_batch(streams, x), count),
    }


def measure(units: int, count: int, rounds: int, seconds: float) -> dict[str, float]:
    """Streams a second for each way."""
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    calls = ways(model_of(units), count)
    for run, _ in calls.values():
        run()
    for _ in range(rounds):
        for way, (run, size) in calls.items():
            done, begin = 0, time.perf_counter()
            while (spent := time.perf_counter() - begin) < seconds:
                run()
                done += size
            found[way].append(done / spent)
    return {way: float(np.median(rates)) for way, rates in found.items()}


def draw(rates: dict[int, dict[str, float]], units: int, file: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    for way in WAYS:
        axes.plot(list(rates), [rate[way] / 1e6 for rate in rates.values()], marker="o", label=way)
    axes.set(
        title=f"LSTM({units}) and Dense, one step of each stream a tick",
        xlabel="streams",
        ylabel="million steps a second",
        xscale="log",
        ylim=(0, None),
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.savefig(file, dpi=130)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--units", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.1)
    parser.add_argument("--output", type=Path, metavar="NAME", help="writes NAME.md and NAME.png")
    arguments = parser.parse_args()
    rates, lines = {}, ["| streams | " + " | ".join(WAYS) + " |", "| ---: " * 4 + "|"]
    for count in COUNTS:
        rates[count] = measure(arguments.units, count, arguments.rounds, arguments.seconds)
        lines.append(
            f"| {count} | " + " | ".join(f"{r / 1e3:.0f}" for r in rates[count].values()) + " |"
        )
        print(lines[-1], flush=True)
    if arguments.output:
        machine = describe_machine(read_caches())
        text = (
            "# Streams in a pool\n\n"
            f"{machine['processor']}, {machine['cores']} cores; {machine['date']}. Thousand steps "
            f"a second of LSTM({arguments.units}) and Dense, `bench/stream_pool.py`:\n\n"
        )
        text += "\n".join(lines) + "\n"
        arguments.output.with_suffix(".md").write_text(text, "utf-8")
        draw(rates, arguments.units, arguments.output.with_suffix(".png"))


if __name__ == "__main__":
    main()
