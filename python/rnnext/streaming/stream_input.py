"""One input of a stream."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.errors import DataError, ShapeError
from rnnext.graph.stream_state import StateSlot
from rnnext.models.inputs import InputPort

__all__ = ["StreamInput"]

Array = NDArray[Any]


class StreamInput:
    """One input of a stream: checks what comes and makes it (B, t, ...).

    Args:
        port: The model's input.
        batch_size: Number of samples B; None: any number.
        in_steps: Whether it is a sequence.
        fixed: Whether it must stay the same because a layer's state depends on it.

    Attributes:
        kept: Its value since the first step if it is fixed.
    """

    def __init__(
        self, port: InputPort, batch_size: int | None, in_steps: bool, fixed: bool
    ) -> None:
        self.name, self.dtype = port.name, port.dtype
        self.in_steps, self.fixed = in_steps, fixed
        self.kept: Array | None = None
        self._port = port
        self._of = "a pool" if batch_size is None else f"a stream of {batch_size} samples"
        whole = (batch_size, *port.shape[1:])
        self.shapes_of_step = self._shapes((batch_size, *port.shape[2:]) if in_steps else whole)
        self._shapes_of_chunk = self._shapes((batch_size, None, *port.shape[2:]))
        self.slot = StateSlot(whole, None)

    @staticmethod
    def _shapes(shape: tuple[int | None, ...]) -> list[tuple[int | None, ...]]:
        """Accepted shapes: as for `predict`, a last axis of size 1 may be missing."""
        return [shape, shape[:-1]] if len(shape) > 1 and shape[-1] == 1 else [shape]

    def array(self, x: Any, steps: bool) -> Array:
        """Returns values (B, t, ...) in the dtype the model computes with, or raises ShapeError."""
        array = self._port.as_array(x, f"input {self.name!r} of a stream")
        accepted = self._shapes_of_chunk if steps and self.in_steps else self.shapes_of_step
        if not any(StateSlot(shape).fits(array.shape) for shape in accepted):
            what = "whole" if not self.in_steps else "as a chunk" if steps else "as a step"
            raise ShapeError(
                f"input {self.name!r} of {self._of}: expected shape "
                f"{accepted[0]} {what}, received {array.shape}."
            )
        if array.ndim < len(accepted[0]):
            array = array[..., np.newaxis]
        if self.in_steps and not steps:
            array = array[:, np.newaxis]
        return self._port.cast(array)

    def check_fixed(self, array: Array) -> None:
        """Raises DataError if a layer depends on the first step's value and it changed."""
        if self.kept is not None and not np.array_equal(array, self.kept, equal_nan=True):
            raise DataError(
                f"input {self.name!r} of a stream changed since the first step, but a layer's "
                "state depends on it; call reset() first."
            )

    def keep_fixed(self, array: Array) -> None:
        """Notes the value of the first step."""
        if self.fixed and self.kept is None:
            self.kept = array.copy()
