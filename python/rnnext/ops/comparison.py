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
isreal = _test("Isreal", lambda x: np.ones(x.shape, bool))
isneginf = _test("Isneginf", lambda x: np.equal(x, -np.inf))
isposinf = _test("Isposinf", lambda x: np.equal(x, np.inf))
signbit = _test("Signbit", lambda x: np.signbit(x) if x.dtype.kind == "f" else np.less(x, 0))


@operation(NUMPY, "Where", shape=broadcast)
def where(condition: Any, x1: Any, x2: Any) -> Array:
    """Returns `x1` where `condition` is true and `x2` elsewhere, with broadcasting."""
    a, b = promoted(x1, x2)
    return np.where(as_tensor(condition).astype(bool), a, b)


def _close(x1: Any, x2: Any, rtol: float, atol: float, equal_nan: bool) -> Any:
    a, b = promoted(as_tensor(x1), as_tensor(x2))
    if a.dtype.kind != "f":
        return np.equal(a, b)
    near = np.abs(a - b) <= atol + rtol * np.abs(b)
    return near | (np.isnan(a) & np.isnan(b)) if equal_nan else near


@operation(NUMPY, "Isclose", options=("equal_nan",), shape=broadcast)
def isclose(
    x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Array:
    """Returns where `|x1 - x2| <= atol + rtol * |x2|`; of equal infinities that is false."""
    return asarray(_close(x1, x2, rtol, atol, equal_nan))


@operation(NUMPY, "AllClose", options=("rtol", "atol", "equal_nan"))
def allclose(
    x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Array:
    """Tells whether everywhere `|x1 - x2| <= atol + rtol * |x2|`; equal infinities are close."""
    a, b = promoted(as_tensor(x1), as_tensor(x2))
    near = np.isfinite(a) & np.isfinite(b) & _close(a, b, rtol, atol, False)
    both = np.isnan(a) & np.isnan(b) if equal_nan else False
    return asarray(np.all(near | np.equal(a, b) | both))


@operation(NUMPY, "Select")
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Array:
    """Returns of each element the first choice whose condition is true, or `default`.

    Args:
        condlist: Arrays of booleans.
        choicelist: As many arrays.
        default: Where no condition is true.
    """
    if len(condlist) != len(choicelist):
        raise ValueError(f"{len(condlist)} conditions for {len(choicelist)} choices.")
    *choices, rest = promoted(*choicelist, default)
    for condition, choice in zip(reversed(condlist), reversed(choices), strict=True):
        rest = asarray(np.where(as_tensor(condition).astype(bool), choice, rest))
    return rest
