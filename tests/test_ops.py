"""Operations: eagerly, symbolically and in saved models, beside keras.ops."""

from __future__ import annotations

import copy
import inspect
import pickle
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import op_cases
import pytest
from keras_reference import arrays
from layer_twins import Array, assert_same_output, random_array

import rnnext
from rnnext import Model, ops, serialization
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.layers import LSTM, Dense, Embedding, Input, Masking

Case = tuple[str, Sequence[Any], dict[str, Any]]

DTYPES = ("float32", "float64", "int32", "int64", "uint8", "bool")
FLOATS = ("float32", "float64")

# Elementwise operations of one array, on every dtype that Keras's has.
UNARY = (
    *("abs", "absolute", "ceil", "cos", "cosh", "exp", "exp2", "expm1", "floor", "isfinite"),
    *("isinf", "isnan", "logical_not", "negative", "sign", "sin", "sinh", "square", "tan"),
    *("arctan", "arcsinh", "ravel", "round", "trunc", "zeros_like"),
    *("ones_like", "copy", "convert_to_tensor", "stop_gradient", "nan_to_num"),
)
# Those that are for floats, or for positive numbers.
UNARY_FLOAT = (
    *("sigmoid", "tanh", "relu", "relu6", "silu", "selu", "softplus", "softsign", "log_sigmoid"),
    *("hard_sigmoid", "hard_silu", "hard_tanh", "tanh_shrink", "sparse_plus", "sparse_sigmoid"),
    *("swish", "hard_swish"),
    *("erf", "softmax", "log_softmax", "sparsemax", "glu", "gelu", "elu", "celu", "leaky_relu"),
    *("squareplus", "hard_shrink", "soft_shrink", "normalize", "logsumexp", "reciprocal"),
    *("arcsin", "arccos", "arctanh", "cbrt", "deg2rad", "rad2deg"),
)
POSITIVE = ("sqrt", "rsqrt", "log", "log10", "log1p", "log2", "arccosh")
BINARY = (
    *("add", "subtract", "multiply", "divide", "true_divide", "maximum", "minimum", "equal"),
    *("not_equal", "greater", "greater_equal", "less", "less_equal", "logical_and"),
    *("logical_or", "logical_xor", "divide_no_nan", "arctan2"),
)
REDUCTIONS = (
    *("sum", "prod", "mean", "var", "std", "any", "all", "max", "min", "amax", "amin"),
    *("median", "ptp"),
)

NAN_REDUCTIONS = ("nansum", "nanprod", "nanmean", "nanvar", "nanstd")

