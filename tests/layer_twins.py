"""A layer made twice with the same options and weights: by Keras on TensorFlow and by rnnext."""

from __future__ import annotations

import zlib
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

import rnnext.layers

Array = NDArray[Any]

DTYPES = ("float32", "float64")
DATA_FORMATS = ("channels_last", "channels_first")
# Of the largest expected element. Sums of at most a few hundred products, each rounded once.
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}


def random_array(shape: tuple[int, ...], dtype: str = "float32", seed: str = "") -> Array:
    """The same numbers each time for a shape and a seed."""
    rng = np.random.default_rng(zlib.crc32(f"{shape}{seed}".encode()))
    return rng.standard_normal(shape).astype(dtype)


def moved(x: Array, data_format: str) -> Array:
    """A channels-last array in this data format."""
    return x if data_format == "channels_last" else np.ascontiguousarray(np.moveaxis(x, -1, 1))


def twins(
    keras: ModuleType, name: str, options: dict[str, Any], inputs: Any, **keras_options: Any
) -> tuple[Any, Any]:
    """The Keras layer and the rnnext layer, built for these inputs, with equal random weights.

    Args:
        keras: The keras module.
        name: Class name of the layer.
        options: Arguments of both constructors.
        inputs: An array or a list of arrays.
        **keras_options: Arguments of Keras's constructor alone.
    """
    theirs = getattr(keras.layers, name)(**{**options, **keras_options})
    ours = getattr(rnnext.layers, name)(**options)
    theirs(inputs if not keras_options else moved_back(inputs, ours))
    if theirs.weights:
        ours.build(inputs.shape)
        weights = [
            random_array(tuple(w.shape), options.get("dtype", "float32"), f"weight {i}")
            for i, w in enumerate(theirs.weights)
        ]
        theirs.set_weights(weights)
        ours.set_weights(weights)
    return theirs, ours


def moved_back(x: Array, layer: Any) -> Array:
    """An array in a layer's data format as channels-last."""
    return x if layer.data_format == "channels_last" else np.moveaxis(x, 1, -1)


def assert_same_output(received: Any, expected: Any) -> None:
    """Same shape and dtype, and equal up to rounding."""
    received, expected = np.asarray(received), np.asarray(expected)
    assert received.shape == expected.shape
    assert received.dtype == expected.dtype
    if expected.dtype.kind != "f":
        np.testing.assert_array_equal(received, expected)
        return
    np.testing.assert_array_equal(np.isnan(received), np.isnan(expected))
    scale = np.nanmax(np.abs(expected), initial=1e-30)
    error = np.nanmax(np.abs(received - expected), initial=0) / scale
    assert error <= TOLERANCE[expected.dtype.name], f"relative error {error:.2e}"


def assert_same_layer(
    keras: ModuleType, name: str, options: dict[str, Any], inputs: Any, call: Any = None
) -> None:
    """Output, its static shape and the config of rnnext's layer are those of Keras's."""
    theirs, ours = twins(keras, name, options, inputs)
    kwargs = call or {}
    assert_same_output(ours(inputs, **kwargs), theirs(inputs, **kwargs))
    shape = [x.shape for x in inputs] if isinstance(inputs, list) else inputs.shape
    assert tuple(ours.compute_output_shape(shape)) == tuple(theirs.compute_output_shape(shape))
    assert_same_config(theirs, ours)


def assert_same_config(theirs: Any, ours: Any) -> None:
    """The configs are equal but for the layers' names, and make the layer again."""
    their_config, our_config = (
        rnnext.serialization.serialize({**layer.get_config(), "name": "", "dtype": ""})
        for layer in (theirs, ours)
    )
    assert set(our_config) == set(their_config)
    for key in their_config:
        if not key.endswith("_initializer"):  # the seeds differ
            assert our_config[key] == their_config[key], key
    again = rnnext.serialization.deserialize(rnnext.serialization.serialize(ours))
    assert rnnext.serialization.serialize(again) == rnnext.serialization.serialize(ours)
