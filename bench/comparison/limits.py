"""The least time a workload can take on this machine: its "limit".

One sample a call: the input projection at the rate of fused multiply-adds, plus the recurrent
weights read once a step from the level of cache they fit. A batch: all its arithmetic at that rate.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from comparison.machine import Caches
from comparison.processes import BENCH_FOLDER, Measurer
from comparison.workloads import LayerWorkload

_FLAGS = {
    "avx512": ["-mavx512f"],
    "avx2": ["-mavx2", "-mfma"],
    "sse2": [],
    "neon": [],
    "generic": [],
}
_FLOAT_BYTES = 4


def start_limits(isa: str, threads: int, caches: Caches, folder: Path, compiler: str) -> Measurer:
    """Compile and start the program that measures the limits with an instruction set.

    Raises:
        subprocess.CalledProcessError: It cannot be compiled.
    """
    program = folder / f"machine_limits-{isa}"
    if not program.exists():
        command = [compiler, "-std=c++17", "-O3", *_FLAGS[isa], "-pthread"]
        source = str(BENCH_FOLDER / "machine_limits.cpp")
        subprocess.run([*command, source, "-o", str(program)], check=True)
    sizes = [f"{level}={size}" for level, size in caches.buffer_sizes().items()]
    command = [str(program), str(threads), *sizes]
    return Measurer(command, {}, folder / f"machine_limits-{isa}-{threads}.log")


def least_seconds(
    workload: LayerWorkload, rates: dict[str, float], threads: int, caches: Caches, steps: int
) -> float:
    """The limit of a workload.

    Args:
        workload: It.
        rates: "flops" and the bytes read per second from each level, of all threads together.
        threads: They share the recurrent weights among them.
        caches: Their sizes.
        steps: Valid steps of all samples together: B * T unless it is ragged.
    """
    H = workload.H
    seconds = 0.0
    for D, gates in workload.recurrences:
        projection = 2.0 * steps * D * gates * H
        recurrent = 2.0 * steps * H * gates * H
        if workload.B == 1:
            weights = _FLOAT_BYTES * H * gates * H
            level = caches.level_of(weights / threads)
            seconds += projection / rates["flops"] + steps * weights / rates[level]
        else:
            seconds += (projection + recurrent) / rates["flops"]
    if workload.dense:
        width = H * (2 if workload.bidirectional else 1)
        seconds += 2.0 * workload.B * width * workload.dense / rates["flops"]
    return seconds
