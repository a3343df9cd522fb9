"""Samples a second by rnnext.dask.predict with two workers, beside plain processes.

    python3 -m pip install '.[dask]' && python3 bench/dask_throughput.py

Three ways take turns: one process; two processes, each with half of the samples, which is what the
workers' processors can do; and a local cluster of two workers. Every process has one thread and
reads the same memory map. Processor time counts what each process computed; it tells what Dask adds
even where other programs hold the processors, which the time on the clock does not.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before NumPy is loaded; processes inherit it

import dask.array as da
import numpy as np
from distributed import Client, LocalCluster

import rnnext
from comparison.machine import processor
from rnnext.layers import LSTM, Dense, Input

WORKERS = 2


def build_model() -> Any:
    rnnext.set_random_seed(1)
    return rnnext.Sequential([Input((50, 8)), LSTM(64), Dense(1)])


def predict_part(file: str, part: slice, chunk: int) -> tuple[np.ndarray, float]:
    """The outputs for a part of the samples, and their processor time in seconds."""
    model = build_model()
    x = np.load(file, mmap_mode="r")[part]
    before = time.process_time()
    outputs = [model.predict(x[i : i + chunk]) for i in range(0, len(x), chunk)]
    return np.concatenate(outputs), time.process_time() - before


def by_processes(
    pool: ProcessPoolExecutor, file: str, parts: list[slice], chunk: int
) -> tuple[Any, float]:
    answers = list(pool.map(predict_part, [file] * len(parts), parts, [chunk] * len(parts)))
    return np.concatenate([y for y, _ in answers]), sum(seconds for _, seconds in answers)


def read_block(file: str, chunk: int, block_id: tuple[int, ...]) -> np.ndarray:
    start = block_id[0] * chunk
    return np.load(file, mmap_mode="r")[start : start + chunk]


def by_dask(client: Client, model: Any, file: str, chunk: int) -> tuple[Any, float]:
    samples, steps, features = np.load(file, mmap_mode="r").shape
    sizes = tuple(min(chunk, samples - i) for i in range(0, samples, chunk))
    x = da.map_blocks(
        read_block, file, chunk, chunks=(sizes, (steps,), (features,)), dtype="float32"
    )
    before = client.run(time.process_time)
    y = rnnext.dask.predict(model, x).compute()
    after = client.run(time.process_time)
    return y, sum(after.values()) - sum(before.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--samples", type=int, default=400_000)
    parser.add_argument("--chunk", type=int, default=10_000, help="samples of a task")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    samples, chunk = arguments.samples, arguments.chunk
    half = samples // WORKERS
    measured: dict[str, list[tuple[float, float]]] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(WORKERS) as pool,
        LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        file = str(Path(folder) / "x.npy")
        np.save(file, np.random.default_rng(1).standard_normal((samples, 50, 8), "float32"))
        model = build_model()
        ways = {
            "one process": lambda: by_processes(pool, file, [slice(None)], chunk),
            "two processes": lambda: by_processes(
                pool, file, [slice(half), slice(half, None)], chunk
            ),
            "Dask, two workers": lambda: by_dask(client, model, file, chunk),
        }
        expected = model.predict(np.load(file, mmap_mode="r"))
        for i in range(arguments.rounds + 1):
            for name, run in ways.items():
                begin = time.perf_counter()
                y, processor_time = run()
                if not np.array_equal(y, expected):
                    raise SystemExit(f"{name}: the outputs differ from those of this process.")
                if i:  # the first round starts processes and imports
                    elapsed = time.perf_counter() - begin
                    measured.setdefault(name, []).append((elapsed, processor_time))
    report(measured, samples, chunk)


def report(measured: dict[str, list[tuple[float, float]]], samples: int, chunk: int) -> None:
    print(f"{processor()}, {samples} samples (50, 8) in tasks of {chunk}, LSTM(64), Dense(1);")
    print("medians of the rounds")
    for name, times in measured.items():
        clock, computed = (median(values) for values in zip(*times, strict=True))
        print(
            f"{name}: {samples / clock:,.0f} samples a second, {computed:.2f} s of processor time"
        )
    rounds = list(zip(*measured.values(), strict=True))
    for i, unit in enumerate(("clock", "processor time")):
        ratio = median(two[i] / dask[i] for _, two, dask in rounds)
        print(f"Dask's throughput by that of two processes, by {unit}: {ratio:.2f}")
    print("load of the machine:", *(f"{load:.1f}" for load in os.getloadavg()))


if __name__ == "__main__":
    main()
