"""The states that a call gives to a recurrent module, checked in torch's words."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.arrays import as_array, cast
from rnnext.errors import ShapeError
from rnnext.interop.torch_module import without_gradient
from rnnext.interop.torch_recurrent import Recurrent

__all__ = ["TorchStates"]

Array = NDArray[Any]


class TorchStates:
    """What the states of one recurrent module must be.

    Args:
        part: The module.
        dtype: The dtype the model computes with.
        label: How error messages call the model.

    Attributes:
        names: "h_0" and, for LSTM, "c_0".
        axis: On which axis the samples are: 1 in (layers * directions, B, units), 0 for a cell.
    """

    def __init__(self, part: Recurrent, dtype: str, label: str) -> None:
        self.names = ["h_0", "c_0"][: part.states]
        self.axis = 0 if part.is_cell else 1
        self._runs = () if part.is_cell else (part.runs,)
        self._units = part.units
        self._dtype = np.dtype(dtype)
        self._label = label

    def arrays(self, hx: Any, batch: int, unbatched: bool = False) -> list[Array]:
        """Returns h_0, or h_0 and c_0, as arrays with a batch axis.

        Args:
            hx: What the caller gave.
            batch: The number of samples of the input.
            unbatched: Whether the input came without the batch axis, so that states must, too.

        Raises:
            ShapeError: If their number or shapes do not fit.
            DataError: If they are not numbers.
        """
        given = [hx] if len(self.names) == 1 else hx
        if not isinstance(given, (tuple, list)) or len(given) != len(self.names):
            count = f"{len(hx)} values" if isinstance(hx, (tuple, list)) else type(hx).__name__
            raise ShapeError(
                f"{self._label}: the states must be the pair (h_0, c_0), received {count}."
            )
        states = []
        for i, (x, name) in enumerate(zip(given, self.names, strict=True)):
            array = as_array(without_gradient(x), f"{name} of {self._label}")
            expected = (*self._runs, *(() if unbatched else (batch,)), self._units[i])
            if array.shape != expected:
                raise ShapeError(self._message(i, name, expected, array.shape, unbatched))
            array = np.expand_dims(array, self.axis) if unbatched else array
            states.append(cast(array, self._dtype))
        return states

    def zeros(self, batch: int) -> list[Array]:
        """Returns the states that torch starts from by default."""
        return [np.zeros((*self._runs, batch, units), self._dtype) for units in self._units]

    def _message(
        self, i: int, name: str, expected: Any, received: tuple[int, ...], unbatched: bool
    ) -> str:
        which = f"hidden[{i}]" if len(self.names) == 2 else "hidden"
        axes = [*(["layers * directions"] if self._runs else []), "batch", "units"]
        if unbatched:
            axes.remove("batch")
        return (
            f"{self._label}: {name}: Expected {which} size {expected}, got {list(received)}; "
            f"torch's states are ({', '.join(axes)}), whatever batch_first is."
        )
