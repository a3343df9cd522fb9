"""Branches, loops and custom gradients, beside keras.ops and TensorFlow's tape."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gradient_reference import recording, tensorflow_gradients, traced_gradients
from keras_reference import arrays, load_keras
from op_cases import IDS, ROW, X, Y

from rnnext import layers, ops
from rnnext.autodiff.tracing import trace
from rnnext.errors import ShapeError, UnsupportedError

keras = load_keras()
tf: Any = importlib.import_module("tensorflow")

Function = Callable[..., Any]


def _exponential_gradient(o: Any) -> Function:
    @o.custom_gradient
    def function(x: Any, y: Any) -> Any:
        def gradient(upstream: Any) -> Any:
            return upstream * 3.0, o.sum(upstream * x) + y * 0.0

        return o.exp(x) * y, gradient

    return function


def _two_results(o: Any) -> Function:
    @o.custom_gradient
    def function(x: Any) -> Any:
        return (x * 2.0, o.tanh(x)), lambda first, second: first + second * 5.0

    return function


# Of keras.ops or rnnext.ops, and arrays.
CASES: dict[str, tuple[Function, tuple[Any, ...]]] = {
    "cond true": (
        lambda o, x: o.cond(o.sum(x) > -1e9, lambda: x * 2.0, lambda: o.exp(x)),
        (X,),
    ),
    "cond false": (lambda o, x: o.cond(False, lambda: x * 2.0, lambda: o.exp(x)), (X,)),
    "switch": (
        lambda o, x, y: o.switch(1, [lambda a, _: a, lambda a, b: a * b], x, y),
        (X, Y),
    ),
    "switch past the end": (lambda o, x: o.switch(7, [o.exp, o.tanh], x), (X,)),
    "switch below 0": (lambda o, x: o.switch(-2, [o.exp, o.tanh], x), (X,)),
    "while": (
        lambda o, x: o.while_loop(lambda i, _: i < 3, lambda i, y: (i + 1, o.tanh(y) + x), (0, x))[
            1
        ],
        (X,),
    ),
    "while of one": (
        lambda o, x: o.while_loop(
            lambda y: o.sum(y) < 1e3, lambda y: y * y + 2.0, x, maximum_iterations=2
        ),
        (X,),
    ),
    "for": (lambda o, x: o.fori_loop(1, 4, lambda i, y: y * x + o.cast(i, x.dtype), x), (X,)),
    "map": (lambda o, x: o.map(lambda row: o.sum(row, axis=0) ** 2, x), (X,)),
    "map of two": (
        lambda o, x, y: o.map(lambda pair: pair[0] @ o.transpose(pair[1]), (x, y)),
        (X, Y),
    ),
    "vectorized map": (lambda o, x: o.vectorized_map(lambda row: o.softmax(row), x), (X,)),
    "scan": (
        lambda o, x, h: o.scan(
            lambda state, part: (o.tanh(state + part), o.tanh(state + part) * part), h, x
        ),
        (X[0], ROW),
    ),
    "scan backwards": (
        lambda o, x, h: o.scan(lambda s, p: (s * 0.5 + p, s), h, x, reverse=True),
        (X[0], ROW),
    ),
    "scan without parts": (
        lambda o, h: o.scan(lambda s, _: (s * 0.5, s), h, length=3),
        (ROW,),
    ),
    "scan of two": (
        lambda o, x, y: o.scan(
            lambda s, p: ((s[0] + p[0], s[1] * p[1]), (s[0] + p[0], s[1] * p[1])),
            (x[0], y[0]),
            (x, y),
        ),
        (X, Y),
    ),
    "associative scan": (lambda o, x: o.associative_scan(o.add, x), (X,)),
    "associative scan backwards": (
        lambda o, x: o.associative_scan(o.matmul, x, reverse=True),
        (np.stack([X[0, :, :3], Y[0, :, :3], X[1, :, :3], Y[1, :, :3], X[0, :, 1:]]),),
    ),
    "associative scan along an axis": (
        lambda o, x, y: o.associative_scan(
            lambda a, b: (a[0] * b[0], b[0] * a[1] + b[1]), (x, y), axis=2
        ),
        (X, Y),
    ),
    "custom gradient": (lambda o, x, y: _exponential_gradient(o)(x, y) * 2.0, (X, ROW)),
    "custom gradient of two": (lambda o, x: o.multiply(*_two_results(o)(x * 3.0)), (X,)),
}


@pytest.mark.parametrize("name", CASES)
def test_values(name: str) -> None:
    function, args = CASES[name]
    received, expected = function(ops, *args), function(keras.ops, *map(tf.constant, args))
    for ours, theirs in zip(arrays(received), arrays(expected), strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_gradients(name: str) -> None:
    function, args = CASES[name]
    wide = tuple(x.astype(np.float64) for x in args)
    received = traced_gradients(lambda *x: function(ops, *x), wide, {})
    expected = tensorflow_gradients(lambda *x: function(keras.ops, *x), wide, {})
    for ours, theirs in zip(received, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def test_integers_stay_integers() -> None:
    total = ops.fori_loop(0, 4, lambda i, value: value + i, 0)
    assert (total, total.dtype.name) == (6, "int32")
    count, _ = ops.while_loop(lambda i, _: i < 3, lambda i, x: (i + 1, x), (0, IDS))
    assert (count, count.dtype.name) == (3, "int32")


def test_a_scan_of_nothing() -> None:
    state, outputs = ops.scan(lambda s, p: (s + p, s), ROW, X[0, :0])
    np.testing.assert_array_equal(state, ROW)
    assert outputs.shape == (0, 4)


class Recurrence(layers.Layer):
    """A user's layer over time, by `scan`."""

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(shape=(input_shape[-1], input_shape[-1]), name="kernel")

    def call(self, x: Any) -> Any:
        def step(state: Any, part: Any) -> Any:
            state = ops.tanh(state @ self.kernel + part)
            return state, state

        return ops.scan(step, ops.zeros_like(x[:, 0]), ops.swapaxes(x, 0, 1))[0]


