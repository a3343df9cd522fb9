"""The notebooks that rnnext grew from, run with only their import lines changed.

Each was written for `tensorflow.keras`. Here `tensorflow.keras` becomes `rnnext` or, where
TensorFlow is installed, `keras`: the parameters must be as many as the notebook says, and the
answers those of NumPy, step by step by hand, and of Keras.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from layer_twins import random_array

import rnnext
from rnnext.errors import UnsupportedError

SIMPLE_RNN = """
from tensorflow.keras.models import Sequential
from tensorflow.keras.layers import Input, SimpleRNN

N, T, D, M = 1, 10, 3, 5
model = Sequential([Input(shape=(T, D)), SimpleRNN(M, return_sequences=True)])
"""

LSTM_AND_DROPOUT = """
from tensorflow.keras.layers import Input, LSTM, Dropout, Dense
from tensorflow.keras.models import Sequential

model = Sequential()
model.add(Input(shape=(12, 40)))
model.add(LSTM(10, return_sequences=True))
model.add(Dropout(0.2))
model.add(LSTM(10))
model.add(Dense(10, activation="relu"))
model.add(Dropout(0.2))
model.add(Dense(2, activation="softmax"))
"""

WITH_RELU = """
from tensorflow.keras import layers
from tensorflow.keras.models import Model

i = layers.Input(shape=(8, 6))
x = layers.{layer}(10, activation="relu")(i)
x = layers.Dense(10, activation="relu")(x)
x = layers.Dense(2)(x)
model = Model(i, x)
"""

VIDEO = """
from tensorflow.keras.layers import LSTM, Conv2D, Dense, Flatten, Input, MaxPooling2D
from tensorflow.keras.layers import TimeDistributed
from tensorflow.keras.models import Sequential

model = Sequential()
model.add(Input(shape=(None, 10, 12, 1)))
model.add(TimeDistributed(Conv2D(64, 2, activation="relu")))
model.add(TimeDistributed(MaxPooling2D(2)))
model.add(TimeDistributed(Flatten()))
model.add(LSTM(10))
"""

BIDIRECTIONAL = """
from tensorflow.keras.layers import Bidirectional, Dense, Input, LSTM
from tensorflow.keras.models import Sequential

