"""Nested structures (list, tuple, dict) of arrays or tensors, walked as Keras walks them.

Dictionaries are walked in sorted order of their keys, so that two dictionaries with the same
keys have the same flat order.

A torch `PackedSequence` is a leaf, though it is a named tuple: its four fields are one value, and
torch checks them when another is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["flatten", "is_nested", "is_packed_sequence", "map_structure", "pack_like"]

_PACKED_FIELDS = ("data", "batch_sizes", "sorted_indices", "unsorted_indices")


def is_packed_sequence(value: Any) -> bool:
    """Tells whether `value` is a torch `PackedSequence`, known by its fields: torch is not read.

    Example:
        >>> is_packed_sequence(([1, 2], [2]))
        False
    """
    return type(value) not in (list, tuple) and getattr(value, "_fields", None) == _PACKED_FIELDS


def is_nested(structure: Any) -> bool:
    """Tells whether `structure` is a list, tuple or dict."""
    return isinstance(structure, (list, tuple, dict)) and not is_packed_sequence(structure)


def _sorted_keys(structure: dict[Any, Any]) -> list[Any]:
    try:
        return sorted(structure)
    except TypeError:  # keys of mixed types have no order of their own
        return list(structure)


def _leaves(structure: Any) -> Iterator[Any]:
    if isinstance(structure, (list, tuple)) and not is_packed_sequence(structure):
        for item in structure:
            yield from _leaves(item)
    elif isinstance(structure, dict):
        for key in _sorted_keys(structure):
            yield from _leaves(structure[key])
    else:
        yield structure


def flatten(structure: Any) -> list[Any]:
    """Returns the leaves of a structure in order.

    Example:
        >>> flatten({"b": 1, "a": [2, (3, None)]})
        [2, 3, None, 1]
    """
    return list(_leaves(structure))


def _like(structure: Any, items: list[Any]) -> Any:
    """Rebuilds a list or tuple (also a named one) of the type of `structure`."""
    if isinstance(structure, tuple):
        # A named tuple's _make, unlike its class, runs no __new__ with arguments of its own.
        make = getattr(structure, "_make", tuple)
        return make(items)
    return items


def map_structure(function: Callable[[Any], Any], structure: Any) -> Any:
    """Applies `function` to every leaf and keeps the structure.

    Example:
        >>> map_structure(lambda x: x * 2, {"a": 1, "b": (2, [3])})
        {'a': 2, 'b': (4, [6])}
    """
    if isinstance(structure, (list, tuple)) and not is_packed_sequence(structure):
        return _like(structure, [map_structure(function, item) for item in structure])
    if isinstance(structure, dict):
        return {key: map_structure(function, value) for key, value in structure.items()}
    return function(structure)


def pack_like(structure: Any, leaves: list[Any]) -> Any:
    """Puts `leaves` into the shape of `structure`; the inverse of `flatten`.

    Example:
        >>> pack_like({"b": 0, "a": [0, 0]}, [1, 2, 3])
        {'b': 3, 'a': [1, 2]}
    """
    supply = iter(leaves)

    def fill(part: Any) -> Any:
        if isinstance(part, (list, tuple)) and not is_packed_sequence(part):
            return _like(part, [fill(item) for item in part])
        if isinstance(part, dict):
            filled = {key: fill(part[key]) for key in _sorted_keys(part)}
            return {key: filled[key] for key in part}
        return next(supply)

    return fill(structure)
