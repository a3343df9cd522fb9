"""Arguments of an instruction, as functions of the slots: made once, called in every run."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from rnnext.arrays import cast
from rnnext.graph.program import Slot, slots_in

__all__ = ["Reader", "Slots", "plain_slot", "reader"]

Slots = list[Any]
Reader = Callable[[Slots], Any]


def reader(structure: Any) -> Reader:
    """Returns a function that fills a nested structure from the slots.

    Args:
        structure: Nested lists, tuples and dictionaries, with `Slot` objects where values go.

    Example:
        >>> reader({"x": Slot(1), "axis": -1})(["a", "b"])
        {'x': 'b', 'axis': -1}
    """
    if isinstance(structure, Slot):
        if structure.dtype is None:
            return operator.itemgetter(structure.index)
        index, dtype = structure.index, np.dtype(structure.dtype)
        return lambda slots: cast(slots[index], dtype)
    if not slots_in(structure):
        return lambda _slots: structure
    if isinstance(structure, dict):
        named = [(key, reader(value)) for key, value in structure.items()]
        return lambda slots: {key: read(slots) for key, read in named}
    parts = [reader(value) for value in structure]
    make = type(structure) if type(structure) in (list, tuple) else list
    return lambda slots: make(read(slots) for read in parts)


def plain_slot(args: tuple[Any, ...]) -> Slot | None:
    """Returns the only argument, if it is a slot whose value is taken as it is."""
    is_plain = len(args) == 1 and isinstance(args[0], Slot) and args[0].dtype is None
    return args[0] if is_plain else None
