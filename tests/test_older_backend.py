"""Functions of Keras 2's backend beside those of `tensorflow.keras`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from layer_twins import assert_same_output, random_array

from rnnext import Variable, backend
from rnnext.errors import ShapeError, UnsupportedError

STEPS = random_array((2, 9, 3))
IMAGES = random_array((2, 7, 6, 3))
VOLUMES = random_array((2, 5, 4, 6, 2))
KERNEL = random_array((3, 3, 4), seed="1")
KERNEL_2D = random_array((2, 3, 3, 4), seed="2")
KERNEL_3D = random_array((2, 2, 3, 2, 4), seed="3")
DEPTHWISE = random_array((2, 2, 3, 2), seed="4")
POINTWISE = random_array((1, 1, 6, 5), seed="5")
ROWS = np.exp(STEPS) / np.exp(STEPS).sum(axis=-1, keepdims=True)
LABELS = (STEPS > 0).astype("float32")
VALUES = [random_array((3,), seed=f"v{i}") for i in range(4)]

CALLS: dict[str, Callable[[Any], Any]] = {
    "conv1d": lambda k: k.conv1d(STEPS, k.constant(KERNEL), strides=2, padding="same"),
    "conv1d, dilated": lambda k: k.conv1d(STEPS, k.constant(KERNEL), dilation_rate=2),
    "conv1d, causal": lambda k: k.conv1d(STEPS, k.constant(KERNEL), 1, "causal", dilation_rate=2),
    "conv2d": lambda k: k.conv2d(IMAGES, KERNEL_2D, strides=(2, 1), padding="same"),
    "conv3d": lambda k: k.conv3d(VOLUMES, KERNEL_3D),
    "depthwise": lambda k: k.depthwise_conv2d(IMAGES, depthwise_kernel=DEPTHWISE, strides=(2, 2)),
    "separable": lambda k: k.separable_conv2d(IMAGES, DEPTHWISE, POINTWISE, padding="same"),
    "pool2d": lambda k: k.pool2d(IMAGES, (2, 3)),
    "pool2d, avg": lambda k: k.pool2d(IMAGES, (2, 3), (2, 2), "same", pool_mode="avg"),
    "pool3d": lambda k: k.pool3d(VOLUMES, (2, 2, 2), strides=(2, 1, 2)),
    "spatial_2d_padding": lambda k: k.spatial_2d_padding(IMAGES, ((1, 2), (0, 3))),
    "channels_first": lambda k: k.spatial_2d_padding(IMAGES, data_format="channels_first"),
    "spatial_3d_padding": lambda k: k.spatial_3d_padding(VOLUMES, ((1, 2), (0, 3), (1, 0))),
    "resize_volumes": lambda k: k.resize_volumes(k.constant(VOLUMES), 2, 1, 3, "channels_last"),
    "resize, first": lambda k: k.resize_volumes(k.constant(VOLUMES), 2, 1, 3, "channels_first"),
    "map_fn": lambda k: k.map_fn(lambda row: row * row, STEPS),
    "foldl": lambda k: k.foldl(lambda total, row: total * 0.5 + row, STEPS),
    "foldl, initializer": lambda k: k.foldl(lambda s, row: s - row, STEPS, STEPS[0] * 2),
    "foldr": lambda k: k.foldr(lambda total, row: total * 0.5 + row, STEPS),
    "in_top_k": lambda k: k.in_top_k(STEPS[0], np.arange(9) % 3, 2),
    "batch_normalization": lambda k: k.batch_normalization(STEPS, *VALUES[:1], VALUES[1] ** 2,
                                                           *VALUES[2:], epsilon=0.01),
    "without beta, gamma": lambda k: k.batch_normalization(STEPS, VALUES[0], VALUES[1] ** 2,
                                                           None, None),
    "binary focal": lambda k: k.binary_focal_crossentropy(LABELS, ROWS, gamma=1.5),
    "balanced": lambda k: k.binary_focal_crossentropy(LABELS, ROWS, True, 0.4),
    "of logits": lambda k: k.binary_focal_crossentropy(LABELS, STEPS, from_logits=True),
    "categorical focal": lambda k: k.categorical_focal_crossentropy(LABELS, ROWS * 2, 0.3),
    "with logits": lambda k: k.categorical_focal_crossentropy(LABELS, STEPS, from_logits=True),
    "to_dense": lambda k: k.to_dense(k.constant(STEPS)),
}  # fmt: skip


@pytest.fixture
def older(keras: Any) -> Any:  # noqa: ARG001
    from keras._tf_keras.keras import backend as older_backend

    return older_backend


@pytest.mark.parametrize("name", CALLS)
def test_against_keras(name: str, older: Any) -> None:
    assert_same_output(CALLS[name](backend), CALLS[name](older))


def test_moving_averages(older: Any) -> None:
    results = [
        k.moving_average_update(k.variable(VALUES[0]), VALUES[1], 0.9) for k in (backend, older)
    ]
    np.testing.assert_allclose(*map(np.asarray, results), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int8", "uint16", "bool"])
def test_dtypes(dtype: str, older: Any) -> None:
    assert backend.is_float_dtype(dtype) == older.is_float_dtype(dtype)
    assert backend.is_int_dtype(dtype) == older.is_int_dtype(dtype)
    assert not backend.is_sparse(STEPS)


def test_random_weights() -> None:
    normal = backend.random_normal_variable((2000,), 3.0, 0.5, seed=1)
    uniform = backend.random_uniform_variable((2000,), -1.0, 2.0, dtype="float64", name="u", seed=1)
    assert isinstance(normal, Variable)
    assert abs(np.mean(normal.value) - 3) < 0.05
    assert abs(np.std(normal.value) - 0.5) < 0.05
    assert uniform.dtype == "float64"
    assert -1 <= uniform.value.min() < -0.9
    assert 1.9 < uniform.value.max() < 2
    again = backend.random_normal_variable((2000,), 3.0, 0.5, seed=1)
    np.testing.assert_array_equal(again.value, normal.value)


def test_messages() -> None:
    with pytest.raises(UnsupportedError, match="pool_mode must be 'max' or 'avg', received 'min'"):
        backend.pool2d(IMAGES, (2, 2), pool_mode="min")
    with pytest.raises(UnsupportedError, match="data_format='channels_last' alone"):
        backend.conv1d(STEPS, KERNEL, padding="causal", data_format="channels_first")
    with pytest.raises(ShapeError, match="foldl: elems are empty"):
        backend.foldl(lambda a, b: a + b, np.zeros((0, 2), "float32"))
