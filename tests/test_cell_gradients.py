"""Gradients through cells: dropout in them, stacks, cells of a user's, activations that mix units.

Beside tf.GradientTape on Keras's layers in float32, and in float64, which is the truth here.
"""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gradient_reference import Array, assert_no_worse, recording, seed_for
from keras_reference import load_keras
from same_dropout import use_computed_masks

import rnnext
from rnnext import layers, nest
from rnnext._core import (
    GO_BACKWARDS,
    RETURN_SEQUENCES,
    RETURN_STATE,
    STRICT,
    RecurrentKernel,
)
from rnnext.layers.rnn.recorded_rnn import record_run
from rnnext.layers.rnn.step_loop import StepLoop

keras = load_keras()
tf: Any = importlib.import_module("tensorflow")
Make = Callable[[Any, str], Any]
RNG = np.random.default_rng(0)
X = RNG.standard_normal((3, 5, 4)).astype("float32")
MASK = np.array([[1, 1, 0, 1, 0], [0, 0, 1, 1, 1], [1, 0, 1, 1, 0]], bool)
CONV = RNG.standard_normal((2, 3, 5, 4, 2)).astype("float32")


def weights_for(layer: Any) -> list[Array]:
    rng = np.random.default_rng(1)
    return [
        (rng.standard_normal(w.shape) / 2).astype("float32")
        for w in layer.weights
        if "seed" not in w.name
    ]


def set_weights(layer: Any, values: list[Array]) -> None:
    floats = [w for w in layer.weights if "seed" not in w.name]
    for weight, value in zip(floats, values, strict=True):
        weight.assign(value)


def cast_all(structure: Any, dtype: str) -> Any:
    def one(x: Any) -> Any:
        is_float = isinstance(x, np.ndarray) and x.dtype.kind == "f"
        return x.astype(dtype) if is_float else x

    return nest.map_structure(one, structure)


def their_answer(make: Make, x: Array, call: Any, dtype: str, values: Any) -> tuple[Any, ...]:
    """Outputs, and gradients of the inputs, the arguments and the weights."""
    keras.backend.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)  # of the stack that an RNN makes of a list of cells
    try:
        layer = make(keras, dtype)
        x, call = cast_all((x, call), dtype)
        layer(x, **call)
        values = weights_for(layer) if values is None else values
        set_weights(layer, values)
        if getattr(layer, "stateful", False):
            layer.reset_states()
        tensors = nest.map_structure(
            lambda a: tf.constant(a) if isinstance(a, np.ndarray) else a, (x, call)
        )
        sources = [t for t in nest.flatten(tensors) if tf.is_tensor(t) and t.dtype.is_floating]
        sources += [w.value for w in layer.trainable_weights]
        with tf.GradientTape() as tape:
            for source in sources:
                tape.watch(source)
            outputs = nest.flatten(layer(tensors[0], **tensors[1]))
            total = tf.add_n([tf.reduce_sum(y * seed_for(y.numpy())) for y in outputs])
        gradients = [
            np.zeros(s.shape) if d is None else tf.convert_to_tensor(d).numpy()
            for s, d in zip(sources, tape.gradient(total, sources), strict=True)
        ]
        return [y.numpy() for y in outputs], gradients, values
    finally:
        keras.backend.set_floatx("float32")
        keras.config.set_dtype_policy("float32")


def our_answer(
    make: Make, x: Array, call: Any, values: Any, dtype: str = "float32"
) -> tuple[Any, ...]:
    layer = make(rnnext, dtype)
    x, call = cast_all((x, call), dtype)
    layer(x, **call)
    set_weights(layer, values)
    if getattr(layer, "stateful", False):
        layer.reset_states()
    pass_ = recording(training=False)
    outputs, pullback = layer.record(pass_, x, **call)
    found = pullback([seed_for(y) for y in nest.flatten(outputs)])
    leaves = nest.flatten(((x,), call))
    floats = [
        np.zeros_like(leaf) if d is None else d
        for leaf, d in itertools.zip_longest(leaves, found)
        if isinstance(leaf, np.ndarray) and leaf.dtype.kind == "f"
    ]
    of_weights = [pass_.gradients.get(id(w), np.zeros(w.shape)) for w in layer.trainable_weights]
    return nest.flatten(outputs), floats + of_weights


