"""Gradients of code written with NumPy and rnnext.ops, beside TensorFlow's."""

from __future__ import annotations

import importlib
from typing import Any

import gradient_cases
import numpy as np
import pytest
import test_ops
from gradient_reference import (
    Array,
    assert_no_worse,
    is_float,
    recording,
    seed_for,
    tensorflow_gradients,
    traced_gradients,
)
from keras_reference import load_keras
from layer_twins import random_array

import rnnext
from rnnext import activations, layers, nest, ops
from rnnext.autodiff.tracing import trace
from rnnext.errors import UnsupportedError
from rnnext.graph.recording import RecordedProgram

keras = load_keras()
tf: Any = importlib.import_module("tensorflow")
FUNCTIONS = gradient_cases.cases(tf)
X = gradient_cases.X


def in_float64(structure: Any) -> Any:
    def wide(x: Any) -> Any:
        return x.astype(np.float64) if isinstance(x, np.ndarray) and x.dtype == "f4" else x

    return nest.map_structure(wide, structure)


def compare(ours: Any, theirs: Any, args: Any, kwargs: Any, tolerance: float = 1e-12) -> None:
    """In float64 the gradients are TensorFlow's; in float32 no further from them than its own."""
    wide = in_float64(args), in_float64(kwargs)
    exact = tensorflow_gradients(theirs, *wide)
    for received, expected in zip(traced_gradients(ours, *wide), exact, strict=True):
        np.testing.assert_allclose(received, expected, rtol=tolerance, atol=tolerance)
    narrow = traced_gradients(ours, args, kwargs)
    for received, their, truth, source in zip(
        narrow,
        tensorflow_gradients(theirs, args, kwargs),
        exact,
        filter(is_float, nest.flatten((args, kwargs))),
        strict=True,
    ):
        assert received.dtype == source.dtype
        assert_no_worse(received, their, truth)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_numpy_functions(name: str) -> None:
    ours, theirs, args = FUNCTIONS[name]
    compare(ours, theirs, args, {})


# Operations --------------------------------------------------------------------------------------

# No floats come out, or their gradient is zero by definition and TensorFlow has none.
_PLAIN = {
    *("isfinite", "isinf", "isnan", "logical_not", "equal", "not_equal", "greater", "less"),
    *("greater_equal", "less_equal", "logical_and", "logical_or", "logical_xor", "any", "all"),
    *("argsort", "argmax", "argmin", "count_nonzero", "full_like", "saturate_cast", "one_hot"),
    *("zeros_like", "ones_like", "bitwise_and", "isreal", "isneginf", "isposinf", "signbit"),
    *("isclose", "allclose", "size", "empty_like", "nanargmax", "nanargmin", "angle", "imag"),
    *("digitize", "searchsorted", "histogram", "heaviside", "view", "nextafter"),
    *("in_top_k", "ctc_decode"),
}
# TensorFlow has their parameters in float32, also in float64.
_SINGLE_PARAMETERS = {"leaky_relu", "gelu", "logaddexp2", "geomspace", "ctc_loss"}


def operation_cases() -> list[tuple[str, tuple[Any, ...], dict[str, Any]]]:
    x, y, row = test_ops.X, test_ops.Y, test_ops.ROW
    small = {"arcsin", "arccos", "arctanh"}
    found: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
    found += [
        (name, (x / 4 if name in small else x,), {})
        for name in (*test_ops.UNARY, *test_ops.UNARY_FLOAT)
    ]
    found += [(name, (np.abs(x) + 1.5,), {}) for name in test_ops.POSITIVE]
    for name in test_ops.BINARY:
        found += [(name, (x, second), {}) for second in (y, row, x.copy())]
    for name in test_ops.REDUCTIONS:
        found += [
            (name, (x,), options)
            for options in ({}, {"axis": 1}, {"axis": (0, 2)}, {"axis": -1, "keepdims": True})
        ]
    found += [(name, tuple(args), options) for name, args, options in test_ops.CASES]
    return [
        case for case in found if case[0] not in _PLAIN and any(map(is_float, nest.flatten(case)))
    ]


@pytest.mark.parametrize(
    ("name", "args", "options"),
    operation_cases(),
    ids=[f"{i}-{name}" for i, (name, _, _) in enumerate(operation_cases())],
)
def test_operations(name: str, args: Any, options: Any) -> None:
    theirs = getattr(keras.ops, name)
    try:
        tensorflow_gradients(theirs, in_float64(args), in_float64(options))
    except (ValueError, LookupError, TypeError, tf.errors.OpError):  # no float, no gradient there
        outputs, pullback = trace(getattr(ops, name), args, options, recording())
        seeds = [seed_for(y) if is_float(y) else None for y in nest.flatten(outputs)]
        assert all(d is None or not is_float(d) or np.isfinite(d).all() for d in pullback(seeds))
        return
    tolerance = 1e-6 if name in _SINGLE_PARAMETERS else 1e-12
    compare(getattr(ops, name), theirs, args, options, tolerance)


