"""What narrow weights cost: errors on the published models, time of a large layer.

    python bench/precision.py

Prints the figures of narrow weights in docs/performance.md. Errors are the largest difference from
the same model with full weights, over the recorded inputs; the answers of all six are probabilities
or embeddings, so beside it stands the largest value of the outputs.
"""

from __future__ import annotations

import sys
import timeit
from pathlib import Path

import numpy as np

import rnnext
from rnnext import layers

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from published_models import answers, load, recorded

from comparison.published import MODELS, fetch_model

PRECISIONS = ("full", "bf16", "int8")


def print_errors() -> None:
    """One row for each published model."""
    print("| model | bf16 | int8 | largest output |")
    print("| --- | ---: | ---: | ---: |")
    for name in sorted(MODELS):
        model = load(name, fetch_model(name))
        x, _ = recorded(name)
        outputs = {}
        for precision in PRECISIONS:
            model.set_precision(precision)
            outputs[precision] = np.concatenate([y.ravel() for y in answers(model, x)])
        exact = outputs["full"]
        errors = (np.abs(outputs[precision] - exact).max() for precision in PRECISIONS[1:])
        cells = " | ".join(f"{error:.1e}" for error in errors)
        print(f"| {name} | {cells} | {np.abs(exact).max():.2g} |")


def print_times(shape: tuple[int, int, int, int] = (1, 100, 512, 512), rounds: int = 40) -> None:
    """Medians of interleaved calls of one LSTM on one thread, and ratios to full weights."""
    B, T, D, H = shape
    rnnext.set_num_threads(1)
    x = np.random.default_rng(0).standard_normal((B, T, D)).astype("float32")
    lstms = {}
    for precision in PRECISIONS:
        lstm = lstms[precision] = layers.LSTM(H)
        lstm(x)
        lstm.set_precision(precision)
        lstm(x)
    times = np.array(
        [
            [timeit.timeit(lambda lstm=lstm: lstm(x), number=2) / 2 for lstm in lstms.values()]
            for _ in range(rounds)
        ]
    )
    ratios = np.median(times / times[:, :1], axis=0)
    print(f"| LSTM {B},{T},{D},{H} | {' | '.join(PRECISIONS)} |")
    print("| --- | ---: | ---: | ---: |")
    print("| time | " + " | ".join(f"{t * 1e3:.2f} ms" for t in np.median(times, axis=0)) + " |")
    print("| ratio | " + " | ".join(f"{ratio:.2f}" for ratio in ratios) + " |")


if __name__ == "__main__":
    print_errors()
    print()
    print_times()
