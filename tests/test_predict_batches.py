"""`predict` from generators and data sets, and with `steps`, beside Keras."""

from __future__ import annotations

import importlib
import tracemalloc
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import rnnext
from rnnext.callbacks import Callback, EarlyStopping
from rnnext.errors import DataError, ShapeError, UnsupportedError
from rnnext.layers import GRU, LSTM, Add, Dense, Embedding, Flatten, Input
from rnnext.models import Model, Sequential
from rnnext.preprocessing.sequence import TimeseriesGenerator
from rnnext.utils import PyDataset, timeseries_dataset_from_array

X = np.random.default_rng(0).standard_normal((10, 5, 3)).astype(np.float32)


def stack() -> Sequential:
    return Sequential([Input((None, 3)), LSTM(4), Dense(2)])


class Own(Model):
    """A class of its own, whose network is not known."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = LSTM(4)

    def call(self, x: Any) -> Any:
        return self.memory(x)


class Batches(PyDataset):
    def __init__(self, as_list: bool = False) -> None:
        super().__init__(workers=2)
        self.as_list = as_list

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Any:
        batch = (X[3 * index : 3 * index + 3], np.zeros(3))
        return list(batch) if self.as_list else batch


@pytest.mark.parametrize("make", [stack, Own, lambda: Sequential([LSTM(4)])])
@pytest.mark.parametrize(
    "wrap", [lambda x: x, lambda x: (x,), lambda x: (x, 1), lambda x: [x, 1, 2]]
)
def test_a_generator_gives_what_its_arrays_give(make: Any, wrap: Any) -> None:
    model = make()
    predicted = model.predict(wrap(X[i : i + 3]) for i in range(0, 10, 3))
    np.testing.assert_array_equal(predicted, model.predict(X))


@pytest.mark.parametrize("data", [Batches(), Batches(as_list=True), (x[None] for x in X)])
def test_other_iterables_of_batches(data: Any) -> None:
    model = stack()
    np.testing.assert_array_equal(model.predict(data), model.predict(X))


def test_data_sets_of_windows() -> None:
    model, series = stack(), np.random.default_rng(1).standard_normal((30, 3))
    windows = np.stack([series[i : i + 5] for i in range(25)])
    generator = TimeseriesGenerator(series, series, length=5, batch_size=7)
    np.testing.assert_array_equal(model.predict(generator), model.predict(windows))
    dataset = timeseries_dataset_from_array(series, None, 5, batch_size=4)
    np.testing.assert_array_equal(model.predict(dataset)[:25], model.predict(windows))


def test_several_inputs_and_outputs() -> None:
    a, b = Input((5, 3), name="a"), Input((5, 3), name="b")
    model = Model([a, b], {"sum": Dense(2)(Add()([a, b])), "last": GRU(2)(a)})
    expected = model.predict([X, X])
    for batch in (lambda x: ([x, x],), lambda x: ((x, x), 0), lambda x: {"a": x, "b": x}):
        predicted = model.predict(batch(x[None]) for x in X)
        assert predicted.keys() == expected.keys()
        for name in expected:
            np.testing.assert_array_equal(predicted[name], expected[name])


def test_batches_of_keras(keras: ModuleType) -> None:
    """A live PyDataset and a tf.data.Dataset are iterables of batches, too."""

    class Theirs(keras.utils.PyDataset):  # type: ignore[misc,name-defined]
        __len__, __getitem__ = Batches.__len__, Batches.__getitem__
        as_list = False

    model = stack()
    np.testing.assert_array_equal(model.predict(Theirs()), model.predict(X))
    dataset = keras.utils.timeseries_dataset_from_array(X[0], None, 2, batch_size=3)
    assert model.predict(dataset).shape == (4, 2)


@pytest.mark.parametrize(
    ("batch_size", "steps"), [(None, 2), (3, 2), (None, 7), (3, 9), (None, 1), (4, None), (3, 4)]
)
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.filterwarnings("ignore:.* received 4 batches only")
def test_steps_of_arrays(batch_size: int | None, steps: int | None, keras: ModuleType) -> None:
    theirs = keras.Sequential([keras.Input((5, 3)), keras.layers.LSTM(4), keras.layers.Dense(2)])
    for ours in (rnnext.from_keras(theirs), Own()):
        predicted = ours.predict(X, batch_size=batch_size, steps=steps)
        expected = theirs.predict(X, batch_size=batch_size, steps=steps, verbose=0)
        assert len(predicted) == len(expected)
        np.testing.assert_array_equal(predicted, ours.predict(X)[: len(expected)])


def test_steps_of_several_arrays_and_lists() -> None:
    a, b = Input((5, 3)), Input((5, 3))
    model = Model([a, b], Add()([a, b]))
    np.testing.assert_array_equal(model.predict([X, X], batch_size=2, steps=3), 2 * X[:6])
    np.testing.assert_array_equal(model.predict([X.tolist(), X], batch_size=2, steps=3), 2 * X[:6])
    assert stack().predict(X.tolist(), batch_size=2, steps=3).shape == (6, 2)


def test_steps_of_a_generator() -> None:
    taken = []

    def endless() -> Iterator[Any]:
        while True:
            taken.append(1)
            yield X[:2]

    model = stack()
    assert model.predict(endless(), steps=3).shape == (6, 2)
    assert len(taken) == 3
    with pytest.warns(UserWarning, match="predict with steps=5 received 2 batches only"):
        assert model.predict(iter([X, X]), steps=5).shape == (20, 2)
    with pytest.warns(UserWarning, match="predict with steps=5 received 4 batches only"):
        assert model.predict(X, batch_size=3, steps=5).shape == (10, 2)


def test_one_batch_is_in_memory_at_a_time() -> None:
    model, size = stack(), 2**20
    batches = (np.zeros((size // 300, 25, 3), np.float32) for _ in range(40))
    tracemalloc.start()
    model.predict(batches)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * size


def test_progress_bar(capsys: pytest.CaptureFixture[str]) -> None:
    stack().predict(Batches(), verbose=1)
    bold, green, reset = "\x1b[1m", "\x1b[32m", "\x1b[0m"
    assert f"{bold}4/4{reset} {green}━━━━━━━━━━━━━━━━━━━━{reset}" in capsys.readouterr().out
    stack().predict((X for _ in range(3)), steps=3, verbose=2)
    assert capsys.readouterr().out.count("3/3") == 1
    stack().predict((X for _ in range(3)), verbose=1)
    assert "1/Unknown" in capsys.readouterr().out


def test_batches_that_cannot_be_predicted() -> None:
    model = stack()
    with pytest.raises(DataError, match="predict received no batch"):
        model.predict(iter([]))
    with pytest.raises(DataError, match=r"expected batches \(inputs,\).* received 4 values"):
        model.predict(iter([(X, X, X, X)]))
    with pytest.raises(ShapeError, match=r"cannot be joined; .*\(10, 2, 4\), \(10, 5, 4\)"):
        Sequential([Input((None, 3)), LSTM(4, return_sequences=True)]).predict(iter([X, X[:, :2]]))
    for steps in (0, -1, 1.5, True, "2"):
        with pytest.raises(UnsupportedError, match=f"steps to be an integer >= 1 .* {steps!r}"):
            model.predict(X, steps=steps)


def test_callbacks() -> None:
    """Those that do nothing in predict, such as EarlyStopping, are accepted, as in Keras."""
    model = stack()

    class Acts(Callback):
        def on_predict_begin(self, logs: Any = None) -> None:  # noqa: ARG002
            raise AssertionError

    idle = EarlyStopping("loss")
    for callbacks in (None, [], idle, [idle], (Callback(), [idle])):
        found = model.predict(X, callbacks=callbacks)
        np.testing.assert_array_equal(found, model.predict(X))
    for refused in (1, Acts()):
        with pytest.raises(UnsupportedError, match=r"callbacks=\[\S+.*\] is not supported; accept"):
            model.predict(X, callbacks=[idle, refused])


@pytest.mark.parametrize("make", [stack, Own, lambda: Sequential([LSTM(4)])])
def test_predict_on_batch(make: Any) -> None:
    model = make()
    for x in (X, X.tolist(), np.repeat(X, 60, axis=0)):
        np.testing.assert_array_equal(model.predict_on_batch(x), model.predict(x))


# Ids of any length -------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_input_length_is_no_limit(keras: ModuleType, tmp_path: Any) -> None:
    """As in Keras 2 and 3; also of files of Keras 2, whose Embedding declares it."""
    assert keras
    tf_keras = importlib.import_module("tf_keras")
    layers = tf_keras.layers
    theirs = tf_keras.Sequential([layers.Embedding(9, 4, input_length=5), layers.LSTM(3)])
    theirs.build((None, 5))
    path = str(tmp_path / "keras2.h5")
    tf_keras.models.save_model(theirs, path, save_format="h5")
    loaded = rnnext.load_model(path)
    built = Sequential([Embedding(9, 4, input_length=5), LSTM(3)])
    assert built.input_shape == loaded.input_shape == (None, 5)
    built.set_weights(theirs.get_weights())
    for length in (5, 7, 1):
        ids = np.arange(2 * length).reshape(2, length) % 9
        expected = theirs.predict(ids, verbose=0)
        for model in (loaded, built):
            for compute in (model, model.predict):
                np.testing.assert_allclose(compute(ids), expected, atol=1e-6)


def test_what_follows_an_embedding_may_need_a_length() -> None:
    model = Sequential([Embedding(9, 4, input_length=5), Flatten(), Dense(2)])
    assert model.predict(np.zeros((3, 5), int)).shape == (3, 2)
    with pytest.raises(ShapeError, match=r"layer 'dense.*size 20 on axis -1.*\(3, 28\)"):
        model.predict(np.zeros((3, 7), int))
    x = Input((5,))
    with pytest.raises(ShapeError, match=r"expected an array of shape \(None, 5\)"):
        Model(x, LSTM(2)(Embedding(9, 4)(x))).predict(np.zeros((3, 7), int))
