"""torch's PackedSequence as a padded array with a mask, and back. torch is not imported."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.arrays import as_array
from rnnext.errors import ShapeError
from rnnext.interop.torch_module import without_gradient

__all__ = ["Packed"]

Array = NDArray[Any]


class Packed:
    """A PackedSequence: the steps of sequences of several lengths, step by step.

    Args:
        sequence: The PackedSequence: `data` (sum of lengths, D), `batch_sizes` (T,), how many
            sequences have each step, and the order of the sequences, longest first.
        label: How error messages call the model.

    Attributes:
        padded: (B, T, D), the sequences in packed order, longest first.
        mask: (B, T), true within a sequence.

    Raises:
        ShapeError: If the parts do not fit together.
    """

    def __init__(self, sequence: Any, label: str) -> None:
        self._sequence = sequence
        data = _array(sequence.data, f"data of the PackedSequence for {label}")
        sizes = _array(sequence.batch_sizes, f"batch_sizes of the PackedSequence for {label}")
        self._order = _indices(sequence.sorted_indices, label)
        self._place = _indices(sequence.unsorted_indices, label)
        falls = sizes.ndim == 1 and len(sizes) > 0 and np.all(np.diff(sizes) <= 0) and sizes[-1] > 0
        if sizes.dtype.kind not in "iu" or not falls or data.ndim == 0 or sizes.sum() != len(data):
            raise ShapeError(
                f"{label}: batch_sizes of a PackedSequence must be falling and their sum the "
                f"number of steps, received {sizes.tolist()} for data of shape {data.shape}."
            )
        count = int(sizes[0])
        for name, order in (("sorted", self._order), ("unsorted", self._place)):
            if order is not None and sorted(order.tolist()) != list(range(count)):
                raise ShapeError(
                    f"{label}: {name}_indices of a PackedSequence must be the numbers 0 to "
                    f"{count - 1} in some order, received {order.tolist()}."
                )
        self.mask = np.arange(count)[:, np.newaxis] < sizes
        self.padded = np.zeros((*self.mask.shape, *data.shape[1:]), data.dtype)
        # Transposed, the mask's true places are in the order of the data: step by step.
        self.padded.swapaxes(0, 1)[self.mask.T] = data

    def sorted(self, states: Array, axis: int) -> Array:
        """Returns the caller's states, one for each sequence, in packed order."""
        return states if self._order is None else states.take(self._order, axis)

    def unsorted(self, rows: Array, axis: int) -> Array:
        """Returns rows in packed order in the caller's order of sequences."""
        return rows if self._place is None else rows.take(self._place, axis)

    def packed(self, padded: Array) -> Any:
        """Returns a PackedSequence like the given one, of (B, T, H); tensors if that has them."""
        data: Any = padded.swapaxes(0, 1)[self.mask.T]
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(self._sequence.data, torch.Tensor):
            data = torch.from_numpy(data)
        _, *others = self._sequence
        return type(self._sequence)(data, *others)


def _array(x: Any, name: str) -> Array:
    return as_array(without_gradient(x), name)


def _indices(x: Any, label: str) -> Array | None:
    return None if x is None else _array(x, f"indices of the PackedSequence for {label}")