def check(make: Make, x: Array = X, **call: Any) -> None:
    """Our answers are no farther from those in float64 than TensorFlow's."""
    theirs, their_gradients, values = their_answer(make, x, call, "float32", None)
    exact, exact_gradients, _ = their_answer(make, x, call, "float64", values)
    ours, our_gradients = our_answer(make, x, call, values)
    assert len(ours) == len(exact)
    assert len(our_gradients) == len(exact_gradients)
    for i, three in enumerate(zip(ours, theirs, exact, strict=True)):
        assert_no_worse(*three, f"output {i}")
    for i, three in enumerate(zip(our_gradients, their_gradients, exact_gradients, strict=True)):
        assert_no_worse(*three, f"gradient {i}")
    ours, our_gradients = our_answer(make, x, call, values, "float64")
    for received, expected in zip([*ours, *our_gradients], [*exact, *exact_gradients], strict=True):
        np.testing.assert_allclose(received, expected, rtol=1e-9, atol=1e-12)


# Dropout in cells --------------------------------------------------------------------------------

BUILT_IN: dict[str, Any] = {
    "SimpleRNN": ("SimpleRNN", {}),
    "LSTM": ("LSTM", {}),
    "GRU": ("GRU", {}),
    "GRU before": ("GRU", {"reset_after": False}),
}
RATES = [
    {"recurrent_dropout": 0.4},
    {"dropout": 0.3},
    {"dropout": 0.3, "recurrent_dropout": 0.4},
    {"dropout": 1.0},
    {"recurrent_dropout": 1.0, "dropout": 0.2},
]


@pytest.mark.parametrize("rates", RATES, ids=str)
@pytest.mark.parametrize("cell", BUILT_IN)
def test_dropout(cell: str, rates: dict[str, float], monkeypatch: Any) -> None:
    use_computed_masks(monkeypatch, keras)
    name, options = BUILT_IN[cell]
    check(lambda k, d: getattr(k.layers, name)(6, dtype=d, **options, **rates), training=True)


@pytest.mark.parametrize(
    "options",
    [
        {"return_sequences": True, "return_state": True},
        {"go_backwards": True, "return_sequences": True},
        {"use_bias": False},
        {"activation": "softmax", "recurrent_activation": "hard_sigmoid"},
    ],
    ids=str,
)
@pytest.mark.parametrize("cell", BUILT_IN)
def test_dropout_with_options(cell: str, options: dict[str, Any], monkeypatch: Any) -> None:
    use_computed_masks(monkeypatch, keras)
    name, more = BUILT_IN[cell]
    if name == "SimpleRNN":
        options = {k: v for k, v in options.items() if k != "recurrent_activation"}
    options = {**more, **options, "recurrent_dropout": 0.4, "dropout": 0.2}
    check(lambda k, d: getattr(k.layers, name)(6, dtype=d, **options), training=True)


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("cell", BUILT_IN)
def test_dropout_with_masks_and_states(cell: str, zeros: bool, monkeypatch: Any) -> None:
    use_computed_masks(monkeypatch, keras)
    name, more = BUILT_IN[cell]
    options = {**more, "recurrent_dropout": 0.4, "dropout": 0.2, "return_sequences": True}
    options.update(return_state=True, zero_output_for_mask=zeros)
    states = [RNG.standard_normal((3, 6)).astype("float32") for _ in range(1 + (name == "LSTM"))]
    check(
        lambda k, d: getattr(k.layers, name)(6, dtype=d, **options),
        training=True,
        mask=MASK,
        initial_state=states,
    )


@pytest.mark.parametrize("cell", BUILT_IN)
def test_dropout_in_a_bidirectional(cell: str, monkeypatch: Any) -> None:
    use_computed_masks(monkeypatch, keras)
    name, more = BUILT_IN[cell]
    options = {**more, "recurrent_dropout": 0.4, "dropout": 0.2, "return_sequences": True}

    def make(k: Any, dtype: str) -> Any:
        layer = getattr(k.layers, name)(6, dtype=dtype, **options)
        return k.layers.Bidirectional(layer, dtype=dtype)

    check(make, training=True, mask=MASK)


