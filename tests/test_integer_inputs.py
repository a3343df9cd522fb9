"""Layers on integers: where Keras has an answer, rnnext has the same, in the same dtype.

Keras leaves integers as they are and so fails in many layers; rnnext computes those in floats.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from keras_reference import arrays, load_keras

import rnnext
from rnnext import layers

keras = load_keras()

SEQUENCE, IMAGES = (2, 4, 6), (2, 6, 6, 4)
SIGNED = ("int32", "int64")

# Layers that answer integers with integers, and those that Keras makes floats of.
LAYERS: dict[str, Any] = {
    "Activation linear": lambda m: m.Activation("linear"),
    "Activation relu": lambda m: m.Activation("relu"),
    "Activation relu6": lambda m: m.Activation("relu6"),
    "Activation leaky_relu": lambda m: m.Activation("leaky_relu"),
    "Activation tanh": lambda m: m.Activation("tanh"),
    "ReLU": lambda m: m.ReLU(),
    "ReLU max_value": lambda m: m.ReLU(max_value=2.7),
    "ReLU threshold": lambda m: m.ReLU(threshold=1.5),
    "ReLU threshold, max_value": lambda m: m.ReLU(threshold=3.0, max_value=7.0),
    "ReLU negative_slope": lambda m: m.ReLU(negative_slope=0.1),
    "LeakyReLU": lambda m: m.LeakyReLU(),
    "Masking": lambda m: m.Masking(),
    "LayerNormalization": lambda m: m.LayerNormalization(),
    "LayerNormalization axis": lambda m: m.LayerNormalization(axis=1),
    "GroupNormalization": lambda m: m.GroupNormalization(groups=3),
    "RMSNormalization": lambda m: m.RMSNormalization(),
    "BatchNormalization": lambda m: m.BatchNormalization(),
    "Dense": lambda m: m.Dense(3),
    "LSTM": lambda m: m.LSTM(3, recurrent_initializer="glorot_uniform"),
    "MaxPooling1D": lambda m: m.MaxPooling1D(2),
    "GlobalMaxPooling1D": lambda m: m.GlobalMaxPooling1D(),
    "GlobalAveragePooling1D": lambda m: m.GlobalAveragePooling1D(),
    "ZeroPadding1D": lambda m: m.ZeroPadding1D(2),
    "Cropping1D": lambda m: m.Cropping1D(1),
    "UpSampling1D": lambda m: m.UpSampling1D(2),
    "Flatten": lambda m: m.Flatten(),
    "Permute": lambda m: m.Permute((2, 1)),
    "Rescaling": lambda m: m.Rescaling(0.5),
    "Normalization": lambda m: m.Normalization(mean=1.0, variance=2.0),
    "Dropout": lambda m: m.Dropout(0.5),
}


def weights_for(layer: Any) -> list[Any]:
    """Fractions, which an answer cut to integers would show."""
    rng = np.random.default_rng(1)
    return [rng.uniform(0.5, 2.5, w.shape) for w in layer.weights]


@pytest.mark.parametrize("dtype", SIGNED)
@pytest.mark.parametrize("name", LAYERS)
def test_answer_is_that_of_keras(name: str, dtype: str) -> None:
    x = np.random.default_rng(0).integers(-5, 12, SEQUENCE).astype(dtype)
    theirs, ours = LAYERS[name](keras.layers), LAYERS[name](layers)
    theirs(x), ours(x)
    theirs.set_weights(weights_for(theirs))
    ours.set_weights(weights_for(theirs))
    (expected,), (received,) = arrays(theirs(x)), arrays(ours(x))
    assert received.dtype == expected.dtype
    np.testing.assert_allclose(received, expected, rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64"])
def test_relu_of_large_integers_is_exact(dtype: str) -> None:
    limits = np.iinfo(dtype)
    x = np.array([limits.min, 0, limits.max - 1, limits.max], dtype)
    largest = np.maximum(x, 0)
    np.testing.assert_array_equal(layers.ReLU()(x), largest)
    np.testing.assert_array_equal(layers.Activation("relu")(x), largest)
    np.testing.assert_array_equal(layers.ReLU(max_value=1e30)(x), largest)
    np.testing.assert_array_equal(rnnext.ops.relu(x), largest)


def test_negative_threshold() -> None:
    x = np.array([-3, -2, -1, 5], "int32")
    expected = keras.activations.relu(x, threshold=-2.0)
    received = rnnext.activations.relu(x, threshold=-2.0)
    assert received.dtype == np.int32
    np.testing.assert_array_equal(received, expected)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_mean_of_booleans(rank: int) -> None:
    x = np.random.default_rng(0).random((2, *[3] * rank, 4)) < 0.5
    name = f"GlobalAveragePooling{rank}D"
    expected = np.asarray(getattr(keras.layers, name)()(x))
    received = getattr(layers, name)()(x)
    assert received.dtype == expected.dtype
    np.testing.assert_allclose(received, expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["Softmax", "Conv1D", "SimpleRNN", "UnitNormalization", "ELU"])
def test_where_keras_fails_integers_are_floats(name: str) -> None:
    """Of one meaning only, so that an error would help nobody."""
    options = {"Conv1D": {"filters": 2, "kernel_size": 2}, "SimpleRNN": {"units": 2}}
    x = np.random.default_rng(0).integers(-5, 12, SEQUENCE)
    layer = getattr(layers, name)(**options.get(name, {}))
    np.testing.assert_array_equal(layer(x), layer(x.astype("float32")))
