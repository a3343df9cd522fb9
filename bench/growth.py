"""How rnnext's time grows with the batch, the steps, the features and the units: straight lines.

    python3 -m pip install '.[bench]'
    python3 bench/growth.py --output docs/growth.png

One thread. Every round measures every point once, in turn; the plot has medians over the rounds.
The units are drawn as H(D + H), the number of multiplications a gate makes in a step.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
from rich.progress import track

import rnnext
from comparison.machine import processor
from comparison.plots import draw_growth
from comparison.worker import measure
from rnnext import layers

CELLS = ("SimpleRNN", "GRU", "LSTM")
BASE = {"B": 32, "T": 20, "D": 64, "H": 128}
VALUES = {
    "B": (16, 32, 64, 96, 128, 192, 256),
    "T": (10, 25, 50, 75, 100, 150, 200),
    "D": (32, 64, 128, 192, 256, 384, 512),
    "H": (64, 128, 192, 256, 320, 384, 448),
}

Point = tuple[str, str, int]  # size, cell, value of the size


def build_call(point: Point) -> partial[np.ndarray]:
    """A layer's call with every size as in BASE but one."""
    size, cell, value = point
    sizes = BASE | {size: value}
    x = np.random.default_rng(1).standard_normal((sizes["B"], sizes["T"], sizes["D"]))
    return partial(getattr(layers, cell)(sizes["H"]), x.astype(np.float32))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.05, help="for every point and round")
    parser.add_argument("--output", type=Path, default=Path("growth.png"), metavar="FILE.png")
    arguments = parser.parse_args()
    rnnext.set_num_threads(1)
    points = [(size, cell, value) for size in VALUES for cell in CELLS for value in VALUES[size]]
    calls = {point: build_call(point) for point in points}
    times: dict[Point, list[float]] = {point: [] for point in points}
    for _ in track(range(arguments.rounds), "rounds"):
        for point, call in calls.items():
            times[point].append(measure(call, arguments.seconds)["median"])
    curves = {
        label: {
            cell: [(at(value), median(times[size, cell, value])) for value in VALUES[size]]
            for cell in CELLS
        }
        for size, label, at in (
            ("B", "B, samples", int),
            ("T", "T, steps", int),
            ("D", "D, features", int),
            ("H", "H(D + H), H units", lambda H: H * (BASE["D"] + H)),
        )
    }
    sizes = ", ".join(f"{size} = {value}" for size, value in BASE.items())
    title = f"rnnext, time of one call; {sizes} but for the axis; {rnnext.isa()}, {processor()}"
    draw_growth(curves, title, arguments.output)
    print(f"drawn: {arguments.output}")


if __name__ == "__main__":
    main()
