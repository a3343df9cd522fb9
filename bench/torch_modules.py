"""Times forward and backward passes of rnnext.torch's modules beside torch's own.

Each engine runs at one and at two threads in a process of its own; the processes take turns, so
that a busy machine is busy for all. Prints the milliseconds of a pass forwards and backwards, the
least of all turns' medians, in a table as in docs/pytorch.md. Needs `rnnext[torch]`.

    python bench/torch_modules.py [rounds]
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from statistics import median
from typing import Any

# Cell, batch, time steps, features, units.
MODELS = [
    ("LSTM", 32, 30, 1, 32),
    ("LSTM", 32, 100, 8, 64),
    ("LSTM", 32, 100, 128, 256),
    ("GRU", 64, 100, 128, 256),
    ("GRU", 32, 120, 14, 32),
]
THREADS = (1, 2)
ENGINES = ("torch", "rnnext")
SECONDS = 0.3  # of one turn


def passes(engine: str, cell: str, batch: int, steps: int, features: int, units: int) -> Any:
    """A function that runs forwards and backwards through all steps."""
    import torch

    library: Any = torch.nn
    if engine == "rnnext":
        import rnnext.torch

        library = rnnext.torch
    torch.manual_seed(0)
    module = getattr(library, cell)(features, units, batch_first=True)
    x = torch.randn(batch, steps, features, requires_grad=True)
    weights = torch.randn(batch, steps, units)

    def run() -> None:
        for tensor in (x, *module.parameters()):
            tensor.grad = None
        output, _ = module(x)
        output.backward(weights)
        with torch.no_grad():  # as an optimizer: the next pass finds other parameters
            for parameter in module.parameters():
                parameter.add_(parameter.grad, alpha=-1e-9)

    return run


def serve(engine: str, threads: int) -> None:
    """Answers each line, the number of a model, with the milliseconds of a pass."""
    import torch

    torch.set_num_threads(threads)
    if engine == "rnnext":
        import rnnext

        rnnext.set_num_threads(threads)
    runs: dict[int, Any] = {}
    for line in sys.stdin:
        number = int(line)
        if number not in runs:
            runs[number] = passes(engine, *MODELS[number])
        run, times, end = runs[number], [], time.perf_counter() + SECONDS
        run()
        while not times or time.perf_counter() < end:
            start = time.perf_counter()
            run()
            times.append(time.perf_counter() - start)
        print(1e3 * median(times), flush=True)


def start(engine: str, threads: int) -> Any:
    """The process of one engine."""
    return subprocess.Popen(
        [sys.executable, __file__, "--serve", engine, str(threads)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
    )


def main() -> None:
    """Prints a line for each model."""
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2], int(sys.argv[3]))
        return
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    columns = [(engine, threads) for threads in THREADS for engine in ENGINES]
    processes = {column: start(*column) for column in columns}
    print("| module, input (B, T, D) |", *(f"{e}, {n} |" for e, n in columns), "of torch's best |")
    print("| --- |", *["--- |"] * (len(columns) + 1))
    for number, (cell, batch, steps, features, units) in enumerate(MODELS):
        times: dict[Any, list[float]] = {column: [] for column in columns}
        for _ in range(rounds):
            for column, process in processes.items():
                process.stdin.write(f"{number}\n")
                process.stdin.flush()
                times[column].append(float(process.stdout.readline()))
        found = {column: min(each) for column, each in times.items()}
        best = {e: min(found[e, n] for n in THREADS) for e in ENGINES}
        print(
            f"| {cell}({units}), {batch}, {steps}, {features} |",
            *(f"{found[column]:.2f} |" for column in columns),
            f"{best['rnnext'] / best['torch']:.2f} |",
            flush=True,
        )
    for process in processes.values():
        process.stdin.close()
        process.wait()


if __name__ == "__main__":
    main()