def test_in_a_layer() -> None:
    layer = Recurrence()
    x = layers.Input((3, 4))
    assert layer(x).shape == (None, 4)
    pass_ = recording()
    y, pullback = layer.record(pass_, X)
    np.testing.assert_allclose(y, layer(X), rtol=1e-6)
    assert np.abs(pullback([np.ones_like(y)])[0]).min() > 0
    kernel = tf.Variable(layer.kernel.numpy())
    with tf.GradientTape() as tape:
        state = tf.zeros((2, 4))
        for t in range(3):
            state = tf.tanh(state @ kernel + X[:, t])
        total = tf.reduce_sum(state)
    expected = tape.gradient(total, kernel)
    np.testing.assert_allclose(pass_.gradients[id(layer.kernel)], expected, rtol=1e-5, atol=1e-6)


class ReadsAWeight(Recurrence):
    def call(self, x: Any) -> Any:
        return ops.custom_gradient(lambda y: (y @ self.kernel, lambda d: d))(x)


def test_a_weight_in_a_custom_gradient_is_refused() -> None:
    layer = ReadsAWeight()
    layer(X)
    with pytest.raises(UnsupportedError, match=r"reads the weights \['kernel'\]"):
        layer.record(recording(), X)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: ops.cond(x, abs, abs), UnsupportedError, "ops.cond: expected arrays"),
        (lambda x: ops.map(ops.exp, x), UnsupportedError, r"call it in the call\(\) of a layer"),
        (lambda x: ops.scan(ops.exp, x), UnsupportedError, "ops.scan: expected arrays"),
        (lambda _: ops.scan(1, X), UnsupportedError, "f must be a function, received 1"),
        (lambda _: ops.scan(ops.add, X, unroll=0), UnsupportedError, "received 0"),
        (lambda _: ops.scan(ops.add, X), ShapeError, "length must say how many steps"),
        (lambda _: ops.associative_scan(1, X), UnsupportedError, "f must be a function"),
        (lambda _: ops.associative_scan(ops.add, (X, X[:1])), ShapeError, "along axis 0"),
        (lambda _: ops.map(ops.exp, (X, ROW)), ShapeError, "of one size on their first axis"),
        (lambda _: ops.map(ops.exp, X[:0]), ShapeError, "nothing on the first axis"),
        (
            lambda _: ops.while_loop(lambda *_: True, lambda i, _: (i,), (0, X)),
            ShapeError,
            "body returned 1 variables of 2",
        ),
        (
            lambda _: ops.fori_loop(0, 2, lambda _, x: (x, x), X),
            ShapeError,
            "returned 2 values of 1",
        ),
    ],
)
def test_bad_input(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(layers.Input((3,)))


def test_no_gradient_of_the_own_function_is_asked_for() -> None:
    outputs, pullback = trace(lambda x: _two_results(ops)(x)[0], (X,), {}, recording())
    np.testing.assert_array_equal(outputs, X * 2)
    np.testing.assert_array_equal(pullback([np.ones_like(X)])[0], np.ones_like(X))
