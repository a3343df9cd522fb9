"""Add, Subtract, Multiply, Average, Maximum, Minimum, Concatenate and Dot."""

from __future__ import annotations

import inspect
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
)

from rnnext import Model, layers
from rnnext.errors import DataError, ShapeError, UnsupportedError
from rnnext.graph.masked_array import attach_mask, mask_of
from rnnext.layers import Input

FORMULAS = {
    "Add": lambda a, b: a + b,
    "Subtract": lambda a, b: a - b,
    "Multiply": lambda a, b: a * b,
    "Average": lambda a, b: (a + b) / 2,
    "Maximum": np.maximum,
    "Minimum": np.minimum,
}
OF_ANY_NUMBER = [name for name in FORMULAS if name != "Subtract"]
MERGING = [*FORMULAS, "Concatenate"]
# Shapes (without the batch) that Keras merges by giving the shorter ones axes after the batch.
BROADCAST = [((3, 4), (3, 4)), ((3, 4), (4,)), ((3, 1), (1, 4)), ((4,), (2, 3, 4)), ((), (3,))]


def inputs(*shapes: tuple[int, ...], dtype: str = "float32") -> list[Array]:
    return [random_array(shape, dtype, f"input {i}") for i, shape in enumerate(shapes)]


class TestAgainstKeras:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("shapes", BROADCAST)
    @pytest.mark.parametrize("name", FORMULAS)
    def test_two_inputs(
        self, keras: ModuleType, name: str, shapes: tuple[Any, Any], dtype: str
    ) -> None:
        arrays = inputs(*[(2, *shape) for shape in shapes], dtype=dtype)
        assert_same_layer(keras, name, {"dtype": dtype}, arrays)

    @pytest.mark.parametrize("count", [1, 3, 5])
    @pytest.mark.parametrize("name", OF_ANY_NUMBER)
    def test_any_number_of_inputs(self, keras: ModuleType, name: str, count: int) -> None:
        assert_same_layer(keras, name, {}, inputs(*[(2, 3, 4)] * count))

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize(
        ("axis", "shapes"),
        [
            (-1, [(2, 3, 4), (2, 3, 1)]),
            (1, [(2, 3, 4), (2, 1, 4), (2, 5, 4)]),
            (-2, [(2, 3, 4), (2, 2, 4)]),
            (0, [(2, 3), (1, 3)]),
            (2, [(2, 3, 4)]),
        ],
    )
    def test_concatenate(self, keras: ModuleType, axis: int, shapes: list[Any], dtype: str) -> None:
        options = {"axis": axis, "dtype": dtype}
        assert_same_layer(keras, "Concatenate", options, inputs(*shapes, dtype=dtype))

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("normalize", [False, True])
    @pytest.mark.parametrize(
        ("axes", "shapes"),
        [
            (1, [(2, 4), (2, 4)]),
            (-1, [(2, 4), (2, 4)]),
            (1, [(2, 3, 4), (2, 3, 5)]),
            (2, [(2, 3, 4), (2, 5, 4)]),
            ((1, 2), [(2, 4), (2, 3, 4)]),
            ([2, 1], [(2, 3, 4), (2, 4)]),
            ((-1, 1), [(2, 3, 4), (2, 4, 5)]),
            ((-2, -1), [(1, 3, 2), (1, 1, 2, 3)]),
            ((1, 2), [(2, 3, 4, 5), (2, 6, 3)]),
        ],
    )
    def test_dot(
        self, keras: ModuleType, axes: Any, shapes: list[Any], normalize: bool, dtype: str
    ) -> None:
        arrays = inputs(*shapes, dtype=dtype)
        theirs, ours = (
            module.Dot(axes=axes, normalize=normalize, dtype=dtype)
            for module in (keras.layers, layers)
        )
        assert_same_output(ours(arrays), theirs(arrays))
        assert_same_config(theirs, ours)

    def test_dot_normalizes_a_zero_vector_to_zero(self, keras: ModuleType) -> None:
        arrays = [np.zeros((1, 4), "float32"), np.ones((1, 4), "float32")]
        options = {"axes": 1, "normalize": True}
        assert_same_layer(keras, "Dot", options, arrays)

    @pytest.mark.parametrize("name", MERGING)
    @pytest.mark.parametrize(
        "dtypes", [("int32", "int32"), ("int32", "int64"), ("int64", "float32")]
    )
    def test_integers(self, keras: ModuleType, name: str, dtypes: tuple[str, str]) -> None:
        arrays = [np.arange(6).reshape(2, 3).astype(dtype) for dtype in dtypes]
        received = getattr(layers, name)()(arrays)
        expected = np.asarray(getattr(keras.layers, name)()(arrays))
        np.testing.assert_array_equal(received, expected)
        if name != "Average":  # of integers Keras gives float64, in its graphs float32
            assert received.dtype == expected.dtype

    @pytest.mark.parametrize("name", [*MERGING, "Dot"])
    def test_arguments(self, keras: ModuleType, name: str) -> None:
        for each in (name, name.lower()):
            theirs, ours = (
                {p.name: p.default for p in inspect.signature(function).parameters.values()}
                for function in (getattr(keras.layers, each), getattr(layers, each))
            )
            assert ours == theirs


