"""RNN over cells of the user's own, beside both Kerases."""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from keras_reference import arrays, load_keras
from numpy.typing import NDArray

import rnnext
from rnnext.errors import UnsupportedError

keras = load_keras()
BATCH, STEPS, FEATURES = 2, 5, 4


@functools.cache
def library_of(name: str) -> Any:
    """A library, what the cells below are written with, and those cells."""
    if name == "rnnext":
        functions = {"tanh": np.tanh, "matmul": np.matmul, "zeros": np.zeros}
    else:
        tf = importlib.import_module("tensorflow")
        functions = {"tanh": tf.tanh, "matmul": tf.matmul, "zeros": tf.zeros}
    k = importlib.import_module(name)
    lib = SimpleNamespace(k=k, layers=k.layers, **functions)
    lib.cells = {make.__name__: make(lib) for make in CELLS}
    return lib


NAMES = ["keras", "tf_keras"] if importlib.util.find_spec("tf_keras") else ["keras"]


@pytest.fixture(params=NAMES)
def library(request: pytest.FixtureRequest) -> Any:
    return library_of(request.param)


def layer_normalised(lib: Any) -> Any:
    """Layers inside and no build(), as books have it."""

    class LNSimpleRNNCell(lib.layers.Layer):  # type: ignore[misc]
        def __init__(self, units: int = 3, activation: str = "tanh", **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = units
            self.state_size = units
            self.output_size = units
            self.simple_rnn_cell = lib.layers.SimpleRNNCell(units, activation=None)
            self.layer_norm = lib.layers.LayerNormalization()
            self.activation = lib.k.activations.get(activation)

        def call(self, inputs: Any, states: Any) -> Any:
            outputs, _ = self.simple_rnn_cell(inputs, states)
            norm_outputs = self.activation(self.layer_norm(outputs))
            return norm_outputs, [norm_outputs]

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "units": self.units}

    return LNSimpleRNNCell


def dense_inside(lib: Any) -> Any:
    """Weights of its own, a layer that call() builds, `training`, a state that is in no list."""

    class DenseCell(lib.layers.Layer):  # type: ignore[misc]
        def __init__(self, units: int = 3, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = units
            self.state_size = units
            self.head = lib.layers.Dense(units + 1)

        @property
        def output_size(self) -> int:
            return self.units + 1

        def build(self, shape: Any) -> None:
            self.w = self.add_weight(shape=(shape[-1], self.units), name="w")
            self.r = self.add_weight(shape=(self.units, self.units), name="r")
            self.built = True

        def call(self, x: Any, states: Any, training: Any = None) -> Any:
            assert not training
            h = lib.tanh(lib.matmul(x, self.w) + lib.matmul(states[0], self.r))
            return self.head(h), h

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "units": self.units}

    return DenseCell


def two_states(lib: Any) -> Any:
    """Two states of different sizes, in a tuple; no output_size."""

    class TwoStates(lib.layers.Layer):  # type: ignore[misc]
        state_size = (2, 4)

        def build(self, input_shape: Any) -> None:
            self.a = self.add_weight(shape=(input_shape[-1], 2), name="a")
            self.built = True

        def call(self, inputs: Any, states: Any) -> Any:
            one, other = states
            h = lib.tanh(lib.matmul(inputs, self.a) + one)
            return h, (h, lib.tanh(other + h[:, :1]))

    return TwoStates


def starts_from_half(lib: Any) -> Any:
    """get_initial_state with the arguments of Keras 2, and states that are not zero."""

    class KeepsHalf(lib.layers.Layer):  # type: ignore[misc]
        state_size = FEATURES

        def get_initial_state(
            self, inputs: Any = None, batch_size: Any = None, dtype: Any = None
        ) -> Any:
            assert inputs is None
            return [lib.zeros((batch_size, FEATURES), dtype=dtype or "float32") + 0.5]

        def call(self, inputs: Any, states: Any) -> Any:
            h = 0.5 * states[0] + inputs[:, :1]
            return h, [h]

    return KeepsHalf


CELLS = [layer_normalised, dense_inside, two_states, starts_from_half]


def draw(*shape: int) -> NDArray[Any]:
    return np.random.default_rng(5).standard_normal(shape).astype("float32")


X = draw(BATCH, STEPS, FEATURES)
MASKED = X * np.array([[0, 0, 1, 0, 1], [1, 1, 1, 0, 0]], "float32")[..., None]


