"""Gradients of layers, of their inputs and weights, beside those of Keras's on TensorFlow."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from gradient_reference import Array, assert_no_worse, is_float, recording, seed_for
from keras_reference import load_keras
from layer_twins import random_array
from parity_cases import CASES, Case
from test_parity_table import call_of, weights_of

from rnnext import layers, nest

keras = load_keras()
tf: Any = importlib.import_module("tensorflow")
pytestmark = pytest.mark.filterwarnings("ignore:You passed `rms_scaling=True`")

# Layers with rules of their own that are tested with their kernels, and those without gradients.
_ELSEWHERE = (
    *("SimpleRNN", "LSTM", "GRU", "RNN", "Bidirectional", "TimeDistributed", "ConvLSTM"),
    *("Dense", "Embedding", "Activation", "CategoryEncoding", "Discretization", "IntegerLookup"),
)
ROWS = [row for row in CASES if not row[0].startswith(_ELSEWHERE)]
# TensorFlow has no such gradients, or no such layers, in float64.
_ONLY_SINGLE = (
    *("MaxPooling3D", "AveragePooling3D", "AdaptiveMaxPooling3D", "AdaptiveAveragePooling3D"),
    *("lanczos3", "lanczos5"),
)
# It has their parameters in float32, also in float64.
_SINGLE_PARAMETERS = ("Rescaling", "Normalization", "LeakyReLU", "UpSampling2D")


def their_gradients(layer: Any, x: Any, call: Any, **options: Any) -> list[Array]:
    """Of the float inputs and the trainable weights."""

    def tensor(value: Any) -> Any:
        is_number = isinstance(value, np.ndarray) and value.dtype.kind in "fi"
        return tf.constant(value) if is_number else value

    x, call = nest.map_structure(tensor, x), nest.map_structure(tensor, call)
    sources = [s for s in nest.flatten((x, call)) if tf.is_tensor(s) and s.dtype.is_floating]
    sources += [v.value for v in layer.trainable_variables]
    with tf.GradientTape() as tape:
        for source in sources:
            tape.watch(source)
        outputs = [y for y in nest.flatten(layer(x, **call, **options)) if y.dtype.is_floating]
        total = tf.add_n([tf.reduce_sum(y * seed_for(y.numpy())) for y in outputs])
    gradients = tape.gradient(total, sources)
    return [
        np.zeros(s.shape) if d is None else tf.convert_to_tensor(d).numpy()
        for s, d in zip(sources, gradients, strict=True)
    ]


def our_gradients(layer: Any, x: Any, call: Any, training: bool = False) -> list[Array]:
    """Of the same."""
    pass_ = recording(training)
    outputs, pullback = layer.record(pass_, x, **call)
    seeds = [seed_for(y) if is_float(y) else None for y in nest.flatten(outputs)]
    leaves = nest.flatten(((x,), call))
    found = [
        np.zeros_like(leaf) if d is None else d
        for leaf, d in zip(leaves, pullback(seeds), strict=False)
        if is_float(leaf)
    ]
    weights = layer.trainable_variables
    return found + [pass_.gradients.get(id(v), np.zeros(v.shape, v.dtype)) for v in weights]


def made(case: Case, library: Any, dtype: str, weights: list[Array] | None) -> tuple[Any, Any]:
    """A layer with weights, and these."""
    layer = case.make(library, dtype=dtype)
    x, call = call_of(case, dtype)
    layer(x, **call)
    weights = weights_of(layer) if weights is None else weights
    layer.set_weights(weights)
    return layer, weights


@pytest.mark.parametrize("row", ROWS, ids=": ".join)
def test_gradients(row: tuple[str, str]) -> None:
    case = CASES[row]
    theirs, weights = made(case, keras.layers, "float32", None)
    single = their_gradients(theirs, *call_of(case, "float32"))
    ours = our_gradients(made(case, layers, "float32", weights)[0], *call_of(case, "float32"))
    if any(name in row for name in _ONLY_SINGLE):
        for received, expected in zip(ours, single, strict=True):
            np.testing.assert_allclose(received, expected, rtol=1e-5, atol=1e-5)
        return
    exact = their_gradients(
        made(case, keras.layers, "float64", weights)[0], *call_of(case, "float64")
    )
    wide = our_gradients(made(case, layers, "float64", weights)[0], *call_of(case, "float64"))
    tolerance = 1e-6 if row[0] in _SINGLE_PARAMETERS else 1e-11
    for received, expected in zip(wide, exact, strict=True):
        np.testing.assert_allclose(received, expected, rtol=tolerance, atol=tolerance)
    for received, their, truth in zip(ours, single, exact, strict=True):
        assert_no_worse(received, their, truth, str(row))


@pytest.mark.parametrize("options", [{}, {"axis": 1}, {"center": False, "scale": False}])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_batch_normalization_in_training(options: Any, masked: bool, dtype: str) -> None:
    x = random_array((5, 4, 3), dtype) * 2 + 1
    call = {"mask": random_array((5, 4), seed="mask") > 0} if masked else {}
    theirs = keras.layers.BatchNormalization(momentum=0.7, dtype=dtype, **options)
    ours = layers.BatchNormalization(momentum=0.7, dtype=dtype, **options)
    theirs.build(x.shape)
    ours.build(x.shape)
    weights = weights_of(theirs)
    theirs.set_weights(weights)
    ours.set_weights(weights)
    expected = their_gradients(theirs, x, call, training=True)
    received = our_gradients(ours, x, call, training=True)
    tolerance = 2e-5 if dtype == "float32" else 1e-6 if masked else 1e-12
    for ours_, theirs_ in zip(received, expected, strict=True):
        np.testing.assert_allclose(ours_, theirs_, rtol=tolerance, atol=tolerance)
    for ours_, theirs_ in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(ours_, theirs_, rtol=tolerance, atol=tolerance)
    outputs = ours(x, training=True, **call)  # eagerly, too
    np.testing.assert_allclose(outputs, theirs(x, training=True, **call), rtol=1e-4, atol=1e-5)
    for ours_, theirs_ in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(ours_, theirs_, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize(
    ("name", "options", "shape", "shared"),
    [
        ("Dropout", {"rate": 0.4}, (20, 30, 40), ()),
        ("Dropout", {"rate": 0.4, "noise_shape": (None, 1, None)}, (20, 30, 40), (1,)),
        ("SpatialDropout1D", {"rate": 0.4}, (100, 30, 40), (1,)),
        ("SpatialDropout2D", {"rate": 0.4}, (100, 3, 4, 40), (1, 2)),
        (
            "SpatialDropout2D",
            {"rate": 0.4, "data_format": "channels_first"},
            (99, 40, 4, 5),
            (2, 3),
        ),
        ("SpatialDropout3D", {"rate": 0.4}, (100, 3, 4, 2, 40), (1, 2, 3)),
    ],
)
def test_dropout(name: str, options: Any, shape: tuple[int, ...], shared: Any) -> None:
    layer, ones = getattr(layers, name)(**options), np.ones(shape, "float32")
    outputs, pullback = layer.record(recording(training=True), ones)
    np.testing.assert_allclose(np.unique(outputs), [0, 1 / 0.6], rtol=1e-6)
    assert abs((outputs == 0).mean() - 0.4) < 0.03
    for axis in shared:
        assert np.ptp(outputs, axis=axis).max() == 0
    np.testing.assert_array_equal(pullback([ones])[0] * ones, outputs)
    np.testing.assert_array_equal(layer.record(recording(), ones)[0], ones)
    np.testing.assert_array_equal(layer(ones), ones)


@pytest.mark.parametrize(
    ("name", "options", "mean", "deviation"),
    [
        ("GaussianNoise", {"stddev": 0.5}, 0.0, (1 + 0.25) ** 0.5),
        ("GaussianDropout", {"rate": 0.3}, 0.0, (1 / 0.7) ** 0.5),
        ("AlphaDropout", {"rate": 0.3}, 0.0, 1.0),  # it keeps both
    ],
)
def test_noise(name: str, options: Any, mean: float, deviation: float) -> None:
    layer = getattr(layers, name)(**options)
    x = random_array((300, 400))
    outputs, pullback = layer.record(recording(training=True), x)
    assert abs(outputs.mean() - mean) < 0.02
    assert abs(outputs.std() - deviation) < 0.02
    (gradient,) = pullback([np.ones_like(x)])
    again, _ = layer.record(recording(training=True), x + np.float32(0.5))
    np.testing.assert_allclose(again - outputs, gradient * 0.5, atol=1e-5)


def test_a_seed_makes_a_layer_repeatable() -> None:
    x = np.ones((3, 20), "float32")
    first, second = (layers.Dropout(0.5, seed=4)(x, training=True) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_rate_one_drops_everything() -> None:
    x = np.ones((3, 20), "float32")
    np.testing.assert_array_equal(layers.Dropout(1.0)(x, training=True), 0 * x)


@pytest.mark.parametrize("name", ["Attention", "AdditiveAttention", "MultiHeadAttention"])
def test_dropout_of_attention(name: str) -> None:
    heads = {"num_heads": 2, "key_dim": 3} if name.startswith("Multi") else {}
    layer = getattr(layers, name)(dropout=0.5, dtype="float64", **heads)
    x = random_array((4, 5, 6), "float64")
    inputs = (x, x) if heads else ([x, x],)
    layer(*inputs)
    outputs, pullback = layer.record(recording(training=True), *inputs)
    assert np.abs(outputs - layer(*inputs)).max() > 0.01
    d_query, _ = pullback([np.ones_like(outputs)])
    moved = x.copy()
    moved[1, 2, 3] += 1e-6
    changed = (moved, x) if heads else ([moved, x],)
    again, _ = layer.record(recording(training=True), *changed)
    assert (again - outputs).sum() / 1e-6 == pytest.approx(d_query[1, 2, 3], 1e-4, 1e-6)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("name", ["Conv2D", "Conv2DTranspose", "MaxPooling2D", "AveragePooling2D"])
def test_data_formats(name: str, data_format: str) -> None:
    options = {"filters": 3, "kernel_size": 2, "activation": "tanh"} if "Conv" in name else {}
    layer = getattr(layers, name)(
        data_format=data_format, padding="same", dtype="float64", **options
    )
    last = getattr(layers, name)(padding="same", dtype="float64", **options)
    x = random_array((2, 5, 4, 3), "float64")
    last(x)
    moved = x if data_format == "channels_last" else np.ascontiguousarray(np.moveaxis(x, -1, 1))
    layer(moved)
    layer.set_weights(last.get_weights())
    expected, expected_pullback = last.record(recording(), x)
    outputs, pullback = layer.record(recording(), moved)
    back = outputs if data_format == "channels_last" else np.moveaxis(outputs, 1, -1)
    np.testing.assert_allclose(back, expected)
    seed = random_array(expected.shape, "float64")
    own = seed if data_format == "channels_last" else np.moveaxis(seed, -1, 1)
    (gradient,) = pullback([own])
    gradient = gradient if data_format == "channels_last" else np.moveaxis(gradient, 1, -1)
    np.testing.assert_allclose(gradient, expected_pullback([seed])[0])


@pytest.mark.parametrize("name", ["MaxPooling1D", "MaxPooling2D", "GlobalMaxPooling1D"])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_equal_maxima(name: str, padding: str) -> None:
    """The first one has the gradient; over all of time all of them share it."""
    shape = (3, 6, 5, 2) if name.endswith("2D") else (3, 7, 2)
    x = np.maximum(np.round(random_array(shape)), 0)
    options = (
        {} if name.startswith("Global") else {"pool_size": 3, "strides": 2, "padding": padding}
    )
    (expected,) = their_gradients(getattr(keras.layers, name)(**options), x, {})
    (received,) = our_gradients(getattr(layers, name)(**options), x, {})
    np.testing.assert_allclose(received, expected, rtol=1e-6, atol=1e-6)
