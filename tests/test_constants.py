"""`constants=` of RNN and Bidirectional, which Keras 2 has and Keras 3 has not."""

from __future__ import annotations

import functools
import importlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from keras_reference import arrays, load_keras
from numpy.typing import NDArray

import rnnext
from rnnext.errors import UnsupportedError

load_keras()
tf_keras = pytest.importorskip("tf_keras")
BATCH, STEPS, FEATURES, UNITS = 2, 5, 4, 3


@functools.cache
def library_of(name: str) -> Any:
    functions: dict[str, Any] = {"tanh": np.tanh, "matmul": np.matmul}
    if name != "rnnext":
        tf = importlib.import_module("tensorflow")
        functions = {"tanh": tf.tanh, "matmul": tf.matmul}
    k = importlib.import_module(name)
    lib = SimpleNamespace(k=k, layers=k.layers, **functions)
    lib.cells = {"Conditioned": conditioned(lib), "Gated": gated(lib)}
    return lib


def conditioned(lib: Any) -> Any:
    class Conditioned(lib.layers.Layer):  # type: ignore[misc]
        """h = tanh(x a + c b + h r) for one constant c, or two, which are added."""

        def __init__(self, units: int = UNITS, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = self.state_size = units

        def build(self, shape: Any) -> None:
            self.a = self.add_weight(name="a", shape=(shape[-1], self.units))
            self.b = self.add_weight(name="b", shape=(2, self.units))
            self.r = self.add_weight(name="r", shape=(self.units, self.units))
            self.built = True

        def call(self, inputs: Any, states: Any, constants: Any = None) -> Any:
            c = constants[0] + constants[1] if len(constants) == 2 else constants[0]
            sums = lib.matmul(inputs, self.a) + lib.matmul(c, self.b)
            h = lib.tanh(sums + lib.matmul(states[0], self.r))
            return h, [h]

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "units": self.units}

    return Conditioned


def gated(lib: Any) -> Any:
    class Gated(lib.layers.Layer):  # type: ignore[misc]
        """Two states, and layers inside that the first call builds; no build()."""

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.state_size = [UNITS, UNITS]
            self.cell = lib.layers.LSTMCell(UNITS)
            self.gate = lib.layers.Dense(UNITS, activation="sigmoid")

        def call(self, inputs: Any, states: Any, constants: Any, training: Any = None) -> Any:
            assert not training
            output, new_states = self.cell(inputs, states)
            return output * self.gate(constants[0]), new_states

    return Gated


def draw(*shape: int) -> NDArray[Any]:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype("float32")


X = (
    draw(BATCH, STEPS, FEATURES)
    * np.array([[0, 1, 1, 0, 1], [1, 1, 0, 0, 0]], "float32")[..., None]
)


# Each takes a library and returns a functional model.


def alone(lib: Any) -> Any:
    x, c = lib.k.Input((STEPS, FEATURES)), lib.k.Input((2,))
    return lib.k.Model([x, c], lib.layers.RNN(lib.cells["Conditioned"]())(x, constants=c))


def two(lib: Any) -> Any:
    x, c, d = lib.k.Input((STEPS, FEATURES)), lib.k.Input((2,)), lib.k.Input((2,))
    rnn = lib.layers.RNN(lib.cells["Conditioned"](), return_sequences=True, go_backwards=True)
    return lib.k.Model([x, c, d], rnn(x, constants=[c, d]))


def layers_inside(lib: Any) -> Any:
    x, c = lib.k.Input((STEPS, FEATURES)), lib.k.Input((2,))
    rnn = lib.layers.RNN(lib.cells["Gated"](), return_state=True)
    return lib.k.Model([x, c], rnn(x, constants=[c]))


def with_states(lib: Any) -> Any:
    x, h, c = lib.k.Input((STEPS, FEATURES)), lib.k.Input((UNITS,)), lib.k.Input((2,))
    rnn = lib.layers.RNN(lib.cells["Conditioned"](), return_state=True)
    return lib.k.Model([x, h, c], rnn(x, initial_state=[h], constants=[c]))


def masked(lib: Any) -> Any:
    x, c = lib.k.Input((STEPS, FEATURES)), lib.k.Input((2,))
    rnn = lib.layers.RNN(lib.cells["Conditioned"](), return_sequences=True)
    return lib.k.Model([x, c], rnn(lib.layers.Masking()(x), constants=[c]))


def masked_with_states(lib: Any) -> Any:
    x, h, c = lib.k.Input((STEPS, FEATURES)), lib.k.Input((UNITS,)), lib.k.Input((2,))
    rnn = lib.layers.RNN(lib.cells["Conditioned"]())
    return lib.k.Model([x, h, c], rnn(lib.layers.Masking()(x), initial_state=h, constants=c))


def stacked(lib: Any) -> Any:
    x, c = lib.k.Input((STEPS, FEATURES)), lib.k.Input((2,))
    cells = [lib.layers.GRUCell(3), lib.cells["Conditioned"](), lib.cells["Gated"]()]
    return lib.k.Model([x, c], lib.layers.RNN(cells)(x, constants=[c]))


