"""Checks of what a recurrent layer is called with beside the sequences."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest
from rnnext.arrays import as_array, cast
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.layers.rnn.cell_protocol import listed, takes_constants

__all__ = ["check_batch_size", "checked_constants", "checked_mask", "checked_states"]

Array = NDArray[Any]


def check_batch_size(states: Any, received: int, label: str) -> None:
    """Checks that a stateful layer is called on as many samples as it has states.

    Raises:
        ShapeError: If it is not.
    """
    made_for = {len(state) for state in nest.flatten(states)}
    if made_for and received not in made_for:
        size = max(made_for)
        raise ShapeError(
            f"{label}: stateful=True, so it keeps one state for each of the {size} samples of the "
            f"batch it was built for; received a batch of {received}. Call it with batches of "
            f"{size}, or build the model anew with Input(batch_shape=({received}, ...)) and load "
            "the weights into it."
        )


def checked_constants(constants: Any, cell: Any, label: str) -> list[Any] | None:
    """Returns constants as a list; None if there are none.

    Raises:
        UnsupportedError: If the cell takes none.
    """
    if constants is None:
        return None
    if not takes_constants(cell):
        raise UnsupportedError(
            f"{label}: its cell {cell!r} takes no constants, received {len(listed(constants))}; "
            "accepted are cells with call(self, inputs, states, constants)."
        )
    return listed(constants)


def checked_states(given: Any, expected: Any, dtype: str, label: str) -> tuple[Any, ...]:
    """Returns states as a tuple of contiguous arrays (B, size), nested as the cell has them.

    Args:
        given: The states, each (B, size) or (1, size).
        expected: States as the cell has them.
        dtype: Dtype of the result.
        label: How to call the layer in the message.

    Raises:
        ShapeError: If their number or a shape does not fit.
    """
    name = f"initial_state of {label}"
    arrays = [cast(as_array(state, name), dtype) for state in nest.flatten(listed(given))]
    shapes = [state.shape for state in nest.flatten(expected)]
    fits = len(arrays) == len(shapes) and all(
        array.shape in (shape, (1, *shape[1:])) for array, shape in zip(arrays, shapes, strict=True)
    )
    if not fits:
        raise ShapeError(
            f"{name}: expected states of shapes {shapes}, received "
            f"{[array.shape for array in arrays]}."
        )
    pairs = zip(arrays, shapes, strict=True)
    full = [np.ascontiguousarray(np.broadcast_to(array, shape)) for array, shape in pairs]
    return tuple(nest.pack_like(expected, full))


def checked_mask(mask: Any, shape: tuple[int, int], label: str) -> Array:
    """Returns a mask as booleans (B, T); (1, T) and (B, T, 1) are accepted as Keras accepts them.

    Raises:
        ShapeError: If it has another shape.
    """
    leaves = nest.flatten(mask) if nest.is_nested(mask) else [mask]
    given = leaves[0] if len(leaves) == 1 else mask
    array = as_array(given, f"mask of {label}")
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.shape not in (shape, (1, shape[1])):
        raise ShapeError(f"mask of {label}: expected shape {shape}, received {array.shape}.")
    full = array if array.shape == shape else np.broadcast_to(array, shape)
    return cast(full, np.bool_)
