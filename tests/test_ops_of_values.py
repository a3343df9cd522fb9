"""Operations whose results are infinite, not a number, or as many as the values say."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from keras_reference import arrays
from op_cases import IDS, ROW, SIGNED, VECTORS, X, Y

from rnnext import ops
from rnnext.errors import DataError, ShapeError, UnsupportedError
from rnnext.layers import Input

SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0], np.float32)
PAIRS = np.array([[2, 1], [0, 5], [2, 1], [0, 4]], np.int32)


def assert_same(received: Any, expected: Any) -> None:
    for ours, theirs in zip(arrays(received), arrays(expected), strict=True):
        theirs = np.asarray(theirs)
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize(
    "name", ["fabs", "sinc", "isneginf", "isposinf", "signbit", "isreal", "erfc", "angle", "nanmax"]
)
def test_special_values(keras: ModuleType, name: str) -> None:
    assert_same(getattr(ops, name)(SPECIAL), getattr(keras.ops, name)(SPECIAL))


@pytest.mark.parametrize("equal_nan", [False, True])
@pytest.mark.parametrize("name", ["isclose", "allclose"])
def test_closeness_of_special_values(keras: ModuleType, name: str, equal_nan: bool) -> None:
    for x in (SPECIAL, SPECIAL[[0, 1, 4]], SPECIAL[[0, 2, 3]]):
        expected = getattr(keras.ops, name)(x, x, equal_nan=equal_nan)
        assert_same(getattr(ops, name)(x, x, equal_nan=equal_nan), expected)


def test_the_inverse_error_function_at_its_ends(keras: ModuleType) -> None:
    x = np.array([1, -1, 2, -2, 0, 0.01, -0.9999, np.nan], np.float32)
    assert_same(ops.erfinv(x), keras.ops.erfinv(x))
    wide = np.concatenate([np.linspace(-0.99, 0.99, 12), [1e-12, 1 - 1e-14]])
    np.testing.assert_allclose(ops.erf(ops.erfinv(wide)), wide, rtol=1e-14)


@pytest.mark.parametrize("x", [IDS, SIGNED % 5])
@pytest.mark.parametrize("minlength", [0, 6])
@pytest.mark.parametrize("weighted", [False, True])
def test_bincount(keras: ModuleType, x: Any, minlength: int, weighted: bool) -> None:
    weights = np.resize(VECTORS, x.shape) if weighted else None
    expected = keras.ops.bincount(x, weights=weights, minlength=minlength)
    assert_same(ops.bincount(x, weights=weights, minlength=minlength), expected)


def test_bincount_of_a_symbolic_tensor() -> None:
    assert ops.bincount(Input((3,), dtype="int32")).shape == (None, None)
    with pytest.raises(UnsupportedError, match="weights of a symbolic tensor"):
        ops.bincount(Input((3,), dtype="int32"), weights=VECTORS)


@pytest.mark.parametrize("x", [SIGNED, IDS, X > 0, X - X])
def test_nonzero(keras: ModuleType, x: Any) -> None:
    assert_same(ops.nonzero(x), keras.ops.nonzero(x))


@pytest.mark.parametrize("options", [{}, {"sorted": False}, {"size": 2}, {"size": 9}])
@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("x", [IDS, PAIRS])
def test_unique(keras: ModuleType, x: Any, axis: Any, options: dict[str, Any]) -> None:
    for asked in ((), ("return_index", "return_inverse", "return_counts"), ("return_counts",)):
        named = {**dict.fromkeys(asked, True), **options, "axis": axis}
        assert_same(ops.unique(x, **named), keras.ops.unique(x, **named))


def test_unique_of_volumes(keras: ModuleType) -> None:
    x = np.stack([PAIRS.reshape(2, 2, 2)] * 2, axis=2).reshape(2, 4, 2)
    assert_same(ops.unique(x, axis=1), keras.ops.unique(x, axis=1))


def test_windows(keras: ModuleType) -> None:
    for name in ("bartlett", "blackman", "hamming", "hanning"):
        received, expected = getattr(ops, name)(7), np.asarray(getattr(keras.ops, name)(7))
        assert received.dtype == expected.dtype
        np.testing.assert_allclose(received, expected, atol=2e-7)
    np.testing.assert_allclose(ops.kaiser(7, 2.5), keras.ops.kaiser(7, 2.5), atol=2e-7)


def test_arrays_from_sizes(keras: ModuleType) -> None:
    for name, args in (
        ("empty", ((2, 3),)),
        ("empty", ((2,), "int32")),
        ("identity", (3,)),
        ("identity", (2, "int32")),
        ("tri", (3,)),
        ("tri", (3, 4, -1, "int32")),
        ("tri", (2, 3, 1)),
    ):
        assert_same(getattr(ops, name)(*args), getattr(keras.ops, name)(*args))
    assert ops.dtype(X) == "float32"
    assert ops.dtype(Input((2,), dtype="int32")) == "int32"


def test_a_half_turn_is_numpys() -> None:
    np.testing.assert_array_equal(ops.rot90(X, 2, (1, 2)), np.rot90(X, 2, (1, 2)))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ops.nonzero(Input((3,))), UnsupportedError, "depends on the values"),
        (lambda: ops.unique(Input((3,))), UnsupportedError, "depends on the values"),
        (lambda: ops.bitwise_and([0.5], 1), DataError, "expected integers, received float32"),
        (lambda: ops.ldexp([1.0], [0.5]), DataError, "x2 must be integers, received float32"),
        (lambda: ops.histogram(X), ShapeError, "x must have one axis"),
        (lambda: ops.bincount([1], sparse=True), UnsupportedError, "sparse=True"),
        (lambda: ops.searchsorted(X, X), ShapeError, "sorted_sequence must have one axis"),
        (lambda: ops.select([X > 0], [X, X]), ShapeError, "1 conditions for 2 choices"),
        (lambda: ops.linspace(0, 1, -1), ShapeError, "num must be an integer >= 0, received -1"),
        (lambda: ops.meshgrid([1], indexing="a"), ShapeError, "must be 'xy' or 'ij', received 'a'"),
        (lambda: ops.cross([1.0], [2.0]), ShapeError, "must have 2 or 3 elements"),
        (lambda: ops.quantile(X, 0.5, method="hazen"), ShapeError, "received 'hazen'"),
        (lambda: ops.correlate([1.0], [1.0], "odd"), ShapeError, "received 'odd'"),
        (lambda: ops.rearrange(X, "a b c -> a b"), ShapeError, "the same axes on both sides"),
        (lambda: ops.rearrange(X, "a b -> b a"), ShapeError, r"does not fit an array of shape"),
        (
            lambda: ops.rearrange(X, "a b (c d) -> a b c d", d=3),
            ShapeError,
            r"an axis of size 4 cannot be made of the axes \['c', 'd'\] with the sizes \{'d': 3\}",
        ),
    ],
)
def test_bad_input(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ops.slice_update(X, (0,), Y), ShapeError, "expected an index for each axis"),
        (lambda: ops.slice_update(X[:1], (0, 0, 0), X), ShapeError, "larger than the array"),
        (lambda: ops.scatter_update(X, [[2, 0]], [ROW]), ShapeError, r"from 0 to \[1, 2\]"),
        (lambda: ops.scatter_update(X, [[-1]], X[:1]), ShapeError, r"from 0 to \[1\]"),
        (
            lambda: ops.scatter_update(X, [[0]], X[:1], "sub"),
            UnsupportedError,
            r"one of \['add', 'max', 'min', 'mul'\], received 'sub'",
        ),
        (lambda: ops.segment_sum(X, [0, 3], 2), ShapeError, "a segment from 0 to 1 for each"),
        (lambda: ops.segment_max(X, [[0, 1]], 2), ShapeError, "segment_ids must have one axis"),
        (
            lambda: ops.segment_min(X, [0, 1], 2, sorted=True),
            UnsupportedError,
            "num_segments=2 with sorted=True",
        ),
        (lambda: ops.unravel_index(IDS, (2, 2)), UnsupportedError, "expected one axis"),
        (lambda: ops.ctc_decode(X, [3, 3], "beam_search"), UnsupportedError, "received 'beam_s"),
        (lambda: ops.ctc_loss(IDS, X[0], [1, 1], [3, 3]), ShapeError, r"of shape \(N, T, K\)"),
    ],
)
def test_bad_places_and_labels(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ops.conv(X, X[0]), ShapeError, "a kernel with 3 axes, as the inputs have"),
        (lambda: ops.conv(X[0], X[0]), ShapeError, "with 3 to 5 axes, received 2"),
        (lambda: ops.conv(X, np.ones((2, 3, 2))), ShapeError, "does not divide 4 channels"),
        (lambda: ops.conv(X, np.ones((4, 4, 2))), ShapeError, r"no window of size \(4,\) fits"),
        (lambda: ops.conv(X, X, padding="causal"), UnsupportedError, "received 'causal'"),
        (lambda: ops.conv(X, X, 2, dilation_rate=2), UnsupportedError, "exclude each other"),
        (lambda: ops.conv(X, X, data_format="last"), UnsupportedError, "received 'last'"),
        (lambda: ops.conv(X, X, 0), UnsupportedError, "strides must be an integer >= 1"),
        (lambda: ops.depthwise_conv(X, X[:, :2]), ShapeError, "is not for 4 channels"),
        (lambda: ops.conv_transpose(X, X[..., :2]), ShapeError, "is not for 4 channels"),
        (lambda: ops.max_pool(X, 4), ShapeError, r"no window of size \(4,\) fits"),
    ],
)
def test_bad_windows(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_modules_that_are_names_of_ops() -> None:
    assert ops.numpy is ops.nn is ops.linalg is ops