def both_ways(lib: Any) -> Any:
    x, c = lib.k.Input((STEPS, FEATURES)), lib.k.Input((2,))
    rnn = lib.layers.RNN(lib.cells["Conditioned"](), return_sequences=True)
    return lib.k.Model([x, c], lib.layers.Bidirectional(rnn)(x, constants=[c]))


def both_ways_with_states(lib: Any) -> Any:
    x, c = lib.k.Input((STEPS, FEATURES)), lib.k.Input((2,))
    states = [lib.k.Input((UNITS,)) for _ in range(2)]
    both = lib.layers.Bidirectional(lib.layers.RNN(lib.cells["Conditioned"]()))
    return lib.k.Model([x, c, *states], both(x, initial_state=states, constants=[c]))


def called_twice(lib: Any) -> Any:
    x, c, d = lib.k.Input((STEPS, FEATURES)), lib.k.Input((2,)), lib.k.Input((2,))
    rnn = lib.layers.RNN(lib.cells["Conditioned"]())
    outputs = [rnn(x, constants=[each]) for each in (c, d)]
    return lib.k.Model([x, c, d], lib.layers.Subtract()(outputs))


MODELS = [
    alone,
    two,
    layers_inside,
    with_states,
    masked,
    masked_with_states,
    stacked,
    both_ways,
    both_ways_with_states,
    called_twice,
]


def own_cells() -> dict[str, Any]:
    return dict(library_of("rnnext").cells)


def reference_of(make: Any) -> Any:
    lib = library_of("tf_keras")
    with tf_keras.utils.custom_object_scope(lib.cells):
        return make(lib)


def assert_same(model: Any, reference: Any) -> None:
    inputs = [X, *(draw(BATCH, *tensor.shape[1:]) for tensor in reference.inputs[1:])]
    expected = arrays(reference.predict(inputs, verbose=0))
    for one, other in zip(arrays(model.predict(inputs)), expected, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)


@pytest.mark.parametrize("make", MODELS)
class TestFunctional:
    def test_built_here_and_saved(self, make: Any, tmp_path: Path) -> None:
        reference, model = reference_of(make), make(library_of("rnnext"))
        model.set_weights(reference.get_weights())
        assert_same(model, reference)
        model.save(tmp_path / "m.keras")
        again = rnnext.load_model(tmp_path / "m.keras", custom_objects=own_cells())
        assert_same(again, reference)

    @pytest.mark.parametrize("suffix", ["keras", "h5"])
    @pytest.mark.filterwarnings("ignore:You are saving your model:UserWarning")
    def test_from_files(self, make: Any, suffix: str, tmp_path: Path) -> None:
        reference = reference_of(make)
        reference.save(tmp_path / f"m.{suffix}")
        model = rnnext.load_model(tmp_path / f"m.{suffix}", custom_objects=own_cells())
        assert_same(model, reference)

    def test_live(self, make: Any) -> None:
        reference = reference_of(make)
        assert_same(rnnext.from_keras(reference, custom_objects=own_cells()), reference)


class TestOnArrays:
    def test_as_keras(self) -> None:
        lib = library_of("tf_keras")
        reference = lib.layers.RNN(lib.cells["Gated"](), return_state=True)
        rnn = rnnext.layers.RNN(own_cells()["Gated"](), return_state=True)
        c, h = draw(BATCH, 2), draw(BATCH, UNITS)
        as_tensor = importlib.import_module("tensorflow").constant
        expected = reference(X, initial_state=[as_tensor(h)] * 2, constants=[as_tensor(c)])
        rnn(X, constants=c)
        rnn.set_weights(reference.get_weights())
        for one, other in zip(rnn(X, [h, h], constants=[c]), expected, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)

    def test_stream(self) -> None:
        model = masked(library_of("rnnext"))
        c = draw(BATCH, 2)
        stream = model.stream(batch_size=BATCH)
        steps = [stream.step([X[:, t], c]) for t in range(STEPS)]
        np.testing.assert_array_equal(np.stack(steps, axis=1), model.predict([X, c]))

    def test_constants_that_a_stream_would_change(self) -> None:
        lib = library_of("rnnext")
        x = lib.k.Input((None, FEATURES))
        c = lib.layers.LSTM(2)(x)
        model = lib.k.Model(x, lib.layers.RNN(lib.cells["Conditioned"]())(x, constants=[c]))
        with pytest.raises(UnsupportedError, match=r"\(RNN\).*its constants would change"):
            model.stream()

    def test_a_cell_that_takes_none(self) -> None:
        c = draw(BATCH, 2)
        message = r"'m' \(LSTM\).*LSTMCell.*takes no constants, received 1.*states, constants\)"
        layer = rnnext.layers.LSTM(2, name="m")
        with pytest.raises(UnsupportedError, match=message):
            layer(X, constants=[c])
        with pytest.raises(UnsupportedError, match=message):
            layer(rnnext.Input((STEPS, FEATURES)), constants=[rnnext.Input((2,))])
        with pytest.raises(UnsupportedError, match="takes no constants"):
            rnnext.layers.Bidirectional(rnnext.layers.GRU(2))(X, constants=[c])