class TestMasks:
    @hypothesis.settings(max_examples=60, deadline=None, derandomize=True)
    @hypothesis.given(data=st.data(), name=st.sampled_from(MERGING), axis=st.integers(0, 2))
    def test_against_keras(
        self, keras: ModuleType, data: st.DataObject, name: str, axis: int
    ) -> None:
        count = 2 if name == "Subtract" else data.draw(st.integers(1, 3))
        arrays = inputs(*[(2, 4, 3)] * count)
        bits = st.one_of(st.none(), st.lists(st.booleans(), min_size=8, max_size=8))
        masks = [data.draw(bits) for _ in arrays]
        masks = [None if mask is None else np.reshape(mask, (2, 4)) for mask in masks]
        options = {"axis": axis} if name == "Concatenate" else {}
        expected = getattr(keras.layers, name)(**options)(
            [_keras_masked(keras, x, mask) for x, mask in zip(arrays, masks, strict=True)]
        )
        received = getattr(layers, name)(**options)(
            [_masked(x, mask) for x, mask in zip(arrays, masks, strict=True)]
        )
        assert_same_output(received, expected)
        their_mask = getattr(expected, "_keras_mask", None)
        if their_mask is None:
            assert mask_of(received) is None
        else:
            np.testing.assert_array_equal(mask_of(received), np.asarray(their_mask))

    @pytest.mark.parametrize("masked", [0, 1])
    @pytest.mark.parametrize("name", ["Multiply", "Maximum", "Minimum"])
    def test_an_input_of_fewer_axes_loses_its_mask(
        self, keras: ModuleType, name: str, masked: int
    ) -> None:
        arrays = inputs((2, 4, 3), (2, 3))
        masks = [np.array([[1, 0, 1, 0], [0, 0, 1, 1]], bool), np.array([True, False])]
        masks[1 - masked] = None
        expected = getattr(keras.layers, name)()(
            [_keras_masked(keras, x, mask) for x, mask in zip(arrays, masks, strict=True)]
        )
        layer = getattr(layers, name)()
        assert_same_output(layer(arrays, mask=masks), expected)

    @pytest.mark.parametrize("name", ["Multiply", "Maximum", "Minimum"])
    def test_what_is_masked_does_not_leak(self, name: str) -> None:
        a, b = inputs((1, 2, 3), (1, 2, 3))
        a[:, 0] = np.nan
        masked = _masked(a, np.array([[False, True]]))
        assert np.isfinite(getattr(layers, name)()([masked, b])).all()

    def test_dot_has_no_mask(self) -> None:
        mask = np.ones((1, 2), bool)
        a, b = (_masked(x, mask) for x in inputs((1, 2, 3), (1, 2, 3)))
        assert mask_of(layers.Dot(2)([a, b])) is None

    @pytest.mark.parametrize("name", MERGING)
    def test_compute_mask(self, name: str) -> None:
        arrays = inputs((2, 4, 5), (2, 4, 5))
        layer = getattr(layers, name)()
        assert layer.compute_mask(arrays) is None
        assert layer.compute_mask(arrays, [None, None]) is None
        mask = layer.compute_mask(arrays, [np.ones((2, 4), bool), np.zeros((2, 4), bool)])
        np.testing.assert_array_equal(mask, np.ones((2, 4), bool))

    def test_through_a_model(self, keras: ModuleType) -> None:
        def build(module: Any, model: Any) -> Any:
            ids = [module.Input((5,), dtype="int32") for _ in range(2)]
            a, b = (module.Embedding(7, 4, mask_zero=True)(x) for x in ids)
            both = module.Concatenate()([module.Multiply()([a, b]), module.Maximum()([a, b])])
            return model(ids, module.LSTM(3)(both))

        theirs, ours = build(keras.layers, keras.Model), build(layers, Model)
        ours.set_weights(theirs.get_weights())
        x = [np.array([[1, 2, 0, 3, 0]]), np.array([[4, 0, 5, 6, 0]])]
        assert_same_output(ours(x), theirs(x))


