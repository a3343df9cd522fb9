"""Writing at indices: slices and elements of a copy, and reductions of segments."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.autodiff.rules import computed, value_of
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.ops.operation import CORE, MATH, NUMPY, operation
from rnnext.ops.promotion import as_tensor
from rnnext.ops.shapes import Shape, of_first, of_option, shape_of

Array = NDArray[Any]

_REDUCTIONS = {"add": np.add, "max": np.maximum, "min": np.minimum, "mul": np.multiply}


def _integers(indices: Any) -> Array:
    return np.asarray(value_of(as_tensor(indices))).astype(np.int64)


@operation(CORE, "SliceUpdate", shape=of_first, keeps_dtype=True)
def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """Returns `inputs` with the block that begins at `start_indices` replaced by `updates`.

    Where the block would leave the array it begins earlier, as in Keras.
    """
    array, block = as_tensor(inputs), as_tensor(updates)
    starts = _integers(start_indices).reshape(-1)
    if not len(starts) == array.ndim == block.ndim:
        raise ValueError(f"expected an index for each axis, received {starts.tolist()}.")
    if any(n > size for n, size in zip(block.shape, array.shape, strict=True)):
        raise ValueError("the block is larger than the array.")
    firsts = [
        min(max(start, 0), size - n)
        for start, size, n in zip(starts.tolist(), array.shape, block.shape, strict=True)
    ]
    place = tuple(slice(first, first + n) for first, n in zip(firsts, block.shape, strict=True))
    return computed(lambda a, b: _replaced(a, place, b), array, block.astype(array.dtype))


def _replaced(array: Array, place: Any, values: Array) -> Any:
    result = array.copy()
    result[place] = values

    def pullback(d: Array) -> tuple[Array, Array]:
        rest = d.copy()
        rest[place] = 0
        return rest, d[place]

    return result, pullback


@operation(CORE, "Scatter", options=("shape",), shape=of_option)
def scatter(indices: Any, values: Any, shape: Sequence[int]) -> Any:
    """Returns zeros of a shape with values added at indices.

    Args:
        indices: (..., K) integers: each row is the index of an element, or of a part, if there
            are more than K axes.
        values: `(..., *shape[K:])`.
        shape: Shape of the result.

    Example:
        >>> from rnnext import ops
        >>> ops.scatter([[1], [3], [1]], [1.0, 2.0, 4.0], (5,))
        array([0., 5., 0., 2., 0.], dtype=float32)
    """
    added = as_tensor(values)
    return scatter_update(np.zeros(tuple(shape), added.dtype), indices, added, "add")


@operation(CORE, "ScatterUpdate", options=("reduction",), shape=of_first, keeps_dtype=True)
def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Any:
    """Returns `inputs` with other elements at indices.

    Args:
        inputs: The array.
        indices: (..., K) integers: each row is the index of an element, or of a part, if there
            are more than K axes.
        updates: `(..., *inputs.shape[K:])`.
        reduction: None: they replace what was there; "add", "max", "min" or "mul": they are
            joined with it, one after the other.

    Example:
        >>> from rnnext import ops
        >>> ops.scatter_update([0.0, 1.0, 2.0], [[0], [2]], [5.0, 7.0])
        array([5., 1., 7.], dtype=float32)
    """
    name = None if reduction is None else reduction.lower()
    if name is not None and name not in _REDUCTIONS:
        raise UnsupportedError(
            f"reduction must be None or one of {sorted(_REDUCTIONS)}, received {reduction!r}."
        )
    array, new, rows = as_tensor(inputs), as_tensor(updates), _integers(indices)
    sizes = array.shape[: rows.shape[-1]]
    if np.any(rows < 0) or np.any(rows >= np.asarray(sizes, np.int64)):
        raise IndexError(f"indices must be from 0 to {[n - 1 for n in sizes]}.")
    place = tuple(np.moveaxis(rows, -1, 0))
    new = new.astype(array.dtype)
    if name is None:
        return computed(lambda a, b: _replaced(a, place, b), array, new)
    rule: Callable[..., Any] = _RULES.get(name, _multiplied)
    return computed(lambda a, b: rule(_REDUCTIONS[name], a, place, b), array, new)


def _added(ufunc: np.ufunc, array: Array, place: Any, values: Array) -> Any:
    result = array.copy()
    ufunc.at(result, place, values)
    return result, lambda d: (d, d[place])


def _extreme(ufunc: np.ufunc, array: Array, place: Any, values: Array) -> Any:
    """Equal extremes share the gradient."""
    result = array.copy()
    ufunc.at(result, place, values)

    def pullback(d: Array) -> tuple[Array, Array]:
        kept, chosen = array == result, values == result[place]
        count = kept.astype(d.dtype)
        np.add.at(count, place, chosen.astype(d.dtype))
        shares = d / count
        return np.where(kept, shares, d.dtype.type(0)), shares[place] * chosen

    return result, pullback


def _multiplied(_ufunc: np.ufunc, array: Array, place: Any, values: Array) -> Any:
    """One after the other, so that the way back divides by nothing."""
    result, before = array.copy(), np.empty_like(values)
    rows = list(np.ndindex(np.shape(place[0])))
    for row in rows:
        at = tuple(axis[row] for axis in place)
        before[row] = result[at]
        result[at] = before[row] * values[row]

    def pullback(d: Array) -> tuple[Array, Array]:
        d_array, d_values = d.copy(), np.empty_like(values)
        for row in reversed(rows):
            at = tuple(axis[row] for axis in place)
            d_values[row] = d_array[at] * before[row]
            d_array[at] = d_array[at] * values[row]
        return d_array, d_values

    return result, pullback


_RULES = {"add": _added, "max": _extreme, "min": _extreme}


# Segments ----------------------------------------------------------------------------------------


def _segments_shape(
    data: Any,
    segment_ids: Any,
    num_segments: int | None = None,
    sorted: bool = False,  # noqa: ARG001
) -> Shape:
    if len(shape_of(segment_ids)) != 1:
        raise ShapeError(f"segment_ids must have one axis, received {shape_of(segment_ids)}.")
    return (num_segments, *shape_of(data)[1:])


def _segments(class_name: str, ufunc: np.ufunc, doc: str) -> Any:
    def function(
        data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
    ) -> Any:
        array, ids = as_tensor(data), _integers(segment_ids)
        _segments_shape(array, ids)
        size = _segment_count(ids, num_segments, sorted, class_name)
        if ids.shape != array.shape[:1] or (ids >= size).any():
            raise ValueError(f"expected a segment from 0 to {size - 1} for each part of the data.")
        neutral, of_nothing = _neutral(ufunc, array.dtype)
        of_nothing = 0 if sorted and ufunc.identity is None else of_nothing

        def forward(values: Array) -> Any:
            start = np.full((size, *values.shape[1:]), neutral, values.dtype)
            start[np.bincount(ids[ids >= 0], minlength=size) == 0] = of_nothing
            return _reduced(ufunc, values, ids, start)

        return computed(forward, array)

    doc = f"{doc} of the parts of each segment along the first axis."
    options = ("num_segments", "sorted")
    return operation(
        MATH, class_name, options=options, shape=_segments_shape, keeps_dtype=True, doc=doc
    )(function)


def _neutral(ufunc: np.ufunc, dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """What changes nothing, and what is there for a segment without parts."""
    if ufunc.identity is not None:
        return ufunc.identity, ufunc.identity
    limits: Any = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    last = limits.min if ufunc is np.maximum else limits.max
    return (math.copysign(math.inf, last) if dtype.kind == "f" else last), last


def _segment_count(ids: Array, given: int | None, is_sorted: bool, class_name: str) -> int:
    if is_sorted and given is not None:
        raise UnsupportedError(
            f"num_segments={given} with sorted=True: Keras on TensorFlow accepts one of them."
        )
    if given is not None:
        return int(given)
    if class_name == "SegmentSum" and not is_sorted:  # Keras's rule; the others count to the last
        return len(np.unique(ids))
    return int(ids.max(initial=-1)) + 1


def _reduced(ufunc: np.ufunc, rows: Array, ids: Array, start: Array) -> Any:
    """Reduces the rows of each segment; negative segments do not count."""
    kept, result, size = ids >= 0, start, len(start)
    at = ids[kept]
    ufunc.at(result, at, rows[kept])

    def pullback(d: Array) -> Array:
        found = np.zeros_like(rows)
        if ufunc is np.add:
            found[kept] = d[at]
        elif ufunc is np.multiply:
            found[kept] = d[at] * _product_of_others(rows[kept], at, size)
        else:  # equal extremes share the gradient
            hits = rows[kept] == result[at]
            counts = np.zeros(result.shape, d.dtype)
            np.add.at(counts, at, hits.astype(d.dtype))
            found[kept] = np.where(hits, (d / np.maximum(counts, 1))[at], d.dtype.type(0))
        return found

    return result, pullback


def _product_of_others(rows: Array, at: Array, size: int) -> Array:
    """For every element the product of the others in its segment, zeros among them or not."""
    is_zero = rows == 0
    zeros = np.zeros((size, *rows.shape[1:]), np.int64)
    products = np.ones(zeros.shape, rows.dtype)
    np.add.at(zeros, at, is_zero)
    np.multiply.at(products, at, np.where(is_zero, rows.dtype.type(1), rows))
    without = np.where(is_zero, products[at], products[at] / np.where(is_zero, 1, rows))
    return np.where(zeros[at] - is_zero == 0, without, rows.dtype.type(0))


segment_sum = _segments("SegmentSum", np.add, "the sum")
segment_prod = _segments("SegmentProd", np.multiply, "the product")
segment_max = _segments("SegmentMax", np.maximum, "the maximum")
segment_min = _segments("SegmentMin", np.minimum, "the minimum")


# Indices -----------------------------------------------------------------------------------------


@operation(NUMPY, "UnravelIndex", options=("shape",))
def unravel_index(indices: Any, shape: Sequence[int]) -> tuple[Array, ...]:
    """Returns the index along each axis of elements that are counted through an array.

    Args:
        indices: (N,) places in a row-major array.
        shape: The shape of that array.

    Example:
        >>> from rnnext import ops
        >>> ops.unravel_index([5, 6], (3, 4))
        (array([1, 1], dtype=int32), array([1, 2], dtype=int32))
    """
    places = as_tensor(indices)
    if places.ndim != 1:
        raise UnsupportedError(
            f"indices of shape {places.shape}: expected one axis; for others Keras has no answer "
            "that all its backends give."
        )
    found: list[Array] = []
    for size in reversed(shape):
        found.append(places % size)
        places = places // size
    return tuple(found[::-1])
