"""Integers: bits, shifts, common divisors and multiples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.arrays import asarray
from rnnext.errors import DataError
from rnnext.ops.operation import NUMPY, operation
from rnnext.ops.promotion import as_tensor, promoted
from rnnext.ops.shapes import broadcast

Array = NDArray[Any]


def _whole(array: Array) -> Array:
    if array.dtype.kind not in "iu":
        raise DataError(f"expected integers, received {array.dtype}.")
    return array


def _of_two(class_name: str, compute: Callable[..., Any]) -> Any:
    def function(x1: Any, x2: Any) -> Array:
        return asarray(compute(*map(_whole, promoted(as_tensor(x1), as_tensor(x2)))))

    return operation(NUMPY, class_name, shape=broadcast, doc="of integers.")(function)


def _of_bits(class_name: str, compute: Callable[..., Any], weak: bool = False) -> Any:
    """Of the bits of two arrays; `weak`: a Python number as the second takes the first's dtype."""

    def function(x: Any, y: Any) -> Array:
        second = y if weak and isinstance(y, int) else as_tensor(y)
        return asarray(compute(*map(_whole, promoted(as_tensor(x), second))))

    return operation(NUMPY, class_name, shape=broadcast, doc="of the bits of integers.")(function)


def _inversion(class_name: str) -> Any:
    def function(x: Any) -> Array:
        return asarray(np.invert(_whole(as_tensor(x))))

    return operation(NUMPY, class_name, shape=broadcast, doc="every bit inverted.")(function)


bitwise_and = _of_bits("BitwiseAnd", np.bitwise_and)
bitwise_or = _of_bits("BitwiseOr", np.bitwise_or)
bitwise_xor = _of_bits("BitwiseXor", np.bitwise_xor)
bitwise_invert = _inversion("BitwiseInvert")
bitwise_not = _inversion("BitwiseNot")
bitwise_left_shift = _of_bits("BitwiseLeftShift", np.left_shift, weak=True)
left_shift = _of_bits("LeftShift", np.left_shift, weak=True)
bitwise_right_shift = _of_bits("BitwiseRightShift", np.right_shift, weak=True)
right_shift = _of_bits("RightShift", np.right_shift, weak=True)
gcd = _of_two("Gcd", np.gcd)
lcm = _of_two("Lcm", np.lcm)
