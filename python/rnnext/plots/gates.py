"""The picture of a recurrent layer's gates and states: units down, steps across."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.errors import ShapeError
from rnnext.plots.figure import new_figure

__all__ = ["plot_gates"]

_MEANINGS = {
    "i": "input gate",
    "f": "forget gate",
    "o": "output gate",
    "z": "update gate",
    "r": "reset gate",
    "g": "candidate",
    "c": "cell state",
    "h": "hidden state",
    "output": "output",
}
# Gates run from closed to open; what has a sign is drawn around zero.
_GATES = frozenset("ifozr")
_INCHES = {"row": 1.15, "column": 6.5, "step": 0.11, "margin": 0.9}
_LABELLED_STEPS = 20  # every step has its number up to here


def plot_gates(columns: Sequence[tuple[str, Any]], sample: int) -> Any:
    """Draws traces side by side; see `Trace.plot`.

    Args:
        columns: A title and a trace for each column.
        sample: Which sample of the batch.

    Returns:
        A Matplotlib figure.

    Raises:
        MissingPackageError: If Matplotlib is not installed.
        ShapeError: If there is no such sample.
    """
    trace = columns[0][1]
    samples, steps = next(iter(trace.values())).shape[:2]
    if not -samples <= sample < samples:
        raise ShapeError(
            f"{trace.label}: sample={sample} of a trace of {samples}; accepted are 0 to "
            f"{samples - 1}."
        )
    rows = max(len(each) for _, each in columns)
    width = max(_INCHES["column"], min(14.0, _INCHES["margin"] + steps * _INCHES["step"]))
    size = (width * min(len(columns), 2), _INCHES["margin"] + rows * _INCHES["row"])
    figure = new_figure("plot()", size)
    grid = figure.subplots(rows, len(columns), squeeze=False, sharex="col")
    for column, (title, each) in enumerate(columns):
        _draw_column(figure, grid[:, column], title, each, sample)
    return figure


def _draw_column(figure: Any, axes: Any, title: str, trace: Any, sample: int) -> None:
    for axis, (name, values) in zip(axes, trace.items(), strict=False):
        picture = _draw(axis, name, values[sample].reshape(len(values[sample]), -1).T)
        figure.colorbar(picture, ax=axis, pad=0.01, aspect=8)
        if trace.mask is not None:
            _hatch(axis, trace.mask[sample])
    for axis in axes[len(trace) :]:
        axis.set_visible(False)
    axes[0].set_title(title, loc="left", fontsize=10)
    last = axes[len(trace) - 1]
    last.set_xlabel("step, in the order in which they are taken")
    last.tick_params(labelbottom=True)
    if len(trace.steps) <= _LABELLED_STEPS:
        last.set_xticks(range(len(trace.steps)), [str(step) for step in trace.steps])
        last.set_xlabel("step of the input")


def _draw(axis: Any, name: str, values: NDArray[Any]) -> Any:
    """One array, (units, steps)."""
    if name in _GATES:
        limits = {"cmap": "Blues", "vmin": 0.0, "vmax": 1.0}
    else:
        finite = np.abs(values[np.isfinite(values)])
        most = float(finite.max()) if finite.size else 1.0
        limits = {"cmap": "RdBu_r", "vmin": -(most or 1.0), "vmax": most or 1.0}
    picture = axis.imshow(values, aspect="auto", interpolation="nearest", origin="upper", **limits)
    label = _MEANINGS.get(name, "state")
    axis.set_ylabel(f"{name}\n{label}", rotation=0, ha="right", va="center", fontsize=9)
    axis.set_yticks([0, len(values) - 1] if len(values) > 1 else [0])
    axis.tick_params(labelsize=8)
    return picture


def _hatch(axis: Any, mask: NDArray[Any]) -> None:
    """Marks masked steps."""
    for step in np.flatnonzero(~mask):
        axis.axvspan(
            step - 0.5, step + 0.5, facecolor="0.92", edgecolor="0.6", hatch="////", linewidth=0
        )
