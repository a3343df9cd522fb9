"""Functions of TensorFlow and of Keras's older backend: their arguments, results and gradients."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from keras_reference import load_keras

import rnnext as tf
from rnnext.errors import DataError, ShapeError, UnsupportedError

keras = load_keras()
tensorflow: Any = pytest.importorskip("tensorflow")

A = np.array([[1.0, 2.0, -0.5], [3.0, 0.25, 4.0]], "float32")
B = np.array([[0.5, -1.0, 2.0], [1.0, 1.5, 0.0]], "float32")
X = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
IDS = np.array([2, 0])
SHARES = np.array([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]], "float32")

Program = Callable[[Any], Any]

# With TensorFlow's names of the arguments.
CALLS: list[Program] = [
    lambda t: t.reduce_mean(input_tensor=A, axis=1, keepdims=True),
    lambda t: t.reduce_sum(A, 1, name="total"),
    lambda t: t.reduce_max(input_tensor=A),
    lambda t: t.math.reduce_std(A, axis=0),
    lambda t: t.clip_by_value(A, clip_value_min=0.0, clip_value_max=1.0),
    lambda t: t.clip_by_norm(A, 2.0),
    lambda t: t.clip_by_global_norm([A, B], 2.0)[0][1],
    lambda t: t.linalg.global_norm([A, B]),
    lambda t: t.add(x=A, y=B),
    lambda t: t.add_n([A, B, A]),
    lambda t: t.negative(A),
    lambda t: t.identity(A),
    lambda t: t.math.squared_difference(A, B),
    lambda t: t.logical_and(A > 1, B > 0),
    lambda t: t.expand_dims(input=A, axis=1),
    lambda t: t.squeeze(input=A[:, None], axis=1),
    lambda t: t.range(start=1, limit=6, delta=2),
    lambda t: t.range(4),
    lambda t: t.range(0.0, 1.0, 0.25),
    lambda t: t.linspace(0.0, 1.0, 5),
    lambda t: t.pad(A, paddings=[[1, 0], [0, 2]], constant_values=7),
    lambda t: t.pad(A, [[1, 1], [2, 2]], "REFLECT"),
    lambda t: t.split(A, num_or_size_splits=[1, 2], axis=1)[1],
    lambda t: t.eye(2, batch_shape=[3]),
    lambda t: t.linalg.band_part(X[0, :3], -1, 0),
    lambda t: t.linalg.diag(A),
    lambda t: t.reshape(A, [t.shape(A)[0], -1]),
    lambda t: t.size(A),
    lambda t: t.rank(X),
    lambda t: t.sort(A, direction="DESCENDING"),
    lambda t: t.argsort(A, axis=0, direction="DESCENDING"),
    lambda t: t.argmax(A, axis=1, output_type=t.int32),
    lambda t: t.argmin(A, 1),
    lambda t: t.math.top_k(A, k=2).indices,
    lambda t: t.math.cumsum(A, axis=1, exclusive=True, reverse=True),
    lambda t: t.math.count_nonzero(B, axis=1, keepdims=True),
    lambda t: t.math.confusion_matrix([0, 1, 1], [0, 0, 1], num_classes=3),
    lambda t: t.gather(A, IDS, axis=1),
    lambda t: t.gather(X, [[0, 3], [1, 1]], batch_dims=1),
    lambda t: t.gather(X, [[0, 3], [1, 1]], axis=1, batch_dims=1),
    lambda t: t.gather_nd(X, [[0, 1], [1, 2]]),
    lambda t: t.gather_nd(X, [[[0, 1, 2]], [[1, 0, 0]]]),
    lambda t: t.scatter_nd([[0], [2], [0]], A[[0, 1, 0]], [4, 3]),
    lambda t: t.tensor_scatter_nd_update(X, [[0, 1], [1, 3]], A),
    lambda t: t.boolean_mask(A, [True, False]),
    lambda t: t.boolean_mask(A, A > 1),
    lambda t: t.boolean_mask(X, [True, False, True, True], axis=1),
    lambda t: t.sequence_mask([1, 3]),
    lambda t: t.sequence_mask(IDS, maxlen=4, dtype=t.float32),
    lambda t: t.reverse_sequence(X, [2, 4], seq_axis=1, batch_axis=0),
    lambda t: t.slice(X, [0, 1, 0], [-1, 2, 2]),
    lambda t: t.unique([5, 3, 5, 9]).y,
    lambda t: t.unique([5, 3, 5, 9]).idx,
    lambda t: t.where(A > 1),
    lambda t: t.one_hot(IDS, depth=3, on_value=2.0, off_value=-1.0),
    lambda t: t.constant(A)[:, t.newaxis],
    lambda t: t.nn.softmax(logits=A, axis=0),
    lambda t: t.nn.softmax_cross_entropy_with_logits(labels=SHARES, logits=A),
    lambda t: t.nn.sparse_softmax_cross_entropy_with_logits(labels=IDS, logits=A),
    lambda t: t.nn.sigmoid_cross_entropy_with_logits(labels=SHARES, logits=A),
    lambda t: t.nn.embedding_lookup(params=X[0], ids=IDS),
    lambda t: t.nn.l2_loss(A),
    lambda t: t.nn.bias_add(A, B[0]),
    lambda t: t.nn.moments(A, axes=[0])[1],
    lambda t: t.nn.dropout(A, rate=0.0),
    lambda t: t.map_fn(lambda row: t.reduce_sum(row) * row, A),
    lambda t: t.map_fn(lambda p: p[0] - p[1], (A, B), dtype=t.float32),
    lambda t: t.vectorized_map(lambda row: row * 2, A),
    lambda t: t.scan(lambda total, row: total + row, X[0]),
    lambda t: t.scan(lambda s, r: s * 0.5 + r, X[0], initializer=B[0], reverse=True),
    lambda t: t.while_loop(lambda i, _: i < 3, lambda i, s: (i + 1, s * 2), (0, t.constant(A)))[1],
    lambda t: t.cond(t.reduce_sum(A) > 0, lambda: t.constant(A), lambda: t.constant(B)),
    lambda t: t.TensorArray(t.float32, size=2).write(0, A).write(1, B).stack(),
    lambda t: t.TensorArray(t.float32, 0, dynamic_size=True).unstack(X).read(1),
    lambda t: t.TensorArray(t.float32, size=0, dynamic_size=True).write(0, A).concat(),
    lambda t: t.py_function(lambda x: x * 2, [A], t.float32),
    lambda t: t.numpy_function(lambda x: x[::-1].copy(), [A], t.float32),
    lambda t: t.Variable(initial_value=A, trainable=False).assign_add(B),
    lambda t: t.zeros_initializer()((2, 2)),
    lambda t: t.constant("text"),
    lambda t: t.constant(t.constant(X).get_shape().as_list()),
    lambda t: t.constant(t.Variable(A).get_shape().num_elements()),
    lambda t: t.constant([t.TensorShape([2, 3]).rank, t.TensorShape([None, 3]).as_list()[1]]),
    lambda t: t.scan(lambda s, x: s * x, A, reverse=True),
    lambda t: t.scan(lambda s, x: s + x, A, initializer=B[0]),
    lambda t: t.scan(lambda s, x: (s[0] + x[0], s[1] * x[1]), (A, B))[1],
    lambda t: t.scan(lambda s, x: s + x, A[:1]),
    lambda t: t.map_fn(lambda p: p[0] * p[1], (A, B), fn_output_signature=t.float32),
    lambda t: t.while_loop(lambda i, _: i < 3, lambda i, x: (i + 1, x * 2), (0, A))[1],
    lambda t: t.constant(
        t.while_loop(lambda i: i < 9, lambda i: [i + 1], [0], maximum_iterations=4)[0]
    ),
    lambda t: t.while_loop(
        lambda i, _: i < 3,
        lambda i, a: (i + 1, a.write(i, A[0] * t.cast(i, "float32"))),
        (0, t.TensorArray(t.float32, 3)),
    )[1].stack(),
    lambda t: log1pexp(t)(t.constant(A)),
    lambda t: t.nn.ctc_loss([[1, 2], [2, 0]], np.swapaxes(X, 0, 1), [2, 1], [4, 3]),
    lambda t: t.nn.ctc_loss([[1, 2], [2, 0]], X, [2, 1], [4, 3], False, blank_index=0),
    lambda t: t.nn.ctc_loss([[1, 0], [0, 0]], X, [2, 1], [4, 3], False, blank_index=-1),
]


def log1pexp(t: Any) -> Any:
    """The example of TensorFlow's documentation, and a function of two arguments around it."""

    @t.custom_gradient
    def function(x: Any) -> Any:
        e = t.exp(x)

        def grad(upstream: Any) -> Any:
            return upstream * (1 - 1 / (1 + e))

        return t.math.log(1 + e), grad

    return function


