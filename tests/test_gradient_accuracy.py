"""Against float64 truth, the error of float32 gradients is no larger than TensorFlow's own.

The layers, sizes, weights and the way to compare are those of `test_accuracy.py`. The truth is
`tf.GradientTape` on the float64 Keras layer.
"""

from __future__ import annotations

import functools
import itertools
from typing import Any

import numpy as np
import pytest
import test_accuracy
from numpy.typing import NDArray
from test_accuracy import GAINS, LAYERS, SEEDS, make_layer, random_weights
from test_layer_gradients import keras, our_gradients, their_gradients

import rnnext.layers

Array = NDArray[Any]

SIZES = [size for size in test_accuracy.SIZES if size[3] <= 128]


def mean_error(gradients: list[Array], truth: list[Array]) -> float:
    """The mean over the gradients of the input and the weights; each relative to its largest."""
    pairs = zip(gradients, truth, strict=True)
    return float(np.mean([np.abs(d - exact).mean() / np.abs(exact).max() for d, exact in pairs]))


@functools.cache
def in_tensorflow(name: str, size: tuple[int, ...], gain: float, seed: int) -> tuple[Any, ...]:
    """Weights and inputs of a case, the truth, and the error of TensorFlow's float32."""
    rng = np.random.default_rng(seed)
    weights = random_weights(name, size, gain, rng)
    x = rng.standard_normal(size[:3]).astype("float32")
    truth, single = (
        their_gradients(make_layer(keras.layers, name, size, weights, dtype), x.astype(dtype), {})
        for dtype in ("float64", "float32")
    )
    return weights, x, truth, mean_error(single, truth)


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("name", LAYERS)
def test_mean_error(name: str) -> None:
    """Over all sizes, gains and seeds; the geometric mean lets no size outweigh the others."""
    ratios = []
    for size in SIZES:
        ours, theirs = [], []
        for gain, seed in itertools.product(GAINS, SEEDS):
            weights, x, truth, their_error = in_tensorflow(name, size, gain, seed)
            layer = make_layer(rnnext.layers, name, size, weights, "float32")
            ours.append(mean_error(our_gradients(layer, x, {}), truth))
            theirs.append(their_error)
        ratios.append(np.mean(ours) / np.mean(theirs))
    ratio = np.exp(np.log(ratios).mean())
    assert ratio <= 1, f"{ratio:.2f} times TensorFlow's; by size {np.round(ratios, 2)}"