model = Sequential()
model.add(Input(shape=(6, 4)))
model.add(Bidirectional(LSTM(10)))
model.add(Dense(10, activation="relu"))
model.add(Dense(2, activation="softmax"))
"""

# Source, shape of one sample, parameters by layer (those that have none left out).
NOTEBOOKS: dict[str, tuple[str, tuple[int, ...], list[int]]] = {
    "SimpleRNN": (SIMPLE_RNN, (10, 3), [45]),
    "LSTM and Dropout": (LSTM_AND_DROPOUT, (12, 40), [2040, 840, 110, 22]),
    "SimpleRNN with relu": (WITH_RELU.format(layer="SimpleRNN"), (8, 6), [170, 110, 22]),
    "LSTM with relu": (WITH_RELU.format(layer="LSTM"), (8, 6), [680, 110, 22]),
    "GRU with relu": (WITH_RELU.format(layer="GRU"), (8, 6), [540, 110, 22]),
    "TimeDistributed": (VIDEO, (5, 10, 12, 1), [320, 51640]),
    "Bidirectional": (BIDIRECTIONAL, (6, 4), [1200, 210, 22]),
}
TOTALS = {
    "LSTM and Dropout": 3012,
    "SimpleRNN with relu": 302,
    "LSTM with relu": 812,
    "TimeDistributed": 51960,
    "Bidirectional": 1432,
}


def run_notebook(name: str, library: str) -> Any:
    """The model a notebook makes with another library, its weights random."""
    rnnext.clear_session()
    namespace: dict[str, Any] = {}
    exec(NOTEBOOKS[name][0].replace("tensorflow.keras", library), namespace)
    model = namespace["model"]
    weights = [0.3 * random_array(w.shape, seed=f"{i}") for i, w in enumerate(model.get_weights())]
    model.set_weights(weights)
    return model


def samples(name: str, count: int) -> Any:
    return random_array((count, *NOTEBOOKS[name][1]))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_parameters(name: str) -> None:
    model = run_notebook(name, "rnnext")
    counts = [layer.count_params() for layer in model.layers if layer.weights]
    assert counts == NOTEBOOKS[name][2]
    assert model.count_params() == sum(counts) == TOTALS.get(name, sum(counts))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_answers_are_those_of_keras(name: str, keras: ModuleType) -> None:
    theirs = run_notebook(name, "keras")
    ours = run_notebook(name, "rnnext")
    x = samples(name, 4)
    assert ours.output_shape == theirs.output_shape
    np.testing.assert_allclose(ours.predict(x), theirs(x), rtol=1e-5, atol=1e-6)
    keras.backend.clear_session()


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_many_samples_at_once(name: str) -> None:
    """N > 1: each row is, to the last bit, what the sample alone gives."""
    model = run_notebook(name, "rnnext")
    x = samples(name, 7)
    together = model.predict(x)
    for n in range(7):
        np.testing.assert_array_equal(together[n], model.predict(x[n : n + 1])[0])


# By hand ----------------------------------------------------------------------------------------


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def relu(x: Any) -> Any:
    return np.maximum(x, 0)


def softmax(x: Any) -> Any:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def simple_rnn(x: Any, weights: Any, act: Callable[[Any], Any] = np.tanh) -> Any:
    """One sample (T, D): the states of all steps."""
    Wx, Wh, bh = weights
    h = np.zeros(len(Wh))
    states = []
    for t in range(len(x)):
        h = act(x[t] @ Wx + h @ Wh + bh)
        states.append(h)
    return np.stack(states)


def lstm(x: Any, weights: Any, act: Callable[[Any], Any] = np.tanh) -> Any:
    W, U, b = weights
    h, c = np.zeros(len(U)), np.zeros(len(U))
    states = []
    for t in range(len(x)):
        i, f, g, o = np.split(x[t] @ W + h @ U + b, 4)
        c = sigmoid(f) * c + sigmoid(i) * act(g)
        h = sigmoid(o) * act(c)
        states.append(h)
    return np.stack(states)


def gru(x: Any, weights: Any, act: Callable[[Any], Any] = np.tanh) -> Any:
    W, U, (b, b_recurrent) = weights
    h = np.zeros(len(U))
    states = []
    for t in range(len(x)):
        x_z, x_r, x_h = np.split(x[t] @ W + b, 3)
        h_z, h_r, h_h = np.split(h @ U + b_recurrent, 3)
        z, r = sigmoid(x_z + h_z), sigmoid(x_r + h_r)
        h = z * h + (1 - z) * act(x_h + r * h_h)
        states.append(h)
    return np.stack(states)


def head(h: Any, weights: Any, last: Callable[[Any], Any]) -> Any:
    W1, b1, W2, b2 = weights
    return last(relu(h @ W1 + b1) @ W2 + b2)


def video(x: Any, weights: Any) -> Any:
    """Convolution with 2 x 2 windows, the largest of every 2 x 2 block, LSTM."""
    kernel, bias, *cell = weights
    windows = np.stack([x[:, i : i + 9, j : j + 11] for i in (0, 1) for j in (0, 1)], axis=-2)
    images = relu(np.einsum("thwkc,kcf->thwf", windows, kernel.reshape(4, 1, 64)) + bias)
    blocks = images[:, :8, :10].reshape(len(x), 4, 2, 5, 2, 64).max(axis=(2, 4))
    return lstm(blocks.reshape(len(x), -1), cell)[-1]


BY_HAND: dict[str, Callable[[Any, Any], Any]] = {
    "SimpleRNN": simple_rnn,
    "LSTM and Dropout": lambda x, w: head(lstm(lstm(x, w[:3]), w[3:6])[-1], w[6:], softmax),
    "SimpleRNN with relu": lambda x, w: head(simple_rnn(x, w[:3], relu)[-1], w[3:], np.array),
    "LSTM with relu": lambda x, w: head(lstm(x, w[:3], relu)[-1], w[3:], np.array),
    "GRU with relu": lambda x, w: head(gru(x, w[:3], relu)[-1], w[3:], np.array),
    "TimeDistributed": video,
    "Bidirectional": lambda x, w: head(
        np.concatenate([lstm(x, w[:3])[-1], lstm(x[::-1], w[3:6])[-1]]), w[6:], softmax
    ),
}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_answers_are_those_of_numpy_by_hand(name: str) -> None:
    model = run_notebook(name, "rnnext")
    weights = [w.astype(np.float64) for w in model.get_weights()]
    x = samples(name, 3)
    expected = np.stack([BY_HAND[name](sample, weights) for sample in x.astype(np.float64)])
    np.testing.assert_allclose(model.predict(x), expected, rtol=1e-5, atol=1e-6)


# Printing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_summary_is_that_of_keras(name: str, keras: ModuleType) -> None:
    texts = []
    for library in ("keras", "rnnext"):
        keras.backend.clear_session()
        run_notebook(name, library).summary(line_length=78, print_fn=texts.append)
    theirs, ours = ([line.rstrip() for line in text.splitlines()] for text in texts)
    assert ours == [line for line in theirs if line]


def test_summary(capsys: pytest.CaptureFixture[str]) -> None:
    run_notebook("TimeDistributed", "rnnext").summary(line_length=88)
    text = capsys.readouterr().out
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in text.splitlines()]
    assert [row for row in rows if len(row) == 3] == [
        ["time_distributed (TimeDistributed)", "(None, None, 9, 11, 64)", "320"],
        ["time_distributed_1 (TimeDistributed)", "(None, None, 4, 5, 64)", "0"],
        ["time_distributed_2 (TimeDistributed)", "(None, None, 1280)", "0"],
        ["lstm (LSTM)", "(None, 10)", "51,640"],
    ]
    assert "Total params: 51,960 (202.97 KB)" in text


# What else notebooks do ---------------------------------------------------------------------------

INSPECTION = """
from tensorflow.keras import Sequential, layers

