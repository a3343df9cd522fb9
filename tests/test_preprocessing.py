"""Rescaling, Normalization and CategoryEncoding beside Keras's."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from layer_twins import DTYPES, Array, assert_same_config, assert_same_output, random_array

import rnnext
from rnnext import layers, serialization
from rnnext.errors import DataError, ShapeError, UnsupportedError
from rnnext.layers import Input

NAMES = ("Rescaling", "Normalization", "CategoryEncoding")
X = random_array((3, 4, 5))


def both(keras: ModuleType, name: str, **options: Any) -> tuple[Any, Any]:
    return getattr(keras.layers, name)(**options), getattr(layers, name)(**options)


class TestRescaling:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize(
        "options",
        [
            {"scale": 1 / 255},
            {"scale": 2, "offset": -1},
            {"scale": [1.0, 2.0, 3.0, 4.0, 5.0], "offset": 0.5},
            {"scale": np.arange(5.0), "offset": np.ones(5)},
        ],
    )
    def test_against_keras(self, keras: ModuleType, options: dict[str, Any], dtype: str) -> None:
        theirs, ours = both(keras, "Rescaling", **options, dtype=dtype)
        for x in (X.astype(dtype), np.arange(60).reshape(3, 4, 5)):
            # Keras makes float32 of a Python number even in float64.
            np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-7)
            assert ours(x).dtype == dtype
        again = serialization.deserialize(serialization.serialize(ours))
        np.testing.assert_array_equal(again(X), ours(X))
        config = serialization.serialize(theirs.get_config())
        np.testing.assert_array_equal(layers.Rescaling.from_config(config)(X), ours(X))

    def test_masks_pass(self) -> None:
        masked = layers.Masking()(np.array([[[1.0], [0.0]]]))
        np.testing.assert_array_equal(layers.Rescaling(2)(masked)._keras_mask, [[True, False]])


class TestNormalization:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("invert", [False, True])
    @pytest.mark.parametrize(
        ("axis", "shape"),
        [
            (-1, ()),
            (-1, (5,)),
            (1, (4,)),
            ((1, 2), (4, 5)),
            ((1, 2), (5,)),
            ((2, 1), (1, 5)),
            (None, ()),
            ([-1], (1,)),
        ],
    )
    def test_given_statistics(
        self, keras: ModuleType, axis: Any, shape: tuple[int, ...], invert: bool, dtype: str
    ) -> None:
        mean = random_array(shape, "float64", "mean").tolist()
        variance = np.abs(random_array(shape, "float64", "variance")).tolist()
        options = {"axis": axis, "mean": mean, "variance": variance, "invert": invert}
        theirs, ours = both(keras, "Normalization", **options, dtype=dtype)
        x = X.astype(dtype)
        if dtype == "float64":  # Keras makes float32 of the statistics
            np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-5, atol=1e-6)
        else:
            assert_same_output(ours(x), theirs(x))
        assert_same_config(theirs, ours)

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("axis", [-1, 1, (1, 2), None])
    def test_adapted(self, keras: ModuleType, axis: Any, dtype: str) -> None:
        theirs, ours = both(keras, "Normalization", axis=axis, dtype=dtype)
        x = X.astype(dtype)
        theirs.adapt(x)
        ours.adapt(x)
        assert [w.shape for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
        for weight, reference in zip(ours.get_weights()[:2], theirs.get_weights()[:2], strict=True):
            np.testing.assert_allclose(weight, reference, rtol=1e-5)
        ours.set_weights(theirs.get_weights())
        assert_same_output(ours(x), theirs(x))
        assert_same_config(theirs, ours)

    def test_variance_zero(self, keras: ModuleType) -> None:
        options = {"mean": 1.0, "variance": 0.0}
        theirs, ours = both(keras, "Normalization", **options)
        x = np.array([[1.0, 2.0]], "float32")
        assert_same_output(ours(x), theirs(x))

    def test_in_a_saved_model(self, keras: ModuleType, tmp_path: Path) -> None:
        adapted = keras.layers.Normalization()
        adapted.adapt(X)
        model = keras.Sequential(
            [
                keras.Input((4, 5)),
                adapted,
                keras.layers.Normalization(mean=0.5, variance=2.0),
                keras.layers.Rescaling(np.arange(1.0, 6.0), 0.1),
                keras.layers.GRU(2),
            ]
        )
        model.save(tmp_path / "m.keras")
        assert_same_output(rnnext.load_model(tmp_path / "m.keras")(X), np.asarray(model(X)))

    def test_adapting_again_is_used(self) -> None:
        layer = layers.Normalization(axis=None)
        layer.adapt([1.0, 3.0])
        np.testing.assert_allclose(layer(np.array([3.0], "float32")), [1.0])
        layer.adapt([3.0, 7.0])
        np.testing.assert_allclose(layer(np.array([3.0], "float32")), [-1.0])

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"mean": 1.0}, UnsupportedError, "give both mean and variance or neither"),
            ({"variance": 1.0}, UnsupportedError, "give both mean and variance or neither"),
            ({"mean": [1.0], "variance": 1.0}, ShapeError, r"received shapes \(1,\) and \(\)"),
            ({"mean": [[1.0]], "variance": [[1.0]]}, ShapeError, "at most as many axes"),
            ({"axis": "x"}, UnsupportedError, "axis must be an integer or a list of integers"),
        ],
    )
    def test_options(self, options: dict[str, Any], error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            layers.Normalization(**options)

    @pytest.mark.parametrize(
        ("options", "shape", "message"),
        [
            ({"axis": 3}, (None, 4), "axis=.*: expected integers from -2 to 1"),
            ({"axis": -3}, (None, 4), "axis=.*: expected integers from -2 to 1"),
            ({}, (None, None), "sizes along axis .* must be known"),
            ({"mean": [1.0] * 3, "variance": [1.0] * 3}, (None, 4), r"\(3,\)"),
        ],
    )
    def test_shapes(
        self, options: dict[str, Any], shape: tuple[int | None, ...], message: str
    ) -> None:
        with pytest.raises(ShapeError, match=message):
            layers.Normalization(**options)(Input(batch_shape=shape))

    def test_data_that_does_not_fit(self) -> None:
        layer = layers.Normalization()
        layer.build((None, 3))
        with pytest.raises(ShapeError, match=r"expected shape \(3,\), received \(4,\)"):
            layer.adapt(np.zeros((2, 4)))
        with pytest.raises(UnsupportedError, match="was given its mean and variance"):
            layers.Normalization(mean=0.0, variance=1.0).adapt(np.zeros((2, 4)))


class TestCategoryEncoding:
    IDS: tuple[Any, ...] = (
        3,
        [1, 2, 5],
        [[1], [2]],
        [[1, 2], [2, 2]],
        [[[1], [2]], [[0], [3]]],
        [[[1, 0], [2, 0]], [[0, 1], [3, 3]]],
        [[0.0, 2.0]],
    )

    @pytest.mark.parametrize("ids", IDS)
    @pytest.mark.parametrize("mode", ["one_hot", "multi_hot", "count", "binary"])
    def test_against_keras(self, keras: ModuleType, mode: str, ids: Any) -> None:
        theirs, ours = both(keras, "CategoryEncoding", num_tokens=4, output_mode=mode)
        x = np.array(ids)
        y = ours(x)
        assert_same_output(y, theirs(x))
        assert_same_config(theirs, ours)
        if x.ndim:
            assert ours.compute_output_shape(x.shape) == y.shape

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_weights_of_counts(self, keras: ModuleType, dtype: str) -> None:
        options = {"num_tokens": 6, "output_mode": "count", "dtype": dtype}
        theirs, ours = both(keras, "CategoryEncoding", **options)
        ids = np.array([[0, 1], [0, 0], [1, 2], [3, 1]])
        weights = np.array([[0.1, 0.2], [0.1, 0.1], [0.2, 0.3], [0.4, 0.2]], dtype)
        assert_same_output(ours(ids, count_weights=weights), theirs(ids, count_weights=weights))

    @hypothesis.settings(
        max_examples=40,
        deadline=None,
        derandomize=True,
        suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
    )
    @hypothesis.given(data=st.data())
    def test_random_ids(self, keras: ModuleType, data: st.DataObject) -> None:
        tokens = data.draw(st.integers(1, 6))
        shape = (data.draw(st.integers(1, 4)), data.draw(st.integers(1, 5)))
        ids = np.abs(random_array(shape, seed=str(tokens)) * 4).astype("int32")
        mode = data.draw(st.sampled_from(["one_hot", "multi_hot", "count"]))
        theirs, ours = both(keras, "CategoryEncoding", num_tokens=tokens, output_mode=mode)
        assert_same_output(ours(ids), theirs(ids))

    def test_large_ids_in_a_model(self) -> None:
        """A declared float32 would make 16777216 of 16777217."""
        ids = Input((1,))
        model = rnnext.Model(ids, layers.CategoryEncoding(5, output_mode="count")(ids))
        assert not model.predict(np.array([[2**24 + 1]])).any()
        np.testing.assert_array_equal(model.predict(np.array([[3]])), [[0, 0, 0, 1, 0]])

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({}, "num_tokens must be an integer >= 1, received None"),
            ({"num_tokens": 0}, "num_tokens must be an integer >= 1, received 0"),
            ({"num_tokens": 3, "output_mode": "int"}, "output_mode must be .* received 'int'"),
            ({"num_tokens": 3, "sparse": True}, "sparse=True is not supported"),
        ],
    )
    def test_options(self, options: dict[str, Any], message: str) -> None:
        with pytest.raises(UnsupportedError, match=message):
            layers.CategoryEncoding(**options)

    def test_calls(self) -> None:
        layer = layers.CategoryEncoding(3)
        with pytest.raises(DataError, match=r"-2 is not in 0\.\.2"):
            layer(np.array([[1, -2]]))
        with pytest.raises(UnsupportedError, match="count_weights are for output_mode='count'"):
            layer(np.array([[1]]), count_weights=np.array([[1.0]]))
        with pytest.raises(ShapeError, match=r"count_weights must have the shape \(1, 2\)"):
            layers.CategoryEncoding(3, "count")(np.array([[1, 2]]), count_weights=np.ones(3))


@pytest.mark.parametrize("name", NAMES)
def test_signatures(keras: ModuleType, name: str) -> None:
    ours = inspect.signature(getattr(layers, name).__init__).parameters
    theirs = inspect.signature(getattr(keras.layers, name).__init__).parameters
    assert list(ours) == list(theirs)
    assert all(ours[p].default == theirs[p].default for p in theirs)


@pytest.mark.parametrize("name", NAMES)
def test_symbolic_shapes(name: str) -> None:
    options: dict[str, Any] = {"CategoryEncoding": {"num_tokens": 7}, "Rescaling": {"scale": 2}}
    y = getattr(layers, name)(**options.get(name, {}))(Input((4,), dtype="int32"))
    assert y.shape == (None, 7 if name == "CategoryEncoding" else 4)
    assert y.dtype == "float32"


def test_infinities_come_without_warnings() -> None:
    x = np.array([[np.inf, -np.inf, np.nan, 3e38]], "float32")
    received = layers.Rescaling(10.0, offset=np.float32(-np.inf))(x)
    np.testing.assert_array_equal(received, [[np.nan, -np.inf, np.nan, np.nan]])
    layers.Normalization(mean=np.inf, variance=1.0)(x)
    layers.Normalization(mean=0.0, variance=-1.0)(x)


def test_array_arguments_are_not_shared() -> None:
    scale: Array = np.ones(5)
    layer = layers.Rescaling(scale)
    before = layer(X)
    scale[:] = 3
    np.testing.assert_array_equal(layer(X), before)


def test_category_encoding_tells_that_it_is_not_sparse() -> None:
    """Keras has the attribute, but not in the config."""
    layer = layers.CategoryEncoding(4)
    assert layer.sparse is False
    assert "sparse" not in layer.get_config()
