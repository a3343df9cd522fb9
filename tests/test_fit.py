"""Training with `fit`, `evaluate` and single batches, beside Keras on TensorFlow."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_reference import load_keras
from numpy.typing import NDArray

import rnnext
from rnnext.errors import UnsupportedError

keras = load_keras()
Array = NDArray[Any]
Build = Callable[[Any], Any]
N, T, F = 10, 5, 3


def draw(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def ids(*shape: int, high: int = 7, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, high, shape)


def bits(*shape: int, seed: int = 1) -> Array:
    return (draw(*shape, seed=seed) > 0).astype("float32")


def padded(seed: int = 0) -> Array:
    """Sequences whose last steps are zeros, at least one step being left."""
    x = draw(N, T, F, seed=seed)
    for i in range(N):
        x[i, 1 + i % T :] = 0
    return x


def twins(build: Build, compile_: Callable[[Any, Any], None] | None = None) -> tuple[Any, Any]:
    """The model of Keras and ours, with the same weights, compiled alike."""
    keras.utils.set_random_seed(0)
    theirs, ours = build(keras), build(rnnext)
    found = [w + 0.05 * draw(*w.shape, seed=i) for i, w in enumerate(theirs.get_weights())]
    names = [v.name for v in theirs.weights]
    found = [
        a if "variance" in name or "seed" in name else w
        for w, a, name in zip(found, theirs.get_weights(), names, strict=True)
    ]
    theirs.set_weights(found)
    ours.set_weights(found)
    for library, model in ((keras, theirs), (rnnext, ours)):
        if compile_ is None:
            model.compile("adam", "mse")
        else:
            compile_(library, model)
    return theirs, ours


def assert_same_logs(received: Any, expected: Any) -> None:
    assert list(received) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(received[name], values, rtol=1e-5, atol=1e-7, err_msg=name)


def assert_same_weights(ours: Any, theirs: Any) -> None:
    for received, expected, v in zip(
        ours.get_weights(), theirs.get_weights(), theirs.weights, strict=True
    ):
        np.testing.assert_allclose(received, expected, rtol=1e-5, atol=1e-6, err_msg=v.path)


def assert_fits(
    build: Build,
    x: Any,
    y: Any,
    compile_: Callable[[Any, Any], None] | None = None,
    weight: Any = None,
    **options: Any,
) -> tuple[Any, Any]:
    """Fits both, then evaluates both; returns theirs and ours."""
    theirs, ours = twins(build, compile_)
    options = {"epochs": 3, "batch_size": 4, "shuffle": False, "verbose": 0, **options}
    if weight is not None:
        options["sample_weight"] = weight
    expected = theirs.fit(x, y, **options).history
    received = ours.fit(x, y, **options).history
    assert_same_logs(received, expected)
    assert_same_weights(ours, theirs)
    again = {"verbose": 0, "batch_size": 4, "sample_weight": weight}
    np.testing.assert_allclose(
        ours.evaluate(x, y, **again), theirs.evaluate(x, y, **again), rtol=1e-5, atol=1e-7
    )
    assert_same_logs(
        ours.evaluate(x, y, return_dict=True, **again),
        theirs.evaluate(x, y, return_dict=True, **again),
    )
    for method in ("train_on_batch", "test_on_batch"):
        np.testing.assert_allclose(
            getattr(ours, method)(x, y, weight),
            np.asarray(getattr(theirs, method)(x, y, weight)),
            rtol=1e-5,
            atol=1e-7,
        )
    assert_same_weights(ours, theirs)
    return theirs, ours


def stack(*make: Callable[[Any], Any], shape: Any = (T, F), **input_options: Any) -> Build:
    """Builds a Sequential of layers, each made from a `layers` module."""

    def build(k: Any) -> Any:
        first = k.layers.Input(shape, **input_options)
        return k.models.Sequential([first, *(one(k.layers) for one in make)])

    return build


# Layers ----------------------------------------------------------------------------------------

RNNS: dict[str, Callable[..., Any]] = {
    "simple": lambda k, **o: k.SimpleRNN(4, **o),
    "lstm": lambda k, **o: k.LSTM(4, **o),
    "gru": lambda k, **o: k.GRU(4, **o),
    "gru_before": lambda k, **o: k.GRU(4, reset_after=False, **o),
}
RNN_OPTIONS: list[dict[str, Any]] = [
    {},
    {"return_sequences": True},
    {"go_backwards": True},
    {"return_sequences": True, "go_backwards": True},
]


@pytest.mark.parametrize("options", RNN_OPTIONS, ids=str)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("kind", RNNS)
def test_recurrent(kind: str, masked: bool, options: dict[str, Any]) -> None:
    layers: list[Any] = [lambda k: RNNS[kind](k, **options), lambda k: k.Dense(2)]
    if masked:
        layers.insert(0, lambda k: k.Masking())
    y = draw(N, T, 2, seed=1) if "return_sequences" in options else draw(N, 2, seed=1)
    assert_fits(stack(*layers), padded(), y)


@pytest.mark.parametrize("kind", RNNS)
def test_masked_embedding(kind: str) -> None:
    build = stack(
        lambda k: k.Embedding(7, 3, mask_zero=True),
        lambda k: RNNS[kind](k, return_sequences=True),
        lambda k: k.Dense(7, activation="softmax"),
        shape=(T,),
        dtype="int32",
    )

    def compile_(_: Any, model: Any) -> None:
        model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])

    x = ids(N, T)
    x[:, 0] = 1
    assert_fits(build, x, ids(N, T, seed=2), compile_)


@pytest.mark.parametrize("kind", RNNS)
def test_stateful(kind: str) -> None:
    def build(k: Any) -> Any:
        layer = RNNS[kind](k.layers, stateful=True)
        start = k.layers.Input(batch_shape=(5, T, F))
        return k.models.Sequential([start, layer, k.layers.Dense(1)])

    theirs, ours = twins(build)
    x, y = draw(N, T, F), draw(N, 1, seed=1)
    for _ in range(2):
        options = {"epochs": 2, "batch_size": 5, "shuffle": False, "verbose": 0}
        assert_same_logs(ours.fit(x, y, **options).history, theirs.fit(x, y, **options).history)
        for model in (theirs, ours):
            model.layers[0].reset_state()
    assert_same_weights(ours, theirs)


@pytest.mark.parametrize("mode", ["concat", "sum", "mul", "ave"])
@pytest.mark.parametrize("kind", RNNS)
@pytest.mark.parametrize("sequences", [False, True])
def test_bidirectional(kind: str, mode: str, sequences: bool) -> None:
    build = stack(
        lambda k: k.Masking(),
        lambda k: k.Bidirectional(RNNS[kind](k, return_sequences=sequences), merge_mode=mode),
        lambda k: k.Dense(2),
    )
    assert_fits(build, padded(), draw(N, T, 2, seed=1) if sequences else draw(N, 2, seed=1))


def test_bidirectional_without_merge() -> None:
    def build(k: Any) -> Any:
        x = k.layers.Input((T, F))
        forward, backward = k.layers.Bidirectional(k.layers.LSTM(3), merge_mode=None)(x)
        y = k.layers.Dense(1)(k.layers.Concatenate()([forward, backward]))
        return k.models.Model(x, y)

    assert_fits(build, draw(N, T, F), draw(N, 1, seed=1))


OTHERS: dict[str, tuple[list[Any], tuple[int, ...]]] = {
    "time_distributed": (
        [lambda k: k.LSTM(4, return_sequences=True), lambda k: k.TimeDistributed(k.Dense(2))],
        (T, 2),
    ),
    "time_distributed_masked": (
        [
            lambda k: k.Masking(),
            lambda k: k.GRU(4, return_sequences=True),
            lambda k: k.TimeDistributed(k.Dense(2, activation="tanh")),
        ],
        (T, 2),
    ),
    "batch_normalization": (
        # A bias before it would have a gradient of rounding errors only, which Adam makes large.
        [
            lambda k: k.Dense(4, use_bias=False),
            lambda k: k.BatchNormalization(),
            lambda k: k.LSTM(2),
        ],
        (2,),
    ),
    "layer_normalization": (
        [lambda k: k.LSTM(4, return_sequences=True), lambda k: k.LayerNormalization()],
        (T, 4),
    ),
    "conv_max_pooling": (
        [
            lambda k: k.Conv1D(4, 2, padding="causal", activation="relu"),
            lambda k: k.MaxPooling1D(2),
            lambda k: k.GRU(3),
        ],
        (3,),
    ),
    "conv_average_pooling": (
        [
            lambda k: k.Conv1D(4, 3, padding="same"),
            lambda k: k.AveragePooling1D(2),
            lambda k: k.GlobalAveragePooling1D(),
        ],
        (4,),
    ),
    "global_max_pooling": ([lambda k: k.Conv1D(4, 3), lambda k: k.GlobalMaxPooling1D()], (4,)),
    "flatten_reshape": (
        [lambda k: k.Flatten(), lambda k: k.Dense(6), lambda k: k.Reshape((2, 3))],
        (2, 3),
    ),
    "rnn_of_a_cell": (
        [lambda k: k.RNN(k.LSTMCell(2))],
        (2,),
    ),
    "frozen": (
        [
            lambda k: k.LSTM(4, return_sequences=True, trainable=False),
            lambda k: k.BatchNormalization(trainable=False),
            lambda k: k.GRU(2),
        ],
        (2,),
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_layers(name: str) -> None:
    make, shape = OTHERS[name]
    assert_fits(stack(*make), padded() if "masked" in name else draw(N, T, F), draw(N, *shape))


def test_regularizers_and_constraints() -> None:
    def build(k: Any) -> Any:
        r, c = k.regularizers, k.constraints
        return k.models.Sequential(
            [
                k.layers.Input((T,), dtype="int32"),
                k.layers.Embedding(
                    7,
                    4,
                    embeddings_regularizer=r.L2(0.02),
                    embeddings_constraint=c.UnitNorm(axis=1),
                ),
                k.layers.Conv1D(
                    4,
                    2,
                    kernel_regularizer="l1",
                    bias_regularizer="l2",
                    kernel_constraint="non_neg",
                ),
                k.layers.DepthwiseConv1D(
                    2, depthwise_regularizer=r.L1L2(0.01, 0.02), depthwise_constraint=c.MaxNorm(0.8)
                ),
                k.layers.LayerNormalization(
                    gamma_regularizer=r.L2(0.1), beta_constraint=c.MaxNorm(0.1)
                ),
                k.layers.LSTM(
                    3,
                    kernel_regularizer=r.OrthogonalRegularizer(0.01),
                    recurrent_regularizer=r.L1(0.01),
                    recurrent_constraint=c.MinMaxNorm(0.2, 0.9, rate=0.5),
                    bias_constraint="max_norm",
                    return_sequences=True,
                ),
                k.layers.Bidirectional(k.layers.GRU(2, kernel_regularizer="l2")),
                k.layers.Dense(1, kernel_regularizer="l2"),
            ]
        )

    assert_fits(build, ids(N, T), draw(N, 1))


# Models ----------------------------------------------------------------------------------------


def two_by_two(k: Any) -> Any:
    a, b = k.layers.Input((T, F), name="a"), k.layers.Input((F,), name="b")
    h = k.layers.Concatenate()([k.layers.LSTM(4)(a), k.layers.Dense(3, activation="relu")(b)])
    p = k.layers.Dense(2, name="p")(h)
    q = k.layers.Dense(1, activation="sigmoid", name="q")(h)
    return k.models.Model([a, b], [p, q])


@pytest.mark.parametrize("as_dict", [False, True])
@pytest.mark.parametrize("weights", [None, [0.3, 2.0], {"p": 0.5, "q": 1.5}], ids=str)
def test_two_inputs_and_outputs(weights: Any, as_dict: bool) -> None:
    def compile_(_: Any, model: Any) -> None:
        loss = {"p": "mse", "q": "binary_crossentropy"}
        metrics = {"p": ["mae"], "q": ["accuracy", "mse"]}
        model.compile("adam", loss, loss_weights=weights, metrics=metrics)

    x: Any = [draw(N, T, F), draw(N, F, seed=1)]
    y: Any = [draw(N, 2, seed=2), bits(N, 1)]
    if as_dict:
        x, y = dict(zip("ab", x, strict=True)), dict(zip("pq", y, strict=True))
    assert_fits(two_by_two, x, y, compile_)


def test_loss_list_and_one_output_without_loss() -> None:
    x = [draw(N, T, F), draw(N, F, seed=1)]
    y = [draw(N, 2, seed=2), bits(N, 1)]
    assert_fits(two_by_two, x, y, lambda _, m: m.compile("sgd", ["mse", "mae"]))
    assert_fits(two_by_two, x, y, lambda _, m: m.compile("sgd", "mse"))


def test_sample_weight_of_each_output() -> None:
    x = [draw(N, T, F), draw(N, F, seed=1)]
    y = [draw(N, 2, seed=2), bits(N, 1)]
    weight = [np.abs(draw(N, seed=4)), np.abs(draw(N, seed=5))]

    def compile_(_: Any, model: Any) -> None:
        model.compile("adam", ["mse", "mse"], weighted_metrics=[["mae"], ["accuracy"]])

    assert_fits(two_by_two, x, y, compile_, weight)


def test_shared_layers_and_nested_models() -> None:
    def build(k: Any) -> Any:
        a, b = k.layers.Input((T, F)), k.layers.Input((T, F))
        tower = k.models.Sequential(
            [k.layers.Input((T, F)), k.layers.LSTM(4, return_sequences=True), k.layers.GRU(3)]
        )
        inner = k.layers.Input((3,))
        head = k.models.Model(inner, k.layers.Add()([inner, k.layers.Dense(3)(inner)]))
        shared = k.layers.Dense(2, kernel_regularizer="l2")
        h = k.layers.Subtract()([head(tower(a)), head(tower(b))])
        return k.models.Model([a, b], shared(k.layers.Dense(3)(shared(h) * 2.0)))

    assert_fits(build, [draw(N, T, F), draw(N, T, F, seed=1)], draw(N, 2, seed=2))


def test_sequential_without_input_is_built_by_the_first_batch() -> None:
    k = rnnext
    model = k.models.Sequential([k.layers.LSTM(4), k.layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    x, y = draw(N, T, F), draw(N, 1)
    losses = model.fit(x, y, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert model.output_shape == (None, 1)


def test_own_class_with_call() -> None:
    def make(k: Any) -> Any:
        class Own(k.models.Model):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.first = k.layers.LSTM(4, return_sequences=True)
                self.second = k.layers.GRU(3, kernel_regularizer="l2")
                self.head = k.layers.Dense(2, activation="softmax")

            def call(self, x: Any) -> Any:
                return self.head(self.second(self.first(x)))

        model = Own()
        model(draw(1, T, F))
        return model

    def compile_(_: Any, model: Any) -> None:
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])

    assert_fits(make, draw(N, T, F), ids(N, high=2), compile_)


# Losses and what weighs them -------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1.0, 100.0])
@pytest.mark.parametrize("own_layer", [False, True])
@pytest.mark.parametrize("loss", ["binary", "categorical", "sparse_categorical"])
def test_crossentropy(loss: str, own_layer: bool, scale: float) -> None:
    activation = "sigmoid" if loss == "binary" else "softmax"
    layers = [lambda k: k.SimpleRNN(4), lambda k: k.Rescaling(scale)]
    if own_layer:
        layers += [lambda k: k.Dense(3), lambda k: k.Activation(activation)]
    else:
        layers.append(lambda k: k.Dense(3, activation=activation))
    y = {
        "binary": bits(N, 3),
        "categorical": np.eye(3, dtype="float32")[ids(N, high=3)],
        "sparse_categorical": ids(N, high=3),
    }[loss]

    def compile_(k: Any, model: Any) -> None:
        # Large logits make large steps, which multiply rounding errors.
        optimizer = k.optimizers.SGD(0.01 / scale)
        model.compile(
            optimizer, f"{loss}_crossentropy", metrics=["accuracy", f"{loss}_crossentropy"]
        )

    assert_fits(stack(*layers), draw(N, T, F), y, compile_)


def sequence_model(k: Any) -> Any:
    masked = k.layers.Masking()
    layers = [k.layers.LSTM(4, return_sequences=True), k.layers.Dense(3, activation="softmax")]
    return k.models.Sequential([k.layers.Input((T, F)), masked, *layers])


def compile_sparse(_: Any, model: Any) -> None:
    model.compile(
        "adam",
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        weighted_metrics=["accuracy"],
    )


@pytest.mark.parametrize("shape", [(N, T), (N, 1), (N,)])
def test_sample_weight(shape: Any) -> None:
    weight = np.abs(draw(*shape, seed=3))
    weight[0] = 0
    if shape == (N,):
        build = stack(lambda k: k.LSTM(4), lambda k: k.Dense(3, activation="softmax"))
        assert_fits(build, draw(N, T, F), ids(N, high=3), compile_sparse, weight)
    else:
        assert_fits(sequence_model, padded(), ids(N, T, high=3), compile_sparse, weight)


def test_class_weight() -> None:
    build = stack(lambda k: k.LSTM(4), lambda k: k.Dense(3, activation="softmax"))
    for y in (ids(N, high=3), np.eye(3, dtype="float32")[ids(N, high=3)]):
        kind = "sparse_categorical" if y.ndim == 1 else "categorical"

        def compile_(_: Any, model: Any, kind: str = kind) -> None:
            model.compile("adam", f"{kind}_crossentropy", weighted_metrics=["accuracy"])

        weights = {0: 0.5, 1: 2.0, 2: 1.5}
        assert_fits(build, draw(N, T, F), y, compile_, class_weight=weights)


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda k: k.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
        lambda k: k.optimizers.RMSprop(0.01, clipvalue=0.01),
        lambda k: k.optimizers.Adam(0.01, clipnorm=0.1),
        lambda k: k.optimizers.Adam(0.01, global_clipnorm=0.2, weight_decay=0.01),
        lambda k: k.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.8),
        lambda k: k.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2),
        lambda k: k.optimizers.Adam(k.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)),
        lambda k: k.optimizers.SGD(0.1, gradient_accumulation_steps=2),
        lambda k: k.optimizers.SGD(0.1, loss_scale_factor=8.0),
    ],
    ids=["nesterov", "clipvalue", "clipnorm", "global", "ema", "ema2", "decay", "sums", "scale"],
)
def test_optimizers(optimizer: Any) -> None:
    build = stack(lambda k: k.LSTM(4, kernel_regularizer="l2"), lambda k: k.Dense(2))
    x, y = draw(N, T, F), draw(N, 2, seed=1)
    assert_fits(build, x, y, lambda k, m: m.compile(optimizer(k), "mse"))


# The course of training ------------------------------------------------------------------------


def small(k: Any) -> Any:
    return stack(lambda k: k.GRU(4), lambda k: k.Dense(1))(k)


@pytest.mark.parametrize(
    "options",
    [
        {"validation_split": 0.3},
        {"validation_data": (draw(6, T, F, seed=3), draw(6, 1, seed=4))},
        {
            "validation_data": (draw(6, T, F, seed=3), draw(6, 1, seed=4), np.arange(6.0)),
            "validation_batch_size": 3,
            "validation_steps": 2,
        },
        {"validation_split": 0.3, "validation_freq": 2},
        {"validation_split": 0.3, "validation_freq": [1, 3]},
        {"epochs": 6, "initial_epoch": 3},
        {"batch_size": None},
    ],
    ids=["split", "data", "weighted", "every_second", "listed", "initial", "batch_size"],
)
def test_course(options: dict[str, Any]) -> None:
    def compile_(_: Any, model: Any) -> None:
        model.compile("adam", "mse", metrics=["mae"])

    assert_fits(small, draw(N, T, F), draw(N, 1, seed=1), compile_, **options)


def test_steps_per_epoch() -> None:
    theirs, ours = twins(small)
    x, y = draw(16, T, F), draw(16, 1, seed=1)
    options = {"epochs": 2, "batch_size": 4, "steps_per_epoch": 2, "shuffle": False, "verbose": 0}
    assert_same_logs(ours.fit(x, y, **options).history, theirs.fit(x, y, **options).history)
    assert_same_weights(ours, theirs)


def test_generators() -> None:
    def batches(count: int) -> Iterator[tuple[Array, Array]]:
        for i in range(count):
            yield draw(4, T, F, seed=i), draw(4, 1, seed=100 + i)

    theirs, ours = twins(small)
    found = []
    for model in (ours, theirs):
        history = model.fit(
            batches(6),
            epochs=2,
            steps_per_epoch=3,
            shuffle=False,
            verbose=0,
            validation_data=batches(4),
            validation_steps=2,
        )
        found.append((history.history, model.evaluate(batches(3), steps=3, verbose=0)))
    assert_same_logs(found[0][0], found[1][0])
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-5)
    assert_same_weights(ours, theirs)


def test_callbacks() -> None:
    theirs, ours = twins(small, lambda k, m: m.compile(k.optimizers.SGD(0.8), "mse"))
    x, y = draw(N, T, F), draw(N, 1, seed=1)
    found = []
    for k, model in ((rnnext, ours), (keras, theirs)):
        events: list[Any] = []
        c = k.callbacks
        callbacks = [
            c.EarlyStopping("val_loss", patience=3, restore_best_weights=True),
            c.ReduceLROnPlateau("loss", factor=0.5, patience=1),
            c.LambdaCallback(
                on_epoch_begin=lambda e, _, events=events: events.append(e),
                on_train_batch_end=lambda b, logs, events=events: events.append((b, list(logs))),
                on_epoch_end=lambda _, logs, events=events: events.append(list(logs)),
                on_train_end=lambda logs, events=events: events.append(list(logs)),
            ),
        ]
        history = model.fit(
            x,
            y,
            batch_size=4,
            epochs=12,
            shuffle=False,
            verbose=0,
            validation_split=0.3,
            callbacks=callbacks,
        )
        found.append((history, events))
    assert found[0][1] == found[1][1]
    assert found[0][0].epoch == found[1][0].epoch
    assert_same_logs(found[0][0].history, found[1][0].history)
    assert_same_weights(ours, theirs)


def test_a_callback_stops_training() -> None:
    _, ours = twins(small)

    class Stop(rnnext.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
            self.model.stop_training = epoch == 1

    history = ours.fit(draw(N, T, F), draw(N, 1), epochs=9, verbose=0, callbacks=[Stop()])
    assert history.epoch == [0, 1]


@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_output(verbose: int, capsys: pytest.CaptureFixture[str]) -> None:
    _, ours = twins(small)
    ours.fit(draw(N, T, F), draw(N, 1), epochs=2, verbose=verbose)
    printed = capsys.readouterr().out
    assert ("Epoch 2/2" in printed) == ("loss: " in printed) == (verbose > 0)


# After training --------------------------------------------------------------------------------


def test_a_trained_model_is_saved_copied_and_predicts(tmp_path: Path) -> None:
    theirs, ours = twins(small)
    x, y = draw(N, T, F), draw(N, 1, seed=1)
    before = ours.predict(x, verbose=0)
    for model in (ours, theirs):
        model.fit(x, y, epochs=3, shuffle=False, verbose=0)
    after = ours.predict(x, verbose=0)
    assert np.abs(after - before).max() > 1e-4
    np.testing.assert_allclose(after, theirs.predict(x, verbose=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(ours)).predict(x, verbose=0), after)
    np.testing.assert_array_equal(copy.deepcopy(ours).predict(x, verbose=0), after)
    path = tmp_path / "model.keras"
    ours.save(path)
    np.testing.assert_array_equal(rnnext.load_model(path).predict(x, verbose=0), after)
    # A copy can be trained further, apart from the model it is of.
    twin = copy.deepcopy(ours)
    twin.fit(x, y, epochs=1, verbose=0)
    np.testing.assert_array_equal(ours.predict(x, verbose=0), after)
    assert np.abs(twin.predict(x, verbose=0) - after).max() > 0


def test_dropout_is_repeatable_and_the_loss_falls() -> None:
    build = stack(
        lambda k: k.LSTM(8, dropout=0.1, return_sequences=True),
        lambda k: k.Dropout(0.1),
        lambda k: k.GRU(4),
        lambda k: k.Dense(1),
    )

    def run(seed: int) -> list[float]:
        rnnext.set_random_seed(seed)
        model = build(rnnext)
        model.compile(rnnext.optimizers.Adam(0.01), "mse")
        history = model.fit(draw(N, T, F), draw(N, 1, seed=1), batch_size=4, epochs=9, verbose=0)
        return list(history.history["loss"])

    first = run(3)
    assert first[-1] < first[0]
    assert first == run(3)
    assert first != run(4)


def test_attention_passes_on_regularizers_and_constraints() -> None:
    def build(k: Any) -> Any:
        x = k.layers.Input((T, F))
        attention = k.layers.MultiHeadAttention(
            2, 3, kernel_regularizer="l2", bias_regularizer="l1", kernel_constraint="non_neg"
        )
        return k.models.Model(x, k.layers.Dense(1)(attention(x, x)))

    assert_fits(build, draw(N, T, F), draw(N, T, 1), lambda _, m: m.compile("sgd", "mse"))


# Errors ----------------------------------------------------------------------------------------


def test_errors() -> None:
    x, y = draw(N, T, F), draw(N, 1)
    model = small(rnnext)
    for method in ("fit", "evaluate", "train_on_batch", "test_on_batch"):
        with pytest.raises(UnsupportedError, match="compile"):
            getattr(model, method)(x, y)
    model.compile("adam")
    with pytest.raises(UnsupportedError, match="No loss to compute"):
        model.fit(x, y, verbose=0)


def test_a_layer_that_cannot_be_trained() -> None:
    class Own(rnnext.layers.Layer):
        def call(self, x: Any) -> Any:
            return np.interp(x, [0.0, 1.0], [0.0, 2.0])

    inner = rnnext.models.Sequential(
        [rnnext.layers.Input((T, F)), rnnext.layers.TimeDistributed(Own()), rnnext.layers.Flatten()]
    )
    model = rnnext.models.Sequential([rnnext.layers.Input((T, F)), inner, rnnext.layers.Dense(1)])
    model.compile("adam", "mse")
    with pytest.raises(UnsupportedError, match=r"numpy\.interp has no gradient rule"):
        model.fit(draw(N, T, F), draw(N, 1), verbose=0)


def test_fit_after_evaluate() -> None:
    """In a new process: the module that is imported first must not hide the function."""
    program = (
        "import numpy as np, rnnext\n"
        "from rnnext import layers\n"
        "model = rnnext.Sequential([layers.Input((2,)), layers.Dense(1)])\n"
        "model.compile('sgd', 'mse')\n"
        "x = np.ones((4, 2), 'float32')\n"
        "model.evaluate(x, x[:, :1], verbose=0)\n"
        "print(list(model.fit(x, x[:, :1], verbose=0).history))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("['loss']\n", "")


def test_each_validation_is_of_the_same_samples() -> None:
    theirs, ours = twins(small, lambda k, m: m.compile(k.optimizers.SGD(0.01), "mse"))
    x, y = draw(N, T, F), draw(N, 1, seed=1)
    scaled = x * np.arange(1, N + 1, dtype="float32")[:, None, None]
    courses = [
        model.fit(
            x,
            y,
            epochs=3,
            batch_size=4,
            shuffle=False,
            verbose=0,
            validation_data=(scaled, y),
            validation_steps=1,
        ).history
        for model in (ours, theirs)
    ]
    assert_same_logs(*courses)


# No data ------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_validation_without_a_batch_has_no_results() -> None:
    """As in Keras; rnnext gave a loss of 0."""
    tensorflow = pytest.importorskip("tensorflow")
    x, y = draw(4, T, F), draw(4, 1, seed=1)

    def build(k: Any) -> Any:
        return k.Sequential([k.layers.Input((T, F)), k.layers.GRU(2), k.layers.Dense(1)])

    def names(data: Any, model: Any) -> Any:
        model.compile("sgd", "mse")
        batches = data.Dataset.from_tensor_slices((x, y))
        train, empty = batches.batch(2), batches.batch(5, drop_remainder=True)
        return model.fit(train, validation_data=empty, shuffle=False, verbose=0).history.keys()

    theirs, ours = twins(build)
    assert names(rnnext.data, ours) == names(tensorflow.data, theirs) == {"loss"}


@pytest.mark.parametrize(("method", "options"), [("fit", {"shuffle": False}), ("evaluate", {})])
def test_data_without_a_batch_are_refused(method: str, options: dict[str, Any]) -> None:
    model = rnnext.Sequential([rnnext.layers.Input((T, F)), rnnext.layers.GRU(1)])
    model.compile("sgd", "mse")
    batches = rnnext.data.Dataset.from_tensor_slices((draw(4, T, F), draw(4, 1)))
    with pytest.raises(rnnext.DataError, match=r"x \(Dataset\) yields no batch; it must yield"):
        getattr(model, method)(batches.batch(5, drop_remainder=True), verbose=0, **options)
