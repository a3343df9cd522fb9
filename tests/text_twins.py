"""The same layer of Keras and of rnnext, on strings and integers."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras_reference import load_keras
from numpy.typing import NDArray

from rnnext import layers

keras = load_keras()

Array = NDArray[Any]
Options = dict[str, Any]

STRINGS = np.array(["a", "b", "zz", "", "b", "é", "c"])
INTEGERS = np.array([0, 5, -7, 3, 9, -1, -5])
SHAPES = [(), (3,), (3, 1), (3, 4), (1,), (2, 3, 1), (2, 3, 4)]
MODES: list[Options] = [
    {},
    {"output_mode": "one_hot"},
    {"output_mode": "multi_hot"},
    {"output_mode": "count"},
]


def twins(name: str, **options: Any) -> tuple[Any, Any]:
    return getattr(keras.layers, name)(**options), getattr(layers, name)(**options)


def assert_same(theirs: Any, ours: Any, x: Any) -> None:
    """Both return the same values, of the same shape and dtype."""
    expected, received = theirs(x).numpy(), ours(x)
    if isinstance(expected, bytes):  # a scalar of TensorFlow's strings
        expected = np.array(expected, object)
    assert (received.shape, received.dtype) == (np.shape(expected), expected.dtype)
    if received.dtype.kind == "f":
        np.testing.assert_allclose(received, expected, rtol=1e-6)
    else:
        np.testing.assert_array_equal(received, expected)
