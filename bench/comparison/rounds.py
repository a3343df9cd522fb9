"""Interleaved rounds: every engine in turn, again and again, because a machine's speed drifts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from comparison.processes import EndedError, Measurer, start_worker

_PAUSE = 0.01  # threads of the engine before that still spin go to sleep


@dataclass
class Outcome:
    """What an engine gave on one workload.

    Attributes:
        cannot_run: Why it has no figures, or None.
        max_error: Way of calling -> difference from the expected answer.
        rounds: Every round's figures, way of calling -> median, min, calls.
    """

    cannot_run: str | None = None
    max_error: dict[str, float] = field(default_factory=dict)
    rounds: list[dict[str, dict[str, float]]] = field(default_factory=list)


def run_rounds(
    engines: list[str],
    case_folder: Path,
    threads: int,
    rounds: int,
    seconds: float,
    limits: dict[str, Measurer],
    advance: Callable[[str], None],
) -> tuple[dict[str, Outcome], dict[str, list[dict[str, Any]]]]:
    """Measure engines and the machine's limits in turn.

    Args:
        engines: Names.
        case_folder: With a saved case.
        threads: For each engine.
        rounds: How many.
        seconds: How long each way of calling is measured in each.
        limits: Instruction set -> the process that measures what the machine can do with it.
        advance: Called after every step with what comes next, for a progress bar.

    Returns:
        Engine -> outcome, and instruction set -> the limits of every round.
    """
    outcomes, workers = {}, {}
    try:
        for engine in engines:
            advance(f"starting {engine}")
            workers[engine] = start_worker(engine, case_folder, threads)
            outcomes[engine] = _first_answer(workers[engine])
        measured_limits: dict[str, list[dict[str, Any]]] = {isa: [] for isa in limits}
        for i in range(rounds):
            for isa, measurer in limits.items():
                measured_limits[isa].append(measurer.measure(seconds))
            for engine, outcome in outcomes.items():
                advance(f"round {i + 1}: {engine}")
                if outcome.cannot_run is None:
                    time.sleep(_PAUSE)
                    _add_round(outcome, workers[engine], seconds)
    finally:
        for worker in workers.values():
            worker.close()
    return outcomes, measured_limits


def _first_answer(worker: Measurer) -> Outcome:
    """Whether a new worker can run. One that crashed cannot."""
    try:
        ready = worker.answer()
    except EndedError as error:
        return Outcome(cannot_run=str(error))
    return Outcome(ready.get("cannot_run"), ready.get("max_error", {}))


def _add_round(outcome: Outcome, worker: Measurer, seconds: float) -> None:
    try:
        outcome.rounds.append(worker.measure(seconds))
    except EndedError as error:
        outcome.cannot_run = str(error)
