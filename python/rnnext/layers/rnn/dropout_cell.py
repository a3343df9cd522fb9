"""What cells drop in training: masks that stay the same at every step, and products with them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.autodiff.tape import active
from rnnext.layers.regularization.noise import dropout_factors, generator_of

__all__ = ["DropoutCell", "drops_anything", "masked_product", "reset_dropout_masks"]

Array = NDArray[Any]


class DropoutCell:
    """A cell with the options `dropout`, of its inputs, and `recurrent_dropout`, of its state.

    The masks are drawn at the first step of a sequence. An RNN has them drawn anew for each of its
    calls; a cell that is called by itself keeps them for the training step, and outside of one
    until `reset_dropout_mask()` and `reset_recurrent_dropout_mask()` are called, as in Keras.

    Attributes:
        dropout: The share of the inputs that are dropped, from 0 to 1.
        recurrent_dropout: The share of the state's units.
        seed: Seed of the cell's own random numbers, or None.
    """

    dropout: float
    recurrent_dropout: float
    seed: int | None

    @property
    def dropout_mask_count(self) -> int | None:
        """How many masks there are, one for each gate; None: all gates share one."""
        return None

    def drops(self, rate: float) -> bool:
        """Tells whether anything is dropped at this rate; Keras drops nothing at 1."""
        return 0 < rate < 1

    def drops_gates(self) -> bool:
        """Tells whether what is dropped is another for each gate, or is of the state."""
        by_gate = self.dropout_mask_count is not None and self.drops(self.dropout)
        return by_gate or self.drops(self.recurrent_dropout)

    def get_dropout_mask(self, step_input: Any, recording: Any = None) -> Any:
        """Returns what inputs like `step_input` are multiplied by.

        Args:
            step_input: (B, ...).
            recording: The pass that random numbers are taken from; default that of the trace.

        Returns:
            An array like the input, or a list of one for each gate; None if nothing is dropped.
        """
        return self._mask_of("inputs", step_input, self.dropout, recording)

    def get_recurrent_dropout_mask(self, step_input: Any, recording: Any = None) -> Any:
        """Returns what states like `step_input` are multiplied by; see `get_dropout_mask`."""
        return self._mask_of("state", step_input, self.recurrent_dropout, recording)

    def reset_dropout_mask(self) -> None:
        """Forgets the mask of the inputs: the next step draws one."""
        self._kept_masks().pop((id(self), "inputs"), None)

    def reset_recurrent_dropout_mask(self) -> None:
        """Forgets the mask of the state: the next step draws one."""
        self._kept_masks().pop((id(self), "state"), None)

    def _mask_of(self, what: str, x: Any, rate: float, recording: Any) -> Any:
        if not self.drops(rate):
            return None
        kept, key = self._kept_masks(), (id(self), what)
        if key not in kept:
            kept[key] = self._create_dropout_mask(x, rate, recording)
        return kept[key]

    def _kept_masks(self) -> dict[Any, Any]:
        """Those of the running pass; outside of one those of the cell."""
        tape = active.tape
        if tape is not None and tape.recording is not None:
            kept: dict[Any, Any] = tape.recording.dropout_masks
            return kept
        own: dict[Any, Any] = self.__dict__.setdefault("_dropout_masks", {})
        return own

    def _create_dropout_mask(self, step_input: Any, dropout_rate: float, recording: Any) -> Any:
        generator, count = generator_of(self, recording), self.dropout_mask_count
        masks = [
            dropout_factors(generator, dropout_rate, step_input.shape, step_input.dtype)
            for _ in range(count or 1)
        ]
        return masks[0] if count is None else masks


def drops_anything(cell: Any) -> bool:
    """Tells whether a cell drops anything in training, or a cell that it stacks."""
    if isinstance(cell, DropoutCell) and any(
        map(cell.drops, (cell.dropout, cell.recurrent_dropout))
    ):
        return True
    return any(map(drops_anything, getattr(cell, "cells", ())))


def reset_dropout_masks(cell: Any) -> None:
    """Has a cell draw masks anew, and the cells that it stacks; others are left alone."""
    if isinstance(cell, DropoutCell):
        cell.reset_dropout_mask()
        cell.reset_recurrent_dropout_mask()
    for each in getattr(cell, "cells", ()):
        reset_dropout_masks(each)


def masked_product(x: Any, weight: Any, mask: Any) -> Any:
    """Returns `(x * mask) @ weight`.

    Args:
        x: (B, D).
        weight: (D, G * H), an array or a weight.
        mask: None, (B, D), or a list of one for each of G gates, whose columns it counts for.
    """
    if mask is None:
        return x @ weight
    if not isinstance(mask, list):
        return (x * mask) @ weight
    from rnnext.autodiff.rules import lifted, note, value_of

    x, weight = lifted(x), lifted(weight)
    sources = [x, weight]
    rows, matrix = (np.asarray(value_of(source)) for source in sources)
    width = matrix.shape[1] // len(mask)
    gates = [slice(g * width, (g + 1) * width) for g in range(len(mask))]
    dropped = [rows * each for each in mask]
    product = np.empty((len(rows), matrix.shape[1]), rows.dtype)
    for gate, kept in zip(gates, dropped, strict=True):
        product[:, gate] = kept @ matrix[:, gate]
    if active.tape is None:
        return product

    def pullback(d: Array) -> tuple[Array, Array]:
        d_rows, d_matrix = np.zeros_like(rows), np.empty_like(matrix)
        for gate, kept, each in zip(gates, dropped, mask, strict=True):
            d_matrix[:, gate] = kept.T @ d[:, gate]
            d_rows += (d[:, gate] @ matrix[:, gate].T) * each
        return d_rows, d_matrix

    return note(product, sources, pullback)
