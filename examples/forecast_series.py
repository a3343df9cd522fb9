"""The stock program: forecast a series with an LSTM, from windows to a stream, without TensorFlow.

The lines are those of any Keras tutorial, with `rnnext` in place of `tensorflow`. The series is
that of `rnnext demo`: yearly sunspot numbers, 1700-2008. It takes a few seconds.

    python3 examples/forecast_series.py                # files go to a temporary folder
    python3 examples/forecast_series.py some/folder    # or here
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from rnnext import demo
from rnnext.keras.callbacks import EarlyStopping
from rnnext.keras.layers import LSTM, Dense, Dropout, Input
from rnnext.keras.models import Sequential, load_model
from rnnext.keras.utils import set_random_seed

WINDOW = 24
TEST_YEARS = 40


def windows(series: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (N, WINDOW, 1), and the value after each, (N, 1)."""
    x = np.array([series[i : i + WINDOW] for i in range(len(series) - WINDOW)], "float32")
    return x[..., np.newaxis], series[WINDOW:, np.newaxis].astype("float32")


def plot(history: dict[str, list[float]], forecasts: dict[str, np.ndarray], path: Path) -> None:
    """Draws the losses of the epochs and the last years, if matplotlib is installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no plot: matplotlib is not installed")
        return
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    losses, years = figure.subplots(1, 2, width_ratios=(2, 3))
    losses.semilogy(history["loss"], label="training")
    losses.semilogy(history["val_loss"], label="validation")
    losses.set(xlabel="epoch", ylabel="mean squared error")
    for name, numbers in forecasts.items():
        years.plot(range(2009 - len(numbers), 2009), numbers, label=name)
    years.set(ylabel="sunspots")
    losses.legend(frameon=False)
    years.legend(frameon=False)
    figure.savefig(path, dpi=100, pil_kwargs={"optimize": True})
    print(f"drawn: {path}")


def main(folder: Path) -> float:
    """Trains, evaluates, saves and streams; returns the error on the last years."""
    set_random_seed(1)
    _, numbers = demo.series()
    series = demo.to_network(numbers)  # about 0 to 1.4
    x, y = windows(series)
    x_train, y_train = x[:-TEST_YEARS], y[:-TEST_YEARS]
    x_test, y_test = x[-TEST_YEARS:], y[-TEST_YEARS:]

    model = Sequential(
        [
            Input((WINDOW, 1)),
            LSTM(50, return_sequences=True),
            Dropout(0.1),
            LSTM(50),
            Dropout(0.1),
            Dense(1),
        ]
    )
    model.compile(optimizer="adam", loss="mean_squared_error", metrics=["mae"])
    model.summary()
    history = model.fit(
        x_train,
        y_train,
        epochs=100,
        batch_size=32,
        validation_split=0.15,
        callbacks=[EarlyStopping(patience=25, restore_best_weights=True)],
        verbose=2,
    )

    loss, mae = model.evaluate(x_test, y_test, verbose=0)
    print(f"the last {TEST_YEARS} years: mean squared error {loss:.4f}, mean absolute {mae:.4f}")
    forecast = demo.from_network(model.predict(x_test, verbose=0)[:, 0])
    observed = demo.from_network(y_test[:, 0])
    last_year = demo.from_network(x_test[:, -1, 0])
    error = demo.root_mean_square(forecast - observed)
    naive = demo.root_mean_square(last_year - observed)
    forecasts = {"observed": observed, "forecast, a year ahead": forecast}
    plot(history.history, forecasts, folder / "forecast_series.png")
    print(f"root mean square in sunspots: {error:.1f}; of 'same as last year': {naive:.1f}")

    model.save(folder / "sunspots.keras")
    served = load_model(folder / "sunspots.keras")  # Keras opens it, too
    stream = served.stream()
    for value in x_test[-1]:  # year by year, as they come
        next_year = stream.step(value)
    print(f"forecast after {WINDOW} steps of a stream: {next_year.item():.4f}")
    np.testing.assert_array_equal(next_year, model.predict(x_test[-1:], verbose=0))
    return error


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
