"""BatchNormalization and the layers that normalise each sample, beside Keras's."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from layer_twins import DTYPES, Array, assert_same_config, assert_same_output, random_array, twins

import rnnext
from rnnext import Sequential, layers
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.layers import Input

NAMES = (
    *("BatchNormalization", "LayerNormalization", "GroupNormalization"),
    *("RMSNormalization", "UnitNormalization"),
)
OPTIONS: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    ("BatchNormalization", {}, (3, 4, 5)),
    ("BatchNormalization", {}, (3, 5)),
    ("BatchNormalization", {"axis": 1}, (3, 4, 5)),
    ("BatchNormalization", {"axis": -2, "epsilon": 0.5}, (3, 4, 5, 2)),
    ("BatchNormalization", {"axis": 3, "center": False}, (3, 4, 5, 2)),
    ("BatchNormalization", {"scale": False, "momentum": 0.5}, (3, 5)),
    ("BatchNormalization", {"scale": False, "center": False, "synchronized": True}, (3, 5)),
    ("BatchNormalization", {"renorm": True, "renorm_clipping": {"rmax": 2.0, "dmax": 1}}, (3, 5)),
    ("LayerNormalization", {}, (3, 4, 5)),
    ("LayerNormalization", {"axis": 1, "epsilon": 1e-6}, (3, 4, 5)),
    ("LayerNormalization", {"axis": (1, 2)}, (3, 4, 5)),
    ("LayerNormalization", {"axis": [-1, -3], "center": False}, (3, 4, 5, 2)),
    ("LayerNormalization", {"axis": [2, 1], "scale": False}, (3, 4, 5)),
    ("LayerNormalization", {"axis": (-3, -2, -1)}, (3, 4, 5, 2)),
    ("GroupNormalization", {"groups": 2}, (3, 6)),
    ("GroupNormalization", {"groups": 1, "epsilon": 0.1}, (3, 4, 6)),
    ("GroupNormalization", {"groups": -1}, (3, 4, 6)),
    ("GroupNormalization", {"groups": 2, "axis": 1, "scale": False}, (3, 4, 6)),
    ("GroupNormalization", {"groups": 3, "axis": 2, "center": False}, (3, 4, 6, 2)),
    ("GroupNormalization", {"groups": 2, "axis": -2}, (3, 4, 6, 2)),
    ("RMSNormalization", {}, (3, 4, 5)),
    ("RMSNormalization", {"axis": (1, 2), "epsilon": 0.01}, (3, 4, 5)),
    ("RMSNormalization", {"axis": [-1, -2]}, (3, 4, 5)),
    ("UnitNormalization", {}, (3, 4, 5)),
    ("UnitNormalization", {"axis": 1}, (3, 4, 5)),
    ("UnitNormalization", {"axis": (1, 2)}, (3, 4, 5)),
]


def positive_twins(
    keras: ModuleType, name: str, options: dict[str, Any], x: Array
) -> tuple[Any, Any]:
    """Twins whose weights, variances among them, are positive."""
    theirs, ours = twins(keras, name, options, x)
    weights = [np.abs(weight) + 0.1 for weight in ours.get_weights()]
    theirs.set_weights(weights)
    ours.set_weights(weights)
    return theirs, ours


def exact(name: str, ours: Any, x: Array) -> Array:
    """The layer in float64 with the same weights."""
    config = {**ours.get_config(), "dtype": "float64", "name": name.lower()}
    wide = type(ours).from_config(config)
    y = wide(x.astype("float64"))
    wide.set_weights(ours.get_weights())
    return y if not ours.weights else wide(x.astype("float64"))


class TestAgainstKeras:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize(("name", "options", "shape"), OPTIONS)
    def test_outputs_and_configs(
        self,
        keras: ModuleType,
        name: str,
        options: dict[str, Any],
        shape: tuple[int, ...],
        dtype: str,
    ) -> None:
        x = 2 * random_array(shape, dtype) + np.ones((), dtype)
        theirs, ours = positive_twins(keras, name, {**options, "dtype": dtype}, x)
        assert_same_output(ours(x), theirs(x))
        assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
        assert [w.trainable for w in ours.weights] == [w.trainable for w in theirs.weights]
        assert_same_config(theirs, ours)
        assert ours.compute_output_shape((None, *shape[1:])) == (None, *shape[1:])

    @pytest.mark.filterwarnings("ignore:You passed `rms_scaling=True`")
    @pytest.mark.parametrize("axis", [-1, 1, (1, 2)])
    def test_rms_scaling(self, keras: ModuleType, axis: Any) -> None:
        x = random_array((3, 4, 5)) + np.float32(3)
        options = {"axis": axis, "rms_scaling": True}
        theirs, ours = positive_twins(keras, "LayerNormalization", options, x)
        assert_same_output(ours(x), theirs(x))
        assert_same_config(theirs, ours)

    @pytest.mark.parametrize("offset", [0.0, 30.0, 1000.0])
    @pytest.mark.parametrize("name", NAMES)
    def test_no_less_accurate_than_tensorflow(
        self, keras: ModuleType, name: str, offset: float
    ) -> None:
        options = {"groups": 2} if name == "GroupNormalization" else {}
        x = random_array((8, 20, 64)) + np.float32(offset)
        theirs, ours = positive_twins(keras, name, options, x)
        if name == "BatchNormalization":
            weights = ours.get_weights()
            weights[2] += np.float32(offset)
            theirs.set_weights(weights)
            ours.set_weights(weights)
        truth = exact(name, ours, x)
        error, their_error = (np.abs(np.asarray(y) - truth).mean() for y in (ours(x), theirs(x)))
        assert error <= their_error

    @pytest.mark.parametrize("name", NAMES)
    def test_integers_are_computed_as_floats(self, name: str) -> None:
        """And lose the fractions again where they do in Keras (test_integer_inputs.py)."""
        x = np.arange(24).reshape(2, 3, 4) % 7
        options = {"groups": 2} if name == "GroupNormalization" else {}
        layer = getattr(layers, name)(**options)
        expected = layer(x.astype("float32"))
        if name not in ("BatchNormalization", "UnitNormalization"):
            expected = np.trunc(expected)
        np.testing.assert_array_equal(layer(x), expected)

    @pytest.mark.parametrize(
        "x",
        [
            np.zeros((2, 3), "float32"),
            np.full((2, 3), 1e30, "float32"),
            np.array([[np.nan, 1, 2], [1, 2, 3]], "float32"),
            np.array([[np.inf, 1, 2], [1, -np.inf, np.inf]], "float32"),
            np.full((2, 3), 7.0, "float32"),
            np.empty((0, 3), "float32"),
        ],
    )
    @pytest.mark.parametrize("name", NAMES)
    def test_special_values(self, name: str, x: Array) -> None:
        """Right in float64; TensorFlow's squares would overflow in float32."""
        options = {"groups": 1} if name == "GroupNormalization" else {}
        layer = getattr(layers, name)(**options)
        y = layer(x)
        np.testing.assert_allclose(y, exact(name, layer, x), rtol=1e-6)

    def test_masks_pass(self) -> None:
        x, mask = random_array((2, 3, 4)), np.array([[1, 1, 0], [1, 0, 0]], bool)
        masked = layers.Masking()(np.where(mask[..., None], x, np.float32(0)))
        for name in ("BatchNormalization", "LayerNormalization", "UnitNormalization"):
            np.testing.assert_array_equal(getattr(layers, name)()(masked)._keras_mask, mask)
        np.testing.assert_array_equal(layers.GroupNormalization(2)(masked)._keras_mask, mask)
        assert getattr(layers.RMSNormalization()(masked), "_keras_mask", None) is None

    @hypothesis.settings(
        max_examples=60,
        deadline=None,
        derandomize=True,
        suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
    )
    @hypothesis.given(data=st.data())
    def test_random_layers(self, keras: ModuleType, data: st.DataObject) -> None:
        shape = tuple(data.draw(st.lists(st.integers(1, 5), min_size=2, max_size=4)))
        name = data.draw(st.sampled_from(NAMES[:3]))
        axis: Any = data.draw(st.integers(1, len(shape) - 1))
        options: dict[str, Any] = {
            "axis": axis - len(shape) if data.draw(st.booleans()) else axis,
            "center": data.draw(st.booleans()),
            "scale": data.draw(st.booleans()),
            "epsilon": data.draw(st.sampled_from([1e-3, 0.1, 1.0])),
        }
        if name == "GroupNormalization":
            size = shape[axis]
            divisors = [n for n in range(1, size + 1) if size % n == 0]
            options["groups"] = data.draw(st.sampled_from([*divisors, -1]))
        if name == "LayerNormalization" and data.draw(st.booleans()):
            axes = st.integers(1, len(shape) - 1)
            options["axis"] = data.draw(st.lists(axes, min_size=1, unique=True))
        x = random_array(shape)
        theirs, ours = positive_twins(keras, name, options, x)
        assert_same_output(ours(x), theirs(x))


