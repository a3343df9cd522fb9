"""The CTC loss beside Keras on TensorFlow, and by its definition: the sum over all ways."""

from __future__ import annotations

import importlib
import itertools
from typing import Any

import numpy as np
import pytest
from gradient_reference import assert_no_worse
from keras_reference import load_keras

import rnnext
from rnnext import losses
from rnnext.errors import DataError, ShapeError, UnsupportedError

keras = load_keras()
tf: Any = importlib.import_module("tensorflow")

SIZES = [(3, 6, 4, 2), (5, 20, 7, 6), (4, 1, 3, 1), (2, 9, 5, 1), (6, 40, 30, 12)]


def data(B: int, T: int, K: int, L: int, dtype: str = "float32") -> tuple[Any, Any]:
    """Labels of all lengths, some of them equal neighbours, and logits."""
    rng = np.random.default_rng(B * T)
    labels = rng.integers(1, K, (B, L))
    for i in range(B):
        labels[i, L - i % (L + 1) :] = 0
    return labels, (3 * rng.standard_normal((B, T, K))).astype(dtype)


@pytest.mark.parametrize("reduction", ["none", "sum_over_batch_size", "sum"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_value_and_gradient_are_keras_s(size: tuple[int, ...], reduction: str) -> None:
    labels, logits = data(*size)
    tensor = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        expected = keras.losses.CTC(reduction=reduction)(labels, tensor)
        total = tf.reduce_sum(expected)
    wanted = tape.gradient(total, tensor).numpy()
    loss = losses.CTC(reduction=reduction)
    received = loss(labels, logits)
    assert received.dtype == np.float32
    np.testing.assert_allclose(received, expected, rtol=1e-5)
    _, gradient = loss.value_and_gradient(labels, logits)
    np.testing.assert_allclose(gradient, wanted, atol=2e-6)
    exact = losses.CTC(reduction=reduction, dtype="float64")
    _, truth = exact.value_and_gradient(labels, logits.astype("float64"))
    assert_no_worse(gradient, wanted, truth, str(size))


def by_definition(labels: Any, logits: Any) -> float:
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    total = 0.0
    for way in itertools.product(range(logits.shape[1]), repeat=len(logits)):
        spelled = [c for c, _ in itertools.groupby(way) if c]
        if spelled == [c for c in labels if c]:
            total += np.prod([p[t, c] for t, c in enumerate(way)])
    return float(-np.log(total))


@pytest.mark.parametrize("labels", [[1, 2], [1, 1], [2, 0], [0, 0]])
def test_definition(labels: list[int]) -> None:
    logits = np.random.default_rng(1).standard_normal((5, 3))
    received = losses.ctc([labels], logits[None])
    np.testing.assert_allclose(received, [by_definition(labels, logits)], rtol=1e-12)


def test_gradient_is_the_derivative() -> None:
    labels, logits = data(2, 7, 4, 3, "float64")
    loss = losses.CTC(dtype="float64")
    _, gradient = loss.value_and_gradient(labels, logits)
    for place in [(0, 0, 0), (1, 3, 2), (0, 6, 1)]:
        moved = logits.copy()
        moved[place] += 1e-6
        difference = float(loss(labels, moved) - loss(labels, logits)) / 1e-6
        assert gradient[place] == pytest.approx(difference, 1e-4, 1e-7)


def test_probabilities_too_small_for_a_float() -> None:
    labels, logits = data(3, 200, 20, 40)
    loss, gradient = losses.CTC().value_and_gradient(labels, 100 * logits)
    assert np.isfinite(loss)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize(
    ("labels", "logits", "error", "message"),
    [
        ([1, 2], np.zeros((2, 3, 4)), ShapeError, r"\(N, L\).*received \(2,\) and \(2, 3, 4\)"),
        ([[1]], np.zeros((2, 3, 4)), ShapeError, r"received \(1, 1\) and \(2, 3, 4\)"),
        ([[1, 4]], np.zeros((1, 3, 4)), UnsupportedError, "classes from 1 to 3.*received 1 to 4"),
        ([[-1, 1]], np.zeros((1, 3, 4)), UnsupportedError, "received -1 to 1"),
        ([[np.nan]], np.zeros((1, 3, 4)), DataError, "received NaN or infinity"),
        ([[1, 1]], np.zeros((1, 2, 4)), DataError, r"2 steps are too few .*\[1, 1\].* need 3"),
    ],
)  # fmt: skip
def test_errors(labels: Any, logits: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        losses.ctc(np.array(labels), logits)


def test_a_course_of_training_is_keras_s() -> None:
    labels, _ = data(6, 12, 5, 4)
    x = np.random.default_rng(2).standard_normal((6, 12, 3)).astype("float32")

    def run(library: Any, weights: Any) -> tuple[Any, Any, Any]:
        k = library.layers
        model = library.Sequential(
            [k.Input((12, 3)), k.Bidirectional(k.LSTM(4, return_sequences=True)), k.Dense(5)]
        )
        start = model.get_weights() if weights is None else weights
        model.set_weights(start)
        model.compile(library.optimizers.Adam(0.01), library.losses.CTC())
        history = model.fit(x, labels, batch_size=3, epochs=3, shuffle=False, verbose=0)
        return start, history.history["loss"], model.get_weights()

    start, losses_of_keras, expected = run(keras, None)
    _, our_losses, received = run(rnnext, start)
    np.testing.assert_allclose(our_losses, losses_of_keras, rtol=1e-5)
    for ours, theirs in zip(received, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