@pytest.mark.parametrize("cell", ["LSTMCell", "GRUCell"])
def test_one_mask_for_each_gate(cell: str, monkeypatch: Any) -> None:
    """Of the inputs, too, with Keras's implementation 1."""
    use_computed_masks(monkeypatch, keras)

    def make(k: Any, dtype: str) -> Any:
        options = {"dropout": 0.3, "implementation": 1, "dtype": dtype}
        return k.layers.RNN(getattr(k.layers, cell)(6, **options), dtype=dtype)

    check(make, training=True)


@pytest.mark.parametrize("flags", [0, RETURN_SEQUENCES | RETURN_STATE, GO_BACKWARDS])
@pytest.mark.parametrize("rates", [*RATES[:3], {"dropout": 0.3, "implementation": 1}], ids=str)
@pytest.mark.parametrize("cell", BUILT_IN)
@pytest.mark.parametrize("batch", [3, 20])
def test_kernels_drop_as_the_loop_over_steps_does(
    batch: int, cell: str, rates: dict[str, Any], flags: int
) -> None:
    """The loop is the reference: the same numbers are drawn in the same order."""
    name, more = BUILT_IN[cell]
    layer = getattr(layers, name)(9, dtype="float64", **more, **rates)
    rng = np.random.default_rng(5)
    x, mask = rng.standard_normal((batch, 6, 4)), rng.random((batch, 6)) < 0.8
    layer(x)
    set_weights(layer, weights_for(layer))
    states = tuple(rng.standard_normal((batch, 9)) for _ in range(1 + (name == "LSTM")))

    def answer(runner: Any) -> list[Any]:
        rnnext.set_random_seed(11)
        pass_ = recording(training=True)
        arguments = [x, states, mask, flags | STRICT]
        results, pullback = record_run(pass_, layer.cell, runner, True, arguments)
        found = pullback([seed_for(y) for y in nest.flatten(results)])
        return [*nest.flatten(results), *found, *(pass_.gradients[id(w)] for w in layer.weights)]

    kernel = layer.cell._packed or layer.cell._pack()
    assert isinstance(kernel, RecurrentKernel)
    for ours, expected in zip(answer(kernel), answer(StepLoop(layer.cell, True)), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-12)


def test_dropout_may_be_changed_between_calls() -> None:
    layer = layers.LSTM(4)
    before = layer(X, training=True)
    layer.cell.recurrent_dropout = 0.5
    assert not np.array_equal(layer(X, training=True), before)
    layer.cell.recurrent_dropout = 0.0
    np.testing.assert_array_equal(layer(X, training=True), before)


def test_masks_are_the_same_at_every_step_and_new_in_every_call() -> None:
    layer = layers.SimpleRNN(
        4, activation="linear", use_bias=False, return_sequences=True, recurrent_dropout=0.5
    )
    x = np.zeros((3, 6, 1), "float32")
    x[:, 0] = 1
    layer(x)
    layer.set_weights([np.ones((1, 4)), np.eye(4)])
    y = layer(x, training=True)
    factors = y[:, 1] / y[:, 0]
    assert set(np.unique(factors)) == {0, 2}
    np.testing.assert_array_equal(y[:, 2], y[:, 1] * factors)
    np.testing.assert_array_equal(y[:, 5], y[:, 1] * factors**4)
    assert not np.array_equal(y, layer(x, training=True))
    np.testing.assert_array_equal(layer(x), np.ones((3, 6, 4)))


@pytest.mark.parametrize("seed", [None, 7])
def test_a_seed_makes_dropout_repeatable(seed: int | None) -> None:
    def run() -> Array:
        rnnext.set_random_seed(3)
        layer = layers.LSTM(5, recurrent_dropout=0.5, dropout=0.5, seed=seed)
        y: Array = layer(X, training=True)
        return y

    np.testing.assert_array_equal(run(), run())


