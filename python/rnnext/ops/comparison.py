"""Comparisons, logic, and choosing between two arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.arrays import asarray
from rnnext.ops.operation import NUMPY, operation
from rnnext.ops.promotion import as_tensor, promoted
from rnnext.ops.shapes import broadcast

Array = NDArray[Any]


def _booleans(class_name: str, function: Any, reads_ids: bool = False) -> Any:
    doc = "elementwise, as booleans."
    return operation(NUMPY, class_name, shape=broadcast, reads_ids=reads_ids, doc=doc)(function)


def _comparison(class_name: str, compare: Callable[..., Any], reads_ids: bool = False) -> Any:
    def function(x1: Any, x2: Any) -> Array:
        return asarray(compare(*promoted(x1, x2)))

    return _booleans(class_name, function, reads_ids)


def _logic(class_name: str, combine: Callable[..., Any]) -> Any:
    def function(x1: Any, x2: Any) -> Array:
        return asarray(combine(as_tensor(x1).astype(bool), as_tensor(x2).astype(bool)))

    return _booleans(class_name, function)


def _test(class_name: str, test: Callable[..., Any]) -> Any:
    def function(x: Any) -> Array:
        return asarray(test(as_tensor(x)))

    return _booleans(class_name, function)


equal = _comparison("Equal", np.equal)
# The mask of an Embedding: ids are compared as they came.
not_equal = _comparison("NotEqual", np.not_equal, reads_ids=True)
greater = _comparison("Greater", np.greater)
greater_equal = _comparison("GreaterEqual", np.greater_equal)
less = _comparison("Less", np.less)
less_equal = _comparison("LessEqual", np.less_equal)

logical_and = _logic("LogicalAnd", np.logical_and)
logical_or = _logic("LogicalOr", np.logical_or)
logical_xor = _logic("LogicalXor", np.logical_xor)
logical_not = _test("LogicalNot", np.logical_not)

isfinite = _test("Isfinite", np.isfinite)
isinf = _test("Isinf", np.isinf)
isnan = _test("Isnan", np.isnan)


@operation(NUMPY, "Where", shape=broadcast)
def where(condition: Any, x1: Any, x2: Any) -> Array:
    """Returns `x1` where `condition` is true and `x2` elsewhere, with broadcasting."""
    a, b = promoted(x1, x2)
    return np.where(as_tensor(condition).astype(bool), a, b)
