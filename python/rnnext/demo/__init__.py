"""The bundled example: yearly sunspot numbers and a network that forecasts the next year.

`sunspots.csv` is the series of the National Geophysical Data Center, 1700-2008, public domain, as
the package statsmodels ships it. `sunspots.keras` was trained on it by TensorFlow
(`examples/train_sunspots.py`), and `sunspots.json` holds what TensorFlow answered for the years
it never saw in training. The training script and `rnnext demo` share the functions below, so both
see the series in the same form.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from rnnext.saving.formats.replacement import write_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.floating]
    Years: TypeAlias = NDArray[np.int64]

_FOLDER = Path(__file__).parent
SERIES_FILE = _FOLDER / "sunspots.csv"
MODEL_FILE = _FOLDER / "sunspots.keras"
ANSWERS_FILE = _FOLDER / "sunspots.json"

WINDOW = 33
"""Years the network sees before it forecasts: three solar cycles of about eleven years."""
LAST_FIT_YEAR = 1948
"""The network was fitted on the years up to this one; those after it chose the number of epochs."""
FIRST_HELD_OUT_YEAR = 1979
"""The network was fitted and chosen on the years before this one."""


@dataclass(frozen=True)
class Answers:
    """What TensorFlow answered for the held-out years when the model was trained.

    Attributes:
        years: (N,) the years forecast.
        outputs: (N,) float32, the network's outputs, in the scale of `to_network`.
        tensorflow: version of TensorFlow that answered.
        keras: version of Keras.
        model_sha256: of the model file that was asked.
    """

    years: Years
    outputs: Floats
    tensorflow: str
    keras: str
    model_sha256: str


def series() -> tuple[Years, Floats]:
    """The bundled series.

    Returns:
        years: (309,) int64, and sunspot numbers: (309,) float64.

    >>> years, numbers = series()
    >>> int(years[0]), float(numbers[0])
    (1700, 5.0)
    """
    with SERIES_FILE.open(newline="", encoding="utf-8") as file:
        rows = [(int(row["year"]), float(row["sunspots"])) for row in csv.DictReader(file)]
    return np.array([year for year, _ in rows]), np.array([number for _, number in rows])


def to_network(numbers: Floats) -> Floats:
    """Sunspot numbers to the network's scale: the square root steadies their variance.

    >>> to_network(np.array([0.0, 144.0])).tolist()
    [0.0, 1.2]
    """
    return np.sqrt(numbers) / 10.0


def from_network(outputs: Floats) -> Floats:
    """Inverse of `to_network`; an output below zero means no sunspots.

    >>> np.round(from_network(np.array([1.2, -0.1])), 9).tolist()
    [144.0, 0.0]
    """
    return np.square(10.0 * np.maximum(outputs, 0.0))


def windows(years: Years, numbers: Floats) -> tuple[Floats, Years]:
    """Cuts the series into the network's inputs.

    Args:
        years: (N,) consecutive years.
        numbers: (N,) their sunspot numbers.

    Returns:
        x: (N - WINDOW, WINDOW, 1) float32, row i the WINDOW years before `forecast_years[i]`;
        forecast_years: (N - WINDOW,).
    """
    scaled = to_network(numbers).astype(np.float32)
    x = np.lib.stride_tricks.sliding_window_view(scaled[:-1], WINDOW)
    return np.ascontiguousarray(x)[..., np.newaxis], years[WINDOW:]


def read_answers() -> Answers:
    """TensorFlow's recorded answers."""
    record = json.loads(ANSWERS_FILE.read_text(encoding="utf-8"))
    return Answers(
        years=np.array(record["years"]),
        outputs=np.array(record["outputs"], dtype=np.float32),
        tensorflow=record["tensorflow"],
        keras=record["keras"],
        model_sha256=record["model_sha256"],
    )


def write_answers(answers: Answers) -> None:
    """Records TensorFlow's answers; the training script does this.

    The shortest decimal of a float32 brings the same float32 back, so nothing is lost in JSON.
    """
    record = {
        "tensorflow": answers.tensorflow,
        "keras": answers.keras,
        "model_sha256": answers.model_sha256,
        "years": answers.years.tolist(),
        "outputs": [float(str(output)) for output in answers.outputs],
    }
    write_file(ANSWERS_FILE, f"{json.dumps(record, indent=1)}\n".encode())


def root_mean_square(errors: Floats) -> float:
    """Root of the mean square of `errors`.

    >>> root_mean_square(np.array([3.0, -4.0, 0.0, 0.0]))
    2.5
    """
    return float(np.sqrt(np.mean(np.square(errors))))
