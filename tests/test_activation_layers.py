"""ReLU, LeakyReLU, ELU, PReLU and Softmax, as layers and as other layers' activations."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from layer_twins import (
    DTYPES,
    Array,
    assert_same_config,
    assert_same_layer,
    assert_same_output,
    random_array,
    twins,
)

import rnnext
from rnnext import layers
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.layers import Input

NAMES = ("ReLU", "LeakyReLU", "ELU", "PReLU", "Softmax")
OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("ReLU", {}),
    ("ReLU", {"max_value": 0.5}),
    ("ReLU", {"max_value": 0, "threshold": 1.5}),
    ("ReLU", {"negative_slope": 0.25}),
    ("ReLU", {"max_value": 1.0, "negative_slope": 0.5, "threshold": 0.75}),
    ("LeakyReLU", {}),
    ("LeakyReLU", {"negative_slope": 0.0}),
    ("LeakyReLU", {"negative_slope": 2.5}),
    ("ELU", {}),
    ("ELU", {"alpha": 0.3}),
    ("ELU", {"alpha": -1.5}),
    ("PReLU", {}),
    ("PReLU", {"alpha_initializer": "ones", "shared_axes": 1}),
    ("PReLU", {"shared_axes": [1, 2]}),
    ("Softmax", {}),
    ("Softmax", {"axis": 1}),
    ("Softmax", {"axis": [2]}),
    ("Softmax", {"axis": (1, 2)}),
    ("Softmax", {"axis": (0, -1)}),
]
SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40, -1e-40, 3e38, -3e38], "float32")


class TestLayers:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize(("name", "options"), OPTIONS)
    def test_against_keras(
        self, keras: ModuleType, name: str, options: dict[str, Any], dtype: str
    ) -> None:
        x = 3 * random_array((2, 3, 4), dtype)
        if dtype == "float64" and name in ("LeakyReLU", "ReLU"):
            # TensorFlow has slopes in float32.
            theirs, ours = twins(keras, name, {**options, "dtype": dtype}, x)
            np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-7)
        else:
            assert_same_layer(keras, name, {**options, "dtype": dtype}, x)

    @pytest.mark.parametrize(
        ("name", "options"), [option for option in OPTIONS if option[0] in ("ReLU", "ELU")]
    )
    def test_special_values(self, keras: ModuleType, name: str, options: dict[str, Any]) -> None:
        theirs, ours = twins(keras, name, options, SPECIAL)
        received, expected = ours(SPECIAL), np.asarray(theirs(SPECIAL))
        normal = np.abs(expected) >= np.finfo(np.float32).tiny  # TensorFlow flushes the others
        normal |= ~np.isfinite(expected)
        np.testing.assert_allclose(received[normal], expected[normal], rtol=1e-6)
        np.testing.assert_allclose(received[~normal], 0, atol=1e-37)

    @pytest.mark.parametrize("shape", [(2, 4), (2, 3, 4), (2, 3, 2, 4)])
    def test_prelu_for_any_rank(self, keras: ModuleType, shape: tuple[int, ...]) -> None:
        assert_same_layer(keras, "PReLU", {"shared_axes": [len(shape) - 1]}, random_array(shape))

    def test_prelu_of_special_values(self, keras: ModuleType) -> None:
        theirs, ours = twins(keras, "PReLU", {}, SPECIAL[None])
        np.testing.assert_allclose(ours(SPECIAL[None]), theirs(SPECIAL[None]), atol=1e-38)

    def test_prelu_checks_its_input(self) -> None:
        layer = layers.PReLU(shared_axes=1)
        layer.build((None, None, 3))
        assert layer.alpha.shape == (1, 3)
        with pytest.raises(ShapeError, match=r"size 3 on axis 2, received shape \(2, 5, 4\)"):
            layer(np.zeros((2, 5, 4)))

    def test_integers_become_floats(self) -> None:
        for name in NAMES:
            y = getattr(layers, name)()(np.array([[-2, 1]]))
            assert y.dtype == (np.int64 if name == "ReLU" else np.float32)

    def test_alpha_is_an_older_name(self) -> None:
        assert layers.LeakyReLU(alpha=0.1).negative_slope == 0.1

    def test_masks_pass(self) -> None:
        x = layers.Masking()(np.array([[[1.0], [0.0]]]))
        for name in NAMES[:-1]:
            np.testing.assert_array_equal(getattr(layers, name)()(x)._keras_mask, [[True, False]])

    @hypothesis.settings(
        max_examples=40,
        deadline=None,
        derandomize=True,
        suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
    )
    @hypothesis.given(data=st.data())
    def test_random_relu(self, keras: ModuleType, data: st.DataObject) -> None:
        number = st.floats(0, 3, width=32)
        options = {
            "max_value": data.draw(st.none() | number),
            "negative_slope": data.draw(number),
            "threshold": data.draw(number),
        }
        numbers = st.floats(-10, 10, width=32)
        x = np.array(data.draw(st.lists(numbers, min_size=1, max_size=20)), "float32")
        theirs, ours = twins(keras, "ReLU", options, x)
        np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-5, atol=1e-6)


class TestSoftmaxMasks:
    @pytest.mark.parametrize("axis", [-1, 1, (1, 2)])
    @pytest.mark.parametrize(
        "mask",
        [
            random_array((2, 3, 4), seed="mask") > 0,
            np.zeros((2, 3, 4), bool),
            np.array([True, False, True, True]),
            np.array([[True], [False], [True]]),
            np.array([0.2, 0.6, 1.0, 0.5], "float32"),
        ],
    )
    def test_against_keras(self, keras: ModuleType, mask: Array, axis: Any) -> None:
        x = random_array((2, 3, 4))
        theirs, ours = twins(keras, "Softmax", {"axis": axis}, x)
        y = ours(x, mask=mask)
        assert_same_output(y, theirs(x, mask=mask))
        keep = np.broadcast_to(mask if mask.dtype == bool else mask > 0.5, x.shape)
        assert not y[~keep].any()

    @pytest.mark.parametrize("shape", [(3,), (2, 4), (2, 2, 3, 4)])
    def test_masks_that_do_not_fit(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(ShapeError, match=r"a mask must broadcast to the inputs \(2, 3, 4\)"):
            layers.Softmax()(random_array((2, 3, 4)), mask=np.ones(shape, bool))


class TestAsActivation:
    LAYERS = (
        ("ReLU", {"max_value": 1.0, "negative_slope": 0.1}),
        ("LeakyReLU", {"negative_slope": 0.3}),
        ("ELU", {"alpha": 0.5}),
        ("PReLU", {"alpha_initializer": "ones"}),
        ("Softmax", {}),
    )

    @pytest.mark.parametrize(("name", "options"), LAYERS)
    def test_of_a_dense_layer(self, name: str, options: dict[str, Any]) -> None:
        x = random_array((2, 3, 4))
        activation = getattr(layers, name)(**options)
        dense = layers.Dense(5, activation=activation)
        dense.build(x.shape)
        plain = layers.Dense(5)
        plain.build(x.shape)
        plain.set_weights(dense.get_weights()[:2])
        assert len(dense.weights) == (3 if name == "PReLU" else 2)
        np.testing.assert_allclose(dense(x), activation(plain(x)), rtol=1e-6, atol=1e-7)

    def test_in_a_saved_model(self, keras: ModuleType, tmp_path: Path) -> None:
        inputs = keras.Input((3, 4))
        outputs = []
        for name, options in self.LAYERS:
            x = keras.layers.Dense(5, activation=getattr(keras.layers, name)(**options))(inputs)
            outputs.append(keras.layers.Activation(getattr(keras.layers, name)(**options))(x))
        x = keras.layers.LSTM(
            3,
            activation=keras.layers.LeakyReLU(negative_slope=0.1),
            recurrent_activation=keras.layers.ReLU(max_value=1.0),
        )(inputs)
        model = keras.Model(inputs, [*outputs[:3], outputs[4], x])
        prelu = keras.Sequential(
            [inputs, keras.layers.Dense(5, activation=keras.layers.PReLU("random_normal"))]
        )
        batch = random_array((2, 3, 4))
        for theirs in (model, prelu):
            expected = theirs(batch)
            theirs.save(tmp_path / "m.keras")
            received = rnnext.load_model(tmp_path / "m.keras")(batch)
            several = isinstance(expected, list)
            pairs = zip(received, expected, strict=True) if several else [(received, expected)]
            for ours, reference in pairs:
                assert_same_output(ours, np.asarray(reference))

    def test_prelu_in_a_cell(self) -> None:
        layer = layers.LSTM(2, activation=layers.PReLU("ones"))
        x = random_array((2, 3, 4))
        linear = layers.LSTM(2, activation="linear")
        linear.build(x.shape)
        layer.build(x.shape)
        assert [w.shape for w in layer.weights] == [(4, 8), (2, 8), (8,), (2,)]
        layer.set_weights([*linear.get_weights(), np.ones(2)])
        assert_same_output(layer(x), linear(x))

    def test_weights_where_the_shape_is_unknown(self) -> None:
        class Own(layers.Layer):
            def build(self, input_shape: Any) -> None:  # noqa: ARG002
                self.activation = rnnext.activations.get(layers.PReLU())

            def call(self, inputs: Any) -> Any:
                return self.activation(inputs)

        with pytest.raises(UnsupportedError, match=r"activation <PReLU .* has weights"):
            Own()(np.zeros((2, 3)))


class TestBadInput:
    @pytest.mark.parametrize("name", NAMES)
    def test_signatures(self, keras: ModuleType, name: str) -> None:
        ours = inspect.signature(getattr(layers, name).__init__).parameters
        theirs = inspect.signature(getattr(keras.layers, name).__init__).parameters
        assert list(ours) == list(theirs)
        assert all(ours[p].default == theirs[p].default for p in theirs)

    @pytest.mark.parametrize(
        ("name", "options", "message"),
        [
            ("ReLU", {"max_value": -1.0}, "max_value must be a number >= 0, received -1.0"),
            ("ReLU", {"negative_slope": None}, "negative_slope must be .* received None"),
            ("ReLU", {"negative_slope": -0.5}, "negative_slope must be"),
            ("ReLU", {"threshold": "1"}, "threshold must be a number >= 0, received '1'"),
            ("LeakyReLU", {"negative_slope": -0.1}, "negative_slope must be"),
            ("LeakyReLU", {"negative_slope": float("nan")}, "negative_slope must be"),
            ("PReLU", {"shared_axes": "1"}, "axis must be an integer or a list of integers"),
            ("Softmax", {"axis": None}, "axis must be an integer or a list of integers"),
            ("ELU", {"slope": 1}, r"unknown arguments \['slope'\]; accepted: \[.*'alpha'"),
        ],
    )
    def test_options(self, name: str, options: dict[str, Any], message: str) -> None:
        with pytest.raises(UnsupportedError, match=message):
            getattr(layers, name)(**options)

    def test_axes(self) -> None:
        with pytest.raises(ShapeError, match="axis=3: expected integers from -2 to 1"):
            layers.Softmax(3)(Input((4,)))
        with pytest.raises(ShapeError, match=r"shared_axes=\[2\] must be from 1 to 1"):
            layers.PReLU(shared_axes=2)(Input((4,)))
        with pytest.raises(ShapeError, match="needs a shape without None"):
            layers.PReLU()(Input((None, 4)))

    def test_configs(self, keras: ModuleType) -> None:
        x = random_array((2, 3))
        for name in NAMES:
            assert_same_config(*twins(keras, name, {}, x))


class TestThresholdedReLU:
    """A layer of Keras 2, which Keras 3 has in `tensorflow.keras` alone."""

    X = np.array([[-2.0, -0.5, 0.0], [0.5, np.nextafter(np.float32(0.5), 1), 3.0]], np.float32)

    @pytest.mark.parametrize("theta", [0.0, 0.5, 1])
    @pytest.mark.usefixtures("keras")
    def test_against_keras(self, theta: float) -> None:
        from keras._tf_keras.keras import layers as layers_of_tensorflow

        theirs = layers_of_tensorflow.ThresholdedReLU(theta)
        ours = layers.ThresholdedReLU(theta)
        assert_same_output(ours(self.X), theirs(self.X))
        assert_same_config(theirs, ours)
        assert list(theirs.get_config()) == list(ours.get_config())

    @pytest.mark.parametrize("form", ["keras", "h5"])
    def test_files_of_keras(self, keras: ModuleType, tmp_path: Path, form: str) -> None:
        from keras._tf_keras.keras import layers as layers_of_tensorflow

        layer = layers_of_tensorflow.ThresholdedReLU(0.75)
        theirs = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), layer])
        theirs.save(tmp_path / f"m.{form}")
        ours = rnnext.load_model(tmp_path / f"m.{form}")
        assert_same_output(ours.predict(self.X), theirs(self.X))
        ours.save(tmp_path / f"copy.{form}")
        again = rnnext.load_model(tmp_path / f"copy.{form}")
        np.testing.assert_array_equal(again.predict(self.X), ours.predict(self.X))

    def test_gradient(self) -> None:
        x = rnnext.Variable(self.X)
        with rnnext.GradientTape() as tape:
            y = layers.ThresholdedReLU(0.5)(x)
        np.testing.assert_array_equal(tape.gradient(y, x), [[0, 0, 0], [0, 1, 1]])

    @pytest.mark.parametrize("theta", [None, -1.0, "a"])
    def test_messages(self, theta: Any) -> None:
        with pytest.raises(UnsupportedError, match=r"theta must be a number >= 0, received"):
            layers.ThresholdedReLU(theta)
