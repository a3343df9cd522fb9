"""Cells on top of each other, used as one cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from rnnext import nest, serialization
from rnnext.errors import ShapeError
from rnnext.layers.layer import Layer
from rnnext.layers.rnn.cell_protocol import (
    build_cell,
    call_options,
    check_cell,
    initial_states,
    listed,
    output_and_states,
    output_shape,
    output_size,
)
from rnnext.layers.rnn.kernel_cell import has_kernel

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from rnnext.layers.option_types import LayerOptions

__all__ = ["StackedRNNCells", "stacks_kernels"]

Array = NDArray[Any]


@serialization.builtin("keras.layers")
class StackedRNNCells(Layer):
    """Cells on top of each other, used as one cell.

    Args:
        cells: Cells: objects with `state_size` and `call(inputs, states)`.
        **kwargs: Arguments of `Layer`.

    Raises:
        UnsupportedError: If something in `cells` is no cell.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import RNN, GRUCell, LSTMCell, StackedRNNCells
        >>> cells = StackedRNNCells([LSTMCell(4), GRUCell(2)])
        >>> cells.state_size
        [[4, 4], 2]
        >>> RNN(cells)(np.zeros((1, 5, 3))).shape
        (1, 2)
    """

    def __init__(self, cells: Sequence[Any], **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        for cell in cells:
            check_cell(cell, self.label)
        self.cells = list(cells)

    @property
    def state_size(self) -> list[Any]:
        """The state sizes of the cells."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> Any:
        """The output size of the last cell."""
        return output_size(self.cells[-1])

    def build(self, input_shape: Any, constants_shape: Any = None) -> None:
        """Builds each cell for the output of the one below."""
        for cell in self.cells:
            build_cell(cell, input_shape, constants_shape)
            input_shape = output_shape(cell, input_shape[0])

    def get_initial_state(self, batch_size: int) -> list[Any]:
        """Returns the initial states of each cell."""
        return [initial_states(cell, batch_size, self.compute_dtype) for cell in self.cells]

    def call(
        self, inputs: Array, states: Any, training: bool = False, constants: Any = None
    ) -> tuple[Array, list[Any]]:
        """One step through all cells; those that take constants are given them."""
        new_states: list[Any] = []
        if len(states) != len(self.cells):
            raise ShapeError(
                f"{self.label}: expected the states of {len(self.cells)} cells, received "
                f"{len(states)}."
            )
        for cell, state in zip(self.cells, states, strict=True):
            options = call_options(cell, training, constants)
            made = cell.call(inputs, listed(state), **options)
            inputs, new = output_and_states(cell, made, listed(state))
            new_states.append(new if nest.is_nested(state) else nest.flatten(new)[0])
        return inputs, new_states

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "cells": serialization.serialize(self.cells)}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """Makes the stack from what `get_config` returned, with `custom_objects` of its names."""
        return cls(serialization.deserialize(config.pop("cells"), custom_objects), **config)


def stacks_kernels(cell: Any, dtype: str) -> bool:
    """Tells whether a cell is a stack of cells that all have a kernel, of this dtype."""
    if not isinstance(cell, StackedRNNCells) or type(cell).call is not StackedRNNCells.call:
        return False
    cells = cell.cells
    return bool(cells) and all(has_kernel(c) and c.compute_dtype == dtype for c in cells)
