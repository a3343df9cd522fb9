"""Matrices (..., N, N) or (..., M, N): inverses, determinants, decompositions, equations."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.arrays import asarray
from rnnext.autodiff.rules import computed, value_of
from rnnext.errors import UnsupportedError
from rnnext.ops.operation import LINALG, MATH, NUMPY, operation
from rnnext.ops.promotion import as_float, promoted
from rnnext.ops.shapes import Shape, of_first, shape_of

Array = NDArray[Any]


def _turned(x: Any) -> Any:
    return np.swapaxes(x, -1, -2)


def _pair(a: Any, b: Any) -> tuple[Array, Array]:
    first, second = promoted(as_float(a), as_float(b))
    return first, second


def _of_batch(x: Any, **_options: Any) -> Shape:
    return shape_of(x)[:-2]


def _of_second(_a: Any, b: Any, **_options: Any) -> Shape:
    return shape_of(b)


# Inverses and determinants -----------------------------------------------------------------------


@operation(LINALG, "Inv", shape=of_first)
def inv(x: Any) -> Array:
    """Returns the inverse of every matrix."""
    return np.linalg.inv(as_float(x))


@operation(LINALG, "Pinv", options=("rcond",))
def pinv(x: Any, rcond: float | None = None) -> Array:
    """Returns the pseudo-inverse (..., N, M) of every matrix.

    Args:
        x: (..., M, N).
        rcond: Singular values below this part of the largest count as 0; by default 10 times the
            larger of M and N times the spacing of numbers at 1.
    """
    array = as_float(x)
    least = 10 * max(array.shape[-2:]) * np.finfo(array.dtype).eps if rcond is None else rcond
    left, values, right = _singular(array)
    plain = np.asarray(value_of(values))
    large = plain > least * plain.max(axis=-1, keepdims=True, initial=0)
    inverse = np.where(large, 1 / np.where(large, values, 1), array.dtype.type(0))
    return asarray(np.matmul(_turned(right) * np.expand_dims(inverse, -2), _turned(left)))


@operation(LINALG, "Det", shape=_of_batch)
def det(x: Any) -> Array:
    """Returns the determinant of every matrix."""
    return asarray(np.linalg.det(as_float(x)))


def _log_of_determinant(array: Any) -> Any:
    def forward(values: Array) -> Any:
        result = np.linalg.slogdet(values).logabsdet

        def pullback(d: Array) -> Array:
            return np.asarray(d[..., None, None] * _turned(np.linalg.inv(values)))

        return asarray(result), pullback

    return computed(forward, array)


@operation(NUMPY, "Slogdet")
def slogdet(x: Any) -> tuple[Array, Array]:
    """Returns the sign of every determinant, and the logarithm of its absolute value."""
    array = as_float(x)
    sign = np.linalg.slogdet(np.asarray(value_of(array))).sign
    return asarray(sign), _log_of_determinant(array)


@operation(MATH, "Logdet", shape=_of_batch)
def logdet(x: Any) -> Array:
    """Returns the logarithm of the determinant of every symmetric positive definite matrix."""
    factor = cholesky(x)
    return asarray(2 * np.sum(np.log(np.diagonal(factor, axis1=-2, axis2=-1)), axis=-1))


@operation(LINALG, "MatrixRank", options=("tol",), shape=_of_batch)
def matrix_rank(x: Any, tol: float | None = None) -> Array:
    """Returns how many singular values of every matrix are above `tol`."""
    values = np.asarray(value_of(as_float(x)))
    return asarray(np.linalg.matrix_rank(values, tol)).astype(np.int32)


# Equations ---------------------------------------------------------------------------------------


@operation(LINALG, "Solve", shape=_of_second)
def solve(a: Any, b: Any) -> Any:
    """Returns the solution `x` of `a @ x = b`.

    Args:
        a: (..., N, N).
        b: (..., N, K), or (..., N) with an axis less than `a`.
    """
    return _solved(a, b)


@operation(LINALG, "SolveTriangular", options=("lower",), shape=_of_second)
def solve_triangular(a: Any, b: Any, lower: bool = False) -> Any:
    """Returns the solution `x` of `a @ x = b`, only one triangle of `a` being read.

    Args:
        a: (..., N, N).
        b: (..., N, K), or (..., N) with an axis less than `a`.
        lower: Whether the lower triangle is read.
    """
    return _solved((np.tril if lower else np.triu)(as_float(a)), b)


def _solved(a: Any, b: Any) -> Any:
    matrix, right = _pair(a, b)
    is_vector = right.ndim == matrix.ndim - 1
    if is_vector:
        right = np.expand_dims(right, -1)

    def forward(m: Array, r: Array) -> Any:
        result = np.linalg.solve(m, r)

        def pullback(d: Array) -> tuple[Array, Array]:
            d_right = np.linalg.solve(_turned(m), d)
            return -np.matmul(d_right, _turned(result)), d_right

        return result, pullback

    found = computed(forward, matrix, right)
    return np.squeeze(found, -1) if is_vector else found


@operation(LINALG, "Lstsq", options=("rcond",))
def lstsq(a: Any, b: Any, rcond: float | None = None) -> Array:
    """Returns the `x` of least squares of `a @ x - b`; of several, the shortest.

    Args:
        a: (M, N).
        b: (M,) or (M, K).
        rcond: Singular values of `a` below this part of the largest count as 0; by default the
            larger of M and N times the spacing of numbers at 1.
    """
    matrix, right = _pair(a, b)
    if matrix.ndim != 2 or right.ndim not in (1, 2) or len(matrix) != len(right):
        raise ValueError("expected a of shape (M, N) and b of shape (M,) or (M, K).")
    smallest = np.finfo(matrix.dtype).eps
    least = smallest * max(matrix.shape) if rcond is None else rcond
    product = np.matmul(pinv(matrix, smallest if least < 0 else least), right)
    return asarray(product)


# Decompositions ----------------------------------------------------------------------------------


@operation(LINALG, "Cholesky", options=("upper",), shape=of_first)
def cholesky(x: Any, upper: bool = False) -> Any:
    """Returns the lower triangular `y` with `y @ y.T == x`; with `upper`, its transpose.

    Raises:
        DataError: If a matrix is not positive definite.
    """
    factor = computed(_cholesky, as_float(x))
    return _turned(factor) if upper else factor


def _cholesky(values: Array) -> Any:
    """With the gradient of Murray, Differentiation of the Cholesky decomposition, 2016, eq. 9."""
    factor = np.linalg.cholesky(values)

    def pullback(d: Array) -> Array:
        inverse = np.linalg.inv(factor)
        inner = np.tril(_turned(factor) @ np.tril(d))
        inner = inner - 0.5 * inner * np.eye(inner.shape[-1], dtype=inner.dtype)
        outer = _turned(inverse) @ inner @ inverse
        return np.asarray(0.5 * (outer + _turned(outer)))

    return factor, pullback


@operation(LINALG, "CholeskyInverse", options=("upper",), shape=of_first)
def cholesky_inverse(x: Any, upper: bool = False) -> Array:
    """Returns the inverse of the matrix whose factor `cholesky` returned."""
    inverse = np.linalg.inv((np.triu if upper else np.tril)(as_float(x)))
    return asarray(inverse @ _turned(inverse) if upper else _turned(inverse) @ inverse)


@operation(LINALG, "Qr", options=("mode",))
def qr(x: Any, mode: Any = "reduced") -> Any:
    """Returns an orthogonal `q` and an upper triangular `r` with `q @ r == x`.

    Args:
        x: (..., M, N).
        mode: "reduced": `q` has min(M, N) columns; "complete": M.
    """
    if mode not in ("reduced", "complete"):
        raise ValueError(f"mode must be 'reduced' or 'complete', received {mode!r}.")
    return _several(as_float(x), lambda a: np.linalg.qr(a, mode), _qr_gradient)


def _several(array: Any, decompose: Any, gradient: Any) -> Any:
    """The parts of a decomposition, each with its share of the gradient.

    Args:
        array: What is decomposed.
        decompose: Makes the parts of plain arrays.
        gradient: Takes the array, the parts and the gradient of each, None where there is none.
    """
    values = value_of(array)
    parts = tuple(map(np.asarray, decompose(values)))

    def part(i: int) -> Any:
        def pullback(d: Array) -> Array:
            given: list[Any] = [None] * len(parts)
            given[i] = d
            return np.asarray(gradient(values, parts, given))

        return computed(lambda _: (parts[i], pullback), array)

    return tuple(part(i) for i in range(len(parts)))


def _qr_gradient(values: Array, parts: Any, given: Any) -> Array:
    """Of Liao et al., Differentiable Programming Tensor Networks, 2019, eq. 5; M >= N."""
    q, r = parts
    if q.shape[-2] < r.shape[-1] or q.shape[-1] != r.shape[-1]:
        raise UnsupportedError(
            "ops.qr: there is a gradient for matrices with no more columns than rows, and "
            f"mode='reduced' or as many columns as rows; received {values.shape}."
        )
    d_q = np.zeros_like(q) if given[0] is None else given[0]
    d_r = np.zeros_like(r) if given[1] is None else given[1]
    m = r @ _turned(d_r) - _turned(d_q) @ q
    lower = np.tril(m, -1)
    symmetric = np.tril(m) + _turned(lower)
    return np.asarray(_turned(np.linalg.solve(r, _turned(d_q + q @ symmetric))))


@operation(LINALG, "Eigh")
def eigh(x: Any) -> Any:
    """Returns eigenvalues (..., N), rising, and eigenvectors (..., N, N) of symmetric matrices.

    Only the lower triangle is read. The vectors are columns; their signs are free.
    """
    return _several(as_float(x), np.linalg.eigh, _eigh_gradient)


def _eigh_gradient(_values: Array, parts: Any, given: Any) -> Array:
    """As TensorFlow's, of Giles, An extended collection of matrix derivative results, 2008, 3.1."""
    values, vectors = parts
    inner = np.zeros_like(vectors)
    if given[0] is not None:
        inner += given[0][..., None] * np.eye(values.shape[-1], dtype=values.dtype)
    if given[1] is not None:
        difference = values[..., None, :] - values[..., :, None]
        inner += _reciprocal(difference) * (_turned(vectors) @ given[1])
    found = vectors @ inner @ _turned(vectors)
    # Of the other triangle, which is not read, the lower one has the gradient, too.
    symmetric = np.tril(found + _turned(found))
    own = np.eye(values.shape[-1], dtype=values.dtype)
    return np.asarray(symmetric - 0.5 * symmetric * own)


