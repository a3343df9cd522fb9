"""Paths of weights and layers, beside Keras: the scopes in which they were made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_reference import load_keras

import rnnext

keras = load_keras()
X = np.ones((1, 5, 3), "float32")


def sequential(library: Any) -> Any:
    layers = library.layers
    return library.Sequential(
        [
            layers.Input((5, 3)),
            layers.LSTM(4, return_sequences=True, name="encoder"),
            layers.Bidirectional(layers.GRU(3, name="gru"), name="both"),
            layers.Dense(1, name="out"),
        ],
        name="model",
    )


def built_by_a_call(library: Any) -> Any:
    model = library.Sequential(
        [library.layers.SimpleRNN(4, name="a"), library.layers.Dense(1, name="b")], name="model"
    )
    model(X)
    return model


def functional(library: Any) -> Any:
    layers = library.layers
    x = layers.Input((5, 3))
    cells = [layers.LSTMCell(2, name="first"), layers.GRUCell(2, name="second")]
    stack = layers.StackedRNNCells(cells, name="stack")
    y = layers.Dense(2, name="out")(layers.RNN(stack, name="deep")(x))
    return library.Model(x, y, name="model")


def nested(library: Any) -> Any:
    return library.Sequential(
        [
            library.layers.Input((5, 3)),
            sequential(library),
            library.layers.Dense(2, name="head"),
        ],
        name="outer",
    )


def block(library: Any) -> Any:
    class Block(library.layers.Layer):  # type: ignore[misc]
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.inner = library.layers.LSTM(2, name="inner")
            self.pair = [library.layers.Dense(1, name="d0"), library.layers.Dense(1, name="d1")]
            self.scale = self.add_weight(shape=(1,), name="scale")

        def call(self, x: Any) -> Any:
            h = self.inner(x)
            return self.pair[0](h) * self.scale + self.pair[1](h)

    return Block(name="block")


def layer_of_layers(library: Any) -> Any:
    layer = block(library)
    layer(X)
    return layer


def layer_in_a_graph(library: Any) -> Any:
    x = library.layers.Input((5, 3))
    return library.Model(x, block(library)(x), name="model")


def subclassed(library: Any) -> Any:
    class Mine(library.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(name="mine")
            self.block = block(library)
            self.out = library.layers.Dense(1, name="out")

        def call(self, x: Any) -> Any:
            return self.out(self.block(x))

    model = Mine()
    model(X)
    return model


def scoped(library: Any) -> Any:
    layer = library.layers.TimeDistributed(library.layers.Dense(2, name="dense"), name="steps")
    with library.name_scope("scope"):
        layer.build((None, 5, 3))
    return layer


MAKERS = [
    sequential,
    built_by_a_call,
    functional,
    nested,
    layer_of_layers,
    layer_in_a_graph,
    subclassed,
    scoped,
]


@pytest.mark.parametrize("make", MAKERS, ids=[make.__name__ for make in MAKERS])
def test_paths(make: Callable[[Any], Any]) -> None:
    expected, received = make(keras), make(rnnext)
    assert received.path == expected.path
    assert [w.path for w in received.weights] == [w.path for w in expected.weights]


def test_paths_of_a_loaded_model(tmp_path: Path) -> None:
    functional(keras).save(tmp_path / "m.keras")
    expected = keras.models.load_model(tmp_path / "m.keras")
    received = rnnext.load_model(tmp_path / "m.keras")
    assert [w.path for w in received.weights] == [w.path for w in expected.weights]


def test_names_of_an_optimizers_variables() -> None:
    names = []
    for library in (keras, rnnext):
        model = sequential(library)
        model.compile(library.optimizers.Adam(name="adam"), "mse")
        model.fit(X, np.ones((1, 1)), verbose=0)
        names.append([variable.path for variable in model.optimizer.variables])
    assert names[1] == names[0]


def test_weight_decay_leaves_out_the_weights_of_a_layer_by_its_name() -> None:
    changed = {}
    for library in (keras, rnnext):
        model = sequential(library)
        ones = [np.ones_like(w) for w in model.get_weights()]
        model.set_weights(ones)
        optimizer = library.optimizers.AdamW(learning_rate=0.1, weight_decay=0.5)
        optimizer.exclude_from_weight_decay(var_names=["encoder", "both"])
        optimizer.build(model.trainable_variables)
        optimizer.apply([np.zeros_like(w) for w in ones], model.trainable_variables)
        changed[library] = [bool((w != 1).any()) for w in model.get_weights()]
    assert changed[rnnext] == changed[keras] == [False] * 9 + [True] * 2


def test_a_layer_that_is_not_built_has_no_path() -> None:
    assert rnnext.layers.LSTM(2).path is keras.layers.LSTM(2).path is None
