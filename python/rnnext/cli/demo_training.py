"""`rnnext demo --train`: the bundled network trained again from its series, beside the bundled one.

The course is that of `examples/train_sunspots.py`: fitted on the years up to `LAST_FIT_YEAR`, the
number of epochs chosen on those before `FIRST_HELD_OUT_YEAR`, judged on the rest.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

import rnnext
from rnnext import demo
from rnnext.callbacks import Callback, EarlyStopping

SEED = 2
EPOCHS = 400
_BAR = 40  # characters
_EVERY = 20  # epochs


class LossBars(Callback):
    """Prints a line now and then: the losses, and a bar as long as the validation loss."""

    def __init__(self) -> None:
        super().__init__()
        self._first = 0.0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Prints the first epoch and each twentieth."""
        if epoch and (epoch + 1) % _EVERY:
            return
        loss, chosen_by = logs["loss"], logs["val_loss"]
        self._first = self._first or chosen_by
        bar = "#" * max(1, min(_BAR, round(_BAR * chosen_by / self._first)))
        print(f"{epoch + 1:5}  {loss:8.5f}  {chosen_by:8.5f}  {bar}")


def train_and_compare(tensorflow: str) -> None:
    """Trains, shows how the loss falls, and compares the forecasts' errors.

    Args:
        tensorflow: Version of TensorFlow that trained the bundled network.
    """
    years, numbers = demo.series()
    x, forecast_years = demo.windows(years, numbers)
    y = demo.to_network(numbers[demo.WINDOW :]).astype(np.float32)
    fit = forecast_years <= demo.LAST_FIT_YEAR
    held_out = forecast_years >= demo.FIRST_HELD_OUT_YEAR
    chosen_by = ~fit & ~held_out

    bundled = rnnext.load_model(demo.MODEL_FILE)
    rnnext.set_random_seed(SEED)
    model = rnnext.Sequential.from_config(bundled.get_config())  # with new weights
    model.compile(rnnext.optimizers.Adam(3e-3), "mse")
    print(
        f"Training the network again on {fit.sum()} years up to {demo.LAST_FIT_YEAR}; the years "
        f"from {demo.LAST_FIT_YEAR + 1} to {demo.FIRST_HELD_OUT_YEAR - 1} choose when to stop.\n\n"
        "epoch      loss  val_loss"
    )
    start = time.perf_counter()
    history = model.fit(
        x[fit],
        y[fit],
        validation_data=(x[chosen_by], y[chosen_by]),
        epochs=EPOCHS,
        batch_size=32,
        verbose=0,
        callbacks=[EarlyStopping(patience=60, restore_best_weights=True), LossBars()],
    )
    seconds = time.perf_counter() - start
    validation = history.history["val_loss"]
    print(
        f"\n{len(validation)} epochs in {seconds:.1f} s; the weights are those of epoch "
        f"{int(np.argmin(validation)) + 1}\n"
    )
    observed = numbers[demo.WINDOW :][held_out]
    forecasts = {
        "trained here": demo.from_network(model.predict(x[held_out])[:, 0]),
        f"bundled (TensorFlow {tensorflow})": demo.from_network(bundled.predict(x[held_out])[:, 0]),
        "same as last year": numbers[demo.WINDOW - 1 : -1][held_out],
    }
    print(f"root mean square error on {demo.FIRST_HELD_OUT_YEAR}-{years[-1]}, sunspot numbers:")
    for name, forecast in forecasts.items():
        print(f"  {name:30}{demo.root_mean_square(forecast - observed):6.1f}")
    print()
