"""Max and average pooling, over windows and global."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import textbook_windows
from layer_twins import (
    DATA_FORMATS,
    DTYPES,
    assert_same_layer,
    assert_same_output,
    moved,
    random_array,
    twins,
)

from rnnext import GradientTape, Model, Variable, layers, load_model
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.graph.masked_array import attach_mask, mask_of
from rnnext.layers import Input

SHAPES = {1: (3, 11, 4), 2: (2, 7, 6, 3), 3: (2, 5, 6, 4, 3)}
REDUCTIONS = {"Max": np.max, "Average": np.mean}
WINDOWED = [f"{kind}Pooling{rank}D" for kind in REDUCTIONS for rank in SHAPES]
GLOBAL = [f"Global{name}" for name in WINDOWED]
OPTIONS: list[dict[str, Any]] = [
    {"pool_size": 2},
    {"pool_size": 3, "strides": 1},
    {"pool_size": 2, "strides": 3},
    {"pool_size": 3, "strides": 2, "padding": "same"},
    {"pool_size": 2, "strides": 1, "padding": "same"},
    {"pool_size": 4, "padding": "same"},
    {"pool_size": (3, 2, 1), "strides": (1, 2, 3)},
    {"pool_size": [2, 3, 3], "strides": [2, 1, 2], "padding": "same"},
]


def for_rank(options: dict[str, Any], rank: int) -> dict[str, Any]:
    """Options that hold one number for each of three axes, for fewer axes."""
    return {k: v[:rank] if isinstance(v, (list, tuple)) else v for k, v in options.items()}


class TestWindowsAgainstKeras:
    @pytest.mark.parametrize("data_format", DATA_FORMATS)
    @pytest.mark.parametrize("options", OPTIONS, ids=str)
    @pytest.mark.parametrize("name", WINDOWED)
    def test_options(
        self, keras: ModuleType, name: str, options: dict[str, Any], data_format: str
    ) -> None:
        rank = int(name[-2])
        x = moved(random_array(SHAPES[rank]), data_format)
        options = {**for_rank(options, rank), "data_format": data_format}
        assert_same_layer(keras, name, options, x)

    @pytest.mark.parametrize("padding", ["valid", "same"])
    @pytest.mark.parametrize("name", [name for name in WINDOWED if "3D" not in name])
    def test_double_precision(self, keras: ModuleType, name: str, padding: str) -> None:
        # TensorFlow pools no volumes in double precision: see TestTextbook.
        x = random_array(SHAPES[int(name[-2])], "float64")
        options = {"pool_size": 3, "strides": 2, "padding": padding, "dtype": "float64"}
        assert_same_layer(keras, name, options, x)

    @pytest.mark.parametrize("name", ["MaxPooling1D", "MaxPooling2D"])
    def test_largest_of_integers(self, keras: ModuleType, name: str) -> None:
        x = np.random.default_rng(0).integers(-9, -1, SHAPES[int(name[-2])]).astype("int32")
        assert_same_layer(keras, name, {"pool_size": 3, "padding": "same"}, x)

    @pytest.mark.parametrize("name", WINDOWED)
    def test_arguments(self, keras: ModuleType, name: str) -> None:
        theirs, ours = (
            list(inspect.signature(getattr(module, name).__init__).parameters)[1:]
            for module in (keras.layers, layers)
        )
        assert ours == theirs
        assert getattr(layers, name.replace("Pooling", "Pool").replace("Average", "Avg")) is (
            getattr(layers, name)
        )


class TestGlobalAgainstKeras:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("keepdims", [False, True])
    @pytest.mark.parametrize("data_format", DATA_FORMATS)
    @pytest.mark.parametrize("name", GLOBAL)
    def test_options(
        self, keras: ModuleType, name: str, data_format: str, keepdims: bool, dtype: str
    ) -> None:
        x = moved(random_array(SHAPES[int(name[-2])], dtype), data_format)
        options = {"data_format": data_format, "keepdims": keepdims, "dtype": dtype}
        assert_same_layer(keras, name, options, x)

    @pytest.mark.parametrize("name", ["GlobalMaxPooling1D", "GlobalAveragePooling1D"])
    def test_integers(self, keras: ModuleType, name: str) -> None:
        x = np.arange(-12, 12, dtype="int32").reshape(2, 4, 3)
        assert_same_layer(keras, name, {}, x)

    @pytest.mark.parametrize("mask_dtype", [bool, "int32", "float32"])
    @pytest.mark.parametrize("keepdims", [False, True])
    @pytest.mark.parametrize("data_format", DATA_FORMATS)
    def test_mask(
        self, keras: ModuleType, data_format: str, keepdims: bool, mask_dtype: Any
    ) -> None:
        x = moved(random_array((3, 4, 5)), data_format)
        mask = np.array([[1, 1, 0, 1], [0, 1, 0, 0], [1, 1, 1, 1]]).astype(mask_dtype)
        options = {"data_format": data_format, "keepdims": keepdims}
        theirs, ours = twins(keras, "GlobalAveragePooling1D", options, x)
        assert_same_output(ours(x, mask=mask), theirs(x, mask=mask))
        assert_same_output(ours(x, mask), theirs(x, mask))

    def test_where_all_is_masked(self, keras: ModuleType) -> None:
        x, mask = random_array((2, 4, 5)), np.array([[True] * 4, [False] * 4])
        theirs, ours = twins(keras, "GlobalAveragePooling1D", {}, x)
        assert np.isnan(ours(x, mask=mask)[1]).all()
        assert_same_output(ours(x, mask=mask), theirs(x, mask=mask))

    @pytest.mark.parametrize("name", GLOBAL)
    def test_arguments(self, keras: ModuleType, name: str) -> None:
        theirs, ours = (
            list(inspect.signature(getattr(module, name).__init__).parameters)[1:]
            for module in (keras.layers, layers)
        )
        assert ours == theirs


class TestTextbook:
    @hypothesis.settings(max_examples=120, deadline=None, derandomize=True)
    @hypothesis.given(
        data=st.data(), rank=st.integers(1, 3), kind=st.sampled_from(["Max", "Average"])
    )
    def test_any_options(self, data: st.DataObject, rank: int, kind: str) -> None:
        def each(low: int, high: int) -> Any:
            return data.draw(st.tuples(*[st.integers(low, high)] * rank))

        pool_size, strides = each(1, 4), each(1, 4)
        padding = data.draw(st.sampled_from(["valid", "same"]))
        smallest = pool_size if padding == "valid" else (1,) * rank
        sizes = tuple(data.draw(st.integers(low, 6)) for low in smallest)
        dtype, data_format = (data.draw(st.sampled_from(o)) for o in (DTYPES, DATA_FORMATS))
        x = random_array((2, *sizes, 2), dtype)
        expected = textbook_windows.pooling(x, pool_size, strides, padding, REDUCTIONS[kind])
        layer = getattr(layers, f"{kind}Pooling{rank}D")(
            pool_size, strides, padding, data_format, dtype=dtype
        )
        x = moved(x, data_format)
        received = layer(x)
        assert received.shape == layer.compute_output_shape(x.shape)
        assert_same_output(received, moved(expected, data_format).astype(dtype))

    def test_mean_of_many_small_steps(self) -> None:
        x = np.full((1, 100_000, 1), 0.1, "float32")
        assert layers.GlobalAveragePooling1D()(x).item() == np.float32(0.1)


class TestProperties:
    @pytest.mark.parametrize("name", [*WINDOWED, *GLOBAL])
    def test_empty_batch(self, name: str) -> None:
        layer = getattr(layers, name)()
        shape = (0, *SHAPES[int(name[-2])][1:])
        assert layer(np.zeros(shape)).shape == layer.compute_output_shape(shape)

    @pytest.mark.parametrize("name", WINDOWED)
    def test_empty_axis(self, name: str) -> None:
        layer = getattr(layers, name)(padding="same")
        shape = (2, *[0] * int(name[-2]), 3)
        assert layer(np.zeros(shape)).shape == shape

    @pytest.mark.parametrize(("name", "value"), [("Max", -np.inf), ("Average", np.nan)])
    def test_global_over_nothing(self, name: str, value: float) -> None:
        y = getattr(layers, f"Global{name}Pooling1D")()(np.zeros((2, 0, 3)))
        np.testing.assert_array_equal(y, np.full((2, 3), value, "float32"))

    @pytest.mark.parametrize("name", ["MaxPooling1D", "GlobalMaxPooling1D"])
    def test_largest_of_booleans_and_small_integers(self, name: str) -> None:
        layer = getattr(layers, name)()
        for dtype in (bool, "uint8", "int8"):
            x = np.array([[[0], [1]]], dtype)
            assert layer(x).dtype == dtype
            assert layer(x).max() == 1

    @pytest.mark.parametrize("name", ["AveragePooling1D", "GlobalAveragePooling1D"])
    def test_infinities_give_no_warning(self, name: str) -> None:
        x = np.array([[[np.inf], [-np.inf]]], "float32")
        assert np.isnan(getattr(layers, name)()(x)).all()

    def test_padding_does_not_leak_into_the_mean(self) -> None:
        x = np.array([[[1.0], [3.0], [np.nan]]], "float32")
        masked = attach_mask(x, np.array([[True, True, False]]))
        y = layers.GlobalAveragePooling1D()(masked)
        assert y.item() == 2
        assert mask_of(y) is None

    def test_mask_through_a_model(self, keras: ModuleType) -> None:
        def build(module: Any, model: Any) -> Any:
            ids = module.Input((6,), dtype="int32")
            x = module.Embedding(9, 4, mask_zero=True)(ids)
            x = module.LSTM(5, return_sequences=True)(x)
            return model(ids, module.GlobalAveragePooling1D()(x))

        theirs, ours = build(keras.layers, keras.Model), build(layers, Model)
        ours.set_weights(theirs.get_weights())
        x = np.array([[1, 2, 3, 0, 0, 0], [4, 0, 5, 6, 7, 0]])
        assert_same_output(ours(x), theirs(x))

    def test_shapes_of_unknown_size(self) -> None:
        x = Input((None, 6))
        assert layers.MaxPooling1D(2)(x).shape == (None, None, 6)
        assert layers.GlobalAveragePooling1D()(x).shape == (None, 6)


class TestBadInput:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"pool_size": 0}, r"pool_size must be .* >= 1, received 0"),
            ({"pool_size": (2, 2, 2)}, r"pool_size must be .* 2 integers .*\(2, 2, 2\)"),
            ({"pool_size": 1.5}, r"pool_size must be an integer .*1\.5"),
            ({"strides": 0}, r"strides must be .* >= 1, received 0"),
            ({"strides": (1, -1)}, r"strides must be .*\(1, -1\)"),
            ({"padding": "causal"}, r"padding must be one of .*'valid', 'same'.*'causal'"),
            ({"padding": 1}, r"padding must be one of .* received 1"),
            ({"data_format": "NHWC"}, r"data_format must be one of .*'NHWC'"),
            ({"dilation_rate": 2}, r"unknown arguments \['dilation_rate'\]"),
        ],
    )
    def test_options(self, options: dict[str, Any], message: str) -> None:
        with pytest.raises(UnsupportedError, match=message) as error:
            layers.MaxPooling2D(**options, name="mine")
        assert "layer 'mine' (MaxPooling2D)" in str(error.value)

    @pytest.mark.parametrize(
        ("name", "shape", "message"),
        [
            ("MaxPooling1D", (2, 1, 3), r"no window of pool_size \(2,\) fits .*1, 3\)"),
            ("AveragePooling2D", (2, 4, 1, 3), r"no window of pool_size \(2, 2\) fits"),
            ("MaxPooling2D", (2, 4, 3), r"4 axes \(batch, height, width, channels\)"),
            ("GlobalMaxPooling3D", (2, 4, 3), "5 axes"),
        ],
    )
    def test_inputs(self, name: str, shape: tuple[int, ...], message: str) -> None:
        layer = getattr(layers, name)()
        with pytest.raises(ShapeError, match=message):
            layer(np.zeros(shape))
        with pytest.raises(ShapeError, match=message):
            layer(Input(shape[1:]))

    @pytest.mark.parametrize("shape", [(2, 3), (2, 4, 5), (4,), (1, 4)])
    def test_mask_of_the_wrong_shape(self, shape: tuple[int, ...]) -> None:
        layer = layers.GlobalAveragePooling1D()
        with pytest.raises(ShapeError, match=r"mask of shape \(2, 4\) \(batch, time\)"):
            layer(np.zeros((2, 4, 5)), mask=np.ones(shape, bool))


class TestAdaptivePooling:
    @pytest.mark.parametrize("kind", ["Average", "Max"])
    @pytest.mark.parametrize(
        ("shape", "size"),
        [
            ((2, 9, 3), 4),
            ((2, 8, 3), (5,)),
            ((2, 4, 3), 4),
            ((2, 7, 6, 3), (3, 2)),
            ((2, 5, 4, 3), 2),
            ((2, 6, 5, 7, 2), (4, 2, 3)),
        ],
    )
    @pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
    def test_against_keras(
        self, keras: ModuleType, kind: str, shape: tuple[int, ...], size: Any, data_format: str
    ) -> None:
        options = {"output_size": size, "data_format": data_format}
        x = moved(random_array(shape), data_format)
        assert_same_layer(keras, f"Adaptive{kind}Pooling{len(shape) - 2}D", options, x)

    @pytest.mark.parametrize("form", ["keras", "h5"])
    def test_files_of_keras(self, keras: ModuleType, tmp_path: Path, form: str) -> None:
        theirs = keras.Sequential(
            [
                keras.Input((9, 4)),
                keras.layers.LSTM(3, return_sequences=True),
                keras.layers.AdaptiveAveragePooling1D(4),
                keras.layers.AdaptiveMaxPooling1D(3, data_format="channels_first"),
            ]
        )
        theirs.save(tmp_path / f"m.{form}")
        ours = load_model(tmp_path / f"m.{form}")
        x = random_array((2, 9, 4))
        np.testing.assert_allclose(ours.predict(x), theirs(x), atol=1e-6)

    @pytest.mark.parametrize("kind", ["Average", "Max"])
    def test_one_window(self, kind: str) -> None:
        """Keras on TensorFlow ends the process here, with a floating-point exception."""
        x = random_array((2, 7, 3))
        whole = getattr(layers, f"Global{kind}Pooling1D")(keepdims=True)(x)
        assert_same_output(getattr(layers, f"Adaptive{kind}Pooling1D")(1)(x), whole)

    @pytest.mark.parametrize("shape", [(2, 7, 3), (2, 7, 5, 3)])
    def test_gradient_of_equal_elements(self, keras: ModuleType, shape: tuple[int, ...]) -> None:
        import tensorflow as tf

        x = np.maximum(random_array(shape), 0)
        name = f"AdaptiveMaxPooling{len(shape) - 2}D"
        source, ours = tf.constant(x), Variable(x)
        with tf.GradientTape() as tape:
            tape.watch(source)
            y = getattr(keras.layers, name)(3)(source)
        expected = tape.gradient(y, source)
        with GradientTape() as tape:
            z = getattr(layers, name)(3)(ours)
        np.testing.assert_array_equal(tape.gradient(z, ours), expected)

    def test_messages(self) -> None:
        with pytest.raises(UnsupportedError, match="output_size must be an integer or 2 integers"):
            layers.AdaptiveMaxPooling2D((1, 2, 3))
        with pytest.raises(ShapeError, match=r"an axis of the input \(1, 0, 2\) is empty"):
            layers.AdaptiveAveragePooling1D(2)(np.zeros((1, 0, 2), np.float32))
