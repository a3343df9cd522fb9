"""The compiled kernels of one layer, made from torch's parameters.

torch keeps a weight as (gates * units, features) and has two biases; the kernels take Keras's
(features, gates * units). For SimpleRNN and LSTM the two biases are one, their sum.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray

from rnnext._core import RecurrentGradientKernel, RecurrentKernel

__all__ = ["CELLS", "Cell", "Direction", "KernelCache", "array_of"]

Array = NDArray[Any]


class Cell(NamedTuple):
    """A kind of recurrence.

    Attributes:
        kind: Its name among the kernels.
        gates: How many gates it has.
        states: How many states it has: 2 for LSTM, else 1.
        activation: That of the candidate.
        recurrent_activation: That of the gates, or None.
    """

    kind: str
    gates: int
    states: int
    activation: tuple[str]
    recurrent_activation: tuple[str] | None


# By `mode` of torch's modules.
CELLS = {
    "LSTM": Cell("lstm", 4, 2, ("tanh",), ("sigmoid",)),
    "GRU": Cell("gru", 3, 1, ("tanh",), ("sigmoid",)),
    "RNN_TANH": Cell("simple_rnn", 1, 1, ("tanh",), None),
    "RNN_RELU": Cell("simple_rnn", 1, 1, ("relu",), None),
}


def array_of(tensor: Any) -> Array:
    """Returns a tensor as a contiguous array, which shares its memory if the tensor is one."""
    array: Array = tensor.detach().contiguous().numpy()
    return array


class Direction:
    """The kernels of one direction of a layer, for the values its parameters have now.

    Args:
        cell: The kind of recurrence.
        weights: weight_ih and weight_hh; bias_ih and bias_hh, or neither.

    Attributes:
        cell: The kind of recurrence.
        has_bias: Whether there are biases.
        forward: The kernel of the forward pass.
    """

    def __init__(self, cell: Cell, weights: Sequence[Any]) -> None:
        self.cell = cell
        self.has_bias = len(weights) > 2
        # What the parameters were; they may change at any time, also without a trace in torch.
        self._parameters = [weight.detach().clone() for weight in weights]
        self._arguments: tuple[Any, ...] = (
            cell.kind,
            *(array_of(self._other_order(weight).t()) for weight in self._parameters[:2]),
            self._bias(self._parameters[2:]),
            cell.activation,
            cell.recurrent_activation,
        )
        self.forward = RecurrentKernel(*self._arguments)

    @functools.cached_property
    def backward(self) -> RecurrentGradientKernel:
        """The kernel of the backward pass."""
        return RecurrentGradientKernel(*self._arguments)

    def fits(self, weights: Sequence[Any]) -> bool:
        """Tells whether the parameters still have the values of these kernels."""
        return all(
            old.dtype == new.dtype and torch.equal(old, new.detach())
            for old, new in zip(self._parameters, weights, strict=True)
        )

    def gradients(self, d_kernel: Array, d_recurrent: Array, d_bias: Array | None) -> list[Any]:
        """Returns the gradients of torch's parameters from those of the kernel's."""
        found = [
            self._other_order(torch.from_numpy(d).t()).contiguous() for d in (d_kernel, d_recurrent)
        ]
        if d_bias is None:
            return found
        of_biases = torch.from_numpy(d_bias)
        if d_bias.ndim == 1:  # the sum of both biases
            return [*found, of_biases, of_biases.clone()]
        return [*found, *map(self._other_order, of_biases)]

    def _bias(self, biases: Sequence[Any]) -> Array | None:
        if not biases:
            return None
        first, second = map(self._other_order, biases)
        if self.cell.kind == "gru":  # the reset gate acts on the second bias alone
            return array_of(torch.stack([first, second]))
        return array_of(first + second)

    def _other_order(self, weight: Any) -> Any:
        """The gates along the first axis in Keras's order from torch's, and the other way.

        Only those of GRU differ, by an exchange: torch has r, z, n, Keras z, r, h.
        """
        if self.cell.kind != "gru":
            return weight
        reset, update, candidate = weight.chunk(3)
        return torch.cat([update, reset, candidate])


class KernelCache:
    """The kernels that a module used last. A copy of it, also a pickled one, is empty."""

    def __init__(self) -> None:
        self._made: dict[str, Direction] = {}

    def __reduce__(self) -> Any:
        return KernelCache, ()

    def get(self, name: str, cell: Cell, weights: Sequence[Any]) -> Direction:
        """Returns the kernels for the values that the weights have now.

        Values are compared, not versions: `parameter.data.copy_(...)` and arrays that share the
        memory of a parameter leave its version as it is.

        Args:
            name: Which layer and direction of the module it is.
            cell: The kind of recurrence.
            weights: Its parameters, as `Direction` takes them.
        """
        made = self._made.get(name)
        if made is None or not made.fits(weights):
            made = self._made[name] = Direction(cell, weights)
        return made
