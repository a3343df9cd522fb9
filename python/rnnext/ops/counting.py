"""Counts, bins, places in sorted arrays, and elements that differ."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.arrays import asarray
from rnnext.autodiff.rules import value_of
from rnnext.errors import UnsupportedError
from rnnext.ops.operation import NUMPY, operation
from rnnext.ops.promotion import as_tensor, promoted, result_type
from rnnext.ops.shapes import Shape, of_first, of_values, shape_of

Array = NDArray[Any]


def _counts_shape(x: Any, weights: Any = None, **_options: Any) -> Shape:
    if weights is not None:
        raise UnsupportedError("weights of a symbolic tensor are not supported.")
    return (*shape_of(x)[:-1], None)


@operation(NUMPY, "Bincount", options=("weights", "minlength", "sparse"), shape=_counts_shape)
def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Array:
    """Returns how often each integer from 0 on occurs along the last axis.

    Args:
        x: (..., N) integers >= 0.
        weights: None, or what each of them counts.
        minlength: How many counts there are at least.
        sparse: Must be false.

    Example:
        >>> from rnnext import ops
        >>> ops.bincount([2, 0, 2])
        array([1, 0, 2], dtype=int32)
    """
    if sparse:
        raise UnsupportedError("sparse=True is not supported.")
    numbers = as_tensor(x)
    weights = None if weights is None else as_tensor(weights)
    dtype = np.dtype(np.int32) if weights is None else result_type(numbers, weights)
    ids = np.asarray(value_of(numbers)).astype(np.int64)
    rows = ids.reshape(-1, ids.shape[-1]) if ids.ndim > 1 else ids[None]
    of_rows = [None] * len(rows) if weights is None else value_of(weights).reshape(rows.shape)
    length = max(int(ids.max(initial=-1)) + 1, minlength or 0)
    counts = [np.bincount(row, own, length) for row, own in zip(rows, of_rows, strict=True)]
    return np.stack(counts).reshape(*ids.shape[:-1], length).astype(dtype)


@operation(NUMPY, "Digitize", shape=of_first)
def digitize(x: Any, bins: Any) -> Array:
    """Returns for every element how many of the rising `bins` are at most it."""
    edges = np.asarray([float(edge) for edge in bins], np.float32)
    return asarray(np.searchsorted(edges, as_tensor(x), side="right")).astype(np.int32)


def _of_values_searched(_sequence: Any, values: Any, **_options: Any) -> Shape:
    return shape_of(values)


@operation(NUMPY, "SearchSorted", options=("side",), shape=_of_values_searched)
def searchsorted(sorted_sequence: Any, values: Any, side: Any = "left") -> Array:
    """Returns where values go in a sorted array: before equal elements, or ("right") after them."""
    sequence = as_tensor(sorted_sequence)
    if sequence.ndim != 1:
        raise ValueError(f"sorted_sequence must have one axis, received {sequence.shape}.")
    return asarray(np.searchsorted(sequence, as_tensor(values), side=side)).astype(np.int32)


@operation(NUMPY, "Histogram", options=("bins", "range"))
def histogram(x: Any, bins: int = 10, range: Any = None) -> tuple[Array, Array]:
    """Returns how many elements are in each of `bins` equal parts of a range, and their edges.

    Args:
        x: (N,) the elements.
        bins: How many parts.
        range: The least and the greatest element that count; by default all do.
    """
    array = np.asarray(value_of(as_tensor(x)))
    if array.ndim != 1:
        raise ValueError("x must have one axis.")
    low, high = (array.min(), array.max()) if range is None else range
    counted = array[(array >= low) & (array <= high)]
    edges = np.linspace(low, high, bins + 1).astype(array.dtype)
    places = np.searchsorted(edges[1:-1], counted, side="right")
    return np.bincount(places, minlength=bins).astype(array.dtype), edges


@operation(NUMPY, "IsIn", options=("assume_unique", "invert"), shape=of_first)
def isin(x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Array:  # noqa: ARG001
    """Returns which elements of `x1` are in `x2`; with `invert`, which are not.

    Of nothing, or in nothing, all are false, as on TensorFlow.
    """
    a, b = promoted(as_tensor(x1), as_tensor(x2))
    if not b.size:
        return np.zeros(a.shape, bool)
    return asarray(np.isin(a, b, invert=invert))


@operation(NUMPY, "Nonzero", shape=of_values)
def nonzero(x: Any) -> list[Array]:
    """Returns the indices of what is not zero, an array for each axis."""
    found = np.nonzero(np.asarray(value_of(as_tensor(x))))
    return [indices.astype(np.int32) for indices in found]


@operation(
    NUMPY,
    "Unique",
    options=(
        *("sorted", "return_index", "return_inverse", "return_counts", "axis", "size"),
        "fill_value",
    ),
    shape=of_values,
)
def unique(
    x: Any,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """Returns the elements that differ, or the parts along an axis that do.

    Args:
        x: The elements.
        sorted: Whether they are returned in ascending order; otherwise as they come.
        return_index: Whether to return where each is first.
        return_inverse: Whether to return which of them each element is.
        return_counts: Whether to return how often each occurs.
        axis: An axis; None: all elements.
        size: How many are returned: the first ones, or all and `fill_value` behind them.
        fill_value: Default 0.

    Returns:
        The array, or a tuple of it and what else was asked for, int32.
    """
    array = np.asarray(value_of(as_tensor(x)))
    along = 0 if axis is None else axis % array.ndim
    parts = array.reshape(-1) if axis is None else np.swapaxes(array, 0, along)
    found, index, inverse, counts = np.unique(
        parts, return_index=True, return_inverse=True, return_counts=True, axis=0, equal_nan=False
    )
    inverse = inverse.reshape(-1)
    if not sorted:
        order = np.argsort(index)
        found, index, counts = found[order], index[order], counts[order]
        inverse = np.argsort(order)[inverse]
    if size is not None:
        missing = max(size - len(found), 0)
        ends = [(0, missing), *[(0, 0)] * (found.ndim - 1)]
        found = np.pad(found[:size], ends, constant_values=fill_value or 0)
        index = np.pad(index[:size], (0, missing), constant_values=1)
        counts = np.pad(counts[:size], (0, missing))
    inverse = inverse.reshape(array.shape) if axis is None else inverse
    asked = ((return_index, index), (return_inverse, inverse), (return_counts, counts))
    others = [values.astype(np.int32) for wanted, values in asked if wanted]
    result = np.swapaxes(found, 0, along)
    return (result, *others) if others else result
