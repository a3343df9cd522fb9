"""Gradients of users' layers that call a built-in layer's `call` themselves, beside Keras.

In `super().call(x)`, or as `self.inner.call(x)`: the gradient is that of what the program computes.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from test_fit import assert_same_weights
from test_own_steps import OURS, THEIRS

import rnnext
from rnnext import _core
from rnnext.errors import UnsupportedError

N, T, F = 4, 6, 3


def draw(*shape: int, seed: int = 6) -> Any:
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


X = draw(N, T, F)
# Layers that take (N, T, F), and their arguments.
LAYERS: dict[str, Any] = {
    "Activation": {"activation": "tanh"},
    "AveragePooling1D": {"pool_size": 2},
    "BatchNormalization": {},
    "Bidirectional": lambda k: {"layer": k.layers.GRU(3)},
    "Conv1D": {"filters": 3, "kernel_size": 2},
    "Conv1DTranspose": {"filters": 3, "kernel_size": 2},
    "Dense": {"units": 3},
    "DepthwiseConv1D": {"kernel_size": 2},
    "EinsumDense": {"equation": "abc,cd->abd", "output_shape": (T, 2)},
    "Flatten": {},
    "GRU": {"units": 3, "return_sequences": True},
    "GlobalMaxPooling1D": {},
    "GroupNormalization": {"groups": 3},
    "LSTM": {"units": 3},
    "LayerNormalization": {},
    "MaxPooling1D": {},
    "PReLU": {},
    "RNN": lambda k: {"cell": [k.layers.GRUCell(3), k.layers.LSTMCell(2)]},
    "SeparableConv1D": {"filters": 3, "kernel_size": 2},
    "SimpleRNN": {"units": 3, "return_sequences": True},
    "Softmax": {},
    "TimeDistributed": lambda k: {"layer": k.layers.Dense(3)},
    "UpSampling1D": {},
    "ZeroPadding1D": {},
}


def options_of(k: Any, name: str) -> Any:
    options = LAYERS[name]
    return options(k) if callable(options) else options


def named_as_in_build(base: Any, by_inputs: Any, by_sequences: Any) -> Any:
    """Keras goes by the name of the argument of `call` where `build` has more than one."""
    names = inspect.signature(base.build).parameters
    return by_sequences if "sequences_shape" in names else by_inputs


def own_class(base: Any) -> Any:
    """Twice what the layer computes."""

    def by_inputs(self: Any, inputs: Any) -> Any:
        return base.call(self, inputs) * 2

    def by_sequences(self: Any, sequences: Any, initial_state: Any = None) -> Any:
        return base.call(self, sequences, initial_state) * 2

    return type("Own", (base,), {"call": named_as_in_build(base, by_inputs, by_sequences)})


def subclass(k: Any, name: str) -> Any:
    return own_class(getattr(k.layers, name))(**options_of(k, name))


def subclass_of_a_subclass(k: Any, name: str) -> Any:
    return own_class(own_class(getattr(k.layers, name)))(**options_of(k, name))


def mixed_in(k: Any, name: str) -> Any:
    """The `call` comes from a class that is no layer."""

    class ByInputs:
        def call(self, inputs: Any) -> Any:
            return super().call(inputs) * 2  # type: ignore[misc]

    class BySequences:
        def call(self, sequences: Any, initial_state: Any = None) -> Any:
            return super().call(sequences, initial_state=initial_state) * 2  # type: ignore[misc]

    base = getattr(k.layers, name)
    bases = (named_as_in_build(base, ByInputs, BySequences), base)
    return type("Own", bases, {})(**options_of(k, name))


def around(k: Any, name: str) -> Any:
    """A layer that calls the `call` of the one it holds."""

    class Own(k.layers.Layer):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.inner = getattr(k.layers, name)(**options_of(k, name))

        def build(self, input_shape: Any) -> None:
            self.inner.build(input_shape)

        def call(self, inputs: Any) -> Any:
            return self.inner.call(inputs) * 2

    return Own()


FORMS = [subclass, subclass_of_a_subclass, mixed_in, around]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
@pytest.mark.parametrize("name", LAYERS)
def test_a_tape(name: str, form: Callable[[Any, str], Any]) -> None:
    """Of weights, and of an input that is computed and one that is not."""
    found, weights = [], None
    for k in (THEIRS, OURS):
        layer = form(k.keras, name)
        layer(X)
        if weights is None:
            weights = [w + 0.1 for w in layer.get_weights()]
        layer.set_weights(weights)
        factor = k.tf.Variable(1.5)
        with k.tf.GradientTape() as tape:
            y = layer(X)
            loss = k.tf.reduce_sum(y * y) + k.tf.reduce_sum(layer(X * factor))
        sources = [*layer.trainable_variables, factor]
        found.append([np.asarray(y), *map(np.asarray, tape.gradient(loss, sources))])
    assert len(found[0]) == len(found[1])
    for ours, theirs in zip(found[1], found[0], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("form", [subclass, around], ids=lambda form: form.__name__)
@pytest.mark.parametrize("name", LAYERS)
def test_fit(name: str, form: Callable[[Any, str], Any]) -> None:
    models, losses = [], []
    for k in (THEIRS, OURS):
        x = k.keras.layers.Input((T, F))
        y = k.keras.layers.Flatten()(form(k.keras, name)(x))
        model = k.keras.Model(x, k.keras.layers.Dense(1)(y))
        if models:
            model.set_weights(models[0].get_weights())
        model.compile(k.keras.optimizers.SGD(0.01), "mse", run_eagerly=True)
        models.append(model)
        losses.append([])
    for model, course in zip(models, losses, strict=True):
        course += model.fit(X, X[:, 0, :1], epochs=3, batch_size=N, verbose=0).history["loss"]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)
    assert_same_weights(models[1], models[0])


@pytest.mark.parametrize("run", ["tape", "fit"])
def test_a_kernel_that_a_layer_calls_itself(run: str) -> None:
    class Own(rnnext.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return _core.activate(("tanh",), inputs)

    model = rnnext.Sequential([rnnext.layers.Dense(2), Own(name="own")])
    model(X)
    message = r"layer 'own' \(Own\) computes with a compiled kernel and has no gradient rule"

    def fit() -> None:
        model.compile("sgd", "mse")
        model.fit(X, X[..., :2], verbose=0)

    def tape() -> None:
        with rnnext.GradientTape():
            model.layers[1](model.layers[0](X))

    with pytest.raises(UnsupportedError, match=message):
        {"fit": fit, "tape": tape}[run]()
