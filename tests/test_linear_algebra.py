"""Decompositions and equations beside keras.ops: values, recorded shapes, gradients."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradient_reference import recording, tensorflow_gradients, traced_gradients
from keras_reference import arrays, load_keras
from layer_twins import random_array

import rnnext
from rnnext import Model, ops
from rnnext.autodiff.tracing import trace
from rnnext.errors import DataError, ShapeError, UnsupportedError
from rnnext.layers import Input

keras = load_keras()

Function = Callable[..., Any]

SQUARE = random_array((2, 3, 3), seed="square") + 2 * np.eye(3, dtype="float32")
TALL = random_array((2, 4, 3), seed="tall")
WIDE = random_array((3, 5), seed="wide")
POSITIVE = SQUARE @ np.swapaxes(SQUARE, -1, -2)
FACTOR = np.linalg.cholesky(POSITIVE)
RIGHT = random_array((2, 3, 2), seed="right")

# Whatever is free, such as the signs of vectors, does not show in what these compute.
CASES: dict[str, tuple[Function, tuple[Any, ...]]] = {
    "inv": (lambda o, x: o.inv(x), (SQUARE,)),
    "det": (lambda o, x: o.det(x), (SQUARE,)),
    "slogdet": (lambda o, x: list(o.slogdet(x)), (SQUARE,)),
    "logdet": (lambda o, x: o.logdet(x), (POSITIVE,)),
    "pinv": (lambda o, x: o.pinv(x), (TALL,)),
    "pinv of wide": (lambda o, x: o.pinv(x), (WIDE,)),
    "pinv with rcond": (lambda o, x: o.pinv(x, 0.3), (TALL,)),
    "solve": (lambda o, a, b: o.solve(a, b), (SQUARE, RIGHT)),
    "solve for vectors": (lambda o, a, b: o.solve(a, b), (SQUARE, RIGHT[..., 0])),
    "solve a lower triangle": (
        lambda o, a, b: o.solve_triangular(a, b, lower=True),
        (SQUARE, RIGHT),
    ),
    "solve an upper triangle": (
        lambda o, a, b: o.solve_triangular(a, b),
        (SQUARE, RIGHT[..., 0]),
    ),
    "lstsq": (lambda o, a, b: o.lstsq(a, b), (TALL[0], RIGHT.reshape(4, 3))),
    "lstsq for a vector": (lambda o, a, b: o.lstsq(a, b), (WIDE, RIGHT[0, :, 0])),
    "cholesky": (lambda o, x: o.cholesky(x), (POSITIVE,)),
    "cholesky upper": (lambda o, x: o.cholesky(x, upper=True), (POSITIVE,)),
    "cholesky inverse": (lambda o, x: o.cholesky_inverse(x), (FACTOR,)),
    "cholesky inverse upper": (
        lambda o, x: o.cholesky_inverse(x, upper=True),
        (np.swapaxes(FACTOR, -1, -2).copy(),),
    ),
    "qr": (lambda o, x: [o.abs(part) for part in o.qr(x)], (TALL,)),
    "qr of square": (lambda o, x: [o.abs(part) for part in o.qr(x, "complete")], (SQUARE,)),
    "eigh": (lambda o, x: [o.eigh(x)[0], o.abs(o.eigh(x)[1])], (POSITIVE,)),
    "svd": (
        lambda o, x: [o.abs(part) for part in o.svd(x, full_matrices=False)],
        (TALL,),
    ),
    "svd of wide": (
        lambda o, x: [o.abs(part) for part in o.svd(x, full_matrices=False)],
        (WIDE,),
    ),
    "svd of square": (lambda o, x: [o.abs(part) for part in o.svd(x)], (SQUARE,)),
    "svd values": (lambda o, x: o.svd(x, compute_uv=False), (TALL,)),
    "svd values of full": (lambda o, x: o.svd(x)[1], (TALL,)),
    "norm of values": (lambda o, x: o.norm(o.matmul(x, o.inv(x)), axis=(1, 2)), (SQUARE,)),
}
IDS = list(CASES)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", IDS)
def test_values(name: str, dtype: str) -> None:
    function, args = CASES[name]
    args = tuple(x.astype(dtype) for x in args)
    received = arrays(function(ops, *args))
    for ours, theirs in zip(received, arrays(function(keras.ops, *args)), strict=True):
        assert ours.dtype == theirs.dtype
        assert ours.shape == theirs.shape
        tolerance = 1e-3 if dtype == "float32" else 1e-10
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", IDS)
def test_gradients(name: str) -> None:
    function, args = CASES[name]
    wide = tuple(x.astype(np.float64) for x in args)
    received = traced_gradients(lambda *x: function(ops, *x), wide, {})
    expected = tensorflow_gradients(lambda *x: function(keras.ops, *x), wide, {})
    for ours, theirs in zip(received, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", IDS)
def test_shapes_in_a_graph(name: str) -> None:
    function, args = CASES[name]
    inputs = [Input(batch_shape=x.shape) for x in args]
    found = function(ops, *inputs)
    model = Model(inputs, found)
    for tensor, value in zip(arrays_of(found), arrays(model(list(args))), strict=True):
        assert (tensor.shape, tensor.dtype) == (value.shape, value.dtype.name)


def arrays_of(found: Any) -> list[Any]:
    return found if isinstance(found, list) else [found]


def test_saved_by_keras(tmp_path: Path) -> None:
    names = [n for n in IDS if "lstsq" not in n]  # Keras records no shape of it
    inputs, outputs, batch = [], [], []
    for name in names:
        function, args = CASES[name]
        tensors = [keras.Input(batch_shape=x.shape) for x in args]
        found = function(keras.ops, *tensors)
        inputs += tensors
        batch += list(args)
        outputs += arrays_of(found)
    model = keras.Model(inputs, outputs)
    model.save(tmp_path / "m.keras")
    received = rnnext.load_model(tmp_path / "m.keras")(batch)
    for ours, theirs in zip(received, model(batch), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3)


def test_parts_make_the_matrix_again() -> None:
    x = TALL.astype(np.float64)
    for mode, columns in (("reduced", 3), ("complete", 4)):
        q, r = ops.qr(x, mode)
        assert q.shape == (2, 4, columns)
        np.testing.assert_allclose(q @ r, x, atol=1e-14)
    u, s, vh = ops.svd(x)
    assert (u.shape, s.shape, vh.shape) == ((2, 4, 4), (2, 3), (2, 3, 3))
    np.testing.assert_allclose(u[..., :3] * s[:, None] @ vh, x, atol=1e-14)
    values, vectors = ops.eigh(POSITIVE.astype(np.float64))
    again = vectors * values[:, None] @ np.swapaxes(vectors, -1, -2)
    np.testing.assert_allclose(again, POSITIVE, rtol=1e-12)


@pytest.mark.parametrize("tol", [None, 1.0])
def test_matrix_rank(tol: float | None) -> None:
    singular = np.stack([np.ones((3, 3), "float32"), SQUARE[0]])
    received, expected = ops.matrix_rank(singular, tol), keras.ops.matrix_rank(singular, tol)
    np.testing.assert_array_equal(received, expected)
    assert received.dtype.name == "int32"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ops.inv(np.ones((2, 2))), DataError, "ops.inv: Singular matrix"),
        (lambda: ops.cholesky(-POSITIVE), DataError, "ops.cholesky: .*positive definite"),
        (lambda: ops.qr(TALL, "raw"), ShapeError, "'reduced' or 'complete', received 'raw'"),
        (lambda: ops.lstsq(TALL, TALL), ShapeError, r"expected a of shape \(M, N\)"),
        (
            lambda: gradient(lambda x: ops.qr(x)[0], WIDE),
            UnsupportedError,
            "no more columns than rows",
        ),
        (
            lambda: gradient(lambda x: ops.svd(x)[0], TALL),
            UnsupportedError,
            "full_matrices=False only",
        ),
    ],
)
def test_bad_input(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def gradient(function: Function, x: Any) -> Any:
    y, pullback = trace(function, (x,), {}, recording())
    return pullback([np.ones_like(y)])