X = random_array((2, 3, 4), seed="x")
Y = random_array((2, 3, 4), seed="y")
ROW = random_array((4,), seed="row")
IDS = np.array([[1, 0, 3], [2, 2, 1]], np.int32)
CASES: list[Case] = [
    ("clip", (X, -0.5, 0.5), {}),
    ("where", (X > 0, X, 0.0), {}),
    ("where", (X > 0, 1, X), {}),
    ("power", (np.abs(X), 1.5), {}),
    ("power", (X, 2), {}),
    ("mod", (X, 0.7), {}),
    ("fmod", (X, 0.7), {}),
    ("fmax", (X, np.where(Y > 0, Y, np.float32(np.nan))), {}),
    ("fmin", (X, np.where(Y > 0, Y, np.float32(np.nan))), {}),
    *((name, (np.where(X > 0, X, np.float32(np.nan)), 1), {}) for name in NAN_REDUCTIONS),
    ("floor_divide", (X, 0.7), {}),
    ("logaddexp", (X, Y), {}),
    ("hypot", (X, Y), {}),
    ("round", (X, 2), {}),
    ("full_like", (X, 3), {}),
    ("full_like", (X, 3, "int32"), {}),
    ("cast", (X, "int32"), {}),
    ("cast", (IDS, "float64"), {}),
    ("saturate_cast", (X * 200, "uint8"), {}),
    ("leaky_relu", (X, 0.4), {}),
    ("gelu", (X, False), {}),
    ("threshold", (X, 0.1, 7.0), {}),
    ("softmax", (X, 1), {}),
    ("softmax", (X, None), {}),
    ("log_softmax", (X, 1), {}),
    ("glu", (X, 0), {}),
    ("reshape", (X, (4, -1, 2)), {}),
    ("transpose", (X,), {}),
    ("transpose", (X, (1, 2, 0)), {}),
    ("swapaxes", (X, 0, -1), {}),
    ("moveaxis", (X, 0, 1), {}),
    ("moveaxis", (X, (0, 1), (2, 0)), {}),
    ("expand_dims", (X, 1), {}),
    ("expand_dims", (X, (0, -1)), {}),
    ("squeeze", (X[:, :1], 1), {}),
    ("squeeze", (X[:1, :1],), {}),
    ("broadcast_to", (ROW, (3, 4)), {}),
    ("concatenate", ([X, Y, IDS[..., None] * 2.0],), {"axis": -1}),
    ("concatenate", ([X, Y], 1), {}),
    ("stack", ([X, Y, X],), {}),
    ("stack", ([X, Y], -1), {}),
    ("hstack", ([X, Y],), {}),
    ("vstack", ([X, Y],), {}),
    ("split", (X, 2, -1), {}),
    ("split", (X, [1, 3], 2), {}),
    ("unstack", (X,), {"axis": 1}),
    ("tile", (X, (2, 1, 3)), {}),
    ("tile", (X, 2), {}),
    ("repeat", (X, 2, 1), {}),
    ("repeat", (X, 3), {}),
    ("flip", (X,), {}),
    ("flip", (X, 1), {}),
    ("roll", (X, 2), {}),
    ("roll", (X, -1, 2), {}),
    ("pad", (X, ((0, 0), (1, 2), (0, 1))), {}),
    ("pad", (X, ((1, 1), (0, 0), (2, 0))), {"constant_values": 5}),
    ("pad", (X, ((0, 0), (1, 1), (2, 2))), {"mode": "reflect"}),
    ("pad", (X, ((0, 0), (1, 1), (2, 2))), {"mode": "symmetric"}),
    ("tril", (X, 1), {}),
    ("triu", (X,), {}),
    ("diagonal", (X, 1, 1, 2), {}),
    ("diff", (X,), {}),
    ("diff", (X, 2, 1), {}),
    ("take", (X, [0, -1, 2], 1), {}),
    ("take", (X, IDS, 2), {}),
    ("take", (X, [5, 7]), {}),
    ("take_along_axis", (X, np.argsort(X, 1), 1), {}),
    ("slice", (X, (0, 1, 2), (2, 2, 1)), {}),
    ("sort", (X,), {}),
    ("sort", (X, 1), {}),
    ("argsort", (X,), {}),
    ("argsort", (np.array([3, 1, 3, 1]),), {}),
    ("top_k", (X, 2), {}),
    ("top_k", (np.array([2.0, 5.0, 5.0, 2.0], "float32"), 3), {}),
    ("one_hot", (IDS, 3), {}),
    ("one_hot", (IDS, 4, 1, "int32"), {}),
    ("multi_hot", (IDS, 4), {}),
    ("matmul", (X, np.swapaxes(Y, 1, 2)), {}),
    ("matmul", (X, ROW), {}),
    ("matmul", (IDS, np.ones((3, 2), "int32")), {}),
    ("dot", (X, ROW), {}),
    ("dot", (X[0], Y[0].T), {}),
    ("inner", (ROW, ROW), {}),
    ("outer", (ROW, ROW), {}),
    ("tensordot", (X, Y), {"axes": ((1, 2), (1, 2))}),
    ("tensordot", (X[0], Y[0].T, 1), {}),
    ("einsum", ("bij,bkj->bik", X, Y), {}),
    ("einsum", ("...j,j->...", X, ROW), {}),
    ("einsum", ("ij,jk", X[0], Y[0].T), {}),
    ("average", (X, 1), {}),
    ("average", (X,), {"weights": np.abs(Y)}),
    ("count_nonzero", (IDS, 1), {}),
    ("logsumexp", (X, 1, True), {}),
    ("logsumexp", (X * 1e4, (0, 2)), {}),
    ("norm", (X,), {"axis": -1}),
    ("norm", (X,), {"axis": (1, 2), "ord": "fro", "keepdims": True}),
    ("norm", (X, 1, -1), {}),
    ("moments", (X, (0, 1)), {}),
    ("moments", (X, [2]), {"keepdims": True}),
    ("cumsum", (X, 1), {}),
    ("cumsum", (IDS,), {}),
    ("cumprod", (X, -1), {}),
    ("max", (X, 1), {"initial": 0.5}),
    ("normalize", (X, 1, 3), {}),
    ("layer_normalization", (X, ROW, ROW), {}),
    ("layer_normalization", (X,), {"axis": (1, 2), "epsilon": 0.1}),
    ("rms_normalization", (X, ROW), {}),
    ("batch_normalization", (X, ROW, ROW**2, -1, ROW, ROW), {}),
    ("batch_normalization", (X, ROW[:3], ROW[:3] ** 2, 1), {}),
    ("dot_product_attention", (X[None], Y[None], Y[None]), {}),
    ("dot_product_attention", (X[None], Y[None], Y[None]), {"is_causal": True, "scale": 2.0}),
    (
        "dot_product_attention",
        (X[None], Y[None], Y[None], X[0, :2, :2]),
        {"mask": X[0, :2, :2] > 0},
    ),
    ("add", ([1, 2], 0.5), {}),
    ("add", (2, 3), {}),
    ("multiply", (X, np.float64(2)), {}),
    *op_cases.CASES,
    *op_cases.UNRECORDED,
]
CASE_IDS = [f"{name}-{i}" for i, (name, _, _) in enumerate(CASES)]