model = Sequential([
    layers.Input((12, 3)),
    layers.LSTM(5, return_sequences=True, name="first"),
    layers.Dropout(0.2),
    layers.GRU(4),
    layers.Dense(1),
])
"""


def inspected(library: str) -> Any:
    rnnext.clear_session()
    namespace: dict[str, Any] = {}
    exec(INSPECTION.replace("tensorflow.keras", library), namespace)
    return namespace["model"]


def test_inspection_is_that_of_keras(keras: ModuleType) -> None:
    keras.backend.clear_session()
    theirs, ours = inspected("keras"), inspected("rnnext")
    for model in (theirs, ours):
        model.set_weights([0.1 * random_array(w.shape) for w in model.get_weights()])
    assert ours.input_shape == theirs.input_shape
    assert ours.output_shape == theirs.output_shape
    assert ours.count_params() == theirs.count_params()
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    assert [w.shape for w in ours.trainable_weights] == [w.shape for w in theirs.trainable_weights]
    assert ours.get_layer("first").get_config()["units"] == 5
    assert ours.get_config()["layers"][1]["class_name"] == "LSTM"
    for our_layer, their_layer in zip(ours.layers, theirs.layers, strict=True):
        for w, expected in zip(our_layer.get_weights(), their_layer.get_weights(), strict=True):
            np.testing.assert_array_equal(w, expected)
    x = random_array((4, 12, 3))
    expected = theirs.predict(x, verbose=0)
    np.testing.assert_allclose(ours.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(ours.predict_on_batch(x), ours.predict(x))
    keras.backend.clear_session()


def test_features_of_a_layer_inside() -> None:
    """A second model on the same layers, which plots of hidden states are made from."""
    model = inspected("rnnext")
    features = rnnext.Model(model.inputs, model.get_layer("first").output)
    x = random_array((2, 12, 3))
    np.testing.assert_array_equal(features.predict(x), model.layers[0](x))


def test_compiling_changes_nothing() -> None:
    model = inspected("rnnext")
    x = random_array((2, 12, 3))
    before = model.predict(x)
    model.compile(optimizer="adam", loss="mse", metrics=["mae"])
    np.testing.assert_array_equal(model.predict(x), before)


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch"])
def test_training_needs_compile(method: str) -> None:
    x = np.zeros((2, 12, 3))
    with pytest.raises(UnsupportedError, match=r"You must call `compile\(\)` before"):
        getattr(inspected("rnnext"), method)(x, np.zeros((2, 1)))


@pytest.mark.parametrize("name", ["ReversibleEmbedding", "SpectralNormalization", "Resizing"])
def test_a_layer_that_rnnext_has_not(name: str) -> None:
    config = {"class_name": name, "config": {"name": "it"}, "module": "keras.layers"}
    with pytest.raises(UnsupportedError, match=f"{name}.* is not known"):
        rnnext.serialization.deserialize(config)


def test_lora_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedError, match=r"lora_rank=4 is not supported"):
        rnnext.layers.Dense(2, lora_rank=4)