class TestProperties:
    @hypothesis.settings(max_examples=100, deadline=None, derandomize=True)
    @hypothesis.given(
        name=st.sampled_from(list(FORMULAS)),
        shapes=st.lists(
            st.lists(st.sampled_from([1, 3]), max_size=3).map(tuple), min_size=2, max_size=2
        ),
        batch=st.integers(0, 4),
    )
    def test_broadcasting(self, name: str, shapes: list[tuple[int, ...]], batch: int) -> None:
        a, b = (random_array((batch, *shape), seed=str(i)) for i, shape in enumerate(shapes))
        rank = max(a.ndim, b.ndim)
        wide = [x.reshape(batch, *[1] * (rank - x.ndim), *x.shape[1:]) for x in (a, b)]
        layer = getattr(layers, name)()
        y = layer([a, b])
        np.testing.assert_array_equal(y, FORMULAS[name](*wide))
        assert y.shape == layer.compute_output_shape([a.shape, b.shape])

    def test_functions_make_a_layer(self) -> None:
        a, b = inputs((2, 3), (2, 3))
        for name in MERGING:
            function = getattr(layers, name.lower())
            np.testing.assert_array_equal(function([a, b]), getattr(layers, name)()([a, b]))
        assert layers.concatenate([a, b], axis=0).shape == (4, 3)
        np.testing.assert_allclose(layers.dot([a, b])[:, 0], (a * b).sum(1), rtol=1e-6)
        assert layers.add([Input((3,)), Input((3,))], name="mine").name == "mine"

    def test_dot_of_a_sample_has_the_same_bits_in_any_batch(self) -> None:
        a, b = inputs((9, 7, 33), (9, 5, 33))
        layer = layers.Dot(2)
        whole = layer([a, b])
        for i in range(9):
            np.testing.assert_array_equal(layer([a[i : i + 1], b[i : i + 1]]), whole[i : i + 1])

    def test_infinities_give_no_warning(self) -> None:
        x = np.full((1, 2), np.inf, "float32")
        assert np.isnan(layers.Subtract()([x, x])).all()
        assert np.isnan(layers.Dot(1)([x, np.zeros((1, 2), "float32")])).all()

    def test_shapes_of_unknown_size(self) -> None:
        a, b = Input((None, 4)), Input((7, 4))
        assert layers.Add()([a, b]).shape == (None, None, 4)
        assert layers.Concatenate()([a, b]).shape == (None, None, 8)
        assert layers.Concatenate(axis=1)([a, b]).shape == (None, None, 4)
        assert layers.Dot((2, 2))([a, b]).shape == (None, None, 7)