def assert_same_outputs(received: Any, expected: Any) -> None:
    """`assert_same_output` for one or several."""
    pairs = zip(arrays(received), arrays(expected), strict=True)
    for ours, theirs in pairs:
        assert_same_output(ours, theirs)


def values(dtype: str) -> Array:
    """An array of this dtype, of the size of the first samples."""
    return (X * 3).astype(dtype) if dtype != "uint8" else np.abs(X * 3).astype(dtype)


class TestEagerly:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("name", UNARY)
    def test_unary(self, keras: ModuleType, name: str, dtype: str) -> None:
        x = values(dtype)
        if dtype in ("bool", "uint8") and name in ("negative", "sign", "abs", "absolute", "round"):
            pytest.skip("TensorFlow has no such kernel")
        assert_same_outputs(getattr(ops, name)(x), getattr(keras.ops, name)(x))

    @pytest.mark.parametrize("dtype", FLOATS)
    @pytest.mark.parametrize("name", UNARY_FLOAT)
    def test_unary_of_floats(self, keras: ModuleType, name: str, dtype: str) -> None:
        x = values(dtype)
        expected = getattr(keras.ops, name)(x)
        if dtype == "float64" and name in ("gelu", "leaky_relu"):
            # TensorFlow has their constants in float32.
            np.testing.assert_allclose(getattr(ops, name)(x), expected, rtol=1e-7, atol=1e-7)
        else:
            assert_same_outputs(getattr(ops, name)(x), expected)

    @pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
    @pytest.mark.parametrize("name", POSITIVE)
    def test_unary_of_positive_numbers(self, keras: ModuleType, name: str, dtype: str) -> None:
        if (name, dtype) == ("rsqrt", "int32"):
            pytest.skip("TensorFlow has no such kernel")
        x = np.abs(values(dtype)) + np.ones((), dtype)
        assert_same_outputs(getattr(ops, name)(x), getattr(keras.ops, name)(x))

    @pytest.mark.parametrize("right", [*DTYPES, 2, 0.5, True])
    @pytest.mark.parametrize("left", DTYPES)
    @pytest.mark.parametrize("name", BINARY)
    def test_binary(self, keras: ModuleType, name: str, left: str, right: Any) -> None:
        x = values(left)
        y = values(right)[:, :1] if isinstance(right, str) else right
        y = np.where(y == 0, y.dtype.type(1), y) if isinstance(right, str) else y
        theirs = getattr(keras.ops, name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                expected = theirs(x, y)
            except Exception as error:
                if "Value for attr 'T'" not in str(error):
                    raise
                pytest.skip("TensorFlow has no such kernel")
        assert_same_outputs(getattr(ops, name)(x, y), expected)

    @pytest.mark.parametrize("keepdims", [False, True])
    @pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), [1]])
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("name", REDUCTIONS)
    def test_reductions(
        self, keras: ModuleType, name: str, dtype: str, axis: Any, keepdims: bool
    ) -> None:
        if dtype == "bool" and name in ("var", "amax", "amin", "ptp"):
            pytest.skip("TensorFlow has no such kernel")
        x = values(dtype)
        expected = getattr(keras.ops, name)(x, axis=axis, keepdims=keepdims)
        assert_same_outputs(getattr(ops, name)(x, axis=axis, keepdims=keepdims), expected)

    @pytest.mark.parametrize("keepdims", [False, True])
    @pytest.mark.parametrize("axis", [None, 0, -1])
    @pytest.mark.parametrize("name", ["argmax", "argmin"])
    def test_positions(
        self, keras: ModuleType, name: str, axis: int | None, keepdims: bool
    ) -> None:
        for x in (X, IDS, np.array([0.0, -0.0, 0.0], "float32"), np.array([-0.0, 0.0], "float32")):
            expected = getattr(keras.ops, name)(x, axis=axis, keepdims=keepdims)
            assert_same_outputs(getattr(ops, name)(x, axis=axis, keepdims=keepdims), expected)

    @pytest.mark.parametrize(("name", "args", "kwargs"), CASES, ids=CASE_IDS)
    def test_cases(
        self, keras: ModuleType, name: str, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> None:
        theirs = getattr(keras.ops, name, None) or getattr(keras.ops.nn, name)
        expected = theirs(*args, **kwargs)
        assert_same_outputs(getattr(ops, name)(*args, **kwargs), expected)

    def test_functions_that_make_arrays(self, keras: ModuleType) -> None:
        for ours, theirs in (
            (ops.zeros((2, 3)), keras.ops.zeros((2, 3))),
            (ops.ones(3, "int32"), keras.ops.ones(3, "int32")),
            (ops.full((2,), 1.5), keras.ops.full((2,), 1.5)),
            (ops.eye(2, 3, 1), keras.ops.eye(2, 3, 1)),
            (ops.arange(5), keras.ops.arange(5)),
            (ops.arange(1, 2, 0.25), keras.ops.arange(1, 2, 0.25)),
            (ops.arange(3, dtype="float32"), keras.ops.arange(3, dtype="float32")),
        ):
            assert_same_outputs(ours, theirs)
        assert ops.shape(X) == (2, 3, 4)
        assert ops.ndim(Input((5,))) == 2
        assert ops.is_tensor(X)
        assert not ops.is_tensor([1])
        np.testing.assert_array_equal(ops.convert_to_numpy([1.0]), np.ones(1, "float32"))

    @pytest.mark.parametrize("name", ["sqrt", "log", "divide_no_nan", "exp", "arcsin"])
    def test_special_values_without_warning(self, keras: ModuleType, name: str) -> None:
        x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, -1.0, 1e38], "float32")
        args = (x,) if name != "divide_no_nan" else (x, x)
        received, expected = getattr(ops, name)(*args), getattr(keras.ops, name)(*args)
        np.testing.assert_allclose(received, expected, rtol=1e-6)

    @pytest.mark.parametrize("name", ["matmul", "maximum", "add", "power", "where"])
    def test_arrays_by_place_and_by_name(self, name: str) -> None:
        """Arrays alone are not bound to names, which takes longer than to compute."""
        function = getattr(ops, name)
        names = list(inspect.signature(function).parameters)
        values = dict(zip(names, [random_array((3, 3), seed=n) for n in names], strict=True))
        by_place, by_name = function(*values.values()), function(**values)
        np.testing.assert_array_equal(by_place, by_name)
        assert by_place.dtype == by_name.dtype
        values[names[0]] = Input(batch_shape=(3, 3))
        assert function(*values.values()).shape == function(**values).shape == (3, 3)

    def test_sums_are_more_accurate_than_float32(self) -> None:
        x = np.full((4, 100_003), 0.1, "float32")
        exact = x[0].astype(np.float64).sum()
        assert ops.sum(x, axis=1)[0] == np.float32(exact)
        assert ops.mean(x.T, axis=0)[0] == np.float32(0.1)


