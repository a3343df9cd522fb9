"""TimeDistributed in training, around layers that have to take the steps one by one."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import rnnext

X = np.random.default_rng(0).normal(size=(8, 4, 3, 5)).astype("float32")
Y = np.random.default_rng(1).normal(size=(8, 4, 2)).astype("float32")


def own_layer(library: Any) -> Any:
    class Scaled(library.layers.Layer):  # type: ignore[misc]
        """Depends on the other samples of the step, and adds to the loss."""

        def build(self, input_shape: Any) -> None:
            self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="s")

        def call(self, inputs: Any) -> Any:
            mean = library.ops.mean(inputs, axis=0, keepdims=True)
            return library.ops.tanh((inputs - mean) * self.scale)

    return Scaled()


INNER = {
    "a layer of the user's own": own_layer,
    "stateful": lambda lib: lib.layers.LSTM(4, stateful=True),
    "stateful, nested": lambda lib: lib.Sequential(
        [lib.layers.Input((3, 5), batch_size=4), lib.layers.GRU(4, stateful=True)]
    ),
    "BatchNormalization": lambda lib: lib.layers.BatchNormalization(momentum=0.7),
    "BatchNormalization, nested": lambda lib: lib.Sequential(
        [lib.layers.Input((3, 5)), lib.layers.Dense(4), lib.layers.BatchNormalization()]
    ),
    "LayerNormalization": lambda lib: lib.layers.LayerNormalization(),
    "LSTM": lambda lib: lib.layers.LSTM(4),
}


def model_of(library: Any, case: str) -> Any:
    layers = library.layers
    model = library.Sequential(
        [
            layers.Input((4, 3, 5), batch_size=4),
            layers.TimeDistributed(layers.Dense(5)),
            layers.TimeDistributed(INNER[case](library)),
            layers.TimeDistributed(layers.Flatten()),
            layers.Dense(2),
        ]
    )
    if INNER[case] is own_layer:  # Keras does not know the shapes behind it before a call
        model(X[:4])
    random = np.random.default_rng(2)
    model.set_weights([random.uniform(0.1, 0.6, w.shape) for w in model.get_weights()])
    model.compile(library.optimizers.SGD(0.1), "mse")
    return model


@pytest.mark.parametrize("case", INNER)
def test_courses_are_those_of_keras(case: str, keras: ModuleType) -> None:
    mine, theirs = (model_of(library, case) for library in (rnnext.keras, keras))
    for model in (mine, theirs):
        model.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    for weight, expected in zip(mine.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(weight, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        mine.predict(X, batch_size=4, verbose=0),
        theirs.predict(X, batch_size=4, verbose=0),
        rtol=1e-4,
        atol=1e-5,
    )


def test_a_call_in_training_normalizes_each_step(keras: ModuleType) -> None:
    x = X[:, :, 0]
    found, expected = (
        np.asarray(lib.layers.TimeDistributed(lib.layers.BatchNormalization())(x, training=True))
        for lib in (rnnext.keras, keras)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_dropout_draws_for_each_step() -> None:
    layer = rnnext.layers.TimeDistributed(rnnext.layers.Dropout(0.5))
    dropped = np.asarray(layer(np.ones((2, 64, 8), "float32"), training=True)) == 0
    assert 0.4 < dropped.mean() < 0.6
    assert not (dropped == dropped[:, :1]).all()


def test_losses_that_a_layer_inside_adds() -> None:
    class Adding(rnnext.layers.Layer):
        def build(self, input_shape: Any) -> None:  # noqa: ARG002
            self.w = self.add_weight(shape=(), initializer="ones", name="w")

        def call(self, inputs: Any) -> Any:
            self.add_loss(np.sum(inputs * self.w))
            return inputs

    x = np.arange(6, dtype="float32").reshape(1, 3, 2)
    model = rnnext.Sequential([rnnext.Input((3, 2)), rnnext.layers.TimeDistributed(Adding())])
    model.compile(rnnext.optimizers.SGD(1.0), "mse")
    assert model.train_on_batch(x, x) == pytest.approx(15.0)  # of all steps
    np.testing.assert_allclose(model.get_weights()[0], 1 - 15)
