"""A Matplotlib figure that pyplot does not keep in its list of open figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rnnext.errors import FileError
from rnnext.packages import load_package

__all__ = ["check_ending", "new_figure"]


def new_figure(purpose: str, size: tuple[float, float]) -> Any:
    """Makes a figure without pyplot: no backend is chosen and no window opens.

    A notebook shows it as a result; `figure.savefig(file)` writes it.

    Args:
        purpose: What needs Matplotlib, for the message.
        size: Width and height in inches.

    Raises:
        MissingPackageError: If Matplotlib is not installed.
    """
    figures = load_package("matplotlib.figure", purpose, "'rnnext[plot]'")
    return figures.Figure(figsize=size, layout="constrained")


def check_ending(figure: Any, file: str) -> None:
    """Checks that Matplotlib writes files of this ending.

    Raises:
        FileError: If it does not; the message lists those that it writes.
    """
    known = sorted(figure.canvas.get_supported_filetypes())
    if Path(file).suffix[1:].lower() not in known:
        raise FileError(f"{file}: cannot tell the format; known: .{', .'.join(known)}.")
