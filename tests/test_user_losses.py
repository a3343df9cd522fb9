"""Losses that a user writes, trained with beside Keras: the same code with either library's ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from keras_reference import load_keras

import rnnext

keras = load_keras()


def rmse(lib: Any) -> Any:
    ops = lib.ops
    return lambda y, p: ops.sqrt(ops.mean(ops.square(p - y), axis=-1))


def pinball(lib: Any) -> Any:
    def loss(y: Any, p: Any) -> Any:
        error = y - p
        return lib.ops.mean(lib.ops.maximum(0.9 * error, -0.1 * error), axis=-1)

    return loss


def without_zeros(lib: Any) -> Any:
    def loss(y: Any, p: Any) -> Any:
        known = lib.ops.cast(lib.ops.not_equal(y, 0), "float32")
        return lib.ops.sum(lib.ops.square(y - p) * known) / lib.ops.sum(known)

    return loss


def with_keras_loss(lib: Any) -> Any:
    def loss(y: Any, p: Any) -> Any:
        return 0.5 * lib.losses.mean_squared_error(y, p) + lib.ops.mean(lib.ops.abs(p), axis=-1)

    return loss


def negative_log_likelihood(lib: Any) -> Any:
    ops = lib.ops

    def loss(y: Any, p: Any) -> Any:
        mean, spread = p[..., :1], ops.softplus(p[..., 1:]) + 1e-3
        return ops.log(spread) + 0.5 * ops.square((y[..., :1] - mean) / spread)

    return loss


def operators(lib: Any) -> Any:  # noqa: ARG001
    return lambda y, p: (y[:, 0] - p[:, 0]) ** 2 / (1.0 + abs(p[:, 1]))


def own_class(lib: Any) -> Any:
    class Scaled(lib.losses.Loss):  # type: ignore[misc, name-defined]
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return 3.0 * lib.ops.mean(lib.ops.abs(y_true - y_pred), axis=-1)

    return Scaled(name="scaled")


LOSSES = [
    rmse,
    pinball,
    without_zeros,
    with_keras_loss,
    negative_log_likelihood,
    operators,
    own_class,
]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)
@pytest.mark.parametrize("integers", [False, True], ids=["floats", "integers"])
def test_a_course_is_keras_s(loss: Callable[[Any], Any], integers: bool) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(20, 6, 3)).astype("float32")
    y = rng.integers(0, 3, (20, 2))
    y = y if integers else (y * rng.normal(size=y.shape)).astype("float32")
    weights = rng.uniform(size=20).astype("float32")
    models = []
    for lib in (rnnext, keras):
        layers = lib.layers
        model = lib.Sequential([layers.Input((6, 3)), layers.GRU(4), layers.Dense(2)])
        model.compile(lib.optimizers.SGD(0.05), loss(lib))
        models.append(model)
    ours, theirs = models
    theirs.set_weights(ours.get_weights())
    courses = [
        m.fit(x, y, sample_weight=weights, batch_size=8, epochs=3, shuffle=False, verbose=0).history
        for m in models
    ]
    np.testing.assert_allclose(courses[0]["loss"], courses[1]["loss"], rtol=1e-5)
    for mine, expected in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-5, atol=1e-6)
