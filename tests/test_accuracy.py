"""Against float64 truth, rnnext's float32 error is no larger than TensorFlow's own.

The truth is the float64 Keras layer on the same float32 weights and inputs. Errors are relative to
the largest output. One case proves nothing, as either library may be lucky: means over cases do.
The mean error is compared for each layer and size; the largest error, which scatters by a fifth
from one case to the next, for each layer over all its cases.
"""

from __future__ import annotations

import functools
import itertools
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from keras_reference import load_keras
from numpy.typing import NDArray

import rnnext.layers

keras = load_keras()

Array = NDArray[Any]

LAYERS: dict[str, tuple[str, dict[str, Any]]] = {
    "Dense": ("Dense", {"activation": "sigmoid"}),
    "SimpleRNN": ("SimpleRNN", {"return_sequences": True}),
    "LSTM": ("LSTM", {"return_sequences": True}),
    "GRU": ("GRU", {"return_sequences": True}),
    "GRU-reset-before": ("GRU", {"return_sequences": True, "reset_after": False}),
}
# (B, T, D, H): from a small sensor model to the widest layers in use.
SIZES = [(32, 12, 3, 8), (32, 12, 16, 32), (16, 12, 64, 64), (16, 12, 64, 128), (8, 10, 128, 512)]
# Of the weights: about one keeps what the state remembers, two makes the network saturate.
GAINS = (1.0, 2.0)
SEEDS = (0, 1, 2)


def make_layer(
    layers: ModuleType, name: str, size: tuple[int, ...], weights: list[Array], dtype: str
) -> Any:
    class_name, options = LAYERS[name]
    zeros = {"kernel_initializer": "zeros"}
    if class_name != "Dense":
        zeros["recurrent_initializer"] = "zeros"
    layer = getattr(layers, class_name)(size[3], dtype=dtype, **options, **zeros)
    layer.build(size[:3])
    layer.set_weights(weights)
    return layer


def random_weights(
    name: str, size: tuple[int, ...], gain: float, rng: np.random.Generator
) -> list[Array]:
    _, _, D, H = size
    gates = {"GRU": 3, "LSTM": 4}.get(LAYERS[name][0], 1)
    shapes = [(D, gates * H), (H, gates * H), (2, gates * H) if name == "GRU" else (gates * H,)]
    scales = [gain / D**0.5, gain / H**0.5, 0.3]
    arrays = [
        (scale * rng.standard_normal(shape)).astype("float32")
        for shape, scale in zip(shapes, scales, strict=True)
    ]
    return [arrays[0], arrays[2]] if name == "Dense" else arrays


def errors(outputs: Array, truth: Array) -> Array:
    """The mean and the largest difference, relative to the largest output."""
    difference = np.abs(outputs.astype(np.float64) - truth) / np.abs(truth).max()
    return np.array([difference.mean(), difference.max()])


@functools.cache
def in_tensorflow(name: str, size: tuple[int, ...], gain: float, seed: int) -> tuple[Any, ...]:
    """Weights and inputs of a case, the truth, and the errors of TensorFlow's float32."""
    rng = np.random.default_rng(seed)
    weights = random_weights(name, size, gain, rng)
    x = rng.standard_normal(size[:3]).astype("float32")
    truth, single = (
        np.asarray(make_layer(keras.layers, name, size, weights, dtype)(x.astype(dtype)))
        for dtype in ("float64", "float32")
    )
    assert (truth.dtype, single.dtype) == (np.float64, np.float32)
    return weights, x, truth, errors(single, truth)


def compare(name: str, size: tuple[int, ...]) -> Array:
    """Mean and largest errors of rnnext and of TensorFlow: (cases, library, statistic)."""
    rows = []
    for gain, seed in itertools.product(GAINS, SEEDS):
        weights, x, truth, theirs = in_tensorflow(name, size, gain, seed)
        ours = np.asarray(make_layer(rnnext.layers, name, size, weights, "float32")(x))
        rows.append([errors(ours, truth), theirs])
    return np.array(rows)


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", LAYERS)
def test_mean_error(name: str, size: tuple[int, ...]) -> None:
    ours, theirs = compare(name, size)[..., 0].mean(axis=0)
    assert ours <= theirs, f"{ours / theirs:.2f} times TensorFlow's"


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("name", LAYERS)
def test_largest_error(name: str) -> None:
    largest = np.concatenate([compare(name, size) for size in SIZES])[..., 1]
    # The geometric mean lets no size outweigh the others.
    ratio = np.exp(np.log(largest[:, 0] / largest[:, 1]).mean())
    assert ratio <= 1, f"{ratio:.2f} times TensorFlow's"
