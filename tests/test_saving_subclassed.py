"""Weights of subclassed models, saved by Keras 2 and 3 as trees and as legacy HDF5."""

from __future__ import annotations

import io
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import numpy as np
import pytest

import rnnext
from rnnext.errors import FileError, ShapeError
from rnnext.layers import Dense, Input
from rnnext.models import Model, Sequential

SEQUENCES = {"return_sequences": True}


def classes(k: Any) -> dict[str, Any]:
    """Models of shape (B, 5, 3) to (B, 5, 3), written against either library."""
    layers = k.layers

    class Block(layers.Layer):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.inner = [layers.Dense(3), layers.Dense(3)]
            self.act = layers.Dense(3)

        def call(self, x: Any) -> Any:
            return self.act(self.inner[1](self.inner[0](x)))

    class Attributes(k.Model):  # before and behind "layers", upper case and private
        def __init__(self) -> None:
            super().__init__()
            self.zlstm = layers.LSTM(3, **SEQUENCES)
            self.out = layers.Dense(3)
            self.a = layers.Dense(3)
            self.m = k.Sequential([layers.Dense(3), layers.Dense(3)])
            self.Z = layers.Dense(3)
            self._p = layers.Dense(3)

        def call(self, x: Any) -> Any:
            return self._p(self.Z(self.m(self.a(self.out(self.zlstm(x))))))

    class Containers(k.Model):
        def __init__(self) -> None:
            super().__init__()
            self.rows = [layers.Dense(3), layers.GRU(3, **SEQUENCES), layers.Dense(3)]
            self.d = {"q": layers.Dense(3), "b": layers.Dense(3)}
            self.t = (layers.Dense(3), layers.Dense(3))
            self.nest = [[layers.Dense(3), layers.Dense(3)], [layers.Dense(3)]]
            self.block = Block()

        def call(self, x: Any) -> Any:
            for layer in (*self.rows, self.d["q"], self.d["b"], *self.t, *self.nest[0]):
                x = layer(x)
            return self.block(self.nest[1][0](x))

    class Nested(k.Model):
        def __init__(self) -> None:
            super().__init__()
            self.sub = Attributes()
            self.z = Containers()
            self.bi = layers.Bidirectional(layers.LSTM(3, **SEQUENCES), merge_mode="sum")
            self.td = layers.TimeDistributed(layers.Dense(3))

        def call(self, x: Any) -> Any:
            return self.td(self.bi(self.z(self.sub(x))))

    class Shared(k.Model):
        def __init__(self) -> None:
            super().__init__()
            one = layers.Dense(3)
            self.one = one
            self.zwei = one
            self.many = [one, layers.Dense(3), one]

        def call(self, x: Any) -> Any:
            return self.many[2](self.many[1](self.zwei(self.one(x))))

    class Graphs(k.Model):
        def __init__(self) -> None:
            super().__init__()
            self.f, self.zf = (self.graph(k.Input((5, 3))) for _ in range(2))
            self.rnn = layers.RNN([layers.LSTMCell(3), layers.GRUCell(3)], **SEQUENCES)
            self.norm = layers.BatchNormalization()

        def graph(self, x: Any) -> Any:
            return k.Model(x, layers.Dense(3)(layers.LSTM(3, **SEQUENCES)(x)))

        def call(self, x: Any) -> Any:
            return self.norm(self.rnn(self.zf(self.f(x))))

    class Own(k.Model):
        def __init__(self) -> None:
            super().__init__()
            self.d = layers.Dense(3)
            self.s = self.add_weight(shape=(3,), name="s", initializer="ones")

        def call(self, x: Any) -> Any:
            return self.d(x) * self.s

    found = (Attributes, Containers, Nested, Shared, Graphs, Own)
    return {cls.__name__: cls for cls in found}


NAMES = sorted(classes(rnnext))
X = np.random.default_rng(1).normal(size=(2, 5, 3)).astype("f4")


def called(model: Any) -> Any:
    model(X)
    return model


@pytest.fixture(params=["keras", "tf_keras"])
def library(request: pytest.FixtureRequest, keras: ModuleType) -> Any:
    return keras if request.param == "keras" else pytest.importorskip("tf_keras")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_weights_that_keras_saved(library: Any, name: str, tmp_path: Path) -> None:
    model = called(classes(library)[name]())
    values = np.random.default_rng(0)
    shapes = [weight.shape for weight in model.get_weights()]
    model.set_weights([values.uniform(0.1, 0.9, shape).astype("f4") for shape in shapes])
    expected = np.asarray(model(X))
    suffixes = [".weights.h5"] if library.__name__ == "keras" else [".weights.h5", ".h5"]
    for suffix in suffixes:
        model.save_weights(tmp_path / f"m{suffix}")
        ours = called(classes(rnnext)[name]())
        ours.load_weights(tmp_path / f"m{suffix}")
        np.testing.assert_allclose(ours(X), expected, atol=2e-5 * abs(expected).max())