K = "of Keras's older backend"
BACKEND: list[Program] = [
    lambda k: k.permute_dimensions(X, pattern=(0, 2, 1)),
    lambda k: k.clip(A, min_value=0.0, max_value=1.0),
    lambda k: k.repeat(k.constant(A), n=3),
    lambda k: k.repeat_elements(k.constant(A), rep=2, axis=1),
    lambda k: k.reverse(A, axes=1),
    lambda k: k.tile(A, n=[1, 2]),
    lambda k: k.reshape(A, shape=(3, 2)),
    lambda k: k.pow(A, 2),
    lambda k: k.arange(4),
    lambda k: k.batch_dot(X, X, axes=[1, 1]),
    lambda k: k.batch_dot(X, X, axes=(2, 2)),
    lambda k: k.batch_dot(A, B, axes=1),
    lambda k: k.batch_dot(X, A, axes=[2, 1]),
    lambda k: k.batch_dot(A, X, axes=[1, 2]),
    lambda k: k.batch_dot(X, np.swapaxes(X, 1, 2)),
    lambda k: k.batch_flatten(X),
    lambda k: k.bias_add(X, A[0]),
    lambda k: k.temporal_padding(X, (1, 2)),
    lambda k: k.dropout(A, 0.0),
    lambda k: k.binary_crossentropy(SHARES, SHARES * 0.5),
    lambda k: k.binary_crossentropy(SHARES, A, from_logits=True),
    lambda k: k.categorical_crossentropy(SHARES, SHARES[::-1].copy()),
    lambda k: k.categorical_crossentropy(SHARES, A, from_logits=True),
    lambda k: k.sparse_categorical_crossentropy(IDS, SHARES),
    lambda k: k.sparse_categorical_crossentropy(IDS, A, from_logits=True),
    lambda k: k.ctc_decode(SHARES[[[0, 0, 1], [1, 0, 0]]], np.array([3, 2]))[0][0],
    lambda k: k.ctc_decode(SHARES[[[0, 0, 1], [1, 0, 0]]], np.array([3, 2]))[1],
    lambda k: k.rnn(lambda x, s: (x + s[0], [x * s[0]]), X, [A])[1],
    lambda k: k.rnn(lambda x, s: (x + s[0], [x * s[0]]), X, [A], go_backwards=True)[2][0],
]


