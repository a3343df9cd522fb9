"""The picture of a course of training: losses and metrics against epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnnext.errors import DataError
from rnnext.plots.figure import new_figure

__all__ = ["plot_history"]

_VALIDATION = "val_"


def plot_history(epochs: Sequence[int], values: Mapping[str, Sequence[Any]]) -> Any:
    """Draws each loss and metric, training and validation together.

    Args:
        epochs: The epochs.
        values: A list of numbers for each name; `val_loss` belongs to `loss`.

    Returns:
        A Matplotlib figure.

    Raises:
        DataError: If there are no values yet.
        MissingPackageError: If Matplotlib is not installed.
    """
    names = [name for name in values if not name.startswith(_VALIDATION)]
    names += [n for n in values if n.startswith(_VALIDATION) and n[len(_VALIDATION) :] not in names]
    if not names:
        raise DataError("history.plot(): there is no epoch to draw; call it after fit().")
    figure = new_figure(
        "history.plot()", (1.5 + 4.0 * min(len(names), 3), 3.4 * -(-len(names) // 3))
    )
    rows = -(-len(names) // 3)
    axes = figure.subplots(rows, min(len(names), 3), squeeze=False, sharex=True)
    for axis, name in zip(axes.flat, names, strict=False):
        _draw(axis, epochs, name, values)
    for axis in axes.flat[len(names) :]:
        axis.set_visible(False)
    return figure


def _draw(axis: Any, epochs: Sequence[int], name: str, values: Mapping[str, Sequence[Any]]) -> None:
    lines = [(name, "training", "tab:blue"), (_VALIDATION + name, "validation", "tab:orange")]
    for key, label, color in lines:
        numbers = values.get(key)
        if numbers is None or not all(np.ndim(number) == 0 for number in numbers):
            continue
        # A run that was continued has more values than this run's epochs.
        x = np.arange(1, len(numbers) + 1) if len(numbers) != len(epochs) else np.add(epochs, 1)
        axis.plot(x, numbers, color=color, label=label, marker="." if len(numbers) < 30 else None)
    axis.set(title=name, xlabel="epoch")
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False)