def pair(make: Any, library: Any) -> tuple[Any, Any]:
    """The same model of both libraries with the same weights; `make` takes a library."""
    with library.k.utils.custom_object_scope({c.__name__: c for c in library.cells.values()}):
        reference = make(library)
    reference.predict(X, verbose=0)  # Keras builds what is inside of a cell when it first runs
    model = make(library_of("rnnext"))
    rng = np.random.default_rng(2)
    weights = [rng.standard_normal(w.shape).astype("float32") for w in reference.get_weights()]
    reference.set_weights(weights)
    model.set_weights(weights)
    return model, reference


def assert_same(model: Any, reference: Any, x: NDArray[Any] = X) -> None:
    expected = arrays(reference.predict(x, verbose=0))
    got = arrays(model.predict(x))
    assert [y.shape[1:] for y in got] == [y.shape[1:] for y in model.outputs]
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)


def reset(model: Any) -> None:
    for layer in model.layers:
        if hasattr(layer, "reset_states"):
            layer.reset_states()


OPTIONS = [
    {},
    {"return_sequences": True},
    {"return_state": True, "go_backwards": True},
    {"return_sequences": True, "return_state": True, "masked": True},
    {"masked": True, "zero_output_for_mask": True, "return_sequences": True},
]


# Keras 3 says so of every cell without build() that has layers inside.
@pytest.mark.filterwarnings("ignore:`build\\(\\)` was called on layer:UserWarning")
@pytest.mark.parametrize("cell", [make.__name__ for make in CELLS])
class TestRNN:
    @pytest.mark.parametrize("options", OPTIONS, ids=str)
    def test_options(self, cell: str, options: dict[str, Any], library: Any) -> None:
        options = dict(options)
        masked = options.pop("masked", False)

        def make(lib: Any) -> Any:
            x = lib.k.Input((STEPS, FEATURES))
            steps = lib.layers.Masking()(x) if masked else x
            return lib.k.Model(x, lib.layers.RNN(lib.cells[cell](), **options)(steps))

        assert_same(*pair(make, library), MASKED)

    @pytest.mark.parametrize("merge_mode", ["concat", None])
    def test_bidirectional(self, cell: str, merge_mode: Any, library: Any) -> None:
        def make(lib: Any) -> Any:
            x = lib.k.Input((STEPS, FEATURES))
            inner = lib.layers.RNN(lib.cells[cell](), return_sequences=True)
            both = lib.layers.Bidirectional(inner, merge_mode=merge_mode)
            return lib.k.Model(x, both(lib.layers.Masking()(x)))

        assert_same(*pair(make, library), MASKED)

    def test_among_cells_of_the_library(self, cell: str, library: Any) -> None:
        if cell == "dense_inside" and library.k.__name__ == "keras":
            pytest.skip("Keras 3's StackedRNNCells needs new states in a list")

        def make(lib: Any) -> Any:
            x = lib.k.Input((STEPS, FEATURES))
            cells = [lib.layers.LSTMCell(3), lib.cells[cell](), lib.layers.GRUCell(2)]
            return lib.k.Model(x, lib.layers.RNN(cells)(x))

        assert_same(*pair(make, library))

    def test_stateful(self, cell: str, library: Any) -> None:
        def make(lib: Any) -> Any:
            x = lib.k.Input(batch_shape=(BATCH, STEPS, FEATURES))
            return lib.k.Model(x, lib.layers.RNN(lib.cells[cell](), stateful=True)(x))

        model, reference = pair(make, library)
        reset(reference)
        reset(model)
        for _ in range(2):
            assert_same(model, reference)

    def test_stream(self, cell: str) -> None:
        lib = library_of("rnnext")
        x = lib.k.Input((None, FEATURES))
        rnn = lib.layers.RNN(lib.cells[cell](), return_sequences=True)
        model = lib.k.Model(x, rnn(lib.layers.Masking()(x)))
        stream = model.stream(batch_size=BATCH)
        steps = [stream.step(MASKED[:, t]) for t in range(STEPS)]
        np.testing.assert_array_equal(np.stack(steps, axis=1), model.predict(MASKED))

    @pytest.mark.parametrize("suffix", ["keras", "h5"])
    @pytest.mark.filterwarnings("ignore:You are saving your model:UserWarning")
    def test_files(self, cell: str, suffix: str, library: Any, tmp_path: Path) -> None:
        def make(lib: Any) -> Any:
            x = lib.k.Input((STEPS, FEATURES))
            return lib.k.Model(x, lib.layers.RNN(lib.cells[cell]())(x))

        _, reference = pair(make, library)
        reference.save(tmp_path / f"m.{suffix}")
        own = library_of("rnnext").cells[cell]
        custom = {own.__name__: own}
        model = rnnext.load_model(tmp_path / f"m.{suffix}", custom_objects=custom)
        assert_same(model, reference)
        model.save(tmp_path / "again.keras")
        assert_same(rnnext.load_model(tmp_path / "again.keras", custom_objects=custom), reference)
        assert_same(rnnext.from_keras(reference, custom_objects=custom), reference)


