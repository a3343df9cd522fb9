"""Parts of arrays that indices or masks name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from rnnext import ops
from rnnext.autodiff.rules import value_of
from rnnext.autodiff.watchable import watchable, with_numpy
from rnnext.errors import UnsupportedError

__all__ = [
    "Unique",
    "argsort",
    "boolean_mask",
    "embedding_lookup",
    "gather",
    "gather_nd",
    "reverse_sequence",
    "scatter_nd",
    "sequence_mask",
    "slice",
    "sort",
    "tensor_scatter_nd_update",
    "unique",
]


class Unique(NamedTuple):
    """The elements that differ, in the order in which they come, and each element's place there."""

    y: Any
    idx: Any


def _indices(x: Any) -> Any:
    return np.asarray(value_of(x)).astype(np.int64)


@with_numpy
def gather(
    params: Any,
    indices: Any,
    validate_indices: Any = None,  # noqa: ARG001
    axis: int | None = None,
    batch_dims: int = 0,
) -> Any:
    """Returns the slices of an array that indices name.

    Args:
        params: Array or symbolic tensor.
        indices: Integers of any shape.
        validate_indices: Ignored, as in TensorFlow.
        axis: The axis they count along; None: `batch_dims`.
        batch_dims: How many first axes `params` and `indices` have in common.

    Raises:
        UnsupportedError: If `axis` is another one than `batch_dims` and that is not 0.

    Example:
        >>> gather([[1, 2, 3], [4, 5, 6]], [[0], [2]], batch_dims=1).numpy()
        array([[1],
               [6]], dtype=int32)
    """
    if not batch_dims:
        return ops.take(params, indices, axis=axis or 0)
    if axis not in (None, batch_dims):
        raise UnsupportedError(
            f"gather: with batch_dims={batch_dims}, axis must be that or None, received {axis!r}."
        )
    sizes: Any = ops.shape(params)
    rows, length = int(np.prod(sizes[:batch_dims])), sizes[batch_dims]
    places = _indices(indices)
    inner = places.reshape(rows, -1) % length + np.arange(rows)[:, None] * length
    flat = ops.reshape(params, (rows * length, *sizes[batch_dims + 1 :]))
    taken = ops.take(flat, inner.ravel(), axis=0)
    return ops.reshape(taken, (*places.shape, *sizes[batch_dims + 1 :]))


def embedding_lookup(params: Any, ids: Any, max_norm: Any = None, name: Any = None) -> Any:  # noqa: ARG001
    """Returns the rows of a table; see `gather`.

    Raises:
        UnsupportedError: If `max_norm` is not None.
    """
    if max_norm is not None:
        raise UnsupportedError(f"embedding_lookup: max_norm must be None, received {max_norm!r}.")
    return gather(params, ids)


@with_numpy
def gather_nd(params: Any, indices: Any, batch_dims: int = 0) -> Any:
    """Returns the elements or parts of an array whose first indices are given.

    Args:
        params: Array.
        indices: (..., K) integers, the indices along the first K axes.
        batch_dims: Must be 0.

    Raises:
        UnsupportedError: If `batch_dims` is another number.

    Example:
        >>> gather_nd([[1, 2], [3, 4]], [[0, 1], [1, 0]]).numpy()
        array([2, 3], dtype=int32)
    """
    if batch_dims:
        raise UnsupportedError(f"gather_nd: batch_dims must be 0, received {batch_dims!r}.")
    places = _indices(indices)
    sizes: Any = ops.shape(params)
    depth = places.shape[-1]
    flat = ops.reshape(params, (-1, *sizes[depth:]))
    rows = np.ravel_multi_index(tuple(np.moveaxis(places, -1, 0)), sizes[:depth])
    return ops.take(flat, rows, axis=0)


@with_numpy
def scatter_nd(indices: Any, updates: Any, shape: Sequence[int]) -> Any:
    """Returns zeros with values added where indices say.

    Args:
        indices: (..., K) integers, the indices along the first K axes.
        updates: What is added there, (..., *shape[K:]).
        shape: Sizes of the result.

    Example:
        >>> scatter_nd([[0], [2], [0]], [1, 2, 3], [4]).numpy()
        array([4, 0, 2, 0], dtype=int32)
    """
    places, sizes = _indices(indices), tuple(int(size) for size in shape)
    depth = places.shape[-1]
    rows = np.ravel_multi_index(tuple(np.moveaxis(places, -1, 0)), sizes[:depth]).ravel()
    values = ops.reshape(updates, (len(rows), -1))
    hits = rows == np.arange(int(np.prod(sizes[:depth])))[:, None]
    dtype = np.dtype(str(values.dtype))
    return ops.reshape(ops.cast(ops.matmul(hits.astype(dtype), values), dtype), sizes)


@with_numpy
def tensor_scatter_nd_update(tensor: Any, indices: Any, updates: Any) -> Any:
    """Returns an array with other values where indices say; of indices that repeat the last.

    Args:
        tensor: Array.
        indices: (..., K) integers, the indices along the first K axes.
        updates: What stands there, (..., *tensor.shape[K:]).
    """
    places = _indices(indices)
    sizes: Any = ops.shape(tensor)
    depth = places.shape[-1]
    rows = np.ravel_multi_index(tuple(np.moveaxis(places, -1, 0)), sizes[:depth]).ravel()
    source = np.arange(int(np.prod(sizes[:depth])))
    source[rows] = len(source) + np.arange(len(rows))
    old = ops.reshape(tensor, (-1, *sizes[depth:]))
    new = ops.cast(ops.reshape(updates, (len(rows), *sizes[depth:])), old.dtype)
    return ops.reshape(ops.take(ops.concatenate([old, new], axis=0), source, axis=0), sizes)


