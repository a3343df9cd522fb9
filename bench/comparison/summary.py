"""From the rounds of one workload to the figures that are reported."""

from __future__ import annotations

from statistics import median
from typing import Any

from comparison.engines import ONE_THREAD, OURS, PEERS
from comparison.goals import goal_of
from comparison.rounds import Outcome
from comparison.workloads import Workload


def summarize(
    workload: Workload,
    threads: int,
    outcomes: dict[str, Outcome],
    limits: dict[str, list[float]],
) -> dict[str, Any]:
    """Medians over the rounds, ratios to the best peer and to one thread, shares of the limit.

    Ratios and shares are taken within each round, where the machine was the same, and then their
    median.

    Args:
        workload: What was measured.
        threads: Of each engine.
        outcomes: Engine -> what it gave.
        limits: Engine of ours -> least seconds in every round; empty where there is no limit.

    Returns:
        What the reports show, ready for JSON; times in seconds.
    """
    engines = {engine: _figures(outcome) for engine, outcome in outcomes.items()}
    ran = {engine: figures for engine, figures in engines.items() if "seconds" in figures}
    peers = [engine for engine in ran if engine in PEERS]
    best_peer = min(peers, key=lambda engine: ran[engine]["seconds"], default=None)
    for engine in OURS:
        if engine not in ran:
            continue
        ours = _round_times(outcomes[engine], ran[engine]["way"])
        for name, other in (("ratio", best_peer), ("of_one_thread", ONE_THREAD)):
            if other in ran:
                theirs = _round_times(outcomes[other], ran[other]["way"])
                ran[engine][name] = median(a / b for a, b in zip(ours, theirs, strict=True))
        if engine in limits:
            ran[engine]["limit_seconds"] = median(limits[engine])
            shares = [least / a for least, a in zip(limits[engine], ours, strict=True)]
            ran[engine]["share"] = median(shares)
    return {
        "workload": workload.name,
        "threads": threads,
        "engines": engines,
        "best_peer": best_peer,
        "goal": goal_of(workload, threads)._asdict(),
    }


def _round_times(outcome: Outcome, way: str) -> list[float]:
    return [figures[way]["median"] for figures in outcome.rounds]


def _figures(outcome: Outcome) -> dict[str, Any]:
    """One engine's figures: those of its fastest way of calling."""
    if outcome.cannot_run is not None:
        return {"cannot_run": outcome.cannot_run}
    ways = {way: median(_round_times(outcome, way)) for way in outcome.max_error}
    way = min(ways, key=lambda name: ways[name])
    return {
        "seconds": ways[way],
        "least": min(figures[way]["min"] for figures in outcome.rounds),
        "way": way,
        "ways": ways,
        "max_error": outcome.max_error,
    }
