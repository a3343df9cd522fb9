"""Shapes of symbolic results, from symbolic shapes in which None stands for any size.

Each rule gets the arguments and options of an operation, with symbolic tensors or arrays, and
returns a shape.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from rnnext.errors import ShapeError, UnsupportedError

__all__ = [
    "Shape",
    "axes_of",
    "broadcast",
    "broadcast_shapes",
    "concatenated",
    "contracted",
    "indexed",
    "matrix_product",
    "of_first",
    "of_option",
    "of_values",
    "reduced",
    "reshaped",
    "shape_of",
    "single",
    "stacked",
    "taken",
]

Shape = tuple[int | None, ...]


def shape_of(x: Any) -> Shape:
    """Returns the shape of a symbolic tensor, an array or a number."""
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def axes_of(axis: Any, rank: int, what: str = "axis") -> tuple[int, ...]:
    """Returns axes as non-negative integers in order.

    Args:
        axis: An integer, several, or None for all.
        rank: Number of axes there are.
        what: What to call it in the message.

    Raises:
        ShapeError: If there is no such axis, or one is named twice.
    """
    if axis is None:
        return tuple(range(rank))
    given = list(axis) if isinstance(axis, (list, tuple)) else [axis]
    if not all(isinstance(a, (int, np.integer)) and -rank <= a < rank for a in given):
        raise ShapeError(f"{what}={axis!r}: expected integers from {-rank} to {rank - 1}.")
    axes = sorted(int(a) % rank for a in given)
    if len(set(axes)) < len(axes):
        raise ShapeError(f"{what}={axis!r} names an axis twice.")
    return tuple(axes)


def broadcast_shapes(*shapes: Shape) -> Shape:
    """Returns the shape of an elementwise result.

    Raises:
        ShapeError: If two sizes on an axis are neither equal nor 1.
    """
    rank = max(map(len, shapes), default=0)
    padded = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    result: list[int | None] = []
    for sizes in zip(*padded, strict=True):
        larger = {size for size in sizes if size != 1}
        known = larger - {None}
        if len(known) > 1:
            raise ShapeError(f"shapes {', '.join(map(str, shapes))} do not broadcast.")
        # An unknown size beside a known one must turn out to be that size, or 1.
        result.append(known.pop() if known else None if larger else 1)
    return tuple(result)


def broadcast(*tensors: Any, **_options: Any) -> Shape:
    """Elementwise operations."""
    return broadcast_shapes(*(shape_of(x) for x in tensors if x is not None))


def of_first(x: Any, *_others: Any, **_options: Any) -> Shape:
    """The shape of the first argument."""
    return shape_of(x)


def single(*_tensors: Any, **_options: Any) -> Shape:
    """The shape of one number."""
    return ()


def of_values(*_tensors: Any, **_options: Any) -> Shape:
    """Raises UnsupportedError, as the shape of the result depends on the values."""
    raise UnsupportedError(
        "how many results there are depends on the values; use it on arrays, as in a layer's call."
    )


def of_option(*_tensors: Any, shape: Shape) -> Shape:
    """The shape that an option says."""
    return shape


def reduced(x: Any, axis: Any = None, keepdims: bool = False, **_options: Any) -> Shape:
    """Reductions over `axis`."""
    shape = shape_of(x)
    axes = axes_of(axis, len(shape))
    if keepdims:
        return tuple(1 if i in axes else size for i, size in enumerate(shape))
    return tuple(size for i, size in enumerate(shape) if i not in axes)


def reshaped(x: Any, newshape: Sequence[int | None]) -> Shape:
    """Reshaping; -1 or None in `newshape` stands for what is left."""
    shape = shape_of(x)
    sizes = [-1 if size is None else int(size) for size in newshape]
    if sizes.count(-1) > 1:
        raise ShapeError(f"newshape={newshape!r} leaves more than one size open.")
    if None in shape:
        return tuple(None if size == -1 else size for size in sizes)
    total, rest = (
        math.prod(s for s in shape if s is not None),
        math.prod(s for s in sizes if s != -1),
    )
    if (-1 not in sizes and total != rest) or (rest and total % rest):
        raise ShapeError(f"an array of shape {shape} cannot have newshape={newshape!r}.")
    return tuple((total // rest if rest else 0) if size == -1 else size for size in sizes)


def concatenated(xs: Sequence[Any], axis: int = 0) -> Shape:
    """Concatenation along `axis`."""
    shapes = [shape_of(x) for x in xs]
    (along,) = axes_of(-1 if axis is None else axis, len(shapes[0]))
    if any(len(shape) != len(shapes[0]) for shape in shapes):
        raise ShapeError(f"shapes {shapes} cannot be concatenated: their ranks differ.")
    result: list[int | None] = []
    for i, sizes in enumerate(zip(*shapes, strict=True)):
        known = [size for size in sizes if size is not None]
        if i == along:
            result.append(sum(known) if len(known) == len(sizes) else None)
        elif len(set(known)) > 1:
            raise ShapeError(f"shapes {shapes} cannot be concatenated along axis {axis}.")
        else:
            result.append(known[0] if known else None)
    return tuple(result)


def stacked(x: Sequence[Any], axis: int = 0) -> Shape:
    """Stacking along a new `axis`."""
    shapes = [shape_of(value) for value in x]
    shape = list(broadcast_shapes(*shapes))
    if any(len(other) != len(shape) for other in shapes):
        raise ShapeError(f"shapes {shapes} cannot be stacked: they differ.")
    (position,) = axes_of(axis, len(shape) + 1)
    shape.insert(position, len(shapes))
    return tuple(shape)


def taken(x: Any, indices: Any, axis: int | None = None) -> Shape:
    """Picking `indices` along `axis`."""
    shape, picked = shape_of(x), shape_of(indices)
    if axis is None:
        return picked
    (along,) = axes_of(axis, len(shape))
    return shape[:along] + picked + shape[along + 1 :]


def matrix_product(x1: Any, x2: Any) -> Shape:
    """`x1 @ x2`."""
    a, b = shape_of(x1), shape_of(x2)
    if not a or not b:
        raise ShapeError(f"a matrix product needs axes, received shapes {a} and {b}.")
    left = a if len(a) > 1 else (1, *a)
    right = b if len(b) > 1 else (*b, 1)
    if None not in (left[-1], right[-2]) and left[-1] != right[-2]:
        raise ShapeError(f"shapes {a} and {b} have no matrix product: {left[-1]} != {right[-2]}.")
    rows = left[-2:-1] if len(a) > 1 else ()
    columns = right[-1:] if len(b) > 1 else ()
    return (*broadcast_shapes(left[:-2], right[:-2]), *rows, *columns)


def contracted(*operands: Any, subscripts: str) -> Shape:
    """`einsum(subscripts, *operands)`."""
    inputs, output = einsum_labels(subscripts)
    if len(inputs) != len(operands):
        raise ShapeError(f"{subscripts!r} is for {len(inputs)} operands, received {len(operands)}.")
    sizes: dict[str, int | None] = {}
    batch: Shape = ()
    for labels, operand in zip(inputs, operands, strict=True):
        shape = shape_of(operand)
        before, dots, after = labels.partition("...")
        extra = len(shape) - len(before) - len(after)
        if extra < 0 or (extra and not dots):
            raise ShapeError(f"{subscripts!r}: {labels!r} does not fit shape {shape}.")
        batch = broadcast_shapes(batch, shape[len(before) : len(before) + extra])
        named = shape[: len(before)] + shape[len(before) + extra :]
        for label, size in zip(before + after, named, strict=True):
            known = sizes.setdefault(label, size)
            if None not in (known, size) and known != size:
                raise ShapeError(f"{subscripts!r}: {label!r} is {known} and {size}.")
            sizes[label] = size if known is None else known
    before, dots, after = output.partition("...")
    found = [sizes[label] for label in before]
    return (*found, *(batch if dots else ()), *(sizes[label] for label in after))


def einsum_labels(subscripts: str) -> tuple[list[str], str]:
    """Returns the labels of the operands and of the result."""
    left, arrow, output = subscripts.replace(" ", "").partition("->")
    inputs = left.split(",")
    if not arrow:  # what occurs once, in alphabetical order
        letters = left.replace(",", "").replace(".", "")
        once = sorted(label for label in set(letters) if letters.count(label) == 1)
        output = ("..." if "..." in left else "") + "".join(once)
    unknown = set(output) - set(left) - {"."}
    if unknown:
        raise ShapeError(f"{subscripts!r}: {sorted(unknown)} are in the result only.")
    return inputs, output


def indexed(x: Any, key: Any) -> Shape:
    """`x[key]` for integers, slices, an ellipsis and None; see `index_key`."""
    shape = list(shape_of(x))
    keys = list(key)
    if Ellipsis not in keys:
        keys.append(Ellipsis)
    consumed = sum(k is not None and k is not Ellipsis for k in keys)
    if keys.count(Ellipsis) > 1 or consumed > len(shape):
        raise ShapeError(f"key {key!r} does not fit shape {tuple(shape)}.")
    result: list[int | None] = []
    for i, k in enumerate(keys):
        if k is None:
            result.append(1)
        elif k is Ellipsis:
            whole = len(shape) - sum(later is not None for later in keys[i + 1 :])
            result += shape[:whole]
            del shape[:whole]
        else:
            result += _indexed_axis(shape.pop(0), k)
    return tuple(result)


def _indexed_axis(size: int | None, k: Any) -> list[int | None]:
    if isinstance(k, slice):
        whole = k == slice(None) or k == slice(None, None, 1)
        return [size if whole else None if size is None else len(range(*k.indices(size)))]
    if size is not None and not -size <= k < size:
        raise ShapeError(f"index {k} is out of range for an axis of size {size}.")
    return []