@pytest.mark.parametrize("name", NAMES)
def test_keras_opens_what_rnnext_saves(keras: ModuleType, name: str, tmp_path: Path) -> None:
    ours, model = called(classes(rnnext)[name]()), called(classes(keras)[name]())
    ours.save_weights(tmp_path / "m.weights.h5")
    model.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_allclose(ours(X), model(X), atol=1e-5)
    again = called(classes(rnnext)[name]())
    again.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(again(X), ours(X))


class Pair(Model):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.z = Dense(3, use_bias=False), Dense(3, use_bias=False)

    def call(self, x: Any) -> Any:
        return self.z(self.a(x))


def tree(**arrays: float) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_group("vars")
        for path, value in arrays.items():
            file[f"{path.replace('__', '/')}/vars/0"] = np.full((3, 3), value, "f4")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        tree(a=1, layers__dense=2),  # Keras 3, and 2.12: from a on
        tree(z=2, layers__dense=1),  # Keras 2.14: from z on
        tree(a=1, z=2),  # attributes alone
    ],
)
def test_the_order_of_visits_follows_from_the_file(content: bytes) -> None:
    model = called(Pair())
    model.load_weights(content)
    assert [weight[0, 0] for weight in model.get_weights()] == [1, 2]


@pytest.mark.parametrize(
    "content", [tree(a=1), tree(layers__dense=1), tree(a=1, z=2, layers__dense=3)]
)
def test_a_tree_that_does_not_fit_changes_nothing(content: bytes) -> None:
    model = called(Pair())
    before = model.get_weights()
    with pytest.raises(FileError, match=r"are expected|weights that no layer"):
        model.load_weights(content)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_weights_of_the_model_itself_are_asked_for() -> None:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs.update({"keras_version": "2.3.1", "backend": "tensorflow"})
        file.attrs["layer_names"] = ["d"]
        group = file.create_group("d")
        group.attrs["weight_names"] = ["d/kernel:0", "d/bias:0"]
        group["d/kernel:0"], group["d/bias:0"] = np.ones((3, 3), "f4"), np.ones(3, "f4")
    model = called(classes(rnnext)["Own"]())
    with pytest.raises(FileError, match=r"top_level_model_weights.*1 weights are expected \(s "):
        model.load_weights(buffer.getvalue())
    plain = Sequential([Input((3,)), Dense(3)])
    plain.load_weights(buffer.getvalue())
    np.testing.assert_array_equal(plain.get_weights()[1], np.ones(3))


class Scaled(rnnext.layers.Layer):
    """Keeps an array that is no weight, and its weight under a name."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = np.full(3, 2, "float32")

    def build(self, input_shape: Any) -> None:
        self.shift = self.add_weight(shape=(input_shape[-1],), name="shift")

    def call(self, x: Any) -> Any:
        return x * self.factor + self.shift

    def save_own_variables(self, store: Any) -> None:
        store["factor"] = self.factor
        store["shift"] = self.shift.numpy()

    def load_own_variables(self, store: Any) -> None:
        self.factor = np.array(store["factor"])
        self.shift.assign(store["shift"])


@pytest.mark.parametrize("whole", [True, False])
def test_a_class_that_saves_and_loads_its_weights_itself(whole: bool, tmp_path: Path) -> None:
    def build() -> Any:
        layers = rnnext.layers
        return rnnext.Sequential([layers.Input((5, 3)), Scaled(), layers.LSTM(2)])

    model, x = build(), np.ones((2, 5, 3), "float32")
    model.layers[0].factor = np.arange(3, dtype="float32")
    model.layers[0].shift.assign([1, 2, 3])
    if whole:
        model.save(tmp_path / "m.keras")
        loaded = rnnext.load_model(tmp_path / "m.keras", {"Scaled": Scaled})
    else:
        model.save_weights(tmp_path / "m.weights.h5")
        loaded = build()
        loaded.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
    np.testing.assert_array_equal(loaded.layers[0].factor, [0, 1, 2])


def test_own_variables_of_a_built_in_layer() -> None:
    layer = rnnext.layers.LSTM(2)
    layer.build((None, 5, 3))
    store: dict[str, Any] = {}
    layer.cell.save_own_variables(store)
    assert {name: value.shape for name, value in store.items()} == {
        "0": (3, 8),
        "1": (2, 8),
        "2": (8,),
    }
    layer.cell.load_own_variables({**store, "2": np.ones(8)})
    np.testing.assert_array_equal(layer.cell.bias.numpy(), np.ones(8))
    with pytest.raises(ShapeError, match="3 weights are expected, the store has 2"):
        layer.cell.load_own_variables({"0": store["0"], "1": store["1"]})
