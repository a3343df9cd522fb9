"""Convolutions: plain, transposed, depthwise, separable."""

from __future__ import annotations

import inspect
import itertools
import pickle
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from convolution_layers import (
    ALL,
    DEPTHWISE,
    PLAIN,
    SEPARABLE,
    SHAPES,
    TRANSPOSED,
    complete,
    made,
    rank_of,
)
from layer_twins import (
    DATA_FORMATS,
    DTYPES,
    Array,
    assert_same_config,
    assert_same_output,
    moved,
    random_array,
    twins,
)

import rnnext
from rnnext import activations, layers
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.layers import Input

OPTIONS: list[dict[str, Any]] = [
    {"kernel_size": 3},
    {"kernel_size": 2, "padding": "same"},
    {"kernel_size": 3, "strides": 2},
    {"kernel_size": 3, "strides": 2, "padding": "SAME"},
    {"kernel_size": (3, 2, 1), "padding": "same"},
    {"kernel_size": 1, "use_bias": False},
    {"kernel_size": 2, "activation": "relu"},
]
DILATED: list[dict[str, Any]] = [
    {"kernel_size": 2, "dilation_rate": 2},
    {"kernel_size": 3, "dilation_rate": 2, "padding": "same"},
]
# Dilated ones, which TensorFlow lacks on the CPU, are in test_convolution_textbook.py.
TRANSPOSING: list[dict[str, Any]] = [
    {"kernel_size": 2, "strides": 3},
    {"kernel_size": 2, "strides": 3, "padding": "same"},
    {"kernel_size": 3, "strides": 3, "output_padding": 2},
    {"kernel_size": 3, "strides": 2, "padding": "same", "output_padding": 0},
    {"kernel_size": (3, 2, 3), "strides": (1, 2, 3), "output_padding": (0, 1, 2)},
]
CASES: list[tuple[str, dict[str, Any]]] = [
    *itertools.product(ALL, OPTIONS),
    *itertools.product([*PLAIN, *DEPTHWISE, *SEPARABLE], DILATED),
    *itertools.product(TRANSPOSED, TRANSPOSING),
    *itertools.product([*DEPTHWISE, *SEPARABLE], [{"kernel_size": 3, "depth_multiplier": 2}]),
    *itertools.product(PLAIN, [{"kernel_size": (1, 2, 3), "strides": (3, 2, 1)}]),
]


