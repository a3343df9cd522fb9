"""Gradients of the layers with compiled kernels, beside tf.GradientTape on Keras's layers."""

from __future__ import annotations

import importlib
import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import rnnext
from rnnext import layers, nest
from rnnext.graph.recording import RecordedProgram, Recording

Array = NDArray[Any]
RNG = np.random.default_rng(0)
X = RNG.standard_normal((3, 5, 4)).astype("float32")
MASK = np.array([[1, 1, 0, 1, 0], [0, 0, 1, 1, 1], [1, 0, 1, 1, 0]], bool)


def recording() -> Recording:
    return Recording(training=False, generator=np.random.default_rng(0))


def with_weights(ours: Any, theirs: Any) -> None:
    values = [RNG.standard_normal(w.shape).astype("float32") / 2 for w in theirs.weights]
    theirs.set_weights(values)
    ours.set_weights(values)


def check_layer(ours: Any, theirs: Any, x: Array, dtype: str = "float32", **call: Any) -> None:
    """Outputs and gradients of inputs, states and weights, of both, against Keras in float64."""
    tf = importlib.import_module("tensorflow")
    ours(x, **call), theirs(x, **call)
    with_weights(ours, theirs)
    rec = recording()
    outputs, pullback = ours.record(rec, x.astype(dtype), **call)
    flat = nest.flatten(outputs)
    seeds = [RNG.standard_normal(y.shape).astype("float32") for y in flat]
    gradients = pullback([d.astype(dtype) for d in seeds])
    states = [tf.constant(s) for s in nest.flatten(call.get("initial_state", []))]
    x_tensor = tf.constant(x)
    keras_call = {**call, **({"initial_state": states} if states else {})}
    with tf.GradientTape() as tape:
        tape.watch([x_tensor, *states])
        y = theirs(x_tensor, **keras_call)
        y_flat = tf.nest.flatten(y)
        loss = sum(tf.reduce_sum(a * d) for a, d in zip(y_flat, seeds, strict=True))
    wanted = tape.gradient(loss, [x_tensor, *states, *(w.value for w in theirs.trainable_weights)])
    found = [*gradients[: 1 + len(states)]]
    found += [rec.gradients.get(id(w)) for w in ours.trainable_weights]
    for got, expected in zip(found, wanted, strict=True):
        if expected is None:
            continue
        expected = np.asarray(tf.convert_to_tensor(expected))
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(got / scale, expected / scale, atol=2e-6)


CELLS = {
    "SimpleRNN": {},
    "SimpleRNN relu": {"activation": "relu"},
    "LSTM": {},
    "LSTM hard": {"recurrent_activation": "hard_sigmoid", "activation": "softsign"},
    "LSTM gelu": {"activation": "gelu"},
    "GRU": {},
    "GRU before": {"reset_after": False},
    "GRU silu": {"activation": "silu", "recurrent_activation": "hard_sigmoid"},
}
OPTIONS = [
    {"return_sequences": s, "return_state": t, "go_backwards": b}
    for s, t, b in itertools.product([False, True], repeat=3)
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "".join("ft"[v] for v in o.values()))
@pytest.mark.parametrize("cell", CELLS)
def test_recurrent(cell: str, options: dict[str, Any], keras: Any) -> None:
    name, arguments = cell.split()[0], {**CELLS[cell], **options}
    check_layer(
        getattr(layers, name)(6, **arguments), getattr(keras.layers, name)(6, **arguments), X
    )


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("cell", ["SimpleRNN", "LSTM", "GRU"])
def test_masked_with_states(cell: str, sequences: bool, zeros: bool, keras: Any) -> None:
    arguments = {"return_sequences": sequences, "return_state": True, "zero_output_for_mask": zeros}
    count = 2 if cell == "LSTM" else 1
    states = [RNG.standard_normal((3, 6)).astype("float32") for _ in range(count)]
    ours, theirs = (getattr(lib.layers, cell)(6, **arguments) for lib in (rnnext, keras))
    check_layer(ours, theirs, X, mask=MASK, initial_state=states)


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("cell", ["SimpleRNN", "LSTM", "GRU"])
def test_unrolled_backwards_with_a_mask(cell: str, zeros: bool, keras: Any) -> None:
    """Keras turns the mask around for the steps, but not for the zeros."""
    arguments = {"return_sequences": True, "unroll": True, "go_backwards": True}
    ours, theirs = (
        getattr(lib.layers, cell)(6, zero_output_for_mask=zeros, **arguments)
        for lib in (rnnext, keras)
    )
    check_layer(ours, theirs, X, mask=MASK)
    outputs, _ = ours.record(recording(), X, mask=MASK)
    np.testing.assert_allclose(outputs, theirs(X, mask=MASK), atol=1e-6)


