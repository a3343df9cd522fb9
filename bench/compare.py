"""rnnext beside every engine a user could pick, measured side by side.

    python3 -m pip install '.[bench]'
    python3 bench/compare.py --output bench/results/NAME     # NAME.md, NAME.json and NAME.png

Every engine runs every workload in its own process, on the same weights and inputs, and must give
rnnext's answer. Rounds are interleaved, and the machine's limits are measured in the same rounds.
docs/performance.md tells what the figures mean.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn

import rnnext
from comparison import cold_start
from comparison.engines import ENGINES, OURS
from comparison.machine import describe_machine, read_caches, versions
from comparison.markdown import render
from comparison.measuring import Bench
from comparison.published import CannotFetch
from comparison.workloads import NAMES, find_workload


def main() -> int:
    arguments = parse_arguments()
    engines = [name for name in arguments.engines if name != "rnnext-avx2" or avx2_differs()]
    report = new_report(arguments, engines)
    columns = *Progress.get_default_columns(), TimeElapsedColumn()
    with (
        tempfile.TemporaryDirectory() as folder,
        Progress(*columns, console=Console(stderr=True)) as bar,
    ):
        bench = Bench(
            engines,
            arguments.rounds,
            arguments.seconds,
            read_caches(),
            Path(folder),
            arguments.compiler,
        )
        try:
            for workload in arguments.workloads:
                bench.prepare(workload)
            run(bench, arguments, report, bar)
        except CannotFetch as error:
            print(f"{error}; choose others with --workloads", file=sys.stderr)
            return 2
        finally:
            bench.close()
    print(render(report))
    failures = our_failures(report)
    print(*failures, sep="\n", end="\n" if failures else "", file=sys.stderr)
    return 1 if failures else 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0],
        epilog="Any layer is a workload: '[ragged ][Bi][Nx]CELL B,T,D,H[ Dense K]'. "
        f"Named ones: {'; '.join(NAMES)}; {cold_start.NAME}.",
    )
    add = parser.add_argument
    add("--workloads", nargs="+", metavar="NAME", help="default: all named")
    add("--engines", nargs="+", default=list(ENGINES), choices=list(ENGINES), metavar="ENGINE")
    add("--threads", nargs="+", type=int, default=[1, 2], metavar="N")
    add("--rounds", type=int, default=15)
    add("--seconds", type=float, default=0.1, help="for every way of calling in every round")
    add("--quick", action="store_true", help="3 rounds of 0.02 s: to see that everything works")
    add("--output", type=Path, metavar="NAME", help="write NAME.md, NAME.json and NAME.png")
    add("--compiler", default="c++", help="for the program that measures the machine's limits")
    arguments = parser.parse_args()
    names = arguments.workloads or [*NAMES, cold_start.NAME]
    arguments.cold_start = cold_start.NAME in names
    try:
        arguments.workloads = [find_workload(name) for name in names if name != cold_start.NAME]
    except ValueError as error:
        parser.error(str(error))
    if arguments.quick:
        arguments.rounds, arguments.seconds = 3, 0.02
    if arguments.rounds < 1:
        parser.error(f"--rounds must be at least 1, got {arguments.rounds}")
    return arguments


def avx2_differs() -> bool:
    """Whether forcing AVX2 is another engine than the default."""
    return rnnext.isa() != "avx2" and "avx2" in rnnext.available_isas()


def new_report(arguments: argparse.Namespace, engines: list[str]) -> dict[str, Any]:
    """Everything but results."""
    distributions = (name for engine in engines for name in ENGINES[engine].distributions)
    return {
        "machine": describe_machine(read_caches()),
        "isa": rnnext.isa(),
        "versions": {**versions(distributions), "rnnext": rnnext.__version__},
        "settings": {key: vars(arguments)[key] for key in ("threads", "rounds", "seconds")},
        "limits": {},
        "results": [],
    }


def run(bench: Bench, arguments: argparse.Namespace, report: dict[str, Any], bar: Progress) -> None:
    """Measure everything; write the report after every workload, so that none is lost."""
    starts = sum(len(bench.engines_for(threads)) for threads in arguments.threads)
    steps = len(arguments.workloads) * starts * (bench.rounds + 1)
    if arguments.cold_start:
        steps += bench.rounds * len(cold_start.PROGRAMS)
    task = bar.add_task("", total=steps)

    def advance(subject: str, what: str) -> None:
        bar.update(task, advance=1, description=f"{subject}, {what}")

    for threads in arguments.threads:
        for workload in arguments.workloads:
            step = partial(advance, f"{workload.name}, threads: {threads}")
            report["results"].append(bench.measure(workload, threads, step))
            report["limits"] = median_rates(bench)
            write(report, arguments.output)
    if arguments.cold_start:
        report["cold_start"] = bench.measure_cold_start(partial(advance, cold_start.NAME))
        write(report, arguments.output)


def median_rates(bench: Bench) -> dict[str, dict[str, dict[str, float]]]:
    """Instruction set -> number of threads -> rates, medians of all rounds."""
    return {
        isa: {
            str(threads): {key: median(rate[key] for rate in rates) for key in rates[0]}
            for threads, rates in by_threads.items()
        }
        for isa, by_threads in bench.rates.items()
    }


def write(report: dict[str, Any], output: Path | None) -> None:
    """Writes what there is so far, where asked to."""
    if output is None:
        return
    from comparison.plots import draw_comparison

    output.parent.mkdir(parents=True, exist_ok=True)
    Path(f"{output}.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    Path(f"{output}.md").write_text(render(report), encoding="utf-8")
    draw_comparison(report, Path(f"{output}.png"))


def our_failures(report: dict[str, Any]) -> list[str]:
    """What rnnext could not run: unlike a peer's, that is an error."""
    return [
        f"{engine}, {result['workload']}: {result['engines'][engine]['cannot_run']}"
        for result in report["results"]
        for engine in OURS
        if "cannot_run" in result["engines"].get(engine, {})
    ]


if __name__ == "__main__":
    sys.exit(main())