class TestAgainstKeras:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("data_format", DATA_FORMATS)
    @pytest.mark.parametrize(("name", "options"), CASES, ids=str)
    def test_options(
        self, keras: ModuleType, name: str, options: dict[str, Any], data_format: str, dtype: str
    ) -> None:
        # TensorFlow has no channels-first convolutions on the CPU: Keras's layer is channels-last.
        options = {**complete(name, options), "data_format": data_format, "dtype": dtype}
        x = random_array(SHAPES[rank_of(name)], dtype)
        theirs, ours = twins(keras, name, options, moved(x, data_format), data_format=None)
        expected = moved(np.asarray(theirs(x)), data_format)
        received = ours(moved(x, data_format))
        assert_same_output(received, expected)
        assert received.flags.c_contiguous
        assert ours.compute_output_shape(moved(x, data_format).shape) == received.shape

    @pytest.mark.parametrize("padding", ["valid", "same", "causal"])
    @pytest.mark.parametrize("more", [{"strides": 2}, {"dilation_rate": 3}])
    def test_causal(self, keras: ModuleType, padding: str, more: dict[str, int]) -> None:
        x = random_array(SHAPES[1])
        options = {"filters": 5, "kernel_size": 3, "padding": padding, **more}
        theirs, ours = twins(keras, "Conv1D", options, x)
        assert_same_output(ours(x), theirs(x))

    @pytest.mark.parametrize("groups", [2, 4])
    @pytest.mark.parametrize("name", PLAIN)
    def test_groups(self, keras: ModuleType, name: str, groups: int) -> None:
        x = random_array(SHAPES[rank_of(name)])
        options = {"filters": 8, "kernel_size": 2, "groups": groups, "activation": "softmax"}
        theirs, ours = twins(keras, name, options, x)
        assert_same_output(ours(x), theirs(x))

    @pytest.mark.parametrize("name", [*DEPTHWISE, *SEPARABLE])
    def test_strides_with_dilation(self, keras: ModuleType, name: str) -> None:
        x = random_array(SHAPES[rank_of(name)])
        for padding in ("valid", "same"):
            options = {"kernel_size": 3, "strides": 2, "dilation_rate": 2, "padding": padding}
            theirs, ours = twins(keras, name, complete(name, options), x)
            assert_same_output(ours(x), theirs(x))

    @pytest.mark.parametrize("activation", ["tanh", "softmax", "gelu", "log_softmax"])
    @pytest.mark.parametrize("name", ["Conv1D", "Conv1DTranspose", *DEPTHWISE[:1], *SEPARABLE[:1]])
    def test_activation(self, keras: ModuleType, name: str, activation: str) -> None:
        x = random_array(SHAPES[1])
        options = complete(name, {"kernel_size": 2, "activation": activation})
        theirs, ours = twins(keras, name, options, x)
        assert_same_output(ours(x), theirs(x))

    @pytest.mark.parametrize("name", ALL)
    def test_config(self, keras: ModuleType, name: str) -> None:
        options = {"kernel_size": 3, "padding": "same", "activation": "relu", "use_bias": False}
        regularizer = "depthwise" if name in (*DEPTHWISE, *SEPARABLE) else "kernel"
        for given in ({"kernel_size": 2}, {**options, f"{regularizer}_regularizer": None}):
            theirs, ours = (
                getattr(module, name)(**complete(name, given)) for module in (keras.layers, layers)
            )
            assert_same_config(theirs, ours)

    @pytest.mark.parametrize("name", ALL)
    def test_arguments(self, keras: ModuleType, name: str) -> None:
        theirs, ours = (
            list(inspect.signature(getattr(module, name).__init__).parameters)[1:]
            for module in (keras.layers, layers)
        )
        ours = [argument for argument in ours if not argument.startswith("lora_")]
        if name == "Conv3DTranspose":  # here rnnext names only those whose place differs
            theirs, ours = theirs[:6], ours[:6]
        assert ours == theirs

    def test_file_written_by_keras(self, keras: ModuleType, tmp_path: Path) -> None:
        theirs = keras.Sequential(
            [
                keras.layers.Input((16, 3)),
                keras.layers.Conv1D(8, 3, padding="causal", activation="relu"),
                keras.layers.SeparableConv1D(6, 3, depth_multiplier=2),
                keras.layers.DepthwiseConv1D(3, strides=2, padding="same"),
                keras.layers.Conv1DTranspose(4, 3, strides=2),
                keras.layers.MaxPooling1D(2),
                keras.layers.LSTM(5),
            ]
        )
        for weight in theirs.weights:
            weight.assign(random_array(tuple(weight.shape), seed=weight.path))
        theirs.save(tmp_path / "model.keras")
        ours = rnnext.load_model(tmp_path / "model.keras")
        x = random_array((2, 16, 3))
        assert_same_output(ours.predict(x), theirs(x))

    @pytest.mark.usefixtures("keras")
    def test_file_written_by_keras_2(self, tmp_path: Path) -> None:
        keras2 = pytest.importorskip("tf_keras", reason="Keras 2 is not installed")
        theirs = keras2.Sequential(
            [
                keras2.layers.Input((6, 6, 3)),
                keras2.layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same"),
                keras2.layers.SeparableConv2D(5, 2, activation="relu"),
                keras2.layers.Conv2DTranspose(4, 3, strides=2, output_padding=1),
                keras2.layers.AveragePooling2D(2, padding="same"),
                keras2.layers.Conv2D(6, 2, groups=2),
                keras2.layers.Reshape((-1, 6)),
                keras2.layers.SeparableConv1D(4, 3, padding="causal", dilation_rate=2),
                keras2.layers.DepthwiseConv1D(2),
                keras2.layers.Conv1DTranspose(3, 2),
                keras2.layers.GlobalAveragePooling1D(),
            ]
        )
        theirs.set_weights(
            [random_array(w.shape, seed=str(i)) for i, w in enumerate(theirs.get_weights())]
        )
        x = random_array((2, 6, 6, 3))
        expected = theirs.predict(x, verbose=0)
        for suffix in ("h5", "keras"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # saving .h5 is called legacy
                theirs.save(tmp_path / f"model.{suffix}")
            assert_same_output(rnnext.load_model(tmp_path / f"model.{suffix}")(x), expected)


class TestProperties:
    def test_causal_separable_convolution_of_keras_2(self) -> None:
        x = random_array((2, 9, 4))
        options = {"kernel_size": 3, "dilation_rate": 2}
        causal = made("SeparableConv1D", {**options, "padding": "causal"}, x.shape)
        valid = made("SeparableConv1D", options, x.shape)
        np.testing.assert_array_equal(causal(x), valid(layers.ZeroPadding1D((4, 0))(x)))

    def test_row_wise_activation_follows_the_data_format(self) -> None:
        x = random_array((2, 4, 7))
        options = {"kernel_size": 2, "data_format": "channels_first"}
        plain = made("Conv1D", options, x.shape)
        softmax = made("Conv1D", {**options, "activation": "softmax"}, x.shape)
        np.testing.assert_array_equal(softmax(x), activations.softmax(plain(x)))

    @pytest.mark.parametrize("name", ALL)
    def test_empty_batch(self, name: str) -> None:
        shape = (0, *SHAPES[rank_of(name)][1:])
        layer = made(name, {"kernel_size": 3}, shape)
        assert layer(np.zeros(shape)).shape == layer.compute_output_shape(shape)

    @pytest.mark.parametrize("name", ALL)
    def test_empty_axis(self, name: str) -> None:
        rank = rank_of(name)
        layer = made(name, {"kernel_size": 3, "padding": "same"}, (2, *[None] * rank, 4))
        y = layer(np.zeros((2, *[0] * rank, 4)))
        assert y.shape == (2, *[0] * rank, y.shape[-1])

    @pytest.mark.parametrize("name", ALL)
    def test_any_layout_and_dtype(self, name: str) -> None:
        x = np.round(8 * random_array(SHAPES[rank_of(name)]))
        layer = made(name, {"kernel_size": 2}, x.shape)
        expected = layer(x)
        inputs: list[Array] = [
            np.asfortranarray(x),
            np.repeat(x, 2, axis=1)[:, ::2],
            x.astype(">f4"),
            x.astype("float64"),
            x.astype("int64"),
            x.astype("float16"),
        ]
        for same in inputs:
            np.testing.assert_array_equal(layer(same), expected)

    @pytest.mark.parametrize("name", ALL)
    def test_infinities_give_no_warning(self, name: str) -> None:
        x = random_array(SHAPES[rank_of(name)])
        layer = made(name, {"kernel_size": 2}, x.shape)
        clean = layer(x)
        x[0] = np.inf
        y = layer(x)
        assert not np.isfinite(y[0]).all()
        np.testing.assert_array_equal(y[1:], clean[1:])

    @pytest.mark.parametrize("name", ALL)
    def test_new_weights_and_pickling(self, name: str) -> None:
        x = random_array(SHAPES[rank_of(name)])
        layer = made(name, {"kernel_size": 2}, x.shape)
        before = layer(x)
        copy = pickle.loads(pickle.dumps(layer))
        np.testing.assert_array_equal(copy(x), before)
        layer.set_weights([2 * w for w in layer.get_weights()])
        assert not np.array_equal(layer(x), before)
        np.testing.assert_array_equal(copy(x), before)

    @pytest.mark.parametrize(("name", "data_format"), list(itertools.product(ALL, DATA_FORMATS)))
    def test_shapes_of_unknown_size(self, name: str, data_format: str) -> None:
        rank = rank_of(name)
        first = data_format == "channels_first"
        x = Input((4, *[None] * rank) if first else (*[None] * rank, 4))
        options = complete(name, {"kernel_size": 3, "data_format": data_format})
        y = getattr(layers, name)(**options)(x)
        filters = 4 if name in DEPTHWISE else 6
        assert y.shape == (
            (None, filters, *[None] * rank) if first else (None, *[None] * rank, filters)
        )


class TestBadInput:
    @pytest.mark.parametrize(
        ("name", "options", "message"),
        [
            ("Conv1D", {"filters": 0}, "filters must be an integer >= 1, received 0"),
            ("Conv1D", {"filters": None}, "filters must be an integer >= 1, received None"),
            ("Conv2D", {"kernel_size": (1, 0)}, r"kernel_size must be .* >= 1, .*\(1, 0\)"),
            ("Conv2D", {"kernel_size": (1, 2, 3)}, r"kernel_size .* or 2 integers .*\(1, 2, 3\)"),
            ("Conv2D", {"kernel_size": "3"}, "kernel_size must be .*'3'"),
            ("Conv2D", {"strides": (1, 0)}, r"strides must be .*\(1, 0\)"),
            (
                "Conv2D",
                {"strides": 2, "dilation_rate": (2, 1)},
                r"\(2, 2\), dilation_rate=\(2, 1\)",
            ),
            ("Conv2D", {"groups": 0}, "groups must be an integer >= 1, received 0"),
            ("Conv2D", {"groups": 4}, "groups must divide filters.*groups=4, filters=6"),
            ("Conv2D", {"padding": "causal"}, "padding must be one of .*'same'.*'causal'"),
            ("Conv1D", {"padding": "full"}, "one of .*'valid', 'same', 'causal'.*'full'"),
            ("Conv3D", {"data_format": "NDHWC"}, "data_format must be one of .*'NDHWC'"),
            ("Conv1D", {"activation": "rilu"}, "activation 'rilu' is not known"),
            ("Conv1D", {"lora_rank": 2}, "lora_rank=2 is not supported"),
            ("Conv1D", {"unit": 2}, r"unknown arguments \['unit'\]; accepted: .*'filters'"),
            ("Conv1DTranspose", {"padding": "causal"}, "padding must be one of"),
            ("Conv1DTranspose", {"output_padding": 1}, "output_padding must be less than strides"),
            ("Conv2DTranspose", {"output_padding": -1}, "output_padding must be .* >= 0"),
            ("Conv2DTranspose", {"strides": 2, "dilation_rate": 2}, "exclude each other"),
            ("Conv2DTranspose", {"groups": 2}, r"unknown arguments \['groups'\]"),
            ("DepthwiseConv1D", {"depth_multiplier": 0}, "depth_multiplier must be .* received 0"),
            ("DepthwiseConv1D", {"padding": "causal"}, "padding must be one of"),
            ("DepthwiseConv2D", {"filters": 2}, r"unknown arguments \['filters'\]"),
            ("SeparableConv2D", {"depth_multiplier": 1.5}, "depth_multiplier must be .* 1.5"),
            ("SeparableConv2D", {"filters": -1}, "filters must be an integer >= 1, received -1"),
        ],
    )
    def test_options(self, name: str, options: dict[str, Any], message: str) -> None:
        given = {**complete(name, {"kernel_size": 2}), **options}
        with pytest.raises(UnsupportedError, match=message):
            getattr(layers, name)(**given)

    def test_errors_name_the_layer(self) -> None:
        with pytest.raises(UnsupportedError, match=r"layer 'mine' \(Conv1D\): strides"):
            layers.Conv1D(2, 3, strides=0, name="mine")

    @pytest.mark.parametrize(
        ("name", "options", "shape", "message"),
        [
            ("Conv1D", {"kernel_size": 4}, (2, 3, 4), r"kernel_size \(4,\) .* fits .*3, 4\)"),
            ("Conv1D", {"dilation_rate": 10}, (2, 10, 3), r"dilation_rate \(10,\) fits"),
            ("Conv3D", {"kernel_size": 5}, (2, 6, 4, 6, 4), "no window of kernel_size"),
            ("Conv2D", {}, (2, 3, 4), r"4 axes \(batch, height, width, channels\)"),
            ("Conv2D", {"groups": 3}, (2, 5, 5, 4), "groups=3 must divide the input's 4 channels"),
            ("DepthwiseConv1D", {"kernel_size": 4}, (2, 3, 4), "no window of kernel_size"),
            ("SeparableConv1D", {"kernel_size": 4}, (2, 3, 4), "no window of kernel_size"),
            ("Conv1DTranspose", {}, (2, 3), r"3 axes \(batch, time, channels\)"),
        ],
    )
    def test_inputs(
        self, name: str, options: dict[str, Any], shape: tuple[int, ...], message: str
    ) -> None:
        layer = getattr(layers, name)(**complete(name, {"kernel_size": 2, **options}))
        with pytest.raises(ShapeError, match=message):
            layer(np.zeros(shape))
        with pytest.raises(ShapeError, match=message):
            layer(Input(shape[1:]))

    @pytest.mark.parametrize("name", ALL)
    def test_built_for_other_channels(self, name: str) -> None:
        shape = SHAPES[rank_of(name)]
        layer = made(name, {"kernel_size": 2}, shape)
        with pytest.raises(ShapeError, match=r"size 4 on axis -1 .* received shape"):
            layer(np.zeros((*shape[:-1], 5)))

    @pytest.mark.parametrize("name", [*PLAIN, *DEPTHWISE, *SEPARABLE])
    def test_a_window_that_fits_no_more(self, name: str) -> None:
        shape = SHAPES[rank_of(name)]
        layer = made(name, {"kernel_size": 3}, shape)
        with pytest.raises(ShapeError, match="no window of kernel_size"):
            layer(np.zeros((1, *[2] * rank_of(name), 4)))

    @pytest.mark.parametrize("name", ALL)
    def test_channels_must_be_known(self, name: str) -> None:
        layer = getattr(layers, name)(**complete(name, {"kernel_size": 2}))
        with pytest.raises(ShapeError, match=r"number of channels in .* is not known"):
            layer(Input((*[8] * rank_of(name), None)))
