"""Losses and metrics that are written with keras.ops train and measure as with rnnext.ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from keras_reference import load_keras
from layer_twins import random_array

import rnnext
from rnnext import ops
from rnnext.keras import losses, metrics, optimizers

keras = load_keras()

X = random_array((8, 5, 3), seed="x of training")
LABELS = (random_array((8, 2), seed="labels of training") > 0).astype("float32")


def half_of_the_easy_ones(o: Any) -> Callable[[Any, Any], Any]:
    def loss(y_true: Any, y_pred: Any) -> Any:
        entropies = o.binary_crossentropy(y_true, y_pred)
        middle = o.stop_gradient(o.quantile(entropies, 0.5))
        return o.mean(o.where(entropies > middle, entropies, 0.5 * entropies), axis=-1)

    return loss


def classes(o: Any) -> Callable[[Any, Any], Any]:
    def loss(y_true: Any, y_pred: Any) -> Any:
        shares = y_pred / o.sum(y_pred, axis=-1, keepdims=True)
        numbers = o.argmax(y_true, axis=-1)
        return o.sparse_categorical_crossentropy(numbers, shares) + o.mean(
            o.categorical_crossentropy(y_true, y_pred * 1.0, from_logits=True)
        )

    return loss


def by_segments(o: Any) -> Callable[[Any, Any], Any]:
    def loss(y_true: Any, y_pred: Any) -> Any:
        error = o.sum(o.square(y_true - y_pred), axis=-1)
        sums = o.segment_sum(error, o.cast(y_true[:, 0], "int32"), 2)
        return o.logaddexp(sums[0], sums[1]) + o.det(o.matmul(o.transpose(y_pred), y_pred))

    return loss


def in_a_loop(o: Any) -> Callable[[Any, Any], Any]:
    def loss(y_true: Any, y_pred: Any) -> Any:
        def step(state: Any, row: Any) -> Any:
            state = 0.5 * state + o.abs(row)
            return state, state

        return o.mean(o.scan(step, o.zeros((2,)), y_true - y_pred)[1])

    return loss


@pytest.mark.parametrize("make", [half_of_the_easy_ones, classes, by_segments, in_a_loop])
def test_weights_after_steps(make: Callable[[Any], Any]) -> None:
    layers = keras.layers
    theirs = keras.Sequential([keras.Input((5, 3)), layers.LSTM(4), layers.Dense(2, "sigmoid")])
    mine = rnnext.from_keras(theirs)
    theirs.compile(keras.optimizers.SGD(0.3), make(keras.ops))
    mine.compile(optimizers.SGD(0.3), make(ops))
    for _ in range(4):
        expected, received = theirs.train_on_batch(X, LABELS), mine.train_on_batch(X, LABELS)
        np.testing.assert_allclose(received, expected, rtol=1e-5)
    for ours, other in zip(mine.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(ours, other, rtol=1e-4, atol=1e-6)


def counted(module: Any, o: Any) -> Any:
    class Top(module.Metric):  # type: ignore[misc]
        """How many rows have the right class at the top, by Keras's interface for metrics."""

        def __init__(self) -> None:
            super().__init__(name="top")
            self.hits = self.add_weight(name="hits", initializer="zeros")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # noqa: ARG002
            right = o.in_top_k(o.argmax(y_true, axis=-1), y_pred, 1)
            self.hits.assign_add(o.sum(o.cast(right, "float32")))

        def result(self) -> Any:
            return self.hits

    return Top()


def test_a_metric() -> None:
    y_pred = np.abs(random_array((8, 2), seed="predictions"))
    mine, theirs = counted(metrics, ops), counted(keras.metrics, keras.ops)
    for _ in range(2):
        mine.update_state(LABELS, y_pred)
        theirs.update_state(LABELS, y_pred)
    assert float(mine.result()) == float(theirs.result())


def test_a_loss_of_ones_own_class() -> None:
    class Own(losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return ops.cond(ops.mean(y_true) > 2, lambda: y_pred * 0.0, lambda: y_pred * 2.0)

    np.testing.assert_allclose(Own()(LABELS, LABELS), 2 * LABELS.mean(), rtol=1e-6)