@pytest.mark.parametrize("name", ["relu", "gelu", "softmax", "mish", "selu", "glu", "hard_sigmoid"])
def test_activations(name: str) -> None:
    tolerance = 1e-6 if name in _SINGLE_PARAMETERS else 1e-12
    compare(getattr(activations, name), getattr(keras.activations, name), (X,), {}, tolerance)


def test_stop_gradient_and_conversions() -> None:
    def function(x: Any) -> Any:
        assert type(ops.convert_to_numpy(x)) is np.ndarray
        assert ops.is_tensor(x)
        assert x[0, 0, 0].item() == float(x[0, 0, 0])
        return x * ops.stop_gradient(x) + ops.cast(ops.cast(x, "int32"), "float32")

    (gradient,) = traced_gradients(function, (X,), {})
    np.testing.assert_allclose(gradient, X * seed_for(X), rtol=1e-6)


# What is not a value of its own ------------------------------------------------------------------


def test_mixed_dtypes() -> None:
    wide = X.astype(np.float64)

    def ours(x: Any, y: Any) -> Any:
        return (x.astype("float64") * y).astype(np.float32) * x

    def theirs(x: Any, y: Any) -> Any:
        return tf.cast(tf.cast(x, "float64") * y, "float32") * x

    received, expected = (
        traced_gradients(ours, (X, wide), {}),
        tensorflow_gradients(theirs, (X, wide), {}),
    )
    assert [d.dtype.name for d in received] == ["float32", "float64"]
    for d, e in zip(received, expected, strict=True):
        np.testing.assert_allclose(d, e, rtol=2e-6)


def test_in_place() -> None:
    def function(x: Any) -> Any:
        y = x * 1
        same = y
        same *= 2
        y += x
        return y * same  # one array under two names, as in NumPy

    (received,) = traced_gradients(function, (X,), {})
    np.testing.assert_allclose(received, 18 * X * seed_for(X), rtol=1e-6)
    with pytest.raises(ValueError, match="non-broadcastable output"):
        trace(lambda x: x[0].__iadd__(x), (X,), {}, recording())


def test_a_cumulative_product_with_zeros() -> None:
    """TensorFlow, which divides by the elements, gives NaN."""
    x = np.array([2.0, 0.0, 3.0, 0.0, 5.0])
    _, pullback = trace(np.cumprod, (x,), {}, recording())
    np.testing.assert_array_equal(pullback([np.ones(5)])[0], [1, 2 + 6, 0, 0, 0])


