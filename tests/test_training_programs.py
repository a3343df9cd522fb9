"""Programs that train, as people write them, in Keras and in rnnext: the same numbers.

There is at least one program for each group of features that real programs need. A program is given
the library in place of `tensorflow.keras`. What both would draw at random, initial weights and
dropout, is taken from Keras or left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_reference import load_keras
from numpy.typing import NDArray

import rnnext.keras

keras = load_keras()

Array = NDArray[Any]
Results = dict[str, Any]
Program = Callable[[Any, Callable[[Any], None], Path], Results]

# Keras warns of batches that shuffle=True cannot shuffle.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def series(n: int = 60) -> Array:
    t = np.arange(n)
    return np.asarray(np.sin(t / 3) + 0.3 * np.sin(t / 7) + 0.05 * rng().standard_normal(n))


def windows(length: int = 8) -> tuple[Array, Array]:
    s = series().astype("float32")
    x = np.stack([s[i : i + length] for i in range(len(s) - length)])
    return x[..., None], s[length:, None]


PROGRAMS: list[Program] = []


def program(function: Program) -> Program:
    PROGRAMS.append(function)
    return function


FIT: Results = {"shuffle": False, "verbose": 0}


@program
def forecast_of_a_series(k: Any, start: Callable[[Any], None], _: Path) -> Results:
    x, y = windows()
    model = k.Sequential()
    model.add(k.layers.Input((8, 1)))
    model.add(k.layers.LSTM(12, activation="relu", return_sequences=True))
    model.add(k.layers.Bidirectional(k.layers.LSTM(6)))
    model.add(k.layers.Dense(1))
    start(model)
    model.compile(optimizer="adam", loss="mean_squared_error", metrics=["mae", "mse"])
    history = model.fit(x, y, epochs=4, batch_size=16, validation_split=0.2, **FIT)
    return {**history.history, "evaluated": model.evaluate(x, y, verbose=0),
            "predicted": model.predict(x, verbose=0)}  # fmt: skip


@program
def stop_early_and_keep_the_best(k: Any, start: Callable[[Any], None], folder: Path) -> Results:
    x, y = windows()
    model = k.Sequential([k.layers.Input((8, 1)), k.layers.GRU(8), k.layers.Dense(1)])
    start(model)
    model.compile(k.optimizers.RMSprop(learning_rate=0.05), "mae")
    callbacks = [
        k.callbacks.EarlyStopping(monitor="val_loss", patience=2, restore_best_weights=True),
        k.callbacks.ModelCheckpoint(str(folder / "best.keras"), save_best_only=True),
        k.callbacks.ModelCheckpoint(
            str(folder / "{epoch:02d}-{val_loss:.3f}.weights.h5"), save_weights_only=True
        ),
        k.callbacks.ReduceLROnPlateau(factor=0.5, patience=1),
        k.callbacks.CSVLogger(str(folder / "log.csv")),
    ]
    history = model.fit(
        x[:40], y[:40], validation_data=(x[40:], y[40:]), epochs=9, callbacks=callbacks, **FIT
    )
    best = k.models.load_model(str(folder / "best.keras"))
    return {**history.history, "best": best.predict(x, verbose=0),
            "files": sorted(path.name for path in folder.iterdir()),
            "columns": (folder / "log.csv").read_text().splitlines()[0]}  # fmt: skip


@program
def sentiment_of_reviews(k: Any, start: Callable[[Any], None], _: Path) -> Results:
    lengths = rng().integers(3, 12, 40)
    reviews = [rng(i).integers(1, 30, n).tolist() for i, n in enumerate(lengths)]
    labels = np.array([int(sum(review) % 2) for review in reviews])
    x = k.preprocessing.sequence.pad_sequences(reviews, maxlen=10)
    model = k.Sequential(
        [
            k.layers.Input((10,)),
            k.layers.Embedding(30, 8, mask_zero=True),
            k.layers.Bidirectional(k.layers.LSTM(6)),
            k.layers.Dense(8, activation="relu"),
            k.layers.Dense(1, activation="sigmoid"),
        ]
    )
    start(model)
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    history = model.fit(
        x,
        labels,
        batch_size=8,
        epochs=3,
        validation_split=0.25,
        class_weight={0: 1.0, 1: 3.0},
        **FIT,
    )
    return {**history.history, "classes": (model.predict(x, verbose=0) > 0.5).astype(int)}


@program
def characters_of_a_text(k: Any, start: Callable[[Any], None], _: Path) -> Results:
    text = "the quick brown fox jumps over the lazy dog and runs away again "
    letters = sorted(set(text))
    ids = np.array([letters.index(c) for c in text])
    x = np.eye(len(letters), dtype="float32")[np.stack([ids[i : i + 6] for i in range(50)])]
    y = k.utils.to_categorical(ids[6:56], len(letters))
    model = k.Sequential(
        [k.layers.Input(x.shape[1:]), k.layers.LSTM(16), k.layers.Dense(len(letters), "softmax")]
    )
    start(model)
    schedule = k.optimizers.schedules.ExponentialDecay(0.02, decay_steps=5, decay_rate=0.9)
    model.compile(
        k.optimizers.Adam(schedule, clipnorm=1.0), "categorical_crossentropy", metrics=["acc"]
    )
    history = model.fit(x, y, batch_size=10, epochs=3, **FIT)
    generated = list(ids[:6])
    for _step in range(8):
        window = np.eye(len(letters), dtype="float32")[np.array(generated[-6:])][None]
        generated.append(int(model.predict(window, verbose=0)[0].argmax()))
    return {**history.history, "generated": generated}


@program
def translation_with_states(k: Any, start: Callable[[Any], None], _: Path) -> Results:
    source = rng(1).standard_normal((24, 5, 6)).astype("float32")
    target = rng(2).integers(0, 7, (24, 4))
    encoder = k.layers.Input((None, 6), name="encoder")
    _out, h, c = k.layers.LSTM(8, return_state=True)(encoder)
    decoder = k.layers.Input((None,), name="decoder", dtype="int32")
    embedded = k.layers.Embedding(7, 5)(decoder)
    sequence = k.layers.LSTM(8, return_sequences=True)(embedded, initial_state=[h, c])
    output = k.layers.Dense(7, activation="softmax")(sequence)
    model = k.Model([encoder, decoder], output)
    start(model)
    model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
    shifted = np.pad(target, ((0, 0), (1, 0)))[:, :-1]
    history = model.fit([source, shifted], target, batch_size=8, epochs=3, **FIT)
    return {**history.history, "predicted": model.predict([source, shifted], verbose=0)}


@program
def weather_from_generators(k: Any, start: Callable[[Any], None], _: Path) -> Results:
    x, y = windows()

    class Batches(k.utils.Sequence):  # type: ignore[misc, name-defined]
        def __len__(self) -> int:
            return 4

        def __getitem__(self, index: int) -> tuple[Array, Array]:
            rows = slice(8 * index, 8 * index + 8)
            return x[rows], y[rows]

    def generator() -> Iterator[tuple[Array, Array]]:
        while True:
            for i in range(0, 40, 10):
                yield x[i : i + 10], y[i : i + 10]

    model = k.Sequential([k.layers.Input((8, 1)), k.layers.GRU(6), k.layers.Dense(1)])
    start(model)
    model.compile(k.optimizers.SGD(0.05, momentum=0.9, nesterov=True), "mse")
    first = model.fit(Batches(), epochs=2, **FIT).history
    second = model.fit(
        generator(),
        steps_per_epoch=3,
        epochs=2,
        validation_data=generator(),
        validation_steps=2,
        **FIT,
    ).history
    alone = [model.train_on_batch(x[:5], y[:5]), model.test_on_batch(x[:5], y[:5])]
    return {"first": first["loss"], "second": second["loss"], "validated": second["val_loss"],
            "alone": alone}  # fmt: skip


@program
def anomalies_of_sensors(k: Any, start: Callable[[Any], None], _: Path) -> Results:
    x = rng(3).standard_normal((30, 6, 3)).astype("float32")
    model = k.Sequential(
        [
            k.layers.Input((6, 3)),
            k.layers.Conv1D(6, 3, padding="causal", activation="relu"),
            k.layers.MaxPooling1D(2),
            k.layers.LSTM(8),
            k.layers.Dropout(0.0),
            k.layers.RepeatVector(6),
            k.layers.LSTM(8, return_sequences=True),
            k.layers.LayerNormalization(),
            k.layers.TimeDistributed(k.layers.Dense(3)),
        ]
    )
    start(model)
    model.compile("adam", k.losses.Huber())
    history = model.fit(x, x, epochs=3, batch_size=10, validation_split=0.1, **FIT)
    errors = np.mean(np.abs(model.predict(x, verbose=0) - x), axis=(1, 2))
    return {**history.history, "errors": errors}


@program
def two_inputs_and_two_outputs(k: Any, start: Callable[[Any], None], _: Path) -> Results:
    x, y = windows()
    static = rng(4).standard_normal((len(x), 2)).astype("float32")
    up = (y[:, 0] > x[:, -1, 0]).astype("float32")
    sequence, other = k.layers.Input((8, 1), name="sequence"), k.layers.Input((2,), name="static")
    h = k.layers.LSTM(6, kernel_regularizer=k.regularizers.L2(0.01))(sequence)
    h = k.layers.Concatenate()([h, k.layers.Dense(3, activation="tanh")(other)])
    value = k.layers.Dense(1, name="value", kernel_constraint="max_norm")(h)
    rises = k.layers.Dense(1, activation="sigmoid", name="rises")(h)
    model = k.Model({"sequence": sequence, "static": other}, [value, rises])
    start(model)
    model.compile(
        k.optimizers.AdamW(0.01, weight_decay=0.01, use_ema=True, ema_momentum=0.9),
        loss={"value": "mse", "rises": "binary_crossentropy"},
        loss_weights={"value": 1.0, "rises": 0.3},
        metrics={"value": [k.metrics.RootMeanSquaredError()], "rises": ["AUC", k.metrics.Recall()]},
    )
    weight = np.linspace(0.5, 1.5, len(x))
    history = model.fit(
        {"sequence": x, "static": static},
        [y, up[:, None]],
        sample_weight=[weight, weight],
        batch_size=13,
        epochs=3,
        **FIT,
    )
    return {name: np.array(values) for name, values in history.history.items()}


@program
def a_stateful_forecast(k: Any, start: Callable[[Any], None], _: Path) -> Results:
    x, y = windows()
    x, y = x[:50], y[:50]
    layers = [k.layers.Input(batch_shape=(10, 8, 1)), k.layers.LSTM(6, stateful=True)]
    model = k.Sequential([*layers, k.layers.Dense(1)])
    start(model)
    model.compile("nadam", "log_cosh")
    losses = []
    for _epoch in range(3):
        losses += model.fit(x, y, epochs=1, batch_size=10, **FIT).history["loss"]
        model.layers[0].reset_states()
    return {"losses": losses, "predicted": model.predict(x, batch_size=10, verbose=0)}


@program
def fine_tuning_with_frozen_layers(k: Any, start: Callable[[Any], None], folder: Path) -> Results:
    x, y = windows()
    layers = [k.layers.LSTM(6, return_sequences=True, name="base"), k.layers.BatchNormalization()]
    model = k.Sequential([k.layers.Input((8, 1)), *layers, k.layers.GRU(4), k.layers.Dense(1)])
    start(model)
    model.compile(k.optimizers.Adagrad(0.1), "mse")
    before = model.fit(x, y, epochs=2, batch_size=26, **FIT).history["loss"]
    model.save(folder / "model.keras")
    model = k.models.load_model(folder / "model.keras")
    model.get_layer("base").trainable = False
    model.compile(k.optimizers.Adam(0.01, gradient_accumulation_steps=2), "mse")
    kept = model.get_layer("base").get_weights()[0].copy()
    after = model.fit(x, y, epochs=2, batch_size=26, **FIT).history["loss"]
    return {"before": before, "after": after,
            "frozen": np.array_equal(kept, model.get_layer("base").get_weights()[0])}  # fmt: skip


@program
def own_callbacks_metrics_and_losses(k: Any, start: Callable[[Any], None], _: Path) -> Results:
    x, y = windows()
    seen: list[Any] = []

    class Notes(k.callbacks.Callback):  # type: ignore[misc, name-defined]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            seen.append((epoch, sorted(logs)))
            if epoch == 2:
                self.model.stop_training = True

    class Share(k.metrics.Metric):  # type: ignore[misc, name-defined]
        def __init__(self, name: str = "share") -> None:
            super().__init__(name=name)
            self.total = self.add_weight(name="total", initializer="zeros")
            self.count = self.add_weight(name="count", initializer="zeros")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # noqa: ARG002
            near = k.ops.cast(k.ops.abs(y_true - y_pred) < 0.3, "float32")
            self.total.assign_add(k.ops.sum(near))
            self.count.assign_add(k.ops.sum(k.ops.ones_like(near)))

        def result(self) -> Any:
            return self.total / self.count

    def quantile(y_true: Any, y_pred: Any) -> Any:
        error = y_true - y_pred
        return k.ops.mean(k.ops.maximum(0.8 * error, -0.2 * error), axis=-1)

    inputs = k.layers.Input((8, 1))
    h = k.layers.Lambda(lambda t: 2.0 * t - 0.5, output_shape=(8, 1))(inputs)
    h = k.layers.SimpleRNN(6)(h)
    model = k.Model(inputs, k.layers.Dense(1)(h))
    start(model)
    model.compile("adamax", quantile, metrics=[Share(), quantile])
    callbacks = [
        Notes(),
        k.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5 if epoch else rate),
        k.callbacks.LambdaCallback(on_train_begin=lambda logs=None: seen.append("begins")),  # noqa: ARG005
        k.callbacks.TerminateOnNaN(),
    ]
    history = model.fit(x, y, epochs=9, batch_size=13, callbacks=callbacks, **FIT)
    return {**history.history, "seen": seen, "rate": float(model.optimizer.learning_rate)}


@program
def attention_over_time(k: Any, start: Callable[[Any], None], _: Path) -> Results:
    x, y = windows()
    inputs = k.layers.Input((8, 1))
    sequence, h, _c = k.layers.LSTM(6, return_sequences=True, return_state=True)(inputs)
    context = k.layers.Attention()([k.layers.Reshape((1, 6))(h), sequence])
    heads = k.layers.MultiHeadAttention(2, 4)(sequence, sequence)
    h = k.layers.Concatenate()(
        [k.layers.Flatten()(context), k.layers.GlobalAveragePooling1D()(heads)]
    )
    model = k.Model(inputs, k.layers.Dense(1)(h))
    start(model)
    model.compile(k.optimizers.SGD(0.1, clipvalue=0.5), "mse", metrics=["R2Score"])
    return dict(model.fit(x, y, epochs=3, batch_size=13, **FIT).history)


@program
def a_model_of_ones_own(k: Any, start: Callable[[Any], None], _: Path) -> Results:
    x, y = windows()

    class Forecaster(k.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.encoder = k.layers.GRU(6, return_sequences=True)
            self.decoder = k.layers.GRU(4)
            self.head = k.layers.Dense(1)

        def call(self, inputs: Any) -> Any:
            h = self.encoder(inputs)
            return self.head(k.ops.tanh(self.decoder(h)) + 1.0)

    model = Forecaster()
    model(x[:1])
    start(model)
    model.compile("adadelta", "mse")
    history = model.fit(x, y, epochs=3, batch_size=13, validation_data=(x, y), **FIT)
    return dict(history.history)


def compared(received: Any, expected: Any, name: str) -> None:
    if isinstance(expected, dict):
        assert list(received) == list(expected), name
        for key in expected:
            compared(received[key], expected[key], f"{name}: {key}")
    elif isinstance(expected, (str, tuple)) or (
        not np.issubdtype(np.asarray(expected, dtype=object).dtype, np.number)
        and any(isinstance(item, (str, tuple)) for item in np.asarray(expected, dtype=object).flat)
    ):
        assert received == expected, name
    else:
        np.testing.assert_allclose(received, expected, rtol=2e-4, atol=2e-5, err_msg=name)


@pytest.mark.parametrize("run", PROGRAMS, ids=lambda run: run.__name__)
def test_program(run: Program, tmp_path: Path) -> None:
    started: list[list[Array]] = []

    def keep(model: Any) -> None:
        started.append(model.get_weights())

    def take(model: Any) -> None:
        model.set_weights(started[0])

    results = []
    for library, start in ((keras, keep), (rnnext.keras, take)):
        library.utils.clear_session()
        folder = tmp_path / library.__name__
        folder.mkdir()
        results.append(run(library, start, folder))
    expected, received = results
    compared(received, expected, run.__name__)
