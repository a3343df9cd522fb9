"""The textbook's formulas of the three cells: as text, and computed with NumPy in float64.

W, U and b are the kernel, the recurrent kernel and the bias; W_i is the part of W that makes gate
i. h' and c' are the states before the step, * multiplies element by element. Sources: LSTM:
Hochreiter and Schmidhuber 1997, with the forget gate of Gers 2000; GRU: Cho et al. 2014 (reset
before the product), and CuDNN's form, Keras's `reset_after=True`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Formula", "by_hand", "formulas_of"]

Array = NDArray[Any]


class Formula(NamedTuple):
    """One line: what is computed, how, and what it is called."""

    name: str
    text: str
    meaning: str


def formulas_of(cell: Any) -> list[Formula]:
    """Returns the formulas of a cell, with its activations' names.

    Args:
        cell: A SimpleRNNCell, LSTMCell or GRUCell.
    """
    act = cell.activation.name
    if cell._kind == "simple_rnn":
        return [Formula("h", f"{act}({_sum(cell, '')})", "hidden state")]
    gate = cell.recurrent_activation.name
    if cell._kind == "lstm":
        return [
            Formula("i", f"{gate}({_sum(cell, '_i')})", "input gate"),
            Formula("f", f"{gate}({_sum(cell, '_f')})", "forget gate"),
            Formula("g", f"{act}({_sum(cell, '_g')})", "candidate"),
            Formula("o", f"{gate}({_sum(cell, '_o')})", "output gate"),
            Formula("c", "f * c' + i * g", "cell state"),
            Formula("h", f"o * {act}(c)", "hidden state"),
        ]
    bias = " + b_g" if cell.use_bias else ""
    if cell.reset_after:
        inner = "h' U_g + d_g" if cell.use_bias else "h' U_g"
        candidate = f"{act}(x W_g{bias} + r * ({inner}))"
    else:
        candidate = f"{act}(x W_g + (r * h') U_g{bias})"
    return [
        Formula("z", f"{gate}({_sum(cell, '_z')})", "update gate"),
        Formula("r", f"{gate}({_sum(cell, '_r')})", "reset gate"),
        Formula("g", candidate, "candidate"),
        Formula("h", "z * h' + (1 - z) * g", "hidden state"),
    ]


def _sum(cell: Any, gate: str) -> str:
    if not cell.use_bias:
        return f"x W{gate} + h' U{gate}"
    if getattr(cell, "reset_after", False):
        return f"x W{gate} + b{gate} + h' U{gate} + d{gate}"
    return f"x W{gate} + h' U{gate} + b{gate}"


def by_hand(cell: Any, x: Array, states: list[Array]) -> dict[str, Array]:
    """Returns gates and states of one step, in float64, by name.

    Args:
        cell: A SimpleRNNCell, LSTMCell or GRUCell with weights.
        x: (D,), the input of the step.
        states: h and, for an LSTM, c before it, each (H,).
    """
    units, gates = cell.units, cell._gates
    act, h = cell.activation, states[0].astype("float64")
    W, U = (_parts(w, gates, units) for w in (cell.kernel, cell.recurrent_kernel))
    b, d = _biases(cell)
    x = x.astype("float64")
    if cell._kind == "simple_rnn":
        return {"h": act(x @ W[0] + h @ U[0] + b[0])}
    gate = cell.recurrent_activation
    if cell._kind == "lstm":
        i, f, o = (gate(x @ W[k] + h @ U[k] + b[k]) for k in (0, 1, 3))
        g = act(x @ W[2] + h @ U[2] + b[2])
        c = f * states[1].astype("float64") + i * g
        return {"i": i, "f": f, "g": g, "o": o, "c": c, "h": o * act(c)}
    z, r = (gate(x @ W[k] + b[k] + h @ U[k] + d[k]) for k in (0, 1))
    if cell.reset_after:
        g = act(x @ W[2] + b[2] + r * (h @ U[2] + d[2]))
    else:
        g = act(x @ W[2] + (r * h) @ U[2] + b[2])
    return {"z": z, "r": r, "g": g, "h": z * h + (1 - z) * g}


def _parts(weight: Any, gates: int, units: int) -> list[Array]:
    """A kernel's columns, gate by gate."""
    values = np.asarray(weight.value, "float64")
    return [values[:, k * units : (k + 1) * units] for k in range(gates)]


def _biases(cell: Any) -> tuple[Array, Array]:
    """The biases of the input and of the recurrent product, (gates, units) each."""
    zeros = np.zeros((cell._gates, cell.units))
    if cell.bias is None:
        return zeros, zeros
    values = np.asarray(cell.bias.value, "float64").reshape(-1, cell._gates, cell.units)
    return values[0], values[1] if len(values) == 2 else zeros
