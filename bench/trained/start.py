"""Process start to the end of a first epoch, and peak memory: rnnext and Keras."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from statistics import median
from typing import Any

GOAL_SECONDS, GOAL_MEMORY = 0.15, 0.3

# What is timed: LSTM(32) on 3,200 samples of 30 steps.
_FIRST_EPOCH = """
import numpy as np
LIBRARY
x = np.random.default_rng(0).normal(size=(3200, 30, 1)).astype("float32")
layers = keras.layers
model = keras.Sequential([layers.Input((30, 1)), layers.LSTM(32), layers.Dense(1)])
model.compile("adam", "mse")
model.fit(x, x.mean(axis=1), batch_size=32, verbose=0)
"""
# Whose memory is measured: windows of a series, two LSTMs with Dropout, a held-out part.
_STOCK = """
import numpy as np
LIBRARY
t = np.arange(5060)
series = (np.sin(t / 30) + 0.3 * np.sin(t / 7)).astype("float32")
x = np.lib.stride_tricks.sliding_window_view(series, 60)[:-1, :, None].copy()
y = series[60:, None]
layers = keras.layers
model = keras.Sequential([
    layers.Input((60, 1)), layers.LSTM(50, return_sequences=True), layers.Dropout(0.2),
    layers.LSTM(50), layers.Dropout(0.2), layers.Dense(1),
])
model.compile("adam", "mse")
stop = keras.callbacks.EarlyStopping(patience=2)
model.fit(x, y, epochs=2, batch_size=32, validation_split=0.1, callbacks=[stop], verbose=0)
model.predict(x[:500], verbose=0)
"""
PROGRAMS = {"first epoch": _FIRST_EPOCH, "stock program": _STOCK}
_LIBRARIES = {
    "rnnext": "import rnnext.keras as keras",
    "keras": 'import os; os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"; import keras',
}
# The peak that the kernel keeps for this program; getrusage's would include its parent's.
_REPORT = """
import time
ended = time.monotonic()
status = open("/proc/self/status").read()
print(ended, status.partition("VmHWM:")[2].split()[0])
"""


def measure_starts(rounds: int) -> dict[str, dict[str, dict[str, float]]]:
    """Starts every program in every library in turn, again and again.

    Args:
        rounds: How often.

    Returns:
        Program -> library -> median "seconds", the least, and median "memory_bytes".
    """
    seen: dict[str, dict[str, list[tuple[float, float]]]] = {
        program: {library: [] for library in _LIBRARIES} for program in PROGRAMS
    }
    for _ in range(rounds):
        for program, source in PROGRAMS.items():
            for library, line in _LIBRARIES.items():
                seen[program][library].append(_start(source.replace("LIBRARY", line)))
    return {
        program: {library: _summary(starts) for library, starts in by_library.items()}
        for program, by_library in seen.items()
    }


def _start(source: str) -> tuple[float, float]:
    """Seconds from start to end, and peak bytes."""
    begin = time.monotonic()
    command = [sys.executable, "-c", source + _REPORT]
    run = subprocess.run(command, check=True, capture_output=True, text=True, env=dict(os.environ))
    ended, kilobytes = run.stdout.split()[-2:]
    return float(ended) - begin, float(kilobytes) * 1024


def _summary(starts: list[tuple[float, float]]) -> dict[str, float]:
    seconds, memory = zip(*starts, strict=True)
    return {"seconds": median(seconds), "least": min(seconds), "memory_bytes": median(memory)}


def render_starts(figures: dict[str, dict[str, dict[str, Any]]]) -> str:
    """A Markdown section."""
    lines = [
        "## From the start of the process",
        "",
        (
            "First epoch: LSTM(32), 3,200 samples of 30 steps. Stock program: 5,000 windows of a "
            "series, 2 x LSTM(50) with Dropout, two epochs with EarlyStopping. Times are of the "
            f"whole program. Goals: the first epoch in {GOAL_SECONDS} of Keras's time, the stock "
            f"program in {GOAL_MEMORY} of its memory."
        ),
        "",
        "| program | rnnext | Keras | ratio | rnnext, peak memory | Keras | ratio |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for program, by_library in figures.items():
        ours, keras = by_library["rnnext"], by_library["keras"]
        cells = [program]
        for key, scale, unit in (("seconds", 1.0, "s"), ("memory_bytes", 1e-6, "MB")):
            digits = 2 if unit == "s" else 0
            cells += [f"{figures[key] * scale:.{digits}f} {unit}" for figures in (ours, keras)]
            cells.append(f"{ours[key] / keras[key]:.3f}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
