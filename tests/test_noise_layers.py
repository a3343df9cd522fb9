"""Layers that do nothing at inference: dropout's family, noise, Identity."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from layer_twins import assert_same_config, random_array

import rnnext
from rnnext import Model, layers, serialization
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.layers import Input

OPTIONS: list[tuple[str, dict[str, Any], int]] = [
    ("Dropout", {"rate": 0.5, "seed": 1}, 3),
    ("AlphaDropout", {"rate": 0.5, "noise_shape": (None, 1, 4)}, 3),
    ("GaussianDropout", {"rate": 0.2, "seed": 3}, 3),
    ("GaussianNoise", {"stddev": 0.1}, 3),
    ("SpatialDropout1D", {"rate": 0.5}, 3),
    ("SpatialDropout2D", {"rate": 0.5, "data_format": "channels_first"}, 4),
    ("SpatialDropout3D", {"rate": 0.5, "seed": 2}, 5),
    ("ActivityRegularization", {"l1": 0.1, "l2": 0.2}, 3),
    ("Identity", {}, 3),
]


@pytest.mark.parametrize(("name", "options", "rank"), OPTIONS)
def test_the_input_is_handed_on(
    keras: ModuleType, name: str, options: dict[str, Any], rank: int
) -> None:
    x = random_array((2, 3, 4, 2, 2)[:rank])
    ours, theirs = getattr(layers, name)(**options), getattr(keras.layers, name)(**options)
    np.testing.assert_array_equal(ours(x), theirs(x))
    np.testing.assert_array_equal(ours(x, training=False), x)
    assert ours.compute_output_shape(x.shape) == x.shape
    assert not ours.weights
    their_config = theirs.get_config()
    if not name.startswith("Spatial"):  # Keras leaves `trainable` out of theirs
        assert_same_config(theirs, ours)
    again = getattr(layers, name).from_config(serialization.serialize(their_config))
    assert all(again.get_config()[k] == v for k, v in ours.get_config().items() if k != "name")


@pytest.mark.parametrize(("name", "options", "rank"), OPTIONS)
def test_signatures(keras: ModuleType, name: str, options: dict[str, Any], rank: int) -> None:  # noqa: ARG001
    ours = inspect.signature(getattr(layers, name).__init__).parameters
    theirs = inspect.signature(getattr(keras.layers, name).__init__).parameters
    named = [p for p in theirs if p not in ("name", "dtype", "kwargs")]
    assert [p for p in ours if p != "kwargs"] == named
    assert all(ours[p].default == theirs[p].default for p in named)


def test_masks_pass() -> None:
    masked = layers.Masking()(np.array([[[1.0], [0.0]]], "float32"))
    for name, options, rank in OPTIONS:
        if rank == 3 and "noise_shape" not in options:
            y = getattr(layers, name)(**options)(masked)
            np.testing.assert_array_equal(y._keras_mask, [[True, False]])


def test_predict_returns_an_array_of_its_own() -> None:
    x = Input((3,))
    batch = random_array((2, 3))
    y = Model(x, layers.GaussianNoise(0.1)(layers.Identity()(x))).predict(batch)
    assert not np.may_share_memory(y, batch)


def test_identity_of_a_structure() -> None:
    a, b = random_array((2, 3)), np.array([1, 2])
    y = layers.Identity()({"a": a, "b": [b]})
    np.testing.assert_array_equal(y["a"], a)
    assert y["b"][0].dtype == b.dtype
    tensors = layers.Identity()([Input((3,)), Input((2,), dtype="int32")])
    assert [(t.shape, t.dtype) for t in tensors] == [((None, 3), "float32"), ((None, 2), "int32")]


def test_in_a_saved_model(keras: ModuleType, tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3, 4))])
    for name, options, rank in OPTIONS:
        if rank == 3:
            model.add(getattr(keras.layers, name)(**options))
            model.add(keras.layers.Dense(4))
    model.save(tmp_path / "m.keras")
    x = random_array((2, 3, 4))
    received = rnnext.load_model(tmp_path / "m.keras")(x)
    np.testing.assert_allclose(received, np.asarray(model(x)), rtol=1e-5, atol=1e-6)


def test_keras2_configs() -> None:
    config = {"name": "s", "trainable": True, "rate": 0.5, "noise_shape": None, "seed": None}
    assert layers.SpatialDropout1D.from_config(config).rate == 0.5
    with pytest.raises(UnsupportedError, match="noise_shape"):
        layers.SpatialDropout1D.from_config({**config, "noise_shape": [None, 1, 2]})


@pytest.mark.parametrize(
    ("name", "args", "message"),
    [
        ("GaussianDropout", (1.5,), r"rate must be from 0 to 1, received 1\.5"),
        ("AlphaDropout", (-0.1,), r"rate must be from 0 to 1, received -0\.1"),
        ("SpatialDropout1D", ("a",), "rate must be from 0 to 1, received 'a'"),
        ("GaussianNoise", (2,), "stddev must be from 0 to 1, received 2"),
        ("SpatialDropout2D", (0.5, "last"), "data_format must be .* received 'last'"),
    ],
)
def test_bad_options(name: str, args: tuple[Any, ...], message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        getattr(layers, name)(*args)


def test_bad_calls() -> None:
    with pytest.raises(ShapeError, match=r"3 axes, received shape \(2, 3\)"):
        layers.SpatialDropout1D(0.5)(np.zeros((2, 3)))
    with pytest.raises(ShapeError, match="4 axes"):
        layers.SpatialDropout2D(0.5)(Input((3, 4)))
    with pytest.raises(ShapeError, match=r"noise_shape=\(1, 2\) must have as many sizes"):
        layers.Dropout(0.5, noise_shape=(1, 2))(np.zeros((2, 3, 4)), training=True)
    np.testing.assert_array_equal(layers.GaussianNoise(0)(np.ones((1, 1)), training=True), [[1]])
