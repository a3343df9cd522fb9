"""A recurrent layer of Keras taken apart, for engines that build theirs from arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from comparison.cases import CannotRun, Layer

CELLS = ("SimpleRNN", "LSTM", "GRU")
_ACTIVATIONS = {
    "SimpleRNN": {"activation": "tanh"},
    "LSTM": {"activation": "tanh", "recurrent_activation": "sigmoid"},
    "GRU": {"activation": "tanh", "recurrent_activation": "sigmoid", "reset_after": True},
}


@dataclass
class Direction:
    """The weights of one recurrence, gates in Keras's order (LSTM i,f,c,o; GRU z,r,h).

    Attributes:
        kernel: (gates, D, H).
        recurrent_kernel: (gates, H, H).
        bias: (gates, H), added to the input's product.
        recurrent_bias: (gates, H), added to the state's product.
    """

    kernel: NDArray[Any]
    recurrent_kernel: NDArray[Any]
    bias: NDArray[Any]
    recurrent_bias: NDArray[Any]


@dataclass
class Recurrent:
    """A SimpleRNN, LSTM or GRU, or a Bidirectional of one.

    Attributes:
        cell: SimpleRNN, LSTM or GRU.
        units: H.
        return_sequences: As in Keras.
        directions: The forward one and, in a Bidirectional, the backward one.
    """

    cell: str
    units: int
    return_sequences: bool
    directions: list[Direction]


def is_recurrent(layer: Layer) -> bool:
    """Whether `take_apart` applies."""
    return layer.class_name in (*CELLS, "Bidirectional")


def take_apart(layer: Layer) -> Recurrent:
    """The parts of a recurrent layer.

    Raises:
        CannotRun: It has an option that other engines' recurrent operators lack.
    """
    cell, config = layer.class_name, layer.config
    if cell == "Bidirectional":
        if config["merge_mode"] != "concat":
            raise CannotRun(f"Bidirectional with merge_mode {config['merge_mode']!r}")
        cell, config = config["layer"]["class_name"], config["layer"]["config"]
    for option, wanted in _ACTIVATIONS[cell].items():
        if config[option] != wanted:
            raise CannotRun(f"{cell} with {option}={config[option]!r}, not {wanted!r}")
    weights = [layer.weights[i : i + 3] for i in range(0, len(layer.weights), 3)]
    directions = [_direction(cell, *three) for three in weights]
    return Recurrent(cell, config["units"], config["return_sequences"], directions)


def _direction(
    cell: str, kernel: NDArray[Any], recurrent_kernel: NDArray[Any], bias: NDArray[Any]
) -> Direction:
    units = len(recurrent_kernel)

    def by_gate(matrix: NDArray[Any]) -> NDArray[Any]:
        return matrix.reshape(len(matrix), -1, units).swapaxes(0, 1)

    both = bias if cell == "GRU" else np.stack([bias, np.zeros_like(bias)])
    input_bias, recurrent_bias = both.reshape(2, -1, units)
    return Direction(by_gate(kernel), by_gate(recurrent_kernel), input_bias, recurrent_bias)
