"""The report as a picture, and the cost-growth plots."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("agg")
from matplotlib import pyplot
from matplotlib.axes import Axes

from comparison.markdown import format_seconds

_MARKERS = {
    "rnnext-avx2": "d",
    "onnxruntime": "o",
    "openvino": "s",
    "torch": "^",
    "tensorflow": "v",
    "litert": "P",
}


def draw_comparison(report: dict[str, Any], file: Path) -> None:
    """Every engine's time in times of rnnext's, a row per workload, a panel per thread count."""
    rows: dict[int, list[dict[str, Any]]] = {}
    for result in report["results"]:
        rows.setdefault(result["threads"], []).append(result)
    height = 1.5 + 0.34 * max(len(results) for results in rows.values())
    figure, panels = pyplot.subplots(
        1,
        len(rows),
        figsize=(2.5 + 5.5 * len(rows), height),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for axes, (threads, results) in zip(panels[0], rows.items(), strict=True):
        _draw_panel(axes, results)
        axes.set_title(f"{threads} thread{'s' if threads > 1 else ''}")
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    machine = report["machine"]
    figure.suptitle(
        f"Time of one call, rnnext = 1 ({report['isa']}, {machine['processor']}, "
        f"{machine['date'][:10]})"
    )
    figure.savefig(file, dpi=130)
    pyplot.close(figure)


def _draw_panel(axes: Axes, results: list[dict[str, Any]]) -> None:
    names = [result["workload"] for result in results]
    for engine, marker in _MARKERS.items():
        points = [
            (result["engines"][engine]["seconds"] / result["engines"]["rnnext"]["seconds"], row)
            for row, result in enumerate(results)
            if all("seconds" in result["engines"].get(name, {}) for name in ("rnnext", engine))
        ]
        if points:
            times, ys = zip(*points, strict=True)
            axes.scatter(times, ys, marker=marker, s=32, label=engine, zorder=3)
    axes.axvline(1.0, color="black", linewidth=1.2, label="rnnext")
    axes.set_xscale("log")
    axes.set_xlabel("times rnnext's time (to the right: slower)")
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="both", color="0.9")
    axes.spines[["top", "right"]].set_visible(False)


def draw_growth(
    curves: dict[str, dict[str, list[tuple[int, float]]]], title: str, file: Path
) -> None:
    """Time against each size.

    Args:
        curves: Size (B, T, D or H) -> cell -> points (its value, seconds).
        title: Of the figure.
        file: PNG to write.
    """
    figure, panels = pyplot.subplots(1, len(curves), figsize=(4.2 * len(curves), 3.8))
    for axes, (size, by_cell) in zip(panels, curves.items(), strict=True):
        for cell, points in by_cell.items():
            values, seconds = zip(*points, strict=True)
            milliseconds = [time * 1e3 for time in seconds]
            axes.plot(values, milliseconds, marker="o", markersize=4, label=cell)
        axes.set(xlabel=size, ylabel="ms a call", xlim=(0, None), ylim=(0, None))
        axes.grid(color="0.9")
    panels[0].legend(frameon=False)
    figure.suptitle(title)
    figure.tight_layout()
    figure.savefig(file, dpi=130)
    pyplot.close(figure)


def draw_history(report: dict[str, Any], file: Path) -> None:
    """A panel for each call: its time at every commit by that of the newest."""
    commits = [commit for commit in report["commits"] if commit["cannot_run"] is None]
    labels = [f"{commit['date'][5:]} {commit['hash'][:7]}" for commit in commits]
    columns = 3
    rows = -(-len(report["times"]) // columns)
    figure, panels = pyplot.subplots(
        rows,
        columns,
        figsize=(13, 2.5 * rows + 1),
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    for axes in panels.flat[len(report["times"]) :]:
        axes.set_visible(False)
    for axes, (name, times) in zip(panels.flat, report["times"].items(), strict=False):
        points = [
            (i, seconds / times[-1]) for i, seconds in enumerate(times) if seconds is not None
        ]
        axes.plot(*zip(*points, strict=True), marker="o", markersize=4)
        axes.axhline(1.0, color="0.6", linewidth=0.8)
        axes.set_title(f"{name}: {format_seconds(times[-1])}", fontsize=10)
        axes.set_ylim(0, 1.15 * max(value for _, value in points))
        axes.grid(color="0.9")
        axes.set_xticks(range(len(labels)), labels, rotation=90, fontsize=8)
    machine = report["machine"]
    figure.suptitle(
        f"Time of one call, the newest commit's = 1 (one thread, {machine['processor']}, "
        f"{machine['date'][:10]})"
    )
    figure.savefig(file, dpi=110)
    pyplot.close(figure)