@pytest.mark.parametrize("cell", ["SimpleRNN", "LSTM", "GRU"])
@pytest.mark.parametrize("masked", [False, True])
def test_bidirectional_with_states(masked: bool, cell: str, keras: Any) -> None:
    states = [
        RNG.standard_normal((3, 6)).astype("float32") for _ in range(4 if cell == "LSTM" else 2)
    ]
    ours, theirs = (
        lib.layers.Bidirectional(getattr(lib.layers, cell)(6, return_state=True))
        for lib in (rnnext, keras)
    )
    check_layer(ours, theirs, X, initial_state=states, **({"mask": MASK} if masked else {}))


def test_a_direction_that_nobody_reads_has_no_gradient() -> None:
    """Some optimizers move weights by gradients of zeros, Keras has none there."""
    layer = layers.Bidirectional(layers.LSTM(3), merge_mode=None)
    layer(X)
    rec = recording()
    (forward, _), pullback = layer.record(rec, X)
    (d_x, *_) = pullback([np.ones_like(forward), None])
    assert d_x.shape == X.shape
    with_gradients = [w.path for w in layer.trainable_weights if id(w) in rec.gradients]
    assert with_gradients == [w.path for w in layer.forward_layer.trainable_weights]
    assert pullback([None, None])[0] is None


@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("mode", ["concat", "sum", "mul", "ave", None])
def test_bidirectional(mode: str | None, sequences: bool, keras: Any) -> None:
    ours, theirs = (
        lib.layers.Bidirectional(lib.layers.GRU(3, return_sequences=sequences), merge_mode=mode)
        for lib in (rnnext, keras)
    )
    check_layer(ours, theirs, X)


@pytest.mark.parametrize("activation", ["linear", "tanh", "gelu", "softmax", "relu"])
@pytest.mark.parametrize("shape", [(6, 4), (2, 3, 4)])
def test_dense(activation: str, shape: tuple[int, ...], keras: Any) -> None:
    x = RNG.standard_normal(shape).astype("float32")
    ours, theirs = (lib.layers.Dense(5, activation=activation) for lib in (rnnext, keras))
    check_layer(ours, theirs, x)


@pytest.mark.parametrize("inner", ["Dense", "LSTM"])
def test_time_distributed(inner: str, keras: Any) -> None:
    ours, theirs = (
        lib.layers.TimeDistributed(getattr(lib.layers, inner)(5, activation="tanh"))
        for lib in (rnnext, keras)
    )
    check_layer(ours, theirs, X if inner == "Dense" else X[:, :, np.newaxis])


def test_a_model_inside_a_model(keras: Any) -> None:
    def model(lib: Any) -> Any:
        inner = lib.Sequential([lib.layers.LSTM(3, return_sequences=True), lib.layers.Dense(2)])
        return lib.Sequential([lib.Input((5, 4)), inner, lib.layers.GRU(2)])

    check_layer(model(rnnext), model(keras), X)