def test_a_cell_keeps_its_masks_until_they_are_reset() -> None:
    cell = layers.SimpleRNNCell(4, activation="linear", dropout=0.5)
    x, h = np.ones((3, 8), "float32"), np.zeros((3, 4), "float32")
    first, _ = cell(x, h, training=True)
    np.testing.assert_array_equal(cell(x, h, training=True)[0], first)
    cell.reset_dropout_mask()
    assert not np.array_equal(cell(x, h, training=True)[0], first)


@pytest.mark.parametrize("method", ["predict", "stream"])
def test_predictions_drop_nothing(method: str) -> None:
    def model(**rates: float) -> Any:
        layer = layers.GRU(3, return_sequences=True, **rates)
        return rnnext.Sequential([layers.Input((5, 4)), layer])

    plain, dropping = model(), model(dropout=0.5, recurrent_dropout=0.5)
    dropping.set_weights(plain.get_weights())
    if method == "predict":
        np.testing.assert_array_equal(dropping.predict(X, verbose=0), plain.predict(X, verbose=0))
    else:
        streams = [each.stream(batch_size=3) for each in (dropping, plain)]
        np.testing.assert_array_equal(*(stream.chunk(X) for stream in streams))


# ConvLSTM ----------------------------------------------------------------------------------------

CONV_OPTIONS: dict[str, Any] = {
    "plain": {},
    "sequences": {"return_sequences": True, "return_state": True, "padding": "same"},
    "backwards": {"go_backwards": True, "return_sequences": True, "use_bias": False},
    "strides": {"strides": 2, "padding": "same", "activation": "relu"},
    "dilation": {"dilation_rate": 2, "kernel_size": 2, "recurrent_activation": "hard_sigmoid"},
    "dropout": {"dropout": 0.3},
    "both": {"dropout": 0.3, "recurrent_dropout": 0.4, "return_sequences": True},
    "softmax": {"activation": "softmax"},
}


@pytest.mark.parametrize("options", CONV_OPTIONS)
def test_conv_lstm(options: str, monkeypatch: Any) -> None:
    use_computed_masks(monkeypatch, keras)
    given = {"kernel_size": 3, **CONV_OPTIONS[options]}
    check(lambda k, d: k.layers.ConvLSTM2D(3, dtype=d, **given), CONV, training=True)


@pytest.mark.parametrize("rank", [1, 3])
def test_conv_lstm_over_other_axes(rank: int, monkeypatch: Any) -> None:
    use_computed_masks(monkeypatch, keras)
    x = RNG.standard_normal((2, 3, *(4, 3, 3)[:rank], 2)).astype("float32")
    mask = np.array([[1, 0, 1], [0, 1, 0]], bool)
    options = {"kernel_size": 2, "padding": "same", "recurrent_dropout": 0.4}
    check(
        lambda k, d: getattr(k.layers, f"ConvLSTM{rank}D")(2, dtype=d, **options),
        x,
        training=True,
        mask=mask,
    )


def test_conv_lstm_in_a_bidirectional(monkeypatch: Any) -> None:
    use_computed_masks(monkeypatch, keras)

    def make(k: Any, dtype: str) -> Any:
        layer = k.layers.ConvLSTM1D(2, 2, padding="same", return_sequences=True, dtype=dtype)
        return k.layers.Bidirectional(layer, dtype=dtype)

    check(make, RNG.standard_normal((2, 3, 4, 2)).astype("float32"))


# Stacks ------------------------------------------------------------------------------------------


def stack(*make: Callable[[Any, str], Any], **options: Any) -> Make:
    return lambda k, d: k.layers.RNN([one(k, d) for one in make], dtype=d, **options)


