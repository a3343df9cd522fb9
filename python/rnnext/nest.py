"""Nested structures (list, tuple, dict) of arrays or tensors, walked as Keras walks them.

Dictionaries are walked in sorted order of their keys, so that two dictionaries with the same
keys have the same flat order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["flatten", "is_nested", "map_structure", "pack_like"]


def is_nested(structure: Any) -> bool:
    """Tells whether `structure` is a list, tuple or dict."""
    return isinstance(structure, (list, tuple, dict))


def _sorted_keys(structure: dict[Any, Any]) -> list[Any]:
    try:
        return sorted(structure)
    except TypeError:  # keys of mixed types have no order of their own
        return list(structure)


def _leaves(structure: Any) -> Iterator[Any]:
    if isinstance(structure, (list, tuple)):
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
        fields = getattr(structure, "_fields", None)
        return type(structure)(*items) if fields else tuple(items)
    return items


def map_structure(function: Callable[[Any], Any], structure: Any) -> Any:
    """Applies `function` to every leaf and keeps the structure.

    Example:
        >>> map_structure(lambda x: x * 2, {"a": 1, "b": (2, [3])})
        {'a': 2, 'b': (4, [6])}
    """
    if isinstance(structure, (list, tuple)):
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
        if isinstance(part, (list, tuple)):
            return _like(part, [fill(item) for item in part])
        if isinstance(part, dict):
            filled = {key: fill(part[key]) for key in _sorted_keys(part)}
            return {key: filled[key] for key in part}
        return next(supply)

    return fill(structure)
