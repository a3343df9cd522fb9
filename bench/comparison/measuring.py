"""Measures workloads: cases are built, engines run them in rounds, figures are drawn from those."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rnnext
from comparison.case_builder import build_case
from comparison.cases import Case
from comparison.cold_start import MODEL, measure_cold_start
from comparison.engines import ENGINES, OURS
from comparison.limits import least_seconds, start_limits
from comparison.machine import Caches
from comparison.processes import Measurer
from comparison.rounds import run_rounds
from comparison.summary import summarize
from comparison.workloads import LayerWorkload, Workload, find_workload

Advance = Callable[[str], None]


@dataclass
class Bench:
    """What stays the same over all workloads.

    Attributes:
        engines: Names.
        rounds: For each workload.
        seconds: For every way of calling in every round.
        caches: Of this machine.
        folder: For cases and programs; lives as long as this.
        compiler: Of the program that measures the machine's limits.
        rates: Instruction set -> number of threads -> what every round measured.
    """

    engines: list[str]
    rounds: int
    seconds: float
    caches: Caches
    folder: Path
    compiler: str
    rates: dict[str, dict[int, list[dict[str, float]]]] = field(default_factory=dict)
    _limits: dict[tuple[str, int], Measurer] = field(default_factory=dict)

    def prepare(self, workload: Workload) -> Case:
        """The workload's case, built when first asked for.

        Raises:
            CannotFetch: It is a published model that cannot be had here.
        """
        folder = self.folder / workload.name.replace(" ", "_")
        return Case.load(folder) if folder.exists() else build_case(workload, folder)

    def measure(self, workload: Workload, threads: int, advance: Advance) -> dict[str, Any]:
        """The figures of one workload with one number of threads."""
        case = self.prepare(workload)
        isas = {engine: _isa_of(engine) for engine in self.engines if engine in OURS}
        limits = {isa: self._limit(isa, threads) for isa in isas.values()}
        outcomes, rates = run_rounds(
            self.engines_for(threads),
            case.folder,
            threads,
            self.rounds,
            self.seconds,
            limits,
            advance,
        )
        for isa, measured in rates.items():
            self.rates.setdefault(isa, {}).setdefault(threads, []).extend(measured)
        least = {}
        if isinstance(workload, LayerWorkload):
            steps = workload.B * workload.T if case.lengths is None else int(case.lengths.sum())
            least = {
                engine: [
                    least_seconds(workload, rate, threads, self.caches, steps)
                    for rate in rates[isa]
                ]
                for engine, isa in isas.items()
            }
        return summarize(workload, threads, outcomes, least)

    def engines_for(self, threads: int) -> list[str]:
        """The engines; one that always has so many threads only where others have not."""
        return [name for name in self.engines if ENGINES[name].threads != threads]

    def measure_cold_start(self, advance: Advance) -> dict[str, Any]:
        """Time and memory of programs that load sleepecg's model and answer once."""
        case = self.prepare(find_workload(MODEL))
        return measure_cold_start(case, self.rounds, advance)

    def close(self) -> None:
        """End the processes that are left."""
        for measurer in self._limits.values():
            measurer.close()

    def _limit(self, isa: str, threads: int) -> Measurer:
        key = isa, threads
        if key not in self._limits:
            self._limits[key] = start_limits(isa, threads, self.caches, self.folder, self.compiler)
        return self._limits[key]


def _isa_of(engine: str) -> str:
    return "avx2" if engine == "rnnext-avx2" else rnnext.isa()
