"""Reshape, Permute, RepeatVector, cropping, zero padding and up-sampling."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from layer_twins import (
    DATA_FORMATS,
    DTYPES,
    Array,
    assert_same_layer,
    assert_same_output,
    moved,
    random_array,
)

from rnnext import Model, Sequential, layers
from rnnext.errors import DataError, ShapeError, UnsupportedError
from rnnext.layers import Input

SHAPES = {1: (2, 7, 3), 2: (2, 5, 6, 3), 3: (2, 4, 5, 6, 3)}
INTERPOLATIONS = ("nearest", "area", "bilinear", "bicubic", "lanczos3", "lanczos5")

BORDERS: dict[int, list[Any]] = {
    1: [0, 2, (1, 3), [0, 2], (3, 0)],
    2: [0, 1, (1, 2), ((1, 0), (0, 3)), [[0, 2], 1]],
    3: [0, 1, (1, 0, 2), ((1, 0), (2, 1), (0, 3)), (1, (0, 1), 2)],
}
OUTPUTS_OF_ALL = [
    ("Reshape", {"target_shape": (3, 7)}),
    ("Permute", {"dims": (2, 1)}),
    ("Cropping1D", {"cropping": 1}),
    ("ZeroPadding1D", {"padding": 1}),
    ("UpSampling1D", {"size": 2}),
]


class TestAgainstKeras:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize(
        "target_shape", [(84,), (7, 12), (-1, 4), (4, -1, 3), [2, 42], (84, 1)]
    )
    def test_reshape(self, keras: ModuleType, target_shape: Any, dtype: str) -> None:
        x = random_array((2, 4, 7, 3), dtype)
        assert_same_layer(keras, "Reshape", {"target_shape": target_shape, "dtype": dtype}, x)

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("dims", [(1, 2, 3), (3, 1, 2), [2, 3, 1], (3, 2, 1)])
    def test_permute(self, keras: ModuleType, dims: Any, dtype: str) -> None:
        x = random_array((2, 4, 7, 3), dtype)
        assert_same_layer(keras, "Permute", {"dims": dims, "dtype": dtype}, x)

    @pytest.mark.parametrize("n", [1, 5])
    def test_repeat_vector(self, keras: ModuleType, n: int) -> None:
        assert_same_layer(keras, "RepeatVector", {"n": n}, random_array((3, 4)))

    @pytest.mark.parametrize("data_format", DATA_FORMATS)
    @pytest.mark.parametrize(("rank", "value"), [(r, v) for r in BORDERS for v in BORDERS[r]])
    def test_borders(self, keras: ModuleType, rank: int, value: Any, data_format: str) -> None:
        x = moved(random_array(SHAPES[rank]), data_format)
        options = {"data_format": data_format}
        assert_same_layer(keras, f"ZeroPadding{rank}D", {"padding": value, **options}, x)
        if rank > 1:
            assert_same_layer(keras, f"Cropping{rank}D", {"cropping": value, **options}, x)
        elif data_format == "channels_last":
            assert_same_layer(keras, "Cropping1D", {"cropping": value}, x)

    @pytest.mark.parametrize("name", ["Cropping", "ZeroPadding", "UpSampling"])
    @pytest.mark.parametrize("rank", [1, 2, 3])
    def test_defaults(self, keras: ModuleType, name: str, rank: int) -> None:
        assert_same_layer(keras, f"{name}{rank}D", {}, random_array(SHAPES[rank]))

    @pytest.mark.parametrize("data_format", DATA_FORMATS)
    @pytest.mark.parametrize("size", [1, (2, 1, 3)])
    def test_up_sampling_3d(self, keras: ModuleType, size: Any, data_format: str) -> None:
        x = moved(random_array(SHAPES[3]), data_format)
        assert_same_layer(keras, "UpSampling3D", {"size": size, "data_format": data_format}, x)

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("data_format", DATA_FORMATS)
    @pytest.mark.parametrize("size", [2, (3, 1), (1, 5)])
    @pytest.mark.parametrize("interpolation", INTERPOLATIONS)
    def test_up_sampling_2d(
        self, keras: ModuleType, interpolation: str, size: Any, data_format: str, dtype: str
    ) -> None:
        # TensorFlow interpolates in single precision whatever the dtype: ask for that much.
        x = moved(random_array(SHAPES[2]), data_format).astype(dtype)
        options = {
            "size": size,
            "interpolation": interpolation,
            "data_format": data_format,
            "dtype": dtype,
        }
        theirs = keras.layers.UpSampling2D(**options)
        ours = layers.UpSampling2D(**options)
        received, expected = ours(x), np.asarray(theirs(x))
        assert received.dtype == expected.dtype == dtype
        assert_same_output(received.astype("float32"), expected.astype("float32"))

    @pytest.mark.parametrize(("name", "options"), OUTPUTS_OF_ALL)
    def test_integers_stay_integers(
        self, keras: ModuleType, name: str, options: dict[str, Any]
    ) -> None:
        x = np.arange(42, dtype="int32").reshape(2, 7, 3)
        assert_same_layer(keras, name, options, x)

    @pytest.mark.parametrize(
        "name",
        ["Reshape", "Permute", "RepeatVector"]
        + [f"{n}{r}D" for n in ("Cropping", "ZeroPadding", "UpSampling") for r in (1, 2, 3)],
    )
    def test_arguments(self, keras: ModuleType, name: str) -> None:
        theirs, ours = (
            list(inspect.signature(getattr(module, name).__init__).parameters)[1:]
            for module in (keras.layers, layers)
        )
        assert ours == theirs


class TestProperties:
    @hypothesis.settings(max_examples=50, deadline=None, derandomize=True)
    @hypothesis.given(data=st.data(), rank=st.integers(1, 3))
    def test_cropping_undoes_zero_padding(self, data: st.DataObject, rank: int) -> None:
        pair = st.tuples(st.integers(0, 3), st.integers(0, 3))
        borders = data.draw(pair if rank == 1 else st.tuples(*[pair] * rank))
        data_format = data.draw(st.sampled_from(DATA_FORMATS if rank > 1 else DATA_FORMATS[:1]))
        options = {} if rank == 1 else {"data_format": data_format}
        x = random_array(SHAPES[rank])
        padded = getattr(layers, f"ZeroPadding{rank}D")(borders, **options)(x)
        assert padded.sum() == pytest.approx(x.sum(), rel=1e-4)
        np.testing.assert_array_equal(
            getattr(layers, f"Cropping{rank}D")(borders, **options)(padded), x
        )

    @hypothesis.settings(max_examples=50, deadline=None, derandomize=True)
    @hypothesis.given(
        length=st.integers(1, 12),
        factor=st.integers(1, 7),
        interpolation=st.sampled_from(INTERPOLATIONS),
    )
    def test_interpolation_keeps_a_constant(
        self, length: int, factor: int, interpolation: str
    ) -> None:
        x = np.full((1, length, 1, 1), 0.7, "float64")
        y = layers.UpSampling2D((factor, 1), interpolation=interpolation, dtype="float64")(x)
        np.testing.assert_allclose(y, 0.7, rtol=1e-14)

    @pytest.mark.parametrize("order", ["fortran", "strided", "byte-swapped", "read-only"])
    @pytest.mark.parametrize(("name", "options"), OUTPUTS_OF_ALL)
    def test_any_layout_gives_row_major(
        self, name: str, options: dict[str, Any], order: str
    ) -> None:
        layer, x = getattr(layers, name)(**options), random_array((2, 7, 3))
        expected = layer(x)
        received = layer(_in_order(x, order))
        np.testing.assert_array_equal(received, expected)
        assert received.flags.c_contiguous
        assert received.dtype == "float32"

    @pytest.mark.parametrize(("name", "options"), OUTPUTS_OF_ALL)
    def test_empty_batch(self, name: str, options: dict[str, Any]) -> None:
        layer = getattr(layers, name)(**options)
        y = layer(np.zeros((0, 7, 3)))
        assert y.shape == layer.compute_output_shape((0, 7, 3))

    def test_reshape_with_a_free_size_of_an_empty_batch(self) -> None:
        assert layers.Reshape((-1, 2))(np.zeros((0, 6))).shape == (0, 3, 2)

    def test_a_mask_does_not_pass(self) -> None:
        x = layers.Masking()(random_array((2, 7, 3)))
        for name, options in OUTPUTS_OF_ALL:
            assert getattr(getattr(layers, name)(**options)(x), "_keras_mask", None) is None


class TestInModels:
    def test_shapes_of_unknown_size(self) -> None:
        x = Input((None, 6))
        assert layers.Reshape((-1, 2))(x).shape == (None, None, 2)
        assert layers.Permute((2, 1))(x).shape == (None, 6, None)
        assert layers.Cropping1D(2)(x).shape == (None, None, 6)
        assert layers.ZeroPadding1D(2)(x).shape == (None, None, 6)
        assert layers.UpSampling1D(2)(x).shape == (None, None, 6)

    def test_integers_reach_an_embedding(self) -> None:
        inputs = Input((6,), dtype="int32")
        ids = layers.Permute((2, 1))(layers.Reshape((3, 2))(inputs))
        assert ids.dtype == "int32"
        embedding = layers.Embedding(10, 4)
        model = Model(inputs, embedding(ids))
        x = np.arange(6).reshape(1, 6)
        table = embedding.get_weights()[0]
        np.testing.assert_array_equal(model(x), table[x.reshape(1, 3, 2).transpose(0, 2, 1)])

    def test_sequence_to_sequence(self, keras: ModuleType) -> None:
        def build(module: Any, sequential: Any) -> Any:
            return sequential(
                [
                    module.Input((5, 4)),
                    module.LSTM(6),
                    module.RepeatVector(3),
                    module.LSTM(6, return_sequences=True),
                    module.Permute((2, 1)),
                    module.Reshape((-1,)),
                ]
            )

        theirs = build(keras.layers, keras.Sequential)
        ours = build(layers, Sequential)
        assert ours.output_shape == theirs.output_shape
        ours.set_weights(theirs.get_weights())
        x = random_array((2, 5, 4))
        assert_same_output(ours(x), theirs(x))


class TestBadInput:
    @pytest.mark.parametrize(
        ("name", "options", "message"),
        [
            ("Reshape", {"target_shape": (-1, -1)}, r"at most one size .* -1.*\(-1, -1\)"),
            ("Reshape", {"target_shape": (2, -3)}, r"target_shape must be .* >= -1.*\(2, -3\)"),
            ("Reshape", {"target_shape": (2, None)}, r"target_shape must be .*\(2, None\)"),
            ("Permute", {"dims": (1, 3)}, r"permutation of 1, 2, ..., 2.*\(1, 3\)"),
            ("Permute", {"dims": (0, 1)}, r"dims must be .* >= 1.*\(0, 1\)"),
            ("Permute", {"dims": (1, 1)}, r"permutation .*\(1, 1\)"),
            ("RepeatVector", {"n": 0}, "n must be an integer >= 1, received 0"),
            ("RepeatVector", {"n": 2.0}, "n must be an integer >= 1, received 2.0"),
            ("RepeatVector", {"n": True}, "n must be an integer >= 1, received True"),
            ("Cropping1D", {"cropping": (1, 2, 3)}, r"cropping must be .* 2 .*\(1, 2, 3\)"),
            ("Cropping1D", {"cropping": -1}, "cropping must be .* >= 0, received -1"),
            ("Cropping2D", {"cropping": (1, 2, 3)}, r"2 pairs \(before, after\).*\(1, 2, 3\)"),
            ("Cropping2D", {"cropping": ((1, -2), 0)}, "cropping must be .* >= 0"),
            ("Cropping3D", {"cropping": 1.5}, "cropping must be an integer.*1.5"),
            ("ZeroPadding2D", {"padding": "same"}, "padding must be an integer.*'same'"),
            ("ZeroPadding3D", {"padding": ((1, 2), (3, 4))}, "3 pairs"),
            ("ZeroPadding1D", {"data_format": "NWC"}, "data_format must be one of .*'NWC'"),
            ("UpSampling1D", {"size": (2,)}, r"size must be an integer >= 1, received \(2,\)"),
            ("UpSampling2D", {"size": 0}, "size must be .* >= 1, received 0"),
            ("UpSampling2D", {"interpolation": "cubic"}, "interpolation must be one of .*'cubic'"),
            ("UpSampling3D", {"size": (2, 2)}, r"size must be .* 3 integers .*\(2, 2\)"),
            (
                "UpSampling3D",
                {"interpolation": "nearest"},
                r"unknown arguments \['interpolation'\]",
            ),
        ],
    )
    def test_options(self, name: str, options: dict[str, Any], message: str) -> None:
        with pytest.raises(UnsupportedError, match=message) as error:
            getattr(layers, name)(**options, name="mine")
        assert f"layer 'mine' ({name})" in str(error.value)

    @pytest.mark.parametrize(
        ("name", "options", "shape", "message"),
        [
            ("Reshape", {"target_shape": (4, 2)}, (1, 9), r"\(4, 2\) .* 9 elements"),
            ("Reshape", {"target_shape": (-1, 2)}, (1, 9), r"\(-1, 2\) .* 9 elements"),
            ("Reshape", {"target_shape": (-1, 0)}, (1, 9), r"\(-1, 0\) .* 9 elements"),
            ("Permute", {"dims": (2, 1)}, (1, 2, 3, 4), "expects an input with 3 axes"),
            ("RepeatVector", {"n": 2}, (1, 2, 3), "expects an input with 2 axes"),
            ("Cropping1D", {"cropping": 3}, (1, 6, 2), r"\(3, 3\) leaves nothing .*6, 2\)"),
            ("Cropping2D", {"cropping": (0, 3)}, (1, 9, 6, 2), "leaves nothing"),
            (
                "ZeroPadding3D",
                {},
                (1, 2, 3, 4),
                r"5 axes \(batch, depth, height, width, channels\)",
            ),
            ("UpSampling2D", {}, (1, 2, 3), r"4 axes \(batch, height, width, channels\)"),
        ],
    )
    def test_inputs(
        self, name: str, options: dict[str, Any], shape: tuple[int, ...], message: str
    ) -> None:
        layer = getattr(layers, name)(**options)
        with pytest.raises(ShapeError, match=message):
            layer(np.zeros(shape))
        with pytest.raises(ShapeError, match=message):
            layer(Input(shape[1:]))

    def test_integers_cannot_be_interpolated(self) -> None:
        layer = layers.UpSampling2D(interpolation="bilinear")
        with pytest.raises(DataError, match=r"'bilinear' is for floating-point images.*int64"):
            layer(np.zeros((1, 2, 2, 1), "int64"))


def _in_order(x: Array, order: str) -> Array:
    """The same values in another memory layout."""
    if order == "fortran":
        return np.asfortranarray(x)
    if order == "strided":
        return np.repeat(x, 2, axis=-1)[..., ::2]
    if order == "byte-swapped":
        return x.astype(x.dtype.newbyteorder())
    y = x.copy()
    y.flags.writeable = False
    return y