class Own(layers.Layer):
    """A user's layer with a kernel layer inside and NumPy around it."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.head = layers.LSTM(3), layers.Dense(2)

    def call(self, x: Array) -> Array:
        return np.tanh(self.head(self.inner(x * 2))) + 1


def test_kernel_layers_inside_a_users_layer(keras: Any) -> None:
    class Theirs(keras.layers.Layer):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.head = keras.layers.LSTM(3), keras.layers.Dense(2)

        def call(self, x: Any) -> Any:
            return keras.ops.tanh(self.head(self.inner(x * 2))) + 1

    check_layer(Own(), Theirs(), X)


def test_a_whole_program(keras: Any) -> None:
    """Ids through an Embedding with a mask, two recurrent layers, one of them called twice."""
    tf = importlib.import_module("tensorflow")

    def model(lib: Any) -> Any:
        ids, other = lib.Input((6,), dtype="int32"), lib.Input((6,), dtype="int32")
        embedding = lib.layers.Embedding(9, 4, mask_zero=True)
        shared = lib.layers.LSTM(5, return_sequences=True)
        h = lib.layers.Bidirectional(lib.layers.GRU(3))(shared(embedding(ids)))
        g = lib.layers.GRU(6)(shared(embedding(other)))
        return lib.Model([ids, other], lib.layers.Dense(2)(lib.layers.Add()([h, g])))

    ours, theirs = model(rnnext), model(keras)
    with_weights(ours, theirs)
    x = [RNG.integers(0, 9, (4, 6)).astype("int32") for _ in range(2)]
    for ids in x:
        ids[:, 0] = 1
    seed = RNG.standard_normal((4, 2)).astype("float32")
    rec = recording()
    outputs, _, reverse = RecordedProgram(ours.program).run(rec, list(x), [])
    reverse([seed])
    with tf.GradientTape() as tape:
        y = theirs([tf.constant(ids) for ids in x])
        loss = tf.reduce_sum(y * seed)
    np.testing.assert_allclose(outputs[0], y, atol=1e-6)
    wanted = tape.gradient(loss, [w.value for w in theirs.trainable_weights])
    for ours_w, expected in zip(ours.trainable_weights, wanted, strict=True):
        expected = np.asarray(tf.convert_to_tensor(expected))
        scale = max(1.0, float(np.abs(expected).max()))
        got = np.asarray(rec.gradients[id(ours_w)])
        np.testing.assert_allclose(got / scale, expected / scale, atol=2e-6, err_msg=ours_w.path)


@pytest.mark.parametrize("threads", [2, 3])
def test_gradients_have_the_same_bits_on_any_threads(threads: int, set_num_threads: Any) -> None:
    layer = layers.LSTM(64)
    x = RNG.standard_normal((40, 30, 32)).astype("float32")
    layer(x)

    def gradients() -> list[Array]:
        rec = recording()
        _, pullback = layer.record(rec, x)
        (d_x, *_) = pullback([np.ones((40, 64), "float32")])
        return [d_x, *(rec.gradients[id(w)] for w in layer.weights)]

    set_num_threads(1)
    one = gradients()
    set_num_threads(threads)
    for a, b in zip(one, gradients(), strict=True):
        np.testing.assert_array_equal(a, b)


class WithConstants(layers.Layer):
    """A cell of a user that adds a constant at every step."""

    state_size = output_size = 3

    def build(self, _shape: Any) -> None:
        self.kernel = self.add_weight((4, 3), "glorot_uniform", name="kernel")

    def call(self, x: Array, states: Any, constants: Any = None) -> Any:
        h = np.tanh(x @ self.kernel + states[0] / 2 + constants[0])
        return h, [h]


def test_bidirectional_with_constants_and_states() -> None:
    """By differences: Keras makes no Bidirectional over such cells."""
    forward, backward = (
        layers.RNN(WithConstants(dtype="float64"), go_backwards=b, dtype="float64")
        for b in (False, True)
    )
    layer = layers.Bidirectional(forward, backward_layer=backward, dtype="float64")
    rng = np.random.default_rng(1)
    x, constant, *states = (rng.standard_normal(s) for s in (X.shape, (3, 3), (3, 3), (3, 3)))
    call: Any = {"constants": [constant], "initial_state": states}
    before = layer(x, **call)
    outputs, pullback = layer.record(recording(), x, **call)
    leaves = [x, constant, *states]
    for leaf, gradient in zip(leaves, pullback([np.ones_like(outputs)]), strict=True):
        place = (1,) * leaf.ndim
        kept = leaf[place]
        leaf[place] += 1e-6
        difference = (layer(x, **call) - before).sum() / 1e-6
        leaf[place] = kept
        assert gradient[place] == pytest.approx(difference, rel=1e-4, abs=1e-7)