@with_numpy
def boolean_mask(tensor: Any, mask: Any, axis: int | None = None) -> Any:
    """Returns the parts of an array where a mask holds, along one axis.

    Args:
        tensor: Array.
        mask: Booleans with the sizes of the axes from `axis` on.
        axis: The first of these; None: 0.

    Example:
        >>> boolean_mask([1, 2, 3], [True, False, True]).numpy()
        array([1, 3], dtype=int32)
    """
    holds, sizes, first = np.asarray(value_of(mask)), ops.shape(tensor), axis or 0
    flat = ops.reshape(tensor, (*sizes[:first], holds.size, *sizes[first + holds.ndim :]))
    return ops.take(flat, np.flatnonzero(holds), axis=first)


@with_numpy
def sequence_mask(lengths: Any, maxlen: int | None = None, dtype: Any = "bool") -> Any:
    """Returns rows whose first `lengths` elements are true.

    Args:
        lengths: Integers.
        maxlen: Length of the rows; None: the largest of `lengths`.
        dtype: Of the result.

    Example:
        >>> sequence_mask([1, 3]).numpy()
        array([[ True, False, False],
               [ True,  True,  True]])
    """
    counts = _indices(lengths)
    longest = int(counts.max()) if maxlen is None else int(maxlen)
    return ops.cast(np.arange(longest) < counts[..., None], dtype)


@with_numpy
def reverse_sequence(
    input: Any,  # noqa: A002
    seq_lengths: Any,
    seq_axis: int = 1,
    batch_axis: int = 0,
) -> Any:
    """Returns sequences whose first `seq_lengths` steps are in reverse order.

    Args:
        input: Array, its axes 0 and 1 those of samples and steps.
        seq_lengths: (N,) integers.
        seq_axis: Must be 1.
        batch_axis: Must be 0.

    Raises:
        UnsupportedError: If an axis is another one.
    """
    if (seq_axis, batch_axis) != (1, 0):
        raise UnsupportedError(
            "reverse_sequence: seq_axis must be 1 and batch_axis 0, received "
            f"{seq_axis!r} and {batch_axis!r}."
        )
    count: Any = ops.shape(input)[1]
    steps = np.arange(count)
    lengths = _indices(seq_lengths)[:, None]
    return gather(input, np.where(steps < lengths, lengths - 1 - steps, steps), batch_dims=1)


@with_numpy
def slice(input_: Any, begin: Any, size: Any) -> Any:  # noqa: A001
    """Returns a block of an array.

    Args:
        input_: Array or symbolic tensor.
        begin: Its first index along each axis.
        size: How many elements along each axis; -1: all from there on.

    Example:
        >>> slice([[1, 2], [3, 4]], [0, 1], [-1, 1]).numpy()
        array([[2],
               [4]], dtype=int32)
    """
    starts, counts = [int(i) for i in begin], [int(n) for n in size]
    stops = [None if n < 0 else start + n for start, n in zip(starts, counts, strict=True)]
    array = input_ if hasattr(input_, "shape") else ops.convert_to_tensor(input_)
    return array[tuple(map(_part, starts, stops))]


_part: Any = type(np.s_[:])  # the built-in slice, whose name TensorFlow's function has


@with_numpy
def sort(values: Any, axis: int = -1, direction: str = "ASCENDING") -> Any:
    """Returns the elements along an axis in order.

    Args:
        values: Array or symbolic tensor.
        axis: The axis.
        direction: `"ASCENDING"` or `"DESCENDING"`.
    """
    ordered = ops.sort(values, axis=axis)
    return ops.flip(ordered, axis) if _is_descending(direction) else ordered


@with_numpy
def argsort(
    values: Any,
    axis: int = -1,
    direction: str = "ASCENDING",
    stable: bool = False,  # noqa: ARG001
) -> Any:
    """Returns the indices that sort an array along an axis; see `sort`."""
    return ops.argsort(ops.negative(values) if _is_descending(direction) else values, axis=axis)


def _is_descending(direction: str) -> bool:
    if direction not in ("ASCENDING", "DESCENDING"):
        raise UnsupportedError(
            f"direction must be 'ASCENDING' or 'DESCENDING', received {direction!r}."
        )
    return direction == "DESCENDING"


def unique(x: Any, out_idx: Any = "int32", name: Any = None) -> Unique:  # noqa: ARG001
    """Returns the elements that differ, and for each element its place among them.

    Example:
        >>> unique([5, 3, 5]).y.numpy()
        array([5, 3], dtype=int32)
    """
    found, first, places = np.unique(
        np.asarray(ops.convert_to_tensor(x)), return_index=True, return_inverse=True
    )
    order = np.argsort(first, kind="stable")
    ranks = np.empty(len(order), out_idx)
    ranks[order] = np.arange(len(order))
    return Unique(watchable(found[order]), watchable(ranks[places]))
