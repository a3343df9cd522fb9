"""The elements of a dataset: arrays, or tuples and dictionaries of them.

A list is an array, as in TensorFlow, not a structure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from rnnext.autodiff.watchable import watchable
from rnnext.dtypes import standard_dtype_name
from rnnext.errors import DataError, ShapeError
from rnnext.tensorflow.functions import convert_to_tensor

__all__ = ["as_element", "batched", "called_with", "leaves", "mapped", "padded", "shape_of"]


def mapped(function: Callable[..., Any], structure: Any, *others: Any) -> Any:
    """Returns a structure of what a function makes of each leaf, and of the leaves of others.

    Raises:
        DataError: If another one is no structure of the same form.

    Example:
        >>> mapped(lambda a, b: a + b, (1, {"x": 2}), (10, {"x": 20}))
        (11, {'x': 22})
    """
    if isinstance(structure, tuple):
        if any(not isinstance(o, (tuple, list)) or len(o) != len(structure) for o in others):
            raise DataError(f"expected a tuple of {len(structure)} parts, received {others!r}.")
        parts = [mapped(function, *row) for row in zip(structure, *others, strict=True)]
        kind = type(structure)
        return kind(*parts) if hasattr(kind, "_fields") else tuple(parts)
    if isinstance(structure, dict):
        if any(not isinstance(o, dict) or o.keys() != structure.keys() for o in others):
            raise DataError(f"expected the keys {sorted(structure)}, received {others!r}.")
        return {
            key: mapped(function, structure[key], *(o[key] for o in others)) for key in structure
        }
    return function(structure, *others)


def leaves(structure: Any) -> Iterator[Any]:
    """Yields the leaves of a structure."""
    found: list[Any] = []
    mapped(found.append, structure)
    return iter(found)


def as_element(structure: Any, is_dataset: Callable[[Any], bool]) -> Any:
    """Returns a structure with arrays, which have `numpy()`, as leaves; datasets stay."""
    return mapped(lambda x: x if is_dataset(x) else convert_to_tensor(x), structure)


def called_with(function: Callable[..., Any], element: Any) -> Any:
    """Returns what a function makes of an element; a tuple's parts are its arguments.

    A list that it returns is a tuple.
    """
    result = function(*element) if isinstance(element, tuple) else function(element)
    return tuple(result) if isinstance(result, list) else result


def batched(elements: Sequence[Any]) -> Any:
    """Returns one structure of several, each leaf with a new first axis.

    Raises:
        ShapeError: If shapes differ.
    """
    return (
        mapped(_stacked, *elements) if len(elements) > 1 else mapped(lambda x: x[None], *elements)
    )


def _stacked(*arrays: Any) -> Any:
    plain = [np.asarray(array) for array in arrays]
    shapes = {array.shape for array in plain}
    if len(shapes) > 1:
        raise ShapeError(
            f"Dataset.batch: elements have the shapes {sorted(shapes)[:3]}; padded_batch fills "
            "them up to one shape."
        )
    return watchable(np.stack(plain))


def padded(elements: Sequence[Any], shapes: Any, values: Any) -> Any:
    """Returns one structure of several, whose leaves are filled up to one shape.

    Args:
        elements: Structures of the same form.
        shapes: For each leaf the sizes, None or -1 for the largest one; None: that for all.
        values: For each leaf what fills it up; None: 0 or the empty string.
    """
    first = elements[0]
    targets = [None] * len(list(leaves(first))) if shapes is None else _forms(shapes)
    fills = (
        [values] * len(targets) if not isinstance(values, (tuple, dict)) else list(leaves(values))
    )
    remaining = iter(list(zip(targets, fills, strict=True)))
    return mapped(lambda *arrays: _filled_up(arrays, *next(remaining)), *elements)


def _forms(shapes: Any) -> list[Any]:
    """The shapes in a structure: a list, or a tuple of sizes, is one shape."""
    if isinstance(shapes, dict):
        return [form for key in shapes for form in _forms(shapes[key])]
    if isinstance(shapes, tuple) and not all(n is None or isinstance(n, int) for n in shapes):
        return [form for part in shapes for form in _forms(part)]
    if shapes == ():
        return [()]
    return [tuple(shapes)]


def _filled_up(arrays: Sequence[Any], shape: Any, value: Any) -> Any:
    plain = [np.asarray(array) for array in arrays]
    if shape is not None and len(shape) != plain[0].ndim:
        raise ShapeError(
            f"Dataset.padded_batch: padded_shapes has {shape} for elements of shape "
            f"{plain[0].shape}."
        )
    largest = np.max([array.shape for array in plain], axis=0).astype(int)
    wanted = shape if shape is not None else [None] * len(largest)
    sizes = [int(n) if m in (None, -1) else m for n, m in zip(largest, wanted, strict=True)]
    if any(n > m for n, m in zip(largest, sizes, strict=True)):
        raise ShapeError(
            f"Dataset.padded_batch: an element of shape {tuple(largest.tolist())} is larger than "
            f"{shape}."
        )
    is_text = plain[0].dtype.kind in "OUS"
    dtype = object if is_text else plain[0].dtype
    batch = np.full((len(plain), *sizes), ("" if is_text else 0) if value is None else value, dtype)
    for row, array in zip(batch, plain, strict=True):
        row[tuple(map(slice, array.shape))] = array
    return watchable(batch)


def shape_of(signature: Any) -> tuple[Any, str]:
    """Returns the shape and the dtype of what `Dataset.from_generator` is told about a leaf."""
    dtype = signature.dtype if hasattr(signature, "dtype") and hasattr(signature, "shape") else None
    if dtype is None:
        return None, _dtype_name(signature)
    return signature.shape, _dtype_name(dtype)


def _dtype_name(dtype: Any) -> str:
    return "string" if str(dtype) == "string" else standard_dtype_name(dtype)
