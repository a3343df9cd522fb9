"""Trains the model of `rnnext demo` with TensorFlow and records TensorFlow's answers.

Series: yearly sunspot numbers 1700-2008, National Geophysical Data Center, public domain, from
statsmodels.datasets.sunspots. The network sees 33 years and forecasts the next. It is fitted on
the years up to 1948, the number of epochs is chosen on 1949-1978, and 1979-2008 are held out: they
decide nothing and are what the figures below are about.

    python3 -m pip install '.[examples]'
    python3 examples/train_sunspots.py

The seed is fixed and TensorFlow is told to be deterministic, so a machine repeats itself; another
processor rounds differently and ends near the same place. About one minute.
"""

from __future__ import annotations

import hashlib
import importlib.metadata

import keras
import numpy as np
import tensorflow as tf
from statsmodels.datasets import sunspots

from rnnext import demo

SEED = 2
AUTOREGRESSION_ORDER = 9


def write_series() -> None:
    table = sunspots.load_pandas().data
    lines = [
        f"{int(year)},{number:g}"
        for year, number in zip(table.YEAR, table.SUNACTIVITY, strict=True)
    ]
    demo.SERIES_FILE.write_text("\n".join(["year,sunspots", *lines]) + "\n", encoding="utf-8")


def build() -> keras.Sequential:
    return keras.Sequential(
        [
            keras.layers.Input((demo.WINDOW, 1), name="past_years"),
            keras.layers.LSTM(24, return_sequences=True, name="lstm"),
            keras.layers.GRU(16, name="gru"),
            keras.layers.Dense(1, name="next_year"),
        ],
        name="sunspots",
    )


def train(x: np.ndarray, y: np.ndarray, years: np.ndarray) -> keras.Sequential:
    fit = years <= demo.LAST_FIT_YEAR
    choose = ~fit & (years < demo.FIRST_HELD_OUT_YEAR)
    model = build()
    model.compile(keras.optimizers.Adam(3e-3), "mse")
    best = keras.callbacks.EarlyStopping(patience=60, restore_best_weights=True)
    model.fit(
        x[fit],
        y[fit],
        validation_data=(x[choose], y[choose]),
        epochs=400,
        batch_size=32,
        verbose=2,
        callbacks=[best],
    )
    # Saved uncompiled: the optimiser's state would be two thirds of the file.
    bare = build()
    bare.set_weights(model.get_weights())
    return bare


def autoregression(numbers: np.ndarray, years: np.ndarray) -> np.ndarray:
    """One-year forecasts of the statistician's classic, by least squares on the same years."""
    scaled = demo.to_network(numbers)
    past = np.lib.stride_tricks.sliding_window_view(scaled[:-1], AUTOREGRESSION_ORDER)
    design = np.column_stack([past, np.ones(len(past))])
    target = scaled[AUTOREGRESSION_ORDER:]
    fit = years[AUTOREGRESSION_ORDER:] <= demo.LAST_FIT_YEAR
    coefficients = np.linalg.lstsq(design[fit], target[fit], rcond=None)[0]
    return demo.from_network(design @ coefficients)


def main() -> None:
    keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    write_series()
    years, numbers = demo.series()
    x, forecast_years = demo.windows(years, numbers)
    truth = numbers[demo.WINDOW :]
    model = train(x, demo.to_network(truth).astype(np.float32), forecast_years)
    model.save(demo.MODEL_FILE)

    held_out = forecast_years >= demo.FIRST_HELD_OUT_YEAR
    outputs = model.predict(x[held_out], verbose=0)[:, 0]
    demo.write_answers(
        demo.Answers(
            years=forecast_years[held_out],
            outputs=outputs,
            tensorflow=tf.__version__,
            keras=importlib.metadata.version("keras"),
            model_sha256=hashlib.sha256(demo.MODEL_FILE.read_bytes()).hexdigest(),
        )
    )

    n = int(held_out.sum())
    forecasts = {
        "this network": demo.from_network(outputs),
        "last year's value": numbers[-n - 1 : -1],
        "value of 11 years before": numbers[-n - 11 : -11],
        f"autoregression of order {AUTOREGRESSION_ORDER}": autoregression(numbers, years)[-n:],
    }
    print(f"root mean square error on {demo.FIRST_HELD_OUT_YEAR}-{years[-1]}, sunspot numbers:")
    for name, forecast in forecasts.items():
        print(f"  {name:30}{demo.root_mean_square(forecast - truth[held_out]):6.1f}")


if __name__ == "__main__":
    main()
