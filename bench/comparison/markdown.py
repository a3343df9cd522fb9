"""The report as Markdown tables."""

from __future__ import annotations

from typing import Any

from comparison.cold_start import render_cold_start
from comparison.engines import ONE_THREAD, OURS
from comparison.goals import Goal, misses

_COLUMNS = {"ratio": "ratio", "share": "share", "of_one_thread": "of one thread"}


def render(report: dict[str, Any]) -> str:
    """The whole report.

    Args:
        report: What `compare.py` writes as JSON.
    """
    parts = [_heading(report)]
    for threads in report["settings"]["threads"]:
        results = [result for result in report["results"] if result["threads"] == threads]
        if not results:
            continue
        parts.append(f"## {threads} thread{'s' if threads > 1 else ''}\n\n{_table(results)}")
        parts.append(_rates(report["limits"], threads))
    if "cold_start" in report:
        parts.append(render_cold_start(report["cold_start"]))
    parts.append(_reasons(report["results"]))
    return "\n\n".join(part for part in parts if part) + "\n"


def _heading(report: dict[str, Any]) -> str:
    machine, settings = report["machine"], report["settings"]
    caches = ", ".join(f"{level} {size >> 10} KiB" for level, size in machine["caches"].items())
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    return (
        f"# rnnext beside other engines\n\n"
        f"{machine['processor']}, {machine['cores']} cores, {caches}; {machine['system']}; "
        f"Python {machine['python']}; {machine['date']}.\n"
        f"{versions}; rnnext on {report['isa']}.\n\n"
        f"Time of one call, median of {settings['rounds']} interleaved rounds of "
        f"{settings['seconds']} s an engine. Ratio: rnnext's time over the best peer's. Share: the "
        "limit over rnnext's time. Of one thread: rnnext's time over its own with one. In "
        "brackets: the goal, where it is not met."
    )


def _table(results: list[dict[str, Any]]) -> str:
    engines = list(dict.fromkeys(engine for result in results for engine in result["engines"]))
    ours = [engine for engine in engines if engine in OURS]
    columns = [name for name in _COLUMNS if name != "of_one_thread" or ONE_THREAD in engines]
    heads = ["workload", *engines, "best peer"]
    heads += [f"{engine}, {_COLUMNS[name]}" for engine in ours for name in columns]
    lines = ["| " + " | ".join(heads) + " |", "| --- |" + " ---: |" * (len(heads) - 1)]
    for result in results:
        cells = [result["workload"]]
        cells += [_time(engine, result) for engine in engines]
        cells.append(result["best_peer"] or "-")
        for engine in ours:
            figures = result["engines"].get(engine, {})
            cells += [_figure(name, figures, Goal(**result["goal"])) for name in columns]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _time(engine: str, result: dict[str, Any]) -> str:
    """A time, bold where it is the least of the row."""
    if engine not in result["engines"]:
        return ""
    figures = result["engines"][engine]
    if "seconds" not in figures:
        return "-"
    times = [other["seconds"] for other in result["engines"].values() if "seconds" in other]
    text = format_seconds(figures["seconds"])
    if figures["seconds"] == min(times):
        text = f"**{text}**"
    goal = Goal(**result["goal"])
    if engine in OURS and goal.seconds is not None and "seconds" in misses(goal, figures):
        text += f" [at most {format_seconds(goal.seconds)}]"
    return text


def _figure(name: str, figures: dict[str, Any], goal: Goal) -> str:
    """A ratio or share, with its goal where that is missed."""
    if name not in figures:
        return "-"
    sign = "at least" if name == "share" else "at most"
    missed = f" [{sign} {getattr(goal, name)}]" if name in misses(goal, figures) else ""
    return f"{figures[name]:.2f}{missed}"


def format_seconds(seconds: float) -> str:
    """Three digits and a unit.

    >>> format_seconds(0.00017312)
    '173 us'
    """
    for factor, unit in ((1e6, "us"), (1e3, "ms"), (1.0, "s")):
        value = seconds * factor
        if value < 10_000:
            return f"{value:.{max(0, 2 - len(str(int(value))) + 1)}f} {unit}"
    return f"{seconds:.0f} s"


def _rates(limits: dict[str, Any], threads: int) -> str:
    """What the machine can do."""
    lines = []
    for isa, by_threads in limits.items():
        rates = by_threads.get(str(threads), {})
        reads = ", ".join(
            f"{level} {rate / 1e9:.0f}" for level, rate in rates.items() if level != "flops"
        )
        if rates:
            lines.append(
                f"Limits with {isa}: {rates['flops'] / 1e9:.0f} GFLOP/s, reads in GB/s: {reads}."
            )
    return "\n".join(lines)


def _reasons(results: list[dict[str, Any]]) -> str:
    """Why cells are empty."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for result in results:
        for engine, figures in result["engines"].items():
            if "cannot_run" in figures:
                where = f"{result['workload']} ({result['threads']})"
                reasons.setdefault((engine, figures["cannot_run"]), []).append(where)
    if not reasons:
        return ""
    lines = [
        f"- {engine}, {', '.join(where)}: {reason}" for (engine, reason), where in reasons.items()
    ]
    return "## What could not run\n\n" + "\n".join(lines)