def _reciprocal(x: Array) -> Array:
    """1 / x, and 0 where x is 0."""
    return np.asarray(np.divide(1, x, out=np.zeros_like(x), where=x != 0))


@operation(LINALG, "SVD", options=("full_matrices", "compute_uv"))
def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Returns `u`, the singular values `s`, falling, and `vh`, with `u * s @ vh == x`.

    Args:
        x: (..., M, N).
        full_matrices: Whether `u` is (..., M, M) and `vh` (..., N, N); otherwise they have
            min(M, N) columns and rows.
        compute_uv: Whether all three are returned; otherwise only `s`.
    """
    array = as_float(x)
    if not compute_uv:
        return _singular(array)[1]
    if full_matrices and array.shape[-1] != array.shape[-2]:
        return _several(array, np.linalg.svd, _svd_gradient)
    return _singular(array)


def _singular(array: Any) -> Any:
    return _several(array, lambda a: np.linalg.svd(a, full_matrices=False), _svd_gradient)


def _svd_gradient(values: Array, parts: Any, given: Any) -> Array:
    """Of Townsend, Differentiating the singular value decomposition, 2016, eq. 40."""
    u, s, vh = parts
    if u.shape[-1] != s.shape[-1] or vh.shape[-2] != s.shape[-1]:
        if given[0] is not None or given[2] is not None:
            raise UnsupportedError(
                "ops.svd: there is a gradient of u and vh with full_matrices=False only; received "
                f"a matrix of shape {values.shape}."
            )
        rank = s.shape[-1]
        u, vh = u[..., :rank], vh[..., :rank, :]
    v, d_s = _turned(vh), given[1]
    squares = np.square(s)
    factors = _reciprocal(squares[..., None, :] - squares[..., :, None])
    inverse = _reciprocal(s)[..., None, :]
    core = np.zeros_like(factors)
    if d_s is not None:
        core += d_s[..., None] * np.eye(s.shape[-1], dtype=s.dtype)
    found = np.zeros_like(values)
    if given[0] is not None:
        product = _turned(u) @ given[0]
        core += factors * (product - _turned(product)) * s[..., None, :]
        found += ((given[0] - u @ product) * inverse) @ vh
    if given[2] is not None:
        d_v = _turned(given[2])
        product = vh @ d_v
        core += s[..., :, None] * (factors * (product - _turned(product)))
        found += u @ _turned((d_v - v @ product) * inverse)
    return np.asarray(found + u @ core @ vh)
