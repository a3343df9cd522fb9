"""The same dropout in cells of Keras and of rnnext: masks that are computed, not drawn."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.layers.rnn.dropout_cell import DropoutCell

Array = NDArray[Any]


def mask_for(shape: tuple[int, ...], rate: float, gate: int) -> Array:
    if rate == 1:
        return np.zeros(shape)
    rng = np.random.default_rng(zlib.crc32(repr((shape, rate, gate)).encode()))
    return (rng.random(shape) >= rate) / (1 - rate)


def use_computed_masks(monkeypatch: Any, keras: Any, per_sample: bool = True) -> None:
    """Has both libraries multiply by the same masks.

    Args:
        monkeypatch: pytest's.
        keras: Keras.
        per_sample: Whether samples have masks of their own; in a graph their number is not known.
    """
    from keras.src.layers.rnn.dropout_rnn_cell import DropoutRNNCell

    def masks_of(cell: Any, step_input: Any, rate: float) -> list[Array]:
        count = getattr(cell, "dropout_mask_count", None)
        sizes = tuple(step_input.shape) if per_sample else (1, *step_input.shape[1:])
        return [mask_for(sizes, rate, gate) for gate in range(count or 1)]

    def theirs(cell: Any, step_input: Any, rate: float) -> Any:
        masks = [
            keras.ops.convert_to_tensor(mask, step_input.dtype)
            for mask in masks_of(cell, step_input, rate)
        ]
        return masks if hasattr(cell, "dropout_mask_count") else masks[0]

    def ours(cell: Any, step_input: Any, rate: float, _recording: Any) -> Any:
        masks = [
            np.broadcast_to(mask, step_input.shape).astype(step_input.dtype, order="C")
            for mask in masks_of(cell, step_input, rate)
        ]
        return masks[0] if cell.dropout_mask_count is None else masks

    monkeypatch.setattr(DropoutRNNCell, "_create_dropout_mask", theirs)
    monkeypatch.setattr(DropoutCell, "_create_dropout_mask", ours)
