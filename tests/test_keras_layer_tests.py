"""What Keras's own layer tests had and these tests had not, one case each."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from layer_twins import random_array

import rnnext
from rnnext import layers
from rnnext.errors import DataError, RnnextError, UnsupportedError


class TestNormalizationAdapt:
    X = random_array((12, 4, 3, 5))

    @pytest.mark.parametrize("batches", [list, tuple, iter, lambda b: (x for x in b)])
    @pytest.mark.parametrize("axis", [-1, (1, 2)])
    def test_batches(self, axis: Any, batches: Callable[[Any], Any]) -> None:
        layer = layers.Normalization(axis=axis)
        layer.adapt(batches([self.X[:5], self.X[5:9], self.X[9:]]))
        whole = layers.Normalization(axis=axis)
        whole.adapt(self.X)
        np.testing.assert_array_equal(layer(self.X), whole(self.X))
        others = tuple(i for i in range(4) if i not in np.atleast_1d(axis) % 4)
        np.testing.assert_allclose(layer(self.X).mean(axis=others), 0, atol=1e-6)
        np.testing.assert_allclose(layer(self.X).var(axis=others), 1, atol=1e-5)

    def test_lists_of_numbers_are_one_array(self) -> None:
        layer = layers.Normalization()
        layer.adapt([[1.0, 2.0], [3.0, 6.0]])
        np.testing.assert_array_equal(layer.mean, [[2, 4]])
        layer = layers.Normalization(axis=None)
        layer.adapt([1.0, 3.0])
        np.testing.assert_array_equal(layer.mean, [2])

    @pytest.mark.parametrize("nothing", [(), iter([])], ids=["tuple", "iterator"])
    def test_no_batch(self, nothing: Any) -> None:
        with pytest.raises(DataError, match=r"normalization.*expected at least one batch"):
            layers.Normalization().adapt(nothing)

    @pytest.mark.parametrize(
        ("axis", "shape", "expected"),
        [(-1, (2, 7), (1, 7)), (2, (3, 4, 5, 6), (1, 1, 5, 1)), ((1, 2), (3, 4, 5), (1, 4, 5))],
    )
    def test_mean_and_variance(
        self, keras: ModuleType, axis: Any, shape: Any, expected: Any
    ) -> None:
        options = {"axis": axis, "mean": 0.5, "variance": 2.0}
        ours, theirs = layers.Normalization(**options), keras.layers.Normalization(**options)
        ours.build(shape), theirs.build(shape)
        assert ours.mean.shape == ours.variance.shape == tuple(theirs.mean.shape) == expected
        np.testing.assert_array_equal(ours.variance, theirs.variance)

    def test_before_it_is_built(self) -> None:
        with pytest.raises(RnnextError, match=r"normalization.*before it is built"):
            _ = layers.Normalization().mean


@pytest.mark.parametrize("noise_shape", ["abc", 5, (1, 0), (1, -2), (1, 2.5), [True]])
def test_noise_shape_of_dropout(noise_shape: Any) -> None:
    with pytest.raises(UnsupportedError, match=r"noise_shape must be .* received"):
        layers.Dropout(0.5, noise_shape=noise_shape)


def test_noise_shape_is_a_tuple() -> None:
    assert layers.Dropout(0.5, noise_shape=[20, None, 10]).noise_shape == (20, None, 10)


def test_activation_of_dense_set_to_none() -> None:
    """As explanations of a classifier do, which take its scores before the softmax."""
    layer = layers.Dense(2, activation="softmax")
    x = np.ones((1, 3), "float32")
    layer(x)
    layer.set_weights([np.ones((3, 2)), np.array([0.0, 1.0])])
    layer.activation = None
    np.testing.assert_array_equal(layer(x), [[3, 4]])
    assert layer.get_config()["activation"] == "linear"


def test_prelu_that_shares_no_axis(keras: ModuleType) -> None:
    theirs = keras.layers.PReLU(shared_axes=[])
    ours = rnnext.serialization.deserialize(keras.saving.serialize_keras_object(theirs))
    x = random_array((2, 3, 4))
    ours(x), theirs(x)
    alpha = [random_array((3, 4), seed="alpha")]
    ours.set_weights(alpha), theirs.set_weights(alpha)
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "options", "inputs"),
    [
        ("Attention", {}, 2),
        ("Concatenate", {"axis": 1}, 2),
        ("Add", {}, 2),
        ("Masking", {}, 1),
        ("GlobalAveragePooling1D", {}, 1),
    ],
)
def test_mask_by_name(keras: ModuleType, name: str, options: dict[str, Any], inputs: int) -> None:
    x = [random_array((2, 3, 4), seed=f"{i}") for i in range(inputs)]
    masks = [np.array([[True, True, False]] * 2)] * inputs
    given, mask = (x, masks) if inputs > 1 else (x[0], masks[0])
    expected = getattr(keras.layers, name)(**options).compute_mask(given, mask=mask)
    received = getattr(layers, name)(**options).compute_mask(given, mask=mask)
    assert (received is None) == (expected is None)
    if expected is not None:
        np.testing.assert_array_equal(received, expected)
