"""`custom_objects` of `from_config` and `deserialize`: classes of the user's inside a config."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rnnext
from rnnext import activations, initializers
from rnnext.errors import UnsupportedError
from rnnext.layers import RNN, Bidirectional, Layer, SimpleRNNCell, StackedRNNCells, TimeDistributed


class MyCell(SimpleRNNCell):
    """A cell that no config knows by itself."""


class MyLayer(Layer):
    def call(self, x: Any) -> Any:
        return 2 * x


class MyInitializer(rnnext.Initializer):
    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return np.full(shape, 7, dtype)


LAYERS = [
    RNN(MyCell(3)),
    StackedRNNCells([MyCell(3), SimpleRNNCell(2)]),
    TimeDistributed(MyLayer()),
    Bidirectional(RNN(MyCell(3))),
]
OBJECTS = {"MyCell": MyCell, "MyLayer": MyLayer}


@pytest.mark.parametrize("layer", LAYERS, ids=[type(layer).__name__ for layer in LAYERS])
def test_layers(layer: Any) -> None:
    config = layer.get_config()
    again = type(layer).from_config(layer.get_config(), custom_objects=OBJECTS)
    assert again.get_config() == config
    with pytest.raises(UnsupportedError, match=r"My(Cell|Layer)"):
        type(layer).from_config(layer.get_config())


def test_initializers_and_activations() -> None:
    config = initializers.serialize(MyInitializer())
    again = initializers.deserialize(config, custom_objects={"MyInitializer": MyInitializer})
    assert type(again) is MyInitializer

    def twice(x: Any) -> Any:
        return 2 * x

    found = activations.deserialize("twice", custom_objects={"twice": twice})
    assert found(np.float32(3)) == 6


def test_a_clone_of_an_initializer_draws_the_same() -> None:
    initializer = initializers.GlorotUniform(seed=3)
    np.testing.assert_array_equal(initializer.clone()((2, 3)), initializer((2, 3)))
