"""What a module takes and returns: sequences in torch's layouts, here samples first.

A `Padded` has tensors, a `Packed` a `PackedSequence`. Both bring the input to (B, T, D), and what
comes out of the layers back to the form in which the input came.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from rnnext.errors import DataError, ShapeError

__all__ = ["Packed", "Padded", "sequences_of"]


class Padded:
    """Sequences of one length: a tensor of three axes, or of two for one sequence.

    Args:
        x: The tensor.
        batch_first: Whether the samples are on the first of three axes.

    Attributes:
        mask: None: all steps count.
        batch: The number of samples B.
    """

    mask: None = None

    def __init__(self, x: Any, batch_first: bool) -> None:
        self._is_one = x.dim() == 2
        self._time_first = not batch_first and not self._is_one
        self._x = x.unsqueeze(0) if self._is_one else x
        self.batch = self._x.shape[1 if self._time_first else 0]

    def samples_first(self) -> Any:
        """Returns the input as (B, T, D)."""
        return self._x.transpose(0, 1) if self._time_first else self._x

    def noise(self, rate: float, width: int) -> Any:
        """Returns what dropout multiplies (B, T, width) by, drawn as torch draws it: time first."""
        steps = self._x.shape[0 if self._time_first else 1]
        drawn = _dropped_ones(rate, self._x, steps, self.batch, width)
        return drawn.transpose(0, 1)

    def output(self, y: Any) -> Any:
        """Returns the output (B, T, width) in the layout of the input."""
        if self._is_one:
            return y.squeeze(0)
        return y.transpose(0, 1).contiguous() if self._time_first else y

    def state_before(self, state: Any, name: str, label: str) -> Any:
        """Returns a state that was given as (runs, B, units)."""
        expected = 2 if self._is_one else 3
        if state.dim() != expected:
            raise ShapeError(
                f"{label}: {name} must have {expected} axes, as the input has, received the shape "
                f"{tuple(state.shape)}."
            )
        return state.unsqueeze(1) if self._is_one else state

    def state_after(self, state: Any) -> Any:
        """Returns a state (runs, B, units) as the caller takes it."""
        return state.squeeze(1) if self._is_one else state


class Packed:
    """Sequences of several lengths, in a `PackedSequence`; inside, the longest is first.

    Attributes:
        mask: (B, T), false after the end of a sequence.
        batch: The number of samples B.
    """

    def __init__(self, packed: Any) -> None:
        self._packed = packed
        self.batch = int(packed.batch_sizes[0])
        lengths = self._padded(packed.data)[1]
        steps = np.arange(len(packed.batch_sizes))
        self._lengths = lengths
        self.mask: NDArray[np.bool_] = steps < lengths.numpy()[:, None]

    def samples_first(self) -> Any:
        """Returns the input as (B, T, D), zeros after the end of a sequence."""
        return self._padded(self._packed.data)[0]

    def noise(self, rate: float, width: int) -> Any:
        """Returns what dropout multiplies (B, T, width) by, drawn as torch draws it: packed."""
        data = self._packed.data
        return self._padded(_dropped_ones(rate, data, len(data), width))[0]

    def output(self, y: Any) -> Any:
        """Returns the output (B, T, width) packed as the input is."""
        data = pack_padded_sequence(y, self._lengths, batch_first=True).data
        return PackedSequence(data, *self._packed[1:])

    def state_before(self, state: Any, name: str, label: str) -> Any:
        """Returns a state that was given as (runs, B, units), the longest sample first."""
        if state.dim() != 3:
            raise ShapeError(
                f"{label}: {name} must have 3 axes beside a PackedSequence, received the shape "
                f"{tuple(state.shape)}."
            )
        order = self._packed.sorted_indices
        return state if order is None else state.index_select(1, order)

    def state_after(self, state: Any) -> Any:
        """Returns a state (runs, B, units) in the caller's order of samples."""
        order = self._packed.unsorted_indices
        return state if order is None else state.index_select(1, order)

    def _padded(self, data: Any) -> Any:
        # Without the caller's order of samples, so that they stay sorted.
        return pad_packed_sequence(PackedSequence(data, self._packed.batch_sizes), batch_first=True)


def sequences_of(x: Any, batch_first: bool, label: str) -> Padded | Packed:
    """Returns the input of a module.

    Args:
        x: A tensor (T, B, D), (B, T, D) if `batch_first`, or (T, D); or a `PackedSequence`.
        batch_first: The module's option.
        label: How error messages call the module.

    Raises:
        DataError: If it is something else.
        ShapeError: If it has another number of axes.
    """
    if isinstance(x, PackedSequence):
        return Packed(x)
    if not isinstance(x, torch.Tensor):
        raise DataError(
            f"{label}: the input must be a tensor or a PackedSequence, received {type(x).__name__}."
        )
    if x.dim() not in (2, 3):
        axes = "(B, T, D)" if batch_first else "(T, B, D)"
        raise ShapeError(
            f"{label}: the input must be {axes}, or (T, D) for one sequence, received the shape "
            f"{tuple(x.shape)}."
        )
    return Padded(x, batch_first)


def _dropped_ones(rate: float, like: Any, *shape: int) -> Any:
    return torch.nn.functional.dropout(like.new_ones(shape), rate, training=True)