def test_no_gradient_where_there_is_no_way() -> None:
    outputs, pullback = trace(lambda x, _y: x * 2, (X, X), {}, recording())
    np.testing.assert_array_equal(outputs, X * 2)
    used, unused = pullback([np.ones_like(X)])
    np.testing.assert_array_equal(used, np.full_like(X, 2))
    assert unused is None
    assert trace(lambda x: x > 0, (X,), {}, recording())[1]([None]) == [None]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: np.asarray(x), r"no gradient rule was applied .* in line .*np\.asarray"),
        (lambda x: np.fft.fft(x), r"numpy\.fft\.fft has no gradient rule"),
        (lambda x: np.spacing(x), r"numpy\.spacing has no gradient rule"),
        (
            lambda x: x.__setitem__(0, 1.0),
            r"cannot be assigned, in line .*; use rnnext\.ops\.where",
        ),
        (lambda x: np.add(x, 1, out=np.zeros_like(X)), "cannot be stored in a plain array"),
        (lambda x: np.repeat(x, x), "an argument of a NumPy function has a gradient and no rule"),
        (lambda x: np.add(x, 1, where=X > 0), r"numpy\.add with where= has no gradient rule"),
        (lambda x: np.logaddexp.reduce(x), r"numpy\.logaddexp\.reduce has no gradient rule"),
        (lambda x: x.view("int32"), r"view\(\) has no gradient rule"),
        (lambda x: np.linalg.norm(x[0], "nuc"), "ord='nuc' has no gradient rule"),
    ],
)
def test_what_has_no_rule_says_so(function: Any, message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        trace(function, (X,), {}, recording())


# Layers ------------------------------------------------------------------------------------------


class Mixture(layers.Layer):
    """Weights in all the ways that a user's layer may use them."""

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(shape=(input_shape[-1], 4), name="kernel")
        self.scale = self.add_weight(shape=(4,), initializer="ones", name="scale")
        self.frozen = self.add_weight(shape=(4,), initializer="ones", trainable=False, name="f")

    def call(self, x: Any) -> Any:
        y = np.dot(x, self.kernel) + x @ self.kernel + ops.matmul(x, self.kernel)
        y = y * self.scale * 2 + self.scale[1:2] + self.frozen
        return np.tanh(y) + self.kernel.T.sum() + self.kernel.value[0]


def numeric(function: Any, array: Array, set_array: Any, index: Any) -> float:
    """A central difference of a scalar function by one element, in float64."""
    values, step = array.copy(), 1e-6
    results = []
    for sign in (1, -1):
        changed = values.copy()
        changed[index] += sign * step
        set_array(changed)
        results.append(function())
    set_array(values)
    return float(results[0] - results[1]) / (2 * step)


def assert_gradients_of(layer: Any, *inputs: Array) -> None:
    """Those of one element of each weight and of each input are central differences."""
    pass_ = recording()
    outputs, pullback = layer.record(pass_, *inputs)
    seeds = [seed_for(y) for y in nest.flatten(outputs)]
    for received, expected in zip(nest.flatten(outputs), nest.flatten(layer(*inputs)), strict=True):
        np.testing.assert_allclose(received, expected, rtol=1e-12, atol=1e-12)
    d_inputs = pullback(seeds)

    def total() -> float:
        results = nest.flatten(layer(*inputs))
        return float(sum((y * seed).sum() for y, seed in zip(results, seeds, strict=True)))

    for variable in layer.trainable_weights:
        index = (-1,) * variable.ndim
        expected = numeric(total, variable.numpy(), variable.assign, index)
        assert pass_.gradients[id(variable)][index] == pytest.approx(expected, 1e-5, 1e-6), variable
    assert pass_.gradients.keys() == {id(v) for v in layer.trainable_weights}
    for x, d in zip(inputs, d_inputs, strict=True):
        if is_float(x):
            index = (-1,) * x.ndim
            expected = numeric(total, x, lambda new, x=x: x.__setitem__(..., new), index)
            assert d[index] == pytest.approx(expected, 1e-5, 1e-6)


def test_weights_in_expressions() -> None:
    layer = Mixture(dtype="float64")
    x = random_array((5, 3), "float64")
    layer(x)
    assert_gradients_of(layer, x)


class Block(layers.Layer):
    """Built-in layers inside a user's call: their own rules are used."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.convolution = layers.Conv1D(4, 2, activation="tanh", dtype="float64")
        self.normalization = layers.BatchNormalization(dtype="float64")
        self.attention = layers.MultiHeadAttention(2, 3, dtype="float64")
        self.dropout = layers.Dropout(0.5, dtype="float64")

    def call(self, x: Any, training: Any = None) -> Any:
        y = self.normalization(self.convolution(x), training=training)
        y = self.dropout(y)
        y = y + self.attention(y, y)
        return y[:, ::-1], np.concatenate([ops.mean(y, axis=1), x[:, 0]], axis=-1)


def test_nested_layers() -> None:
    layer = Block(dtype="float64")
    x = random_array((3, 6, 2), "float64")
    layer(x)
    layer.attention.key_dense.bias.trainable = False  # its gradient is zero up to rounding
    assert_gradients_of(layer, x)


def test_training_reaches_nested_layers() -> None:
    layer = Block(dtype="float64")
    x = random_array((3, 6, 2), "float64")
    layer(x)
    before = layer.normalization.moving_mean.numpy()
    first, _ = layer.record(recording(training=True, seed=1), x)
    assert np.abs(layer.normalization.moving_mean.numpy() - before).max() > 0
    second, _ = layer.record(recording(training=True, seed=1), x)
    np.testing.assert_array_equal(first[0], second[0])
    assert np.abs(first[0] - layer(x)[0]).max() > 0


class Table(layers.Layer):
    """Ids, which a layer inside the call gets, too."""

    def build(self, input_shape: Any) -> None:  # noqa: ARG002
        self.table = self.add_weight(shape=(7, 3), name="table")
        self.mixture = Mixture(dtype="float64")

    def call(self, ids: Any) -> Any:
        rows = np.take(self.table, ids, axis=0) + self.table[ids] + ops.one_hot(ids, 7) @ self.table
        return self.mixture(rows)


def test_ids() -> None:
    layer = Table(dtype="float64")
    ids = np.array([[1, 6], [2, 6]])
    layer(ids)
    assert_gradients_of(layer, ids)


def test_a_lambda() -> None:
    layer = layers.Lambda(lambda x, factor: np.exp(x) * factor, arguments={"factor": 2.0})
    outputs, pullback = layer.record(recording(), X)
    np.testing.assert_allclose(outputs, 2 * np.exp(X), rtol=1e-6)
    (gradient,) = pullback([np.ones_like(X)])
    np.testing.assert_allclose(gradient, 2 * np.exp(X), rtol=1e-6)


def test_a_trace_leaves_nothing_behind() -> None:
    layer = Mixture(dtype="float64")
    x = random_array((5, 3), "float64")
    before = layer(x)
    with pytest.raises(ZeroDivisionError):
        trace(lambda x: layer(x) + 1 // 0, (x,), {}, recording())
    assert type(layer.kernel.value) is np.ndarray
    layer.record(recording(), x)
    np.testing.assert_array_equal(layer(x), before)


def test_set_random_seed_repeats_noise() -> None:
    ones = np.ones((4, 50), "float32")
    for layer in (
        layers.Dropout(0.5),
        layers.GaussianDropout(0.3),
        layers.AlphaDropout(0.3),
        layers.GaussianNoise(0.5),
    ):
        rnnext.set_random_seed(3)
        first = layer(ones, training=True)
        assert np.abs(first - ones).max() > 0
        assert np.abs(layer(ones, training=True) - first).max() > 0
        rnnext.set_random_seed(3)
        np.testing.assert_array_equal(layer(ones, training=True), first)


class Bag(layers.Layer):
    """A mask that travels on the arrays of a trace."""

    def build(self, input_shape: Any) -> None:  # noqa: ARG002
        self.masking = layers.Masking()
        self.mean = layers.GlobalAveragePooling1D()
        self.scale = self.add_weight(shape=(3,), initializer="ones", name="scale")

    def call(self, x: Any) -> Any:
        return self.mean(self.masking(x)) * self.scale


def test_masks_inside_a_call() -> None:
    layer = Bag(dtype="float64")
    x = random_array((4, 5, 3), "float64")
    x[:, 3:] = 0
    np.testing.assert_allclose(layer(x), x[:, :3].mean(axis=1))
    outputs, pullback = layer.record(recording(), x)
    np.testing.assert_allclose(outputs, x[:, :3].mean(axis=1))
    (gradient,) = pullback([np.ones_like(outputs)])
    np.testing.assert_allclose(gradient[:, :3], 1 / 3)
    np.testing.assert_array_equal(gradient[:, 3:], 0)


def recorded_model() -> Any:
    """Operations, merging, shapes, a Lambda, masks and a custom layer in one program."""
    inputs = rnnext.Input((6, 3), dtype="float64")
    x = layers.Masking(dtype="float64")(inputs)
    y = layers.Conv1D(3, 1, activation="gelu", dtype="float64")(x)
    y = layers.Add(dtype="float64")([y, x * 2.0 + 1.0])
    y = layers.Concatenate(dtype="float64")([y, ops.tanh(x), y])
    y = layers.Lambda(lambda t: np.square(t) / (1 + np.abs(t)), dtype="float64")(y)
    y = Mixture(dtype="float64")(layers.LayerNormalization(dtype="float64")(y))
    mean = layers.GlobalAveragePooling1D(dtype="float64")(x)
    return rnnext.Model(inputs, [y[:, ::2], mean])


def test_a_program() -> None:
    model = recorded_model()
    x = random_array((4, 6, 3), "float64")
    x[1, 4:] = 0
    pass_ = recording()
    outputs, _, reverse = RecordedProgram(model.program).run(pass_, [x], [])
    expected = model(x)
    for received, wanted in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(received, wanted, rtol=1e-12, atol=1e-12)
    seeds = [seed_for(y) for y in outputs]
    (gradient,) = reverse(seeds)

    def total() -> float:
        return float(sum((y * s).sum() for y, s in zip(model(x), seeds, strict=True)))

    def set_inputs(new: Array) -> None:
        x[...] = new

    assert gradient[0, 2, 1] == pytest.approx(numeric(total, x, set_inputs, (0, 2, 1)), 1e-5)
    for variable in model.trainable_weights:
        index = (0,) * variable.ndim
        wanted = numeric(total, variable.numpy(), variable.assign, index)
        assert pass_.gradients[id(variable)][index] == pytest.approx(wanted, 1e-5, 1e-6)
