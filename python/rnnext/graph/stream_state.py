"""What is remembered from step to step, as the caller of a stream sees it.

A runner describes what it remembers by slots, in nested lists and dictionaries; what is set from
outside is compared with them first.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from rnnext import nest
from rnnext.arrays import as_array, cast
from rnnext.errors import ShapeError

__all__ = ["NoneOr", "StateSlot", "checked_state", "copied_state"]


class StateSlot(NamedTuple):
    """An array.

    Attributes:
        shape: Its shape; None where any size will do.
        dtype: Its dtype; None: as it comes.
    """

    shape: tuple[int | None, ...]
    dtype: str | None = None

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Tells whether an array of this shape is one."""
        return len(shape) == len(self.shape) and all(
            size in (None, n) for n, size in zip(shape, self.shape, strict=True)
        )


class NoneOr(NamedTuple):
    """Something that is None before the first step."""

    slots: Any


def copied_state(state: Any) -> Any:
    """Returns a state in plain containers, of arrays that alias no others."""
    if isinstance(state, dict):
        return {key: copied_state(value) for key, value in state.items()}
    if nest.is_nested(state):
        return [copied_state(value) for value in state]
    return None if state is None else np.array(state)


def checked_state(state: Any, slots: Any, name: str) -> Any:
    """Returns a copy of a state that fits the slots.

    Args:
        state: Nested containers of array-likes.
        slots: What is expected.
        name: What it is, for error messages, such as `"state['lstm']"`.

    Raises:
        ShapeError: If names, numbers or shapes differ from what is expected.
        DataError: If there is something else than numbers.
    """
    if isinstance(slots, NoneOr):
        return None if state is None else checked_state(state, slots.slots, name)
    if isinstance(slots, StateSlot):
        return _checked_array(state, slots, name)
    if isinstance(slots, dict):
        if not isinstance(state, dict) or state.keys() != slots.keys():
            received = sorted(map(str, state)) if isinstance(state, dict) else type(state).__name__
            raise ShapeError(
                f"{name}: expected a dictionary with the keys {sorted(slots)}, received {received}."
            )
        return {key: checked_state(state[key], slots[key], f"{name}[{key!r}]") for key in slots}
    if not isinstance(state, (list, tuple)) or len(state) != len(slots):
        found = str(len(state)) if isinstance(state, (list, tuple)) else type(state).__name__
        raise ShapeError(f"{name}: expected a list of {len(slots)}, received {found}.")
    pairs = enumerate(zip(state, slots, strict=True))
    return [checked_state(part, slot, f"{name}[{i}]") for i, (part, slot) in pairs]


def _checked_array(state: Any, slot: StateSlot, name: str) -> Any:
    if state is None:
        raise ShapeError(f"{name}: expected an array of shape {slot.shape}, received None.")
    array = as_array(state, name)
    if not slot.fits(array.shape):
        raise ShapeError(
            f"{name}: expected an array of shape {slot.shape}, received shape {array.shape}."
        )
    return np.array(array if slot.dtype is None else cast(array, slot.dtype), order="C")
