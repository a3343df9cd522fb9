"""Picking elements: slices, indices, sorting, the largest, one-hot vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import settings
from rnnext.arrays import asarray
from rnnext.autodiff.rules import value_of
from rnnext.errors import UnsupportedError
from rnnext.graph.streaming import Streamed, StreamedCall
from rnnext.ops.operation import CORE, MATH, NN, NUMPY, operation
from rnnext.ops.promotion import as_tensor
from rnnext.ops.shapes import Shape, axes_of, indexed, of_first, of_option, shape_of, taken
from rnnext.ops.time_axis import indexing

Array = NDArray[Any]


def _key(key: Any) -> tuple[Any, ...]:
    """An index as a tuple; configs have it as a list."""
    parts = tuple(key) if isinstance(key, (list, tuple)) else (key,)
    for part in parts:
        simple = part is None or part is Ellipsis or isinstance(part, slice)
        if not simple and (isinstance(part, bool) or not isinstance(part, (int, np.integer))):
            raise UnsupportedError(
                f"index {part!r}: a tensor is indexed with integers, slices, Ellipsis and None; "
                "use ops.take for indices in an array."
            )
    return parts


def _indexed(x: Any, key: Any) -> Shape:
    return indexed(x, _key(key))


def _steps_of_index(call: StreamedCall, arguments: dict[str, Any]) -> Streamed:
    return indexing(call, _key(arguments["key"]))


@operation(NUMPY, "GetItem", shape=_indexed, keeps_dtype=True, steps=_steps_of_index)
def get_item(x: Any, key: Any) -> Array:
    """Returns `x[key]` for integers, slices, Ellipsis and None."""
    return asarray(as_tensor(x)[_key(key)])


@operation(NUMPY, "Take", options=("axis",), shape=taken, keeps_dtype=True)
def take(x: Any, indices: Any, axis: int | None = None) -> Array:
    """Returns the elements, or parts along an axis, at `indices`; negative ones count back."""
    return asarray(np.take(as_tensor(x), as_tensor(indices).astype(np.int64), axis))


@operation(NUMPY, "TakeAlongAxis", options=("axis",))
def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Array:
    """Returns the elements at `indices`, which are of the rank of `x`, along an axis."""
    return np.take_along_axis(as_tensor(x), as_tensor(indices).astype(np.int64), axis)


@operation(
    CORE,
    "Slice",
    options=("shape",),
    shape=of_option,
    keeps_dtype=True,
)
def slice_(inputs: Any, start_indices: Any, shape: Sequence[int]) -> Array:
    """Returns the block of `shape` that begins at `start_indices`."""
    array, starts = as_tensor(inputs), [int(i) for i in as_tensor(start_indices)]
    ends = [start + size for start, size in zip(starts, shape, strict=True)]
    inside = all(a >= 0 and b <= n for a, b, n in zip(starts, ends, array.shape, strict=True))
    if not inside:
        raise ValueError(f"a block of shape {tuple(shape)} at {starts} leaves the array.")
    return asarray(array[tuple(map(slice, starts, ends))])


@operation(NUMPY, "Sort", options=("axis",))
def sort(x: Any, axis: int | None = -1) -> Array:
    """Returns the elements along an axis in ascending order."""
    return np.sort(as_tensor(x), axis)


@operation(NUMPY, "Argsort", options=("axis",))
def argsort(x: Any, axis: int | None = -1) -> Array:
    """Returns the indices that sort `x` along an axis; equal elements keep their order."""
    return np.argsort(as_tensor(x), axis, kind="stable").astype(np.int32)


@operation(MATH, "TopK", options=("k", "sorted"))
def top_k(x: Any, k: int, sorted: bool = True) -> tuple[Array, Array]:  # noqa: ARG001
    """Returns the k largest elements of the last axis, largest first, and their indices."""
    array = as_tensor(x)
    if not 0 <= k <= array.shape[-1]:
        raise ValueError(f"k={k}, but the last axis has size {array.shape[-1]}.")
    # Stable from the back, so that of equal elements the first comes first.
    order = np.argsort(array[..., ::-1], -1, kind="stable")[..., ::-1][..., :k]
    indices = array.shape[-1] - 1 - order
    return np.take_along_axis(array, indices, -1), indices.astype(np.int32)


def _one_hot_shape(x: Any, num_classes: int, axis: int = -1, **_options: Any) -> Shape:
    shape = list(shape_of(x))
    (position,) = axes_of(axis, len(shape) + 1)
    shape.insert(position, num_classes)
    return tuple(shape)


@operation(NN, "OneHot", options=("num_classes", "axis", "dtype", "sparse"), shape=_one_hot_shape)
def one_hot(
    x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Array:
    """Returns a new axis that is 1 at the index `x` and 0 elsewhere.

    Args:
        x: Integers; for one outside `[0, num_classes)` all are 0.
        num_classes: Size of the new axis.
        axis: Where the new axis goes.
        dtype: Dtype of the result; the default float type.
        sparse: Must be false.
    """
    if sparse:
        raise UnsupportedError("one_hot: sparse=True is not supported.")
    ids = np.expand_dims(as_tensor(x).astype(np.int64), axis)
    classes = np.arange(num_classes).reshape([-1] + [1] * (ids.ndim - 1))
    classes = np.moveaxis(classes, 0, axis)
    return asarray(ids == classes, dtype=dtype or settings.floatx())


@operation(NN, "MultiHot", options=("num_classes", "axis", "dtype", "sparse"))
def multi_hot(
    inputs: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Array:
    """Returns a vector that is 1 at each of several indices; see `one_hot`.

    The indices of a vector are on axis 1 of `inputs` (axis 0 if it has only one).
    """
    rank = as_tensor(inputs).ndim
    return asarray(np.max(one_hot(inputs, num_classes, axis, dtype, sparse), 1 if rank > 1 else 0))


@operation(MATH, "InTopK", options=("k",), shape=of_first)
def in_top_k(targets: Any, predictions: Any, k: int) -> Array:
    """Tells of each row of predictions whether fewer than `k` are above that of its target.

    Args:
        targets: (N,) numbers of classes.
        predictions: (N, K); a row that is not finite, or without its target, has it in no top.
        k: How many classes are at the top.
    """
    rows = np.asarray(value_of(as_tensor(predictions)))
    numbers = np.asarray(value_of(as_tensor(targets))).astype(np.int64)
    exists = (numbers >= 0) & (numbers < rows.shape[-1])
    own = np.take_along_axis(rows, np.where(exists, numbers, 0)[:, None], -1)
    return asarray(exists & np.isfinite(rows).all(axis=-1) & ((rows > own).sum(axis=-1) < k))
