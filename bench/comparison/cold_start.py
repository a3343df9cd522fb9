"""Process start to first answer, and peak memory: rnnext, TensorFlow, and NumPy's import alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from comparison.cases import Case

NAME = "cold start"
MODEL = "sleepecg"
GOAL_RATIO_TO_TENSORFLOW = 0.12
GOAL_RATIO_TO_NUMPY = 2.5
GOAL_MEMORY_RATIO = 0.15

PROGRAMS = {
    "rnnext": """
import sys, numpy, rnnext
rnnext.load_model(sys.argv[1]).predict(numpy.load(sys.argv[2])["x"])
""",
    "tensorflow": """
import os, sys, numpy
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
keras.models.load_model(sys.argv[1], compile=False).predict(numpy.load(sys.argv[2])["x"], verbose=0)
""",
    "numpy": "import numpy",
}
# The peak that the kernel keeps for this program; getrusage's would include its parent's.
_REPORT = """
import time
answered = time.monotonic()
status = open("/proc/self/status").read()
print(answered, status.partition("VmHWM:")[2].split()[0])
"""


def measure_cold_start(
    case: Case, rounds: int, advance: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    """Start every program in turn, again and again.

    Args:
        case: Whose model file is loaded and whose input is answered.
        rounds: How often.
        advance: Called before each start with what comes next.

    Returns:
        Program -> medians "seconds" and "memory_bytes", or "cannot_run".
    """
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in PROGRAMS}
    failures: dict[str, str] = {}
    for i in range(rounds):
        for name in PROGRAMS:
            advance(f"round {i + 1}: {name}")
            if name not in failures:
                try:
                    seen[name].append(_start_once(PROGRAMS[name], case))
                except subprocess.CalledProcessError as error:
                    failures[name] = error.stderr.strip().splitlines()[-1][:300]
    return {
        name: {"cannot_run": failures[name]}
        if name in failures
        else {
            "seconds": median(seconds for seconds, _ in starts),
            "memory_bytes": median(memory for _, memory in starts),
        }
        for name, starts in seen.items()
    }


def _start_once(program: str, case: Case) -> tuple[float, float]:
    """Seconds from start to answer, and peak bytes."""
    command = [sys.executable, "-c", program + _REPORT]
    command += [str(case.model_file), str(case.arrays_file)]
    started = time.monotonic()
    run = subprocess.run(command, check=True, capture_output=True, text=True, env=dict(os.environ))
    answered, kilobytes = run.stdout.split()[-2:]
    return float(answered) - started, float(kilobytes) * 1024


def render_cold_start(figures: dict[str, dict[str, Any]]) -> str:
    """A Markdown section."""
    lines = [
        "## Cold start",
        "",
        f"Process start to first answer of {MODEL}'s `.keras`; NumPy: to the end of its import.",
        "",
        "| program | time | peak memory |",
        "| --- | ---: | ---: |",
    ]
    for name, values in figures.items():
        if "cannot_run" in values:
            lines.append(f"| {name} | {values['cannot_run']} | - |")
        else:
            memory = values["memory_bytes"] / 1e6
            lines.append(f"| {name} | {values['seconds'] * 1e3:.0f} ms | {memory:.0f} MB |")
    return "\n".join([*lines, "", *_verdicts(figures)])


def _verdicts(figures: dict[str, dict[str, Any]]) -> list[str]:
    """Ratios beside their goals."""
    verdicts = []
    for other, key, goal in (
        ("tensorflow", "seconds", GOAL_RATIO_TO_TENSORFLOW),
        ("numpy", "seconds", GOAL_RATIO_TO_NUMPY),
        ("tensorflow", "memory_bytes", GOAL_MEMORY_RATIO),
    ):
        if all(key in figures[name] for name in ("rnnext", other)):
            ratio = figures["rnnext"][key] / figures[other][key]
            what = "time" if key == "seconds" else "memory"
            met = "" if ratio <= goal else ", not met"
            verdicts.append(f"- {what} over {other}'s: {ratio:.2f} (goal: at most {goal}{met})")
    return verdicts