STACKS: dict[str, list[Callable[[Any, str], Any]]] = {
    "two": [
        lambda k, d: k.layers.LSTMCell(4, dtype=d),
        lambda k, d: k.layers.GRUCell(3, dtype=d),
    ],
    "three": [
        lambda k, d: k.layers.SimpleRNNCell(2, dtype=d, activation="relu"),
        lambda k, d: k.layers.GRUCell(3, reset_after=False, dtype=d),
        lambda k, d: k.layers.LSTMCell(4, dtype=d),
    ],
    "dropout": [
        lambda k, d: k.layers.LSTMCell(4, dropout=0.3, recurrent_dropout=0.4, dtype=d),
        lambda k, d: k.layers.GRUCell(3, dropout=0.4, dtype=d),
    ],
}
RNN_OPTIONS: list[dict[str, Any]] = [
    {},
    {"return_sequences": True, "return_state": True},
    {"go_backwards": True, "return_sequences": True},
    {"return_sequences": True, "zero_output_for_mask": True, "unroll": True},
]


@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "masked"])
@pytest.mark.parametrize("options", RNN_OPTIONS, ids=str)
@pytest.mark.parametrize("cells", STACKS)
def test_stacks(cells: str, options: dict[str, Any], mask: Any, monkeypatch: Any) -> None:
    use_computed_masks(monkeypatch, keras)
    check(stack(*STACKS[cells], **options), mask=mask, training=True)


def test_stacks_with_states(monkeypatch: Any) -> None:
    use_computed_masks(monkeypatch, keras)
    states = [RNG.standard_normal((3, n)).astype("float32") for n in (4, 4, 3)]
    make = stack(*STACKS["dropout"], return_state=True)
    check(make, mask=MASK, training=True, initial_state=[states[:2], states[2]])


# Cells of a user's -------------------------------------------------------------------------------


def minimal_cell(k: Any, dtype: str, units: int = 3) -> Any:
    """A cell written for Keras or for rnnext, whose `ops` are the same."""

    class Cell(k.layers.Layer):  # type: ignore[misc]
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.state_size = units

        def build(self, input_shape: Any) -> None:
            self.w = self.add_weight(shape=(input_shape[-1], units), name="w")
            self.u = self.add_weight(shape=(units, units), name="u")

        def call(self, inputs: Any, states: Any) -> Any:
            h = k.ops.tanh(k.ops.matmul(inputs, self.w) + k.ops.matmul(states[0], self.u))
            return h, [h]

    return Cell(dtype=dtype)


def two_state_cell(k: Any, dtype: str, units: int = 3) -> Any:
    """Its output is neither of its states, which have sizes of their own; a layer is inside."""

    class Cell(k.layers.Layer):  # type: ignore[misc]
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.state_size = [units, 2]
            self.output_size = 5
            self.inner = k.layers.LSTMCell(units, dtype=dtype)
            self.head = k.layers.Dense(5, activation="softplus", dtype=dtype)

        def build(self, input_shape: Any) -> None:
            self.inner.build(input_shape)
            self.head.build((None, units + 2))
            self.v = self.add_weight(shape=(units, 2), name="v")
            self.built = True

        def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
            h, s = states
            h, _ = self.inner(inputs, [h, h * 0.5], training=training)
            s = 0.9 * s + k.ops.sigmoid(k.ops.matmul(h, self.v))
            return self.head(k.ops.concatenate([h, s], axis=-1)), [h, s]

    return Cell(dtype=dtype)


CELLS: dict[str, Callable[[Any, str], Any]] = {
    "minimal": minimal_cell,
    "two states": two_state_cell,
}