OF_AN_ARRAY = [case for case in CASES if any(isinstance(arg, np.ndarray) for arg in case[1])]


class TestSymbolically:
    @pytest.mark.parametrize(("name", "args", "kwargs"), OF_AN_ARRAY)
    def test_shape_and_dtype(self, name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        """What a graph says of a result is what computing it gives."""
        first = next(i for i, arg in enumerate(args) if isinstance(arg, np.ndarray))
        x = Input(batch_shape=args[first].shape, dtype=args[first].dtype)
        result = getattr(ops, name)(*args[:first], x, *args[first + 1 :], **kwargs)
        model = Model(x, list(result) if isinstance(result, (list, tuple)) else result)
        received = arrays(model(args[first]))
        expected = arrays(getattr(ops, name)(*args, **kwargs))
        for tensor, ours, eager in zip(model.outputs, received, expected, strict=True):
            known = tensor.shape
            if name in op_cases.SEGMENT_REDUCTIONS:
                known = (known[0] or len(ours), *known[1:])
            assert known == ours.shape
            assert tensor.dtype == ours.dtype.name
            np.testing.assert_array_equal(ours, eager)

    @pytest.mark.parametrize(
        ("apply", "shape"),
        [
            (lambda x: ops.reshape(x, (-1, 12)), (None, 12)),
            (lambda x: ops.reshape(x, (ops.shape(x)[0], 12)), (None, 12)),
            (lambda x: ops.reshape(x, (-1, 2)), (None, 2)),
            (lambda x: x[:, 0], (None, 4)),
            (lambda x: x[..., 1:3], (None, 3, 2)),
            (lambda x: x[:, None, ::2], (None, 1, 2, 4)),
            (lambda x: x[1:], (None, 3, 4)),
            (lambda x: x[0], (3, 4)),
            (lambda x: x[:, -2:, 3], (None, 2)),
            (lambda x: ops.concatenate([x, x], 1), (None, 6, 4)),
            (lambda x: ops.concatenate([x, x], 0), (None, 3, 4)),
            (lambda x: ops.stack([x, x]), (2, None, 3, 4)),
            (lambda x: ops.matmul(x, ROW), (None, 3)),
            (lambda x: x @ ops.transpose(x, (0, 2, 1)), (None, 3, 3)),
            (lambda x: ops.einsum("bij,kj->bik", x, Y[0]), (None, 3, 3)),
            (lambda x: ops.sum(x), ()),
            (lambda x: ops.mean(x, axis=0, keepdims=True), (1, 3, 4)),
            (lambda x: ops.repeat(x, 2, 1), (None, 6, 4)),
            (lambda x: ops.tile(x, (2, 1, 1)), (None, 3, 4)),
            (lambda x: ops.pad(x, ((0, 0), (1, 1), (0, 0))), (None, 5, 4)),
            (lambda x: ops.split(x, 2, 2)[0], (None, 3, 2)),
            (lambda x: ops.top_k(x, 2)[1], (None, 3, 2)),
            (lambda x: ops.one_hot(ops.argmax(x, -1), 4), (None, 3, 4)),
            (lambda x: ops.take(x, IDS % 3, 1), (None, 2, 3, 4)),
            (lambda x: ops.expand_dims(x, -1), (None, 3, 4, 1)),
            (lambda x: ops.squeeze(x[:, :1], 1), (None, 4)),
            (lambda x: ops.cumsum(x), (None,)),
            (lambda x: ops.tensordot(x, Y, ((1, 2), (1, 2))), (None, 2)),
        ],
    )
    def test_unknown_sizes(
        self, apply: Callable[[Any], Any], shape: tuple[int | None, ...]
    ) -> None:
        x = Input((3, 4))
        y = apply(x)
        assert y.shape == shape
        received = Model(x, y)(X)
        assert received.shape == tuple(
            n if size is None else size for n, size in zip(received.shape, shape, strict=True)
        )

    def test_operators(self) -> None:
        a, b, flag = Input((3, 4)), Input((3, 4)), Input((3, 4), dtype="bool")
        expressions: list[tuple[Any, Any]] = [
            (a + b, X + Y),
            (1.0 + a, 1 + X),
            (a - b, X - Y),
            (1 - a, 1 - X),
            (a * ROW, X * ROW),
            (ROW * a, X * ROW),
            (a / b, X / Y),
            (2 / a, 2 / X),
            (a // 0.5, X // np.float32(0.5)),
            (1 // a, 1 // X),
            (a % 0.5, X % np.float32(0.5)),
            (1 % a, 1 % X),
            (a**2, X**2),
            (2**a, np.float32(2) ** X),
            (a @ Y[0].T, X @ Y[0].T),
            (Y[0].T @ a, Y[0].T @ X),
            (-a, -X),
            (abs(a), abs(X)),
            (round(a, 1), np.round(X, 1)),
            (a < b, X < Y),
            (a <= b, X <= Y),
            (a > 0, X > 0),
            (a >= 0, X >= 0),
            (a != 0, X != 0),
            (flag & (a > 0), X > 0),
            (True & flag, X == X),
            (flag | (a > 0), X == X),
            (False | flag, X == X),
            (flag ^ (a > 0), X <= 0),
            (True ^ flag, X != X),
            (~flag, X != X),
            (a[:, 1], X[:, 1]),
            (a.reshape((-1, 4)), X.reshape(-1, 4)),
            (a[:, :1].squeeze(1), X[:, 0]),
        ]
        model = Model([a, b, flag], [tensor for tensor, _ in expressions])
        flags = np.ones_like(X, bool)
        for ours, (tensor, expected) in zip(model([X, Y, flags]), expressions, strict=True):
            assert ours.dtype.name == tensor.dtype
            np.testing.assert_allclose(ours, expected, rtol=1e-6)

    def test_identity_is_kept(self) -> None:
        x = Input((3,))
        assert (x == Input((3,))) is False
        assert x in [x]
        assert len({x, x}) == 1

    def test_graphs_can_be_copied_and_pickled(self) -> None:
        x = Input((3, 4))
        model = Model(x, Dense(2)(ops.einsum("bij,kj->bik", ops.clip(x, -1, 1), Y[0])))
        expected = model(X)
        for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            np.testing.assert_array_equal(again(X), expected)


class TestSavedModels:
    def test_every_case(self, keras: ModuleType, tmp_path: Path) -> None:
        """One model in which Keras recorded all operations."""
        symbols: dict[int, Any] = {}
        inputs: list[Array] = []
        outputs: list[Any] = []

        def symbol(value: Any) -> Any:
            if not isinstance(value, np.ndarray) or value.dtype == np.float64:
                return value
            if id(value) not in symbols:
                symbols[id(value)] = keras.Input(batch_shape=value.shape, dtype=value.dtype)
                inputs.append(value)
            return symbols[id(value)]

        for case in CASES:
            if any(case is other for other in op_cases.UNRECORDED):
                continue
            name, args, kwargs = case
            recorded = [
                [symbol(item) for item in arg] if isinstance(arg, list) else symbol(arg)
                for arg in args
            ]
            if any(keras.backend.is_keras_tensor(x) for x in keras.tree.flatten(recorded)):
                result = getattr(keras.ops, name)(*recorded, **kwargs)
                outputs += keras.tree.flatten(result)
        keras.Model(list(symbols.values()), outputs).save(tmp_path / "m.keras")
        model = keras.models.load_model(tmp_path / "m.keras")
        ours = rnnext.load_model(tmp_path / "m.keras")
        for tensor, expected in zip(ours.outputs, model.outputs, strict=True):
            assert tensor.shape == tuple(expected.shape), tensor
        for y, expected in zip(ours(inputs), model(inputs), strict=True):
            assert_same_output(y, np.asarray(expected))
        ours.save(tmp_path / "copy.keras")
        copied = keras.models.load_model(tmp_path / "copy.keras")
        for y, expected in zip(copied(inputs), model(inputs), strict=True):
            assert_same_output(np.asarray(y), np.asarray(expected))

    def test_masks_in_the_graph(self, keras: ModuleType, tmp_path: Path) -> None:
        layers = keras.layers
        ids, x = keras.Input((5,), dtype="int32"), keras.Input((5, 3))
        embedded = layers.Embedding(10, 4, mask_zero=True)(ids)
        masked = layers.Masking()(x)
        keep = keras.ops.any(keras.ops.not_equal(x, 0.0), axis=-1)
        both = keras.ops.logical_and(keep, ids != 0)
        outputs = [
            layers.LSTM(2)(embedded),
            layers.GRU(2, return_sequences=True)(masked),
            layers.LSTM(2)(x, mask=both),
            keras.ops.where(keras.ops.expand_dims(keep, -1), x, -1.0),
        ]
        model = keras.Model([ids, x], outputs)
        model.save(tmp_path / "m.keras")
        batch = [np.array([[1, 2, 0, 3, 0], [0, 4, 9, 0, 0]]), random_array((2, 5, 3))]
        batch[1][0, 1] = 0
        received = rnnext.load_model(tmp_path / "m.keras")(batch)
        for ours, theirs in zip(received, model(batch), strict=True):
            assert_same_output(ours, np.asarray(theirs))

    def test_keras_reads_our_graph(self, keras: ModuleType) -> None:
        x = Input((3, 4))
        y = ops.concatenate([ops.relu(-x[:, :2]) ** 2, ops.roll(x, 1, 1)], axis=1)
        y = ops.softmax(ops.pad(y, ((0, 0), (0, 1), (0, 0)), constant_values=1.0) * ROW, axis=1)
        model = Model(x, [y, *ops.split(y, 2, axis=1), ops.max(y, axis=(1, 2))])
        theirs = keras.Model.from_config(model.get_config())
        for ours, expected in zip(model(X), theirs(X), strict=True):
            assert_same_output(ours, np.asarray(expected))

    def test_our_graph_is_read_again(self) -> None:
        x, ids = Input((5, 3)), Input((4,), dtype="int32")
        h = LSTM(2, return_sequences=True)(Masking()(x))
        e = Embedding(9, 2, mask_zero=True)(ids)
        y = ops.matmul(h, ops.transpose(e, (0, 2, 1)))[:, ::2, ...] * np.float32([1, 2, 3, 4])
        model = Model([x, ids], ops.take(y, [0, -1], axis=1))
        again = serialization.deserialize(serialization.serialize(model))
        again.set_weights(model.get_weights())
        batch = [random_array((2, 5, 3)), np.array([[1, 2, 3, 0], [4, 0, 0, 0]])]
        np.testing.assert_array_equal(again(batch), model(batch))

    def test_an_activation_called_with_arguments(self, keras: ModuleType, tmp_path: Path) -> None:
        x = keras.Input((3, 4))
        outputs = [
            keras.activations.relu(x, negative_slope=0.2, max_value=0.5),
            keras.activations.relu(x, threshold=0.5),
            keras.activations.gelu(x),
        ]
        model = keras.Model(x, outputs)
        model.save(tmp_path / "m.keras")
        for ours, theirs in zip(rnnext.load_model(tmp_path / "m.keras")(X), model(X), strict=True):
            assert_same_output(ours, np.asarray(theirs))


# Steps of a random graph: what keras.ops and rnnext.ops both can apply to (batch, T, D).
STEPS: list[Callable[[Any, Any, Any], Any]] = [
    lambda o, x, _: o.add(x, 0.5),
    lambda o, x, y: o.multiply(x, y),
    lambda o, x, y: x - o.mean(y, axis=1, keepdims=True),
    lambda o, x, _: o.tanh(-x),
    lambda o, x, _: x / (1.0 + o.abs(x)),
    lambda o, x, y: o.maximum(x, y),
    lambda o, x, y: o.where(x > y, x, 0.25),
    lambda o, x, _: o.softmax(x, axis=1),
    lambda o, x, _: o.flip(x, 1),
    lambda o, x, _: o.roll(x, 1, axis=2),
    lambda o, x, _: o.clip(x, -0.5, 0.75),
    lambda o, x, _: o.relu(x[:, ::-1]),
    lambda o, x, y: o.einsum("bij,bkj,bkl->bil", x, y, y),
    lambda o, x, _: o.matmul(o.softmax(o.matmul(x, o.transpose(x, (0, 2, 1)))), x),
    lambda o, x, _: o.reshape(o.transpose(o.reshape(x, (-1, 3, 2, 2)), (0, 2, 1, 3)), (-1, 3, 4)),
    lambda o, x, y: o.concatenate([x[:, :1], y[:, 1:]], axis=1),
    lambda o, x, _: o.squeeze(o.stack([x, x * 2.0], axis=1)[:, 1:], axis=1),
    lambda o, x, _: o.cumsum(x, axis=1) / 3.0,
    lambda o, x, _: o.cast(o.argsort(x, axis=-1), "float32") * x,
    lambda o, x, _: o.layer_normalization(x, epsilon=1e-2),
    lambda o, x, _: o.logsumexp(x, axis=-1, keepdims=True) + x,
    lambda o, x, _: o.take(x, [2, 0, 1], axis=1),
    lambda o, x, y: o.concatenate(o.split(x, 2, axis=-1)[::-1], axis=-1) + o.relu(y),
]


class TestRandomGraphs:
    @hypothesis.settings(
        max_examples=40,
        deadline=None,
        derandomize=True,
        suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
    )
    @hypothesis.given(steps=st.lists(st.sampled_from(range(len(STEPS))), min_size=1, max_size=8))
    def test_saved_by_keras(self, keras: ModuleType, tmp_path: Path, steps: list[int]) -> None:
        inputs = keras.Input((3, 4))
        previous, x = inputs, inputs
        for step in steps:
            previous, x = x, STEPS[step](keras.ops, x, previous)
        model = keras.Model(inputs, x)
        model.save(tmp_path / "m.keras")
        received = rnnext.load_model(tmp_path / "m.keras")(X)
        assert_same_output(received, np.asarray(model(X)))
        mine, y = Input((3, 4)), None
        previous = y = mine
        for step in steps:
            previous, y = y, STEPS[step](ops, y, previous)
        np.testing.assert_array_equal(Model(mine, y)(X), received)


class TestBadInput:
    @pytest.mark.parametrize(
        ("apply", "message"),
        [
            (lambda x: x + np.ones(5), r"operation 'add.*\(Add\): shapes .* do not broadcast"),
            (lambda x: ops.sum(x, axis=3), r"\(Sum\): axis=3: expected integers from -3 to 2"),
            (lambda x: ops.sum(x, axis=(1, 1)), "names an axis twice"),
            (lambda x: ops.reshape(x[0], (5, -1)), r"shape \(3, 4\) cannot have newshape"),
            (lambda x: ops.reshape(x, (-1, -1)), "more than one size open"),
            (lambda x: x[:, 3], "index 3 is out of range for an axis of size 3"),
            (lambda x: x[0, 0, 0, 0], "does not fit shape"),
            (lambda x: ops.concatenate([x, x[..., :1]], 1), "cannot be concatenated along axis 1"),
            (lambda x: ops.concatenate([x, x[0]]), "their ranks differ"),
            (lambda x: ops.stack([x, x[:, 0]]), "cannot be stacked"),
            (lambda x: ops.matmul(x, np.ones((3, 2))), "no matrix product: 4 != 3"),
            (lambda x: ops.einsum("ij,jk->ik", x, x), "'ij' does not fit shape"),
            (lambda x: ops.einsum("bij->ib", x, x), "is for 1 operands, received 2"),
            (lambda x: ops.einsum("bij->bz", x), r"\['z'\] are in the result only"),
            (lambda x: ops.einsum("bij,bji->b", x, x), "'j' is 4 and 3"),
            (lambda x: ops.take(x, [0], axis=7), "axis=7: expected integers"),
        ],
    )
    def test_at_construction(self, apply: Callable[[Any], Any], message: str) -> None:
        with pytest.raises(ShapeError, match=message):
            apply(Input((3, 4)))

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda: ops.add(X, np.ones(5)), r"ops.add: .*\(2, 3, 4\), \(5,\)"),
            (lambda: ops.take(X, [9], axis=1), "ops.take: .*out of bounds"),
            (lambda: ops.top_k(X, 5), "k=5, but the last axis has size 4"),
            (lambda: ops.slice(X, (0, 2, 0), (2, 2, 4)), "leaves the array"),
            (lambda: ops.unstack(X, num=4, axis=1), "num=4, but axis 1 has size 3"),
            (lambda: ops.pad(X, 1, "reflect", constant_values=1), "constant_values=1"),
            (lambda: ops.normalize(X, order=0), "order must be an integer >= 1"),
        ],
    )
    def test_when_computed(self, call: Callable[[], Any], message: str) -> None:
        with pytest.raises(ShapeError, match=message):
            call()

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda: Input((3, 4))[np.array([0, 1])], "use ops.take"),
            (lambda: Input((3, 4))["a"], "is indexed with integers"),
            (lambda: ops.one_hot(IDS, 3, sparse=True), "sparse=True"),
            (lambda: ops.dot_product_attention(X, X, X, flash_attention=True), "flash_attention"),
        ],
    )
    def test_unsupported(self, call: Callable[[], Any], message: str) -> None:
        with pytest.raises(UnsupportedError, match=message):
            call()

    def test_unknown_operation_or_option_in_a_config(self) -> None:
        config = {"module": "keras.src.ops.numpy", "class_name": "Stroke", "config": {"name": "k"}}
        with pytest.raises(
            UnsupportedError,
            match=r"'Stroke'.*keras.src.ops.numpy.*accepted are .*rnnext.ops.__all__",
        ):
            serialization.deserialize(config)
        config = {
            "module": "keras.src.ops.numpy",
            "class_name": "Sum",
            "config": {"name": "s", "axis": 1, "where": 3},
        }
        with pytest.raises(
            UnsupportedError, match=r"unknown options \['where'\]; accepted: \['axis"
        ):
            serialization.deserialize(config)

    def test_operations_and_layers_of_one_name(self) -> None:
        add = {"module": "keras.src.ops.numpy", "class_name": "Add", "config": {"name": "add"}}
        layer = {"module": "keras.layers", "class_name": "Add", "config": {"name": "add"}}
        assert type(serialization.deserialize(layer)).__module__ == "rnnext.layers.merging.merging"
        assert not hasattr(serialization.deserialize(add), "weights")
        assert serialization.serialize(serialization.deserialize(add))["module"] == add["module"]

    def test_a_node_takes_only_its_arguments(self) -> None:
        operation = serialization.operation_class("Relu")()
        with pytest.raises(UnsupportedError, match=r"Relu is called with \['x'\], received 2"):
            operation(X, X)