class TestObjects:
    """Cells that are no layers."""

    def test_training_without_a_default(self) -> None:
        class Cell:
            state_size = FEATURES

            def call(self, inputs: Any, states: Any, training: Any) -> Any:
                return inputs + states[0] * (0.5 if training else 1), [inputs]

        for cell in (Cell(), [rnnext.layers.GRUCell(FEATURES), Cell()]):
            rnn = rnnext.layers.RNN(cell, return_sequences=True)
            assert rnn(X).shape == X.shape
            assert not np.array_equal(rnn(X, training=True), rnn(X))

    @pytest.mark.parametrize("size", [4, np.int64(4), [4], (4,)])
    def test_one_state_however_it_is_said(self, size: Any) -> None:
        class Sum:
            state_size = size

            def call(self, inputs: Any, states: Any) -> Any:
                total = states[0] + inputs
                return total, total if isinstance(size, int) else (total,)

        output, state = rnnext.layers.RNN(Sum(), return_state=True)(X)
        np.testing.assert_allclose(output, X.sum(axis=1), atol=1e-6)
        np.testing.assert_array_equal(output, state)
        x = rnnext.Input((STEPS, FEATURES))
        assert rnnext.layers.RNN(Sum())(x).shape == (None, FEATURES)

    def test_states_of_several_axes(self) -> None:
        class Shape:  # as TensorFlow's TensorShape: not a list or tuple, which are several states
            def __init__(self, *sizes: int) -> None:
                self.sizes = sizes

            def __len__(self) -> int:
                return len(self.sizes)

            def __iter__(self) -> Any:
                return iter(self.sizes)

        class Products:
            state_size = Shape(FEATURES, 2)

            def call(self, inputs: Any, states: Any) -> Any:
                total = states[0] + inputs[:, :, None] * np.array([1, 2], "float32")
                return total, [total]

        rnn = rnnext.layers.RNN(Products(), return_state=True, return_sequences=True)
        mask = np.array([[1, 1, 0, 1, 0]] * BATCH, bool)
        output, state = rnn(X, mask=mask)
        assert output.shape == (BATCH, STEPS, FEATURES, 2)
        np.testing.assert_allclose(state[..., 0] * 2, state[..., 1], atol=1e-6)
        np.testing.assert_array_equal(output[:, -1], state)
        tensors = rnn(rnnext.Input((STEPS, FEATURES)))
        shapes = [tensor.shape for tensor in tensors]
        assert shapes == [(None, STEPS, FEATURES, 2), (None, FEATURES, 2)]
        again, _ = rnn(X, initial_state=[state])
        np.testing.assert_allclose(again[:, 0], state + output[:, 0], atol=1e-6)


def returning(made: Callable[[Any, Any], Any]) -> Any:
    """A cell with one state that returns what the function makes of input and states."""

    class Faulty(rnnext.layers.Layer):
        state_size = 4

        def call(self, inputs: Any, states: Any) -> Any:
            return made(inputs, states)

    return Faulty()


@pytest.mark.parametrize("stacked", [False, True])
@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda x, _: x, "an output and the new states, received ndarray"),
        (lambda x, states: (x, *states, *states), "the new states, received 3 values"),
        (lambda x, states: (x, [*states, *states]), "as it is given, expected 1, received 2"),
        (lambda x, _: (x, []), "as it is given, expected 1, received 0"),
    ],
)
def test_what_a_cell_must_return(
    made: Callable[[Any, Any], Any], message: str, stacked: bool
) -> None:
    """An array of two samples is no pair of output and states."""
    cells = [rnnext.layers.SimpleRNNCell(4), returning(made)] if stacked else returning(made)
    layer = rnnext.layers.RNN(cells)
    with pytest.raises(UnsupportedError, match=rf"Faulty: call\(\) must return .*{message}"):
        layer(np.ones((2, 3, 4), "float32"))