@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "masked"])
@pytest.mark.parametrize("options", RNN_OPTIONS, ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_own_cells(cell: str, options: dict[str, Any], mask: Any) -> None:
    check(lambda k, d: k.layers.RNN(CELLS[cell](k, d), dtype=d, **options), mask=mask)


@pytest.mark.parametrize("options", RNN_OPTIONS, ids=str)
def test_own_cells_among_built_in_ones(options: dict[str, Any], monkeypatch: Any) -> None:
    use_computed_masks(monkeypatch, keras)
    check(
        stack(STACKS["dropout"][0], minimal_cell, STACKS["two"][1], **options),
        mask=MASK,
        training=True,
    )


def test_own_cells_with_states() -> None:
    states = [RNG.standard_normal((3, n)).astype("float32") for n in (3, 2)]
    make = CELLS["two states"]
    check(
        lambda k, d: k.layers.RNN(make(k, d), return_state=True, dtype=d),
        initial_state=states,
        mask=MASK,
    )


def test_own_cells_in_a_bidirectional() -> None:
    @rnnext.saving.register_keras_serializable("cells")
    class Ours(layers.Layer):
        state_size = 4

        def build(self, input_shape: Any) -> None:
            self.w = self.add_weight(shape=(input_shape[-1], 4), name="w")

        def call(self, inputs: Any, states: Any) -> Any:
            h = rnnext.ops.tanh(rnnext.ops.matmul(inputs, self.w) + states[0])
            return h, [h]

    @keras.saving.register_keras_serializable("cells")
    class Theirs(keras.layers.Layer):  # type: ignore[misc]
        state_size = 4

        def build(self, input_shape: Any) -> None:
            self.w = self.add_weight(shape=(input_shape[-1], 4), name="w")

        def call(self, inputs: Any, states: Any) -> Any:
            h = keras.ops.tanh(keras.ops.matmul(inputs, self.w) + states[0])
            return h, [h]

    def make(k: Any, dtype: str) -> Any:
        cell = Theirs(dtype=dtype) if k is keras else Ours(dtype=dtype)
        layer = k.layers.RNN(cell, return_sequences=True, dtype=dtype)
        return k.layers.Bidirectional(layer, merge_mode="mul", dtype=dtype)

    check(make, mask=MASK)


def test_states_that_a_cell_starts_from_are_trained() -> None:
    """A weight that `get_initial_state` returns has a gradient, as in Keras."""

    def make(k: Any, dtype: str) -> Any:
        class Cell(k.layers.Layer):  # type: ignore[misc]
            state_size = 4

            def build(self, _input_shape: Any) -> None:
                self.first = self.add_weight(shape=(1, 4), name="first")

            def call(self, inputs: Any, states: Any) -> Any:
                h = k.ops.tanh(inputs + states[0])
                return h, [h]

            def get_initial_state(self, batch_size: Any = None) -> Any:
                return [k.ops.repeat(k.ops.add(self.first, 0), batch_size, axis=0)]

        return k.layers.RNN(Cell(dtype=dtype), dtype=dtype)

    check(make)


def test_stateful_layers_pass_on_states_without_gradients() -> None:
    layer = layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], stateful=True)
    own = layers.RNN(minimal_cell(rnnext, "float32"), stateful=True)
    for each in (layer, own):
        first, second = X, X[:, ::-1].copy()
        each(first)
        each.reset_states()
        expected = [each(first), each(second)]
        each.reset_states()
        for x, y in zip((first, second), expected, strict=True):
            pass_ = recording()
            output, pullback = each.record(pass_, x)
            np.testing.assert_allclose(output, y, atol=1e-6)
            (d_x,) = pullback([np.ones_like(output)])
            assert d_x.shape == x.shape
            assert len(pass_.gradients) == len(each.weights)


def test_constants_have_gradients() -> None:
    class Cell(layers.Layer):
        state_size = 4

        def call(self, inputs: Any, states: Any, constants: Any) -> Any:
            h = np.tanh(inputs + states[0] * constants[0])
            return h, [h]

    layer = layers.RNN(Cell())
    c, d = RNG.standard_normal((2, 3, 4)).astype("float64")
    layer_call = {"constants": [c], "initial_state": [d]}
    layer(X, **layer_call)
    _, pullback = layer.record(recording(), X, **layer_call)
    of_x, of_constant, of_state = pullback([np.ones((3, 4), "float32")])
    assert of_x.shape == X.shape

    def total(c: Array, d: Array) -> tf.Tensor:
        h = d
        for t in range(5):
            h = tf.tanh(X[:, t] + h * c)
        return tf.reduce_sum(h)

    sources = [tf.constant(a, "float32") for a in (c, d)]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        y = total(*sources)
    expected = tape.gradient(y, sources)
    np.testing.assert_allclose(of_constant, expected[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(of_state, expected[1], rtol=1e-5, atol=1e-6)