def ctc(k: Any) -> Any:
    p = np.exp(X) / np.exp(X).sum(-1, keepdims=True)
    return k.ctc_batch_cost(
        np.array([[0, 1], [1, 0]]), p, np.array([[4], [3]]), np.array([[2], [1]])
    )


BACKEND.append(ctc)


def value(result: Any) -> Any:
    array = np.asarray(result.numpy())
    return array.astype(bool) if array.dtype == bool else array


def same(ours: Any, theirs: Any) -> None:
    a, b = value(ours), value(theirs)
    assert a.dtype == b.dtype
    if a.dtype.kind == "f":
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    else:
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_what_tensorflow_computes(number: int) -> None:
    same(CALLS[number](tf), CALLS[number](tensorflow))


@pytest.mark.parametrize("number", range(len(BACKEND)))
def test_what_the_older_backend_computes(number: int) -> None:
    same(BACKEND[number](tf.keras.backend), BACKEND[number](tensorflow.keras.backend))


GRADIENTS: list[Callable[[Any, Any], Any]] = [
    lambda t, x: t.gather(x, [[0, 3], [1, 1]], batch_dims=1),
    lambda t, x: t.gather_nd(x, [[0, 1], [1, 2], [0, 1]]),
    lambda t, x: t.scatter_nd([[0], [0]], x, [3, 4, 3]),
    lambda t, x: t.tensor_scatter_nd_update(x, [[0, 1], [1, 3]], A),
    lambda t, x: t.boolean_mask(x, [True, False, True, True], axis=1),
    lambda t, x: t.reverse_sequence(x, [2, 4], seq_axis=1, batch_axis=0),
    lambda t, x: t.slice(x, [0, 1, 0], [-1, 2, 2]),
    lambda t, x: t.sort(x, direction="DESCENDING"),
    lambda t, x: t.clip_by_norm(x, 1.0),
    lambda t, x: t.nn.softmax_cross_entropy_with_logits(t.nn.softmax(X), x),
    lambda t, x: t.nn.sparse_softmax_cross_entropy_with_logits([[0, 1, 2, 0]] * 2, x),
    lambda t, x: t.nn.sigmoid_cross_entropy_with_logits(X, x),
    lambda t, x: t.linalg.band_part(x, -1, 0),
    lambda t, x: t.math.cumsum(x, axis=1, reverse=True),
    lambda t, x: t.map_fn(lambda row: t.reduce_max(row, axis=0), x),
    lambda t, x: t.scan(lambda total, row: total * row, x),
    lambda t, x: t.TensorArray(t.float32, 0, dynamic_size=True).unstack(x).read(1),
    lambda t, x: t.cond(True, lambda: x * x, lambda: x),
    lambda t, x: t.keras.backend.batch_dot(x, x, axes=[1, 1]),
    lambda t, x: t.keras.backend.rnn(lambda s, h: (s * h[0], [s + h[0]]), x, [x[:, 0]])[1],
    lambda t, x: ctc_of_logits(t, x),
    lambda t, x: log1pexp(t)(x * 2),
    lambda t, x: sparse_labels_in_a_list(t, x),
    lambda t, x: t.nn.ctc_loss([[1, 2], [2, 0]], x, [2, 1], [4, 3], False),
    lambda t, x: t.scan(lambda total, row: total * row, x, reverse=True),
    lambda t, x: t.nn.sigmoid_cross_entropy_with_logits(t.nn.sigmoid(x), 0.0 * x),
    lambda t, x: t.nn.softmax_cross_entropy_with_logits(t.nn.softmax(x), x * x),
    lambda t, x: t.nn.sigmoid_cross_entropy_with_logits(X, t.nn.sigmoid(x)),
    lambda t, x: t.keras.backend.binary_crossentropy(X * 0 + 0.25, 0.0 * x, from_logits=True),
    lambda t, x: t.keras.backend.binary_crossentropy(X * 0 + 0.25, t.nn.sigmoid(30 * x)),
    lambda t, x: t.keras.backend.categorical_crossentropy(X * X, t.nn.softmax(9 * x)),
    lambda t, x: t.keras.backend.sparse_categorical_crossentropy(
        np.array([[0, 1, 2, 0]] * 2), t.nn.softmax(2 * x)
    ),
]


