"""What rnnext is meant to reach."""

from __future__ import annotations

from typing import NamedTuple

from comparison.workloads import LayerWorkload, Workload


class Goal(NamedTuple):
    """Bounds; None: there is none.

    Attributes:
        ratio: Largest time over the best peer's.
        share: Least share of the limit.
        seconds: Longest call.
        of_one_thread: Largest time over its own with one thread.
    """

    ratio: float | None = None
    share: float | None = None
    seconds: float | None = None
    of_one_thread: float | None = None


_ONE_THREAD = {
    "LSTM 1,1,16,64": Goal(0.15, seconds=1.5e-6),
    "SimpleRNN 1,10,3,5": Goal(0.25, seconds=1.3e-6),
    "GRU 1,1,64,256": Goal(0.60, 0.70),
    "SimpleRNN 1,100,64,128": Goal(0.30, 0.85),
    "LSTM 1,100,64,128": Goal(0.65, 0.85),
    "GRU 1,100,64,128": Goal(0.65, 0.85),
    "LSTM 1,100,256,256": Goal(0.72, 0.95),
    "LSTM 1,100,512,512": Goal(0.72, 0.95),
    "BiLSTM 1,200,256,256": Goal(0.72, 0.95),
    "LSTM 32,100,128,256": Goal(0.90, 0.88),
    "GRU 64,100,128,256": Goal(0.90, 0.88),
    "LSTM 256,50,256,512": Goal(0.90, 0.88),
    "SimpleRNN 64,100,64,128": Goal(0.90, 0.88),
    "ragged LSTM 64,200,64,128": Goal(0.55),
    "sleepecg": Goal(0.40),
    "dgaintel": Goal(0.40),
    "3xLSTM 8,60,32,96 Dense 10": Goal(0.40),
}


def goal_of(workload: Workload, threads: int) -> Goal:
    """The goal of a workload; without bounds where none was set."""
    if threads == 1:
        return _ONE_THREAD.get(workload.name, Goal())
    if threads == 2 and isinstance(workload, LayerWorkload) and not workload.ragged:
        if workload.B >= 32:
            return Goal(0.85, 0.80)
        if workload.B == 1 and workload.H >= 256:
            return Goal(0.60, of_one_thread=0.58)
    return Goal()


def misses(goal: Goal, figures: dict[str, float]) -> list[str]:
    """The names of the bounds that figures do not keep.

    >>> misses(Goal(ratio=0.5, share=0.9), {"ratio": 0.6, "share": 0.95, "seconds": 1.0})
    ['ratio']
    """
    missed = [
        name
        for name in ("ratio", "seconds", "of_one_thread")
        if (bound := getattr(goal, name)) is not None and name in figures and figures[name] > bound
    ]
    if goal.share is not None and "share" in figures and figures["share"] < goal.share:
        missed.append("share")
    return missed
