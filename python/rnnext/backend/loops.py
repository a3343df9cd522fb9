"""Loops over the first axis, by the names of Keras's older backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rnnext import nest, ops
from rnnext.autodiff.watchable import with_numpy
from rnnext.errors import ShapeError

__all__ = ["foldl", "foldr", "map_fn"]


@with_numpy
def map_fn(fn: Callable[[Any], Any], elems: Any, name: str | None = None, dtype: Any = None) -> Any:
    """Returns what `fn` computes of each part of `elems` along the first axis.

    Args:
        fn: Takes a part and returns an array.
        elems: An array, or nested arrays of one size on their first axis.
        name: Not used.
        dtype: Of the result; None: as computed.
    """
    del name
    results = ops.map(fn, elems)
    return results if dtype is None else nest.map_structure(lambda y: ops.cast(y, dtype), results)


def _folded(fn: Callable[[Any, Any], Any], parts: Any, initializer: Any, name: str) -> Any:
    result = initializer
    for part in parts:
        result = part if result is None else fn(result, part)
    if result is None:
        raise ShapeError(f"{name}: elems are empty, and there is no initializer.")
    return result


@with_numpy
def foldl(
    fn: Callable[[Any, Any], Any], elems: Any, initializer: Any = None, name: str | None = None
) -> Any:
    """Returns `fn(... fn(fn(initializer, elems[0]), elems[1]) ..., elems[-1])`.

    Args:
        fn: Takes what was computed so far and a part.
        elems: An array; its parts are those of the first axis.
        initializer: What the loop begins with; None: the first part.
        name: Not used.

    Raises:
        ShapeError: If there is nothing to begin with.

    Example:
        >>> print(foldl(lambda total, x: total + x, [1.0, 2.0, 4.0]))
        7.0
    """
    del name
    array = ops.convert_to_tensor(elems)
    return _folded(fn, [array[i] for i in range(array.shape[0])], initializer, "foldl")


@with_numpy
def foldr(
    fn: Callable[[Any, Any], Any], elems: Any, initializer: Any = None, name: str | None = None
) -> Any:
    """Returns what `foldl` does from the last part to the first."""
    del name
    array = ops.convert_to_tensor(elems)
    return _folded(fn, [array[i] for i in reversed(range(array.shape[0]))], initializer, "foldr")
