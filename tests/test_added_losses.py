"""Activity regularizers and `add_loss` in training and evaluation, beside Keras on TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from keras_reference import load_keras
from test_fit import F, N, T, assert_same_logs, assert_same_weights, bits, draw, twins

import rnnext
from rnnext.errors import DataError, UnsupportedError

keras = load_keras()

Layers = Callable[[Any], list[Any]]


def penalised(name: str, **options: Any) -> Layers:
    def make(k: Any) -> list[Any]:
        return [getattr(k.layers, name)(activity_regularizer=k.regularizers.L2(0.1), **options)]

    return make


class _Halves:
    """A regularizer of a user's, in either library."""

    def __new__(cls, k: Any) -> Any:
        class Halves(k.regularizers.Regularizer):  # type: ignore[name-defined,misc]
            def __call__(self, x: Any) -> Any:
                return 0.5 * k.ops.sum(k.ops.abs(x) ** 3)

            def get_config(self) -> dict[str, Any]:
                return {}

        return Halves()


def adding(k: Any) -> Any:
    class Adding(k.layers.Layer):  # type: ignore[name-defined,misc]
        def call(self, inputs: Any) -> Any:
            self.add_loss(0.1 * k.ops.mean(k.ops.square(inputs)))
            self.add_loss(0.01 * k.ops.sum(k.ops.abs(inputs)))
            return inputs * 2.0

    return Adding()


def adding_with_inner_layers(k: Any) -> Any:
    class Outer(k.layers.Layer):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.dense = k.layers.Dense(3, activity_regularizer="l2")
            self.added = adding(k)

        def call(self, inputs: Any) -> Any:
            hidden = self.added(self.dense(inputs))
            self.add_loss(0.05 * k.ops.sum(k.ops.square(hidden)))
            return hidden

    return Outer()


LAYERS: dict[str, Layers] = {
    "Dense": penalised("Dense", units=4, activation="relu"),
    "LSTM": penalised("LSTM", units=3, return_sequences=True),
    "Conv1D": penalised("Conv1D", filters=3, kernel_size=2),
    "Dense, L1": lambda k: [k.layers.Dense(3, activity_regularizer=k.regularizers.L1(0.05))],
    "Dense, a user's": lambda k: [k.layers.Dense(3, activity_regularizer=_Halves(k))],
    "ActivityRegularization": lambda k: [
        k.layers.Dense(3),
        k.layers.ActivityRegularization(l1=0.01, l2=0.02),
    ],
    "Bidirectional": lambda k: [
        k.layers.Bidirectional(k.layers.GRU(2, activity_regularizer="l2", return_sequences=True))
    ],
    "TimeDistributed": lambda k: [
        k.layers.TimeDistributed(k.layers.Dense(2, activity_regularizer="l1"))
    ],
    "Masking": lambda k: [k.layers.Masking(), k.layers.LSTM(2, activity_regularizer="l2")],
    "add_loss": lambda k: [adding(k)],
    "add_loss in layers in a layer": lambda k: [adding_with_inner_layers(k)],
    "in an inner model": lambda k: [
        k.Sequential([k.layers.Input((T, F)), k.layers.Dense(3, activity_regularizer="l2")])
    ],
}


def stack(layers: Layers, last: Callable[[Any], list[Any]] | None = None) -> Callable[[Any], Any]:
    def build(k: Any) -> Any:
        ends = last(k) if last else [k.layers.Flatten(), k.layers.Dense(1)]
        return k.Sequential([k.layers.Input((T, F)), *layers(k), *ends])

    return build


@pytest.mark.parametrize("name", list(LAYERS))
def test_courses_are_those_of_keras(name: str) -> None:
    theirs, ours = twins(stack(LAYERS[name]))
    x, y = draw(N, T, F), draw(N, 1, seed=3)
    expected = theirs.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0).history
    received = ours.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0).history
    assert_same_logs(received, expected)
    assert_same_weights(ours, theirs)
    np.testing.assert_allclose(
        ours.evaluate(x, y, batch_size=4, verbose=0),
        theirs.evaluate(x, y, batch_size=4, verbose=0),
        rtol=1e-5,
    )


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_a_penalty_of_the_last_activation(activation: str) -> None:
    """The loss is computed from logits; the penalty's gradient passes the activation."""
    kind = "binary" if activation == "sigmoid" else "categorical"

    def last(k: Any) -> list[Any]:
        dense = k.layers.Dense(3, activation=activation, activity_regularizer="l2")
        return [k.layers.Flatten(), dense]

    def compiled(_k: Any, model: Any) -> None:
        model.compile("sgd", f"{kind}_crossentropy")

    theirs, ours = twins(stack(lambda k: [k.layers.Dense(2)], last), compiled)
    x, y = draw(N, T, F), bits(N, 3)
    expected = theirs.fit(x, y, epochs=2, shuffle=False, verbose=0).history
    assert_same_logs(ours.fit(x, y, epochs=2, shuffle=False, verbose=0).history, expected)
    assert_same_weights(ours, theirs)


def test_losses_of_a_call() -> None:
    """`model.losses` after a call: what the last one added, then the weights' regularizers."""
    found = []
    for k in (keras, rnnext):
        layer = adding_with_inner_layers(k)
        layer.dense.kernel_regularizer = None
        x = draw(2, F)
        layer(x)
        layer.dense.set_weights([np.ones((F, 3)), np.zeros(3)])
        layer(x)
        layer(x)
        found.append(sorted(float(np.asarray(loss)) for loss in layer.losses))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-5)
    dense = rnnext.layers.Dense(1, kernel_regularizer="l2", kernel_initializer="ones")
    dense(np.ones((1, 4), "float32"))
    np.testing.assert_allclose(dense.losses, [0.04], rtol=1e-6)


def test_add_loss_needs_an_array() -> None:
    class Wrong(rnnext.layers.Layer):
        def call(self, inputs: Any) -> Any:
            self.add_loss(lambda: 1.0)
            return inputs

    with pytest.raises(DataError, match=r"add_loss\(\) takes arrays that call\(\) computed"):
        Wrong()(np.ones(2))


def test_the_penalty_of_a_class_that_is_not_there() -> None:
    dense = rnnext.layers.Dense(1)
    dense.activity_regularizer = {"class_name": "Gone", "config": {}}
    model = rnnext.Sequential([rnnext.layers.Input((2,)), dense])
    model.compile("sgd", "mse")
    with pytest.raises(UnsupportedError, match=r"the class of .*Gone.* is not known"):
        model.fit(np.ones((2, 2)), np.ones((2, 1)), verbose=0)


def test_a_regularizer_that_a_layer_is_given_later() -> None:
    """A functional model keeps the answer whether a layer adds to the loss, until one changes."""
    a, b = rnnext.Input((3,)), rnnext.Input((3,))
    dense = rnnext.layers.Dense(2)
    model = rnnext.Model([a, b], rnnext.layers.Add()([dense(a), dense(b)]))
    x = np.ones((4, 3), "float32")
    model([x, x])
    assert model.losses == []
    dense.activity_regularizer = rnnext.regularizers.L2(0.5)
    y = dense(x)
    model([x, x])
    np.testing.assert_allclose([float(each) for each in model.losses], [(y**2).sum() / 8] * 2)
