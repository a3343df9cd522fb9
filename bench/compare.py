"""rnnext beside every engine a user could pick, measured side by side.

    python3 -m pip install '.[bench]'
    python3 bench/compare.py --output bench/results/NAME     # writes NAME.md, NAME.json, NAME.png

Every engine runs every workload in its own process, on the same weights and inputs, and must give
rnnext's answer. Rounds are interleaved, and the machine's limits are measured in the same rounds.
`--help` lists the options; docs/performance.md tells what the figures mean.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.progress import Progress

import rnnext
from comparison.case_builder import build_case
from comparison.engines import ENGINES, OURS
from comparison.limits import least_seconds, start_limits
from comparison.machine import Caches, describe_machine, read_caches, versions
from comparison.markdown import render
from comparison.rounds import run_rounds
from comparison.summary import summarize
from comparison.workloads import NAMES, LayerWorkload, Workload, find_workload


def main() -> int:
    arguments = parse_arguments()
    workloads = [find_workload(name) for name in arguments.workloads]
    engines = [name for name in arguments.engines if name != "rnnext-avx2" or avx2_differs()]
    caches = read_caches()
    report: dict[str, Any] = {
        "machine": describe_machine(caches),
        "isa": rnnext.isa(),
        "versions": {"rnnext": rnnext.__version__}
        | versions(name for engine in engines for name in ENGINES[engine].distributions),
        "settings": {key: vars(arguments)[key] for key in ("threads", "rounds", "seconds")},
        "limits": {},
        "results": [],
    }
    steps = arguments.rounds + 1
    total = len(workloads) * len(arguments.threads) * len(engines) * steps
    with (
        tempfile.TemporaryDirectory() as folder,
        Progress(console=Console(stderr=True)) as progress,
    ):
        task = progress.add_task("", total=total)
        for threads in arguments.threads:
            measured = measure_all(
                workloads, engines, threads, arguments, caches, Path(folder), (progress, task)
            )
            report["results"] += measured[0]
            for isa, rates in measured[1].items():
                report["limits"].setdefault(isa, {})[str(threads)] = rates
    write_report(report, arguments.output)
    failed = [
        f"{engine} on {result['workload']}: {result['engines'][engine]['cannot_run']}"
        for result in report["results"]
        for engine in OURS
        if "cannot_run" in result["engines"].get(engine, {})
    ]
    print("\n".join(failed), file=sys.stderr, end="\n" if failed else "")
    return 1 if failed else 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--workloads", nargs="+", default=list(NAMES), metavar="NAME", help="default: all named")
    add("--engines", nargs="+", default=list(ENGINES), choices=list(ENGINES), metavar="ENGINE")
    add("--threads", nargs="+", type=int, default=[1, 2], metavar="N")
    add("--rounds", type=int, default=15)
    add("--seconds", type=float, default=0.1, help="for every way of calling in every round")
    add("--quick", action="store_true", help="3 rounds of 0.02 s: to see that everything works")
    add("--output", type=Path, metavar="NAME", help="write NAME.md, NAME.json and NAME.png")
    add("--compiler", default="c++", help="for the program that measures the machine's limits")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.seconds = 3, 0.02
    return arguments


def avx2_differs() -> bool:
    """Whether forcing AVX2 is another engine than the default."""
    return rnnext.isa() != "avx2" and "avx2" in rnnext.available_isas()


def measure_all(
    workloads: list[Workload],
    engines: list[str],
    threads: int,
    arguments: argparse.Namespace,
    caches: Caches,
    folder: Path,
    progress: tuple[Progress, Any],
) -> tuple[list[dict[str, Any]], dict[str, dict[str, float]]]:
    """All workloads with one number of threads: results, and instruction set -> rates."""
    bar, task = progress
    isas = {engine: "avx2" if engine == "rnnext-avx2" else rnnext.isa() for engine in engines}
    limits = {
        isa: start_limits(isa, threads, caches, folder, arguments.compiler)
        for isa in dict.fromkeys(isas[engine] for engine in engines if engine in OURS)
    }
    results: list[dict[str, Any]] = []
    seen: dict[str, list[dict[str, float]]] = {isa: [] for isa in limits}
    for number, workload in enumerate(workloads):

        def advance(what: str, name: str = workload.name) -> None:
            bar.update(task, advance=1, description=f"{name}, {threads} threads, {what}")

        case = build_case(workload, folder / f"case-{number}")
        outcomes, rates = run_rounds(
            engines,
            case.folder,
            threads,
            arguments.rounds,
            arguments.seconds,
            limits,
            advance,
        )
        least = {}
        if isinstance(workload, LayerWorkload):
            steps = float(workload.B * workload.T if case.lengths is None else case.lengths.sum())
            for engine in filter(OURS.__contains__, engines):
                least[engine] = [
                    least_seconds(workload, round_rates, threads, caches, steps)
                    for round_rates in rates[isas[engine]]
                ]
        results.append(summarize(workload, threads, outcomes, least))
        for isa, values in rates.items():
            seen[isa] += values
    for measurer in limits.values():
        measurer.close()
    return results, {
        isa: {key: median(rates[key] for rates in values) for key in values[0]}
        for isa, values in seen.items()
    }


def write_report(report: dict[str, Any], output: Path | None) -> None:
    """Print the tables; write them, the figures and the plot where asked to."""
    print(render(report))
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        Path(f"{output}.md").write_text(render(report), encoding="utf-8")
        Path(f"{output}.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
