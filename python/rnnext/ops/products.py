"""Products of matrices and tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.arrays import asarray
from rnnext.ops.operation import MATH, NUMPY, operation
from rnnext.ops.promotion import as_float, as_tensor, promoted
from rnnext.ops.shapes import contracted, matrix_product

Array = NDArray[Any]


@operation(NUMPY, "Matmul", shape=matrix_product)
def matmul(x1: Any, x2: Any) -> Array:
    """Returns the matrix product `x1 @ x2`."""
    return asarray(np.matmul(*promoted(x1, x2)))


@operation(NUMPY, "Dot")
def dot(x1: Any, x2: Any) -> Array:
    """Returns the product over the last axis of `x1` and the last but one of `x2`."""
    return asarray(np.dot(*promoted(x1, x2)))


@operation(NUMPY, "Inner")
def inner(x1: Any, x2: Any) -> Array:
    """Returns the product over the last axes."""
    return asarray(np.inner(*promoted(x1, x2)))


@operation(NUMPY, "Outer")
def outer(x1: Any, x2: Any) -> Array:
    """Returns the product of every element of `x1` with every element of `x2`."""
    return asarray(np.outer(*promoted(x1, x2)))


@operation(NUMPY, "Tensordot", options=("axes",))
def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Array:
    """Returns the product over pairs of axes; see `numpy.tensordot`."""
    a, b = promoted(x1, x2)
    return asarray(np.tensordot(a, b, axes=axes))


@operation(NUMPY, "Einsum", options=("subscripts",), shape=contracted)
def _einsum(*operands: Any, subscripts: str) -> Array:
    return asarray(np.einsum(subscripts, *promoted(*operands), optimize=True))


def einsum(subscripts: str, *operands: Any) -> Any:
    """Returns the sum of products that `subscripts` describes; see `numpy.einsum`.

    Example:
        >>> from rnnext import ops
        >>> ops.einsum("ij,jk->ik", [[1.0, 2.0]], [[3.0], [4.0]])
        array([[11.]], dtype=float32)
    """
    return _einsum(*operands, subscripts=subscripts)


@operation(NUMPY, "Vdot")
def vdot(x1: Any, x2: Any) -> Array:
    """Returns the sum of the products of all elements."""
    a, b = promoted(as_tensor(x1), as_tensor(x2))
    product = np.dot(as_float(a).reshape(-1), as_float(b).reshape(-1))
    return asarray(product).astype(a.dtype)


@operation(NUMPY, "Kron")
def kron(x1: Any, x2: Any) -> Array:
    """Returns the Kronecker product: every element of `x1` times the whole of `x2`."""
    a, b = promoted(as_tensor(x1), as_tensor(x2))
    rank = max(a.ndim, b.ndim)
    a, b = (x.reshape([1] * (rank - x.ndim) + list(x.shape)) for x in (a, b))
    own = [n for size in a.shape for n in (size, 1)]
    other = [n for size in b.shape for n in (1, size)]
    sizes = [m * n for m, n in zip(a.shape, b.shape, strict=True)]
    return asarray(a.reshape(own) * b.reshape(other)).reshape(sizes)


@operation(NUMPY, "Cross", options=("axisa", "axisb", "axisc", "axis"))
def cross(
    x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Array:
    """Returns the cross product of vectors of 3 elements, or of 2, whose third is 0.

    Args:
        x1: The first vectors.
        x2: The second ones.
        axisa: The axis of the elements of `x1`.
        axisb: That of `x2`.
        axisc: That of the result; of two vectors of 2 elements only the third is returned.
        axis: All three of these.
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    vectors = promoted(as_tensor(x1), as_tensor(x2))
    a, b = (np.moveaxis(v, i, -1) for v, i in zip(vectors, (axisa, axisb), strict=True))
    if not {a.shape[-1], b.shape[-1]} <= {2, 3}:
        raise ValueError("the vectors must have 2 or 3 elements.")
    third = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    if a.shape[-1] == b.shape[-1] == 2:
        return asarray(third)
    za, zb = (v[..., 2] if v.shape[-1] == 3 else np.zeros_like(v[..., 0]) for v in (a, b))
    first = a[..., 1] * zb - za * b[..., 1]
    second = za * b[..., 0] - a[..., 0] * zb
    return np.moveaxis(np.stack([first, second, third], axis=-1), -1, axisc)


@operation(MATH, "CDist")
def cdist(x: Any, y: Any) -> Array:
    """Returns the distances (..., N, M) of points (..., N, K) and (..., M, K)."""
    a, b = promoted(as_tensor(x), as_tensor(y))
    difference = np.expand_dims(as_float(a), -2) - np.expand_dims(as_float(b), -3)
    return asarray(np.sqrt(np.sum(np.square(difference), axis=-1)))