class TestBadInput:
    @pytest.mark.parametrize(
        ("name", "options", "message"),
        [
            ("Concatenate", {"axis": 1.0}, "axis must be an integer, received 1.0"),
            ("Concatenate", {"axis": None}, "axis must be an integer, received None"),
            ("Dot", {"axes": "last"}, "axes must be an integer or 2 integers.*'last'"),
            ("Dot", {"axes": (1, 2, 3)}, r"axes must be .*\(1, 2, 3\)"),
            ("Dot", {"axes": (1, 2.5)}, r"axes must be .*\(1, 2.5\)"),
            ("Add", {"axis": 1}, r"unknown arguments \['axis'\]"),
        ],
    )
    def test_options(self, name: str, options: dict[str, Any], message: str) -> None:
        with pytest.raises(UnsupportedError, match=message) as error:
            getattr(layers, name)(**options, name="mine")
        assert f"layer 'mine' ({name})" in str(error.value)

    @pytest.mark.parametrize(
        ("name", "options", "shapes", "message"),
        [
            ("Add", {}, [(2, 3), (2, 4)], r"\(3,\), \(4,\) do not broadcast"),
            ("Add", {}, [(2, 3), (1, 3)], "different batch sizes"),
            ("Subtract", {}, [(2, 3)], "exactly 2 inputs, received 1"),
            ("Subtract", {}, [(2, 3)] * 3, "exactly 2 inputs, received 3"),
            ("Concatenate", {"axis": 3}, [(2, 3), (2, 3)], "axis"),
            ("Concatenate", {}, [(2, 3), (2, 3, 4)], "ranks differ"),
            ("Concatenate", {}, [(1, 2, 1, 1, 5), (1, 1, 1, 1, 4)], "along axis -1"),
            ("Concatenate", {"axis": 1}, [(1, 2, 1, 2, 1), (1, 1, 1, 3, 1)], "along axis 1"),
            ("Dot", {"axes": 1}, [(2, 3), (2, 4)], r"\(2, 3\), \(2, 4\)\] differ in size"),
            ("Dot", {"axes": 1}, [(2, 3)], "exactly 2 inputs, received 1"),
            ("Dot", {"axes": 0}, [(2, 2), (2, 2)], "axis other than the batch"),
            ("Dot", {"axes": 2}, [(2, 2), (2, 2)], "axis other than the batch"),
        ],
    )
    def test_shapes(
        self, name: str, options: dict[str, Any], shapes: list[Any], message: str
    ) -> None:
        layer = getattr(layers, name)(**options)
        with pytest.raises(ShapeError, match=message) as error:
            layer([np.zeros(shape) for shape in shapes])
        assert f"({name})" in str(error.value)
        with pytest.raises(ShapeError, match=message):
            layer([Input(batch_shape=shape) for shape in shapes])

    @pytest.mark.parametrize("name", [*MERGING, "Dot"])
    def test_one_array_is_not_a_list(self, name: str) -> None:
        layer = getattr(layers, name)(**({"axes": 1} if name == "Dot" else {}))
        for x in (np.zeros((2, 3)), Input((3,))):
            with pytest.raises(ShapeError, match="must be called on a list"):
                layer(x)
        with pytest.raises(ShapeError, match="must be called on a list"):
            layer([])

    def test_a_built_layer_checks_each_call(self) -> None:
        layer = layers.Add()
        layer(inputs((2, 3), (2, 3)))
        with pytest.raises(ShapeError, match=r"\(2, 3\), \(2, 4\)\] cannot be merged"):
            layer(inputs((2, 3), (2, 4)))

    def test_booleans_are_no_numbers(self) -> None:
        flags = np.zeros((2, 3), bool)
        assert layers.Concatenate()([flags, flags]).dtype == bool
        with pytest.raises(DataError, match="merges numbers, received booleans"):
            layers.Add()([flags, flags])

    @pytest.mark.parametrize("name", OF_ANY_NUMBER)
    def test_masks(self, name: str) -> None:
        arrays = inputs((2, 4, 5), (2, 4, 5))
        layer = getattr(layers, name)()
        mask = np.ones((2, 4), bool)
        with pytest.raises(ShapeError, match="a mask for each of 2 inputs, received 1"):
            layer.compute_mask(arrays, [mask])
        with pytest.raises(ShapeError, match="must be called on a list"):
            layer.compute_mask(arrays, mask)
        with pytest.raises(ShapeError, match=r"mask of shape \(2, 3\) does not fit .*\(2, 4, 5\)"):
            layer.compute_mask(arrays, [mask, mask[:, :3]])

    def test_masks_of_different_ranks(self) -> None:
        arrays = inputs((2, 4, 5), (2, 5))
        layer = layers.Add(name="mine")
        with pytest.raises(ShapeError, match=r"layer 'mine' .Add.: .*broadcast"):
            layer.compute_mask(arrays, [np.ones((2, 4), bool), np.ones(2, bool)])


def _masked(x: Array, mask: Array | None) -> Array:
    return x if mask is None else attach_mask(x, mask)


def _keras_masked(keras: ModuleType, x: Array, mask: Array | None) -> Any:
    tensor = keras.ops.convert_to_tensor(x)
    if mask is not None:
        tensor._keras_mask = keras.ops.convert_to_tensor(mask)
    return tensor