class TestModels:
    @pytest.mark.parametrize("dtype", DTYPES)
    def test_saved_by_keras(self, keras: ModuleType, tmp_path: Path, dtype: str) -> None:
        model = keras.Sequential([keras.Input((4, 6), dtype=dtype)])
        for name, options, _ in OPTIONS:
            if "axis" not in options:
                groups = {"groups": 2} if name == "GroupNormalization" else {}
                model.add(getattr(keras.layers, name)(**{**options, **groups}, dtype=dtype))
        model.add(keras.layers.LSTM(3, dtype=dtype))
        weights = [np.abs(random_array(w.shape, dtype, "w")) for w in model.get_weights()]
        model.set_weights(weights)
        model.save(tmp_path / "m.keras")
        x = random_array((5, 4, 6), dtype)
        ours = rnnext.load_model(tmp_path / "m.keras")
        # Not predict: TensorFlow compiled has float32 constants in float64 models.
        assert_same_output(ours.predict(x), np.asarray(model(x)))

    def test_batch_normalization_in_a_graph_keeps_the_mask(
        self, keras: ModuleType, tmp_path: Path
    ) -> None:
        ids = keras.Input((5,), dtype="int32")
        x = keras.layers.Embedding(9, 4, mask_zero=True)(ids)
        x = keras.layers.BatchNormalization()(keras.layers.Dense(3)(x))
        model = keras.Model(ids, keras.layers.GRU(2)(x))
        model.save(tmp_path / "m.keras")
        batch = np.array([[1, 2, 3, 0, 0], [4, 0, 5, 0, 6]])
        ours = rnnext.load_model(tmp_path / "m.keras")
        assert_same_output(ours(batch), np.asarray(model(batch)))

    def test_weights_set_anew_are_used(self) -> None:
        layer = layers.BatchNormalization(epsilon=0.0)
        x = random_array((2, 3))
        layer(x)
        layer.moving_mean.assign(x[0])
        assert not np.any(layer(x)[0])
        layer.epsilon = 3.0
        np.testing.assert_allclose(layer(x)[1], (x[1] - x[0]) / 2, rtol=1e-6)


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
            ("BatchNormalization", {"axis": "last"}, "axis must be an integer, received 'last'"),
            ("BatchNormalization", {"axis": [1, 2]}, r"axis must be an integer, received \[1, 2\]"),
            (
                "BatchNormalization",
                {"renorm": True, "renorm_clipping": {"rmax": 1, "rmin": 2}},
                "renorm_clipping may have",
            ),
            (
                "BatchNormalization",
                {"renorm": True, "renorm_clipping": {"max": 1}},
                "renorm_clipping may have",
            ),
            ("LayerNormalization", {"axis": {"axis": -1}}, "axis must be an integer or a list"),
            ("UnitNormalization", {"axis": {"axis": -1}}, "axis must be an integer or a list"),
            ("RMSNormalization", {"axis": 1.5}, "axis must be an integer or a list"),
            ("GroupNormalization", {"groups": 0}, "groups must be an integer >= 1, or -1"),
            ("GroupNormalization", {"groups": -2}, "received -2"),
            ("GroupNormalization", {"groups": 2.0}, "received 2.0"),
            ("LayerNormalization", {"gamma": 1}, r"unknown arguments \['gamma'\]; accepted"),
        ],
    )
    def test_options(self, name: str, options: dict[str, Any], message: str) -> None:
        with pytest.raises(UnsupportedError, match=message):
            getattr(layers, name)(**options)

    @pytest.mark.parametrize(
        ("name", "options", "shape", "message"),
        [
            ("BatchNormalization", {"axis": 3}, (None, 4), r"axis=3: expected integers from -2"),
            ("BatchNormalization", {}, (None, None), "the sizes along axis -1 of .* must be known"),
            ("LayerNormalization", {"axis": [1, -1]}, (None, 4), "names an axis twice"),
            ("LayerNormalization", {"axis": -3}, (None, 4), "axis=.*: expected integers"),
            ("GroupNormalization", {"groups": 3}, (None, 4), "groups=3 must divide the 4 features"),
            ("GroupNormalization", {"groups": 8}, (None, 4), "groups=8 must divide the 4 features"),
            ("GroupNormalization", {}, (None, None), "must be known"),
            ("RMSNormalization", {"axis": 1}, (None, 4, 3), r"scale \(4,\) along axis \[1\] must"),
            ("RMSNormalization", {"axis": 2}, (None, 4), "axis=.*: expected integers"),
            ("UnitNormalization", {"axis": 2}, (None, 4), "axis=2: expected integers"),
        ],
    )
    def test_shapes(
        self, name: str, options: dict[str, Any], shape: tuple[int | None, ...], message: str
    ) -> None:
        with pytest.raises(ShapeError, match=message):
            getattr(layers, name)(**options)(Input(batch_shape=shape))

    @pytest.mark.parametrize("name", NAMES[:3])
    def test_input_of_another_size(self, name: str) -> None:
        layer = getattr(layers, name)(**({"groups": 2} if name.startswith("Group") else {}))
        model = Sequential([Input((3, 4)), layer])
        with pytest.raises(ShapeError, match=r"\(None, 3, 4\), received shape \(2, 3, 5\)"):
            model.predict(np.zeros((2, 3, 5)))

    def test_mask_of_batch_normalization(self) -> None:
        with pytest.raises(ShapeError, match=r"one axis less than the inputs \(2, 3\)"):
            layers.BatchNormalization()(np.zeros((2, 3)), mask=np.ones((2, 3), bool))

    def test_training(self) -> None:
        layer = layers.BatchNormalization(renorm=True)
        with pytest.raises(UnsupportedError, match="renorm=True with training=True is not"):
            layer(np.zeros((2, 3)), training=True)
        layer.trainable = False  # as in Keras, frozen layers use the moving statistics
        layer(np.zeros((2, 3)), training=True)