def sparse_labels_in_a_list(t: Any, x: Any) -> Any:
    """Keras itself takes arrays only."""
    labels = [[0, 1, 2, 0]] * 2
    if t is tensorflow:
        return keras.losses.sparse_categorical_crossentropy(np.array(labels), x, True)
    return tf.losses.sparse_categorical_crossentropy(labels, x, True)


def ctc_of_logits(t: Any, x: Any) -> Any:
    return t.keras.backend.ctc_batch_cost(
        np.array([[0, 1], [1, 0]]), t.nn.softmax(x), np.array([[4], [3]]), np.array([[2], [1]])
    )


@pytest.mark.parametrize("number", range(len(GRADIENTS)))
def test_gradients(number: int) -> None:
    found = []
    for t in (tf, tensorflow):
        x = t.constant(X)
        with t.GradientTape() as tape:
            tape.watch(x)
            y = GRADIENTS[number](t, x)
            loss = t.reduce_sum(y * y)
        found.append(tape.gradient(loss, x))
    same(*found)


LABELS = np.array([[0.0, 0.3, 1.0, 0.5, 1.0, 0.0]], "float32")
LOGITS = np.array([[-2.0, 0.0, 0.0, 3.0, 0.0, 0.0]], "float32")
ENTROPIES: dict[str, Callable[[Any], Any]] = {
    "losses": lambda t: t.keras.losses.binary_crossentropy,
    "ops": lambda t: (
        keras.ops.binary_crossentropy if t is tensorflow else tf.ops.binary_crossentropy
    ),
    "backend": lambda t: t.keras.backend.binary_crossentropy,
    "class": lambda t: (
        lambda y, x, from_logits: t.keras.losses.BinaryCrossentropy(from_logits)(y, x)
    ),
}


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("form", ENTROPIES)
def test_slopes_of_labels_and_logits(form: str, from_logits: bool) -> None:
    """At a logit of 0, and where labels have a gradient, too."""
    values, found = LOGITS if from_logits else np.clip(LOGITS, 0.0, 1.0), []
    for t in (tf, tensorflow):
        entropy, y, x = ENTROPIES[form](t), t.Variable(LABELS), t.Variable(values)
        with t.GradientTape(persistent=True) as tape:
            both = t.reduce_sum(entropy(y, x, from_logits=from_logits))
            one = t.reduce_sum(entropy(t.constant(LABELS), x, from_logits=from_logits))
        found.append([*tape.gradient(both, [y, x]), tape.gradient(one, x)])
    for ours, theirs in zip(*found, strict=True):
        same(ours, theirs)


