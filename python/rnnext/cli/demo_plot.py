"""The picture of `rnnext demo --plot`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rnnext import demo
from rnnext.errors import FileError
from rnnext.packages import load_package
from rnnext.saving.formats.replacement import replaced

_FIRST_YEAR_DRAWN = 1930


def load_pyplot() -> Any:
    """Matplotlib's pyplot, drawing to files only.

    Raises:
        MissingPackageError: Matplotlib is not installed.
    """
    purpose = "`rnnext demo --plot`"
    load_package("matplotlib", purpose, "matplotlib").use("agg")
    return load_package("matplotlib.pyplot", purpose, "matplotlib")


def draw(
    pyplot: Any,
    file: str,
    years: demo.Years,
    numbers: demo.Floats,
    forecast_years: demo.Years,
    outputs: demo.Floats,
) -> None:
    """Draws the series and the held-out forecasts.

    Args:
        pyplot: From `load_pyplot`.
        file: Path to write; its ending is the format.
        years: (N,) of the series.
        numbers: (N,) sunspot numbers.
        forecast_years: (M,).
        outputs: (M,) the network's outputs for them.

    Raises:
        FileError: Matplotlib writes no files of this ending.
        OSError: The file cannot be written.
    """
    _check_ending(pyplot, file)
    shown = years >= _FIRST_YEAR_DRAWN
    forecast = demo.from_network(outputs)
    truth = numbers[-len(forecast) :]
    error = demo.root_mean_square(forecast - truth)
    figure, axes = pyplot.subplots(figsize=(10, 4.5), layout="constrained")
    axes.axvspan(forecast_years[0] - 0.5, forecast_years[-1] + 0.5, color="0.93")
    axes.plot(years[shown], numbers[shown], color="0.35", linewidth=1.5, label="observed")
    axes.plot(
        forecast_years,
        forecast,
        color="tab:red",
        marker="o",
        markersize=4,
        linewidth=1.2,
        label="forecast one year ahead",
    )
    axes.text(
        forecast_years[0] + 0.3,
        0.985,
        f"never seen in training\nroot mean square error {error:.1f}",
        transform=axes.get_xaxis_transform(),
        verticalalignment="top",
        color="0.3",
    )
    axes.set(
        title="Yearly sunspot numbers and the forecasts of rnnext's bundled LSTM-GRU network",
        xlabel="year",
        ylabel="sunspot number",
        xlim=(_FIRST_YEAR_DRAWN - 1, years[-1] + 1),
        ylim=(0, 1.25 * numbers[shown].max()),
    )
    axes.legend(loc="upper left", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    with replaced(file) as stream:
        figure.savefig(stream, dpi=150, format=Path(file).suffix[1:])
    pyplot.close(figure)


def _check_ending(pyplot: Any, file: str) -> None:
    known = sorted(pyplot.matplotlib.backend_bases.FigureCanvasBase.get_supported_filetypes())
    if Path(file).suffix[1:] not in known:
        raise FileError(f"{file}: cannot tell the format; known: .{', .'.join(known)}.")
