"""Products of matrices and tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.arrays import asarray
from rnnext.ops.operation import NUMPY, operation
from rnnext.ops.promotion import promoted
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
