"""Times one epoch of training of rnnext and of Keras on TensorFlow, in turns, in one process.

Prints the median milliseconds of a training step of 32 samples, and the ratio. Needs
`rnnext[test]`, which brings TensorFlow.

    python bench/training.py [rounds]
"""

from __future__ import annotations

import os
import sys
import time
from statistics import median
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import rnnext

BATCH, STEPS = 32, 20
# Cell, units, time steps, features.
MODELS = [
    ("SimpleRNN", 16, 20, 4),
    ("LSTM", 32, 30, 1),
    ("LSTM", 64, 100, 8),
    ("GRU", 32, 120, 14),
]


def compiled(library: Any, cell: str, units: int, steps: int, features: int) -> Any:
    """A recurrent layer and a Dense, with Adam and the mean squared error."""
    layers = library.layers
    recurrent = getattr(layers, cell)(units)
    model = library.Sequential([layers.Input((steps, features)), recurrent, layers.Dense(1)])
    model.compile("adam", "mse")
    return model


def step_time(model: Any, x: Any, y: Any) -> float:
    """Milliseconds of a step, from one epoch."""
    start = time.perf_counter()
    model.fit(x, y, batch_size=BATCH, verbose=0, shuffle=False)
    return 1e3 * (time.perf_counter() - start) / STEPS


def main() -> None:
    """Prints a line for each model."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    for cell, units, steps, features in MODELS:
        rng = np.random.default_rng(0)
        x = rng.normal(size=(BATCH * STEPS, steps, features)).astype("float32")
        y = x.mean(axis=(1, 2), keepdims=False)[:, None]
        ours = compiled(rnnext, cell, units, steps, features)
        theirs = compiled(keras, cell, units, steps, features)
        times = [(step_time(ours, x, y), step_time(theirs, x, y)) for _ in range(rounds + 1)]
        mine, keras_time = (median(column) for column in zip(*times[1:], strict=True))
        print(
            f"{cell}({units}) {steps} x {features}: rnnext {mine:.2f} ms, Keras {keras_time:.2f} "
            f"ms a step, {keras_time / mine:.1f} times as fast"
        )


if __name__ == "__main__":
    main()