def test_what_is_computed_from_results_has_numpy() -> None:
    a = tf.constant(A)
    for result in (a * 2, 2 / a, a @ a.T, a[0], a[0, 0], a.sum(), -a, a > 1, np.stack([a, a])):
        assert isinstance(result.numpy(), (np.ndarray, np.generic))
    assert [row.numpy().tolist() for row in a] == A.tolist()
    assert f"{tf.reduce_mean(a):.3f}" == f"{A.mean():.3f}"
    total = first = tf.constant(1.0)
    total += 2
    assert (float(first), float(total)) == (1.0, 3.0)
    out = np.zeros_like(A)
    assert np.add(a, 1, out=out) is out
    assert tf.keras.losses.MeanSquaredError()(A, B).numpy() == pytest.approx(((A - B) ** 2).mean())
    assert tf.keras.metrics.Mean().result().numpy() == 0
    assert tf.random.categorical([[0.0, 0.0]], num_samples=1)[0, 0].numpy() in (0, 1)


def test_print() -> None:
    file = io.StringIO()
    tf.print("a", tf.constant([1, 2]), 3, output_stream=file, sep=", ", end="!")
    assert file.getvalue() == "a, [1 2], 3!"


def test_dropout_drops_and_scales() -> None:
    y = tf.nn.dropout(np.ones((50, 40), "float32"), rate=0.25, noise_shape=[None, 1]).numpy()
    assert set(np.unique(y)) <= {0.0, np.float32(1 / 0.75)}
    assert (y == y[:, :1]).all()
    assert 0 < (y == 0).mean() < 0.6


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: tf.reduce_mean(A, axes=1),
            TypeError,
            r"unknown arguments \['axes'\]; accepted: \['input_tensor', 'axis', 'keepdims'\]\.",
        ),
        (
            lambda: tf.gather(X, [[0], [1]], axis=2, batch_dims=1),
            UnsupportedError,
            r"with batch_dims=1, axis must be that or None, received 2\.$",
        ),
        (lambda: tf.gather_nd(X, [[0]], batch_dims=1), UnsupportedError, "must be 0, received 1"),
        (
            lambda: tf.reverse_sequence(X, [1, 2], seq_axis=0),
            UnsupportedError,
            "seq_axis must be 1 and batch_axis 0, received 0 and 0",
        ),
        (lambda: tf.sort(A, direction="UP"), UnsupportedError, "'DESCENDING', received 'UP'"),
        (
            lambda: tf.TensorArray("float32", size=1).write(1, 0.0),
            DataError,
            "index must be 0 to 0, received 1; dynamic_size=True makes room",
        ),
        (
            lambda: tf.TensorArray("float32", size=1).stack(),
            DataError,
            r"nothing was written at index 0\.$",
        ),
        (
            lambda: tf.data.Dataset.range(4).ragged_batch(2),
            UnsupportedError,
            r"ragged tensors are not there; padded_batch\(2\) fills elements up",
        ),
        (lambda: tf.nn.bias_add(X, A[0], "NCHW"), UnsupportedError, "received 'NCHW'"),
        (lambda: tf.keras.backend.batch_dot(A[0], A), ShapeError, "of two axes or more"),
        (lambda: tf.keras.backend.batch_dot(A, A, axes=0), UnsupportedError, "axis 0 is that of"),
        (
            lambda: tf.keras.backend.repeat(X, 2),
            ShapeError,
            r"\(N, D\), received shape \(2, 4, 3\)",
        ),
        (
            lambda: tf.keras.backend.ctc_decode(X, [4, 4], greedy=False),
            UnsupportedError,
            "greedy must be True",
        ),
        (
            lambda: tf.keras.backend.bias_add(X, A[0], "channels_first"),
            UnsupportedError,
            "must be 'channels_last', received 'channels_first'",
        ),
        (
            lambda: tf.keras.backend.sparse_categorical_crossentropy(IDS, A, ignore_class=0),
            UnsupportedError,
            r"ignore_class must be None, received 0\.",
        ),
    ],
)
def test_errors(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_activations_of_tensorflow_are_keras_s() -> None:
    for name in ("relu", "tanh", "sigmoid", "softmax", "elu", "selu", "softplus", "swish"):
        layer = tf.keras.layers.Dense(2, activation=getattr(tf.nn, name))
        assert layer.get_config()["activation"] == ("silu" if name == "swish" else name)
    assert tf.keras.layers.Dense(2, activation=tf.tanh).get_config()["activation"] == "tanh"


def over_time(t: Any) -> Callable[[Any], Any]:
    """A softmax along time, as programs of attention write it."""
    k = t.keras.backend

    def softmax_over_time(x: Any) -> Any:
        e = k.exp(x - k.max(x, axis=1, keepdims=True))
        return e / k.sum(e, axis=1, keepdims=True)

    return softmax_over_time


ACTIVATIONS: dict[str, Callable[[Any], Callable[[Any], Any]]] = {
    "over time": over_time,
    "by sigmoid": lambda t: lambda x: x * t.sigmoid(x),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_dense_with_a_function_as_activation(name: str) -> None:
    found = []
    start = None
    for t, k in ((tensorflow, keras), (tf, tf.keras)):
        model = k.Sequential(
            [
                k.layers.Input((4, 3)),
                k.layers.Dense(2, activation=ACTIVATIONS[name](t)),
                k.layers.Dense(1),
            ]
        )
        if start is not None:
            model.set_weights(start)
        start = model.get_weights()
        model.compile("sgd", "mse")
        model.fit(X, X[..., :1], epochs=3, shuffle=False, verbose=0)
        found.append(model.get_weights())
    for theirs, ours in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("draw", ["normal", "uniform", "truncated_normal"])
def test_seed_generator(draw: str) -> None:
    def drawn(seed: int | None) -> Any:
        seeds = tf.keras.random.SeedGenerator(seed)
        return [getattr(tf.keras.random, draw)((3,), seed=seeds).numpy() for _ in range(2)]

    first, second = drawn(1)
    assert (first != second).all()
    np.testing.assert_array_equal(drawn(1), [first, second])
    tf.random.set_seed(5)
    other = drawn(None)
    tf.random.set_seed(5)
    np.testing.assert_array_equal(drawn(None), other)
    assert tf.keras.random.SeedGenerator(7).get_config() == {"seed": 7}


def test_what_a_model_returns_has_numpy() -> None:
    k = tf.keras

    class Own(k.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.inner = k.Sequential([k.layers.LSTM(3, return_sequences=True)])
            self.dense = k.layers.Dense(2)

        def call(self, x: Any) -> Any:
            return self.dense(self.inner(x)), x

    inputs = k.Input((4, 3))
    functional = k.Model(inputs, [k.layers.GRU(2)(inputs), inputs])
    masked = k.Sequential([k.layers.Masking(), k.layers.LSTM(2, return_sequences=True)])
    for model in (Own(), functional, masked):
        for _ in range(2):  # the second call is a short one
            for y in model(X) if model is not masked else [model(X)]:
                plain = y.numpy()
                assert type(plain) is np.ndarray
                np.testing.assert_array_equal(plain, y)
                assert (y * 2).numpy().shape == y.shape
    assert type(masked.predict(X)) is np.ndarray


def test_outputs_of_models_are_inputs_like_any() -> None:
    """Of a layer, of a model and of one with several inputs; each result as of a plain array."""
    first = tf.keras.Sequential(
        [tf.keras.Input((5, 3)), tf.keras.layers.LSTM(4, return_sequences=True)]
    )
    x, y = tf.keras.Input((5, 4)), tf.keras.Input((5, 4))
    second = tf.keras.Model([x, y], tf.keras.layers.Add()([x, y]))
    layer = tf.keras.layers.GRU(2)
    outputs = first(np.ones((2, 5, 3), "float32"))
    plain = np.array(outputs)
    np.testing.assert_array_equal(layer(outputs), layer(plain))
    np.testing.assert_array_equal(layer(outputs).numpy(), layer(plain))
    np.testing.assert_array_equal(second([outputs, plain]), plain + plain)
    np.testing.assert_array_equal(second.predict([outputs, outputs]), plain + plain)
    np.testing.assert_array_equal(layer(outputs, mask=None), layer(plain))
