"""The recurrent layers as a textbook writes them, in float64 NumPy: what the tests expect."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def simple_rnn_step(x: Array, state: tuple[Array, ...], weights: list[Array]) -> tuple[Array, ...]:
    kernel, recurrent, bias = weights
    return (np.tanh(x @ kernel + state[0] @ recurrent + bias),)


def lstm_step(x: Array, state: tuple[Array, ...], weights: list[Array]) -> tuple[Array, ...]:
    kernel, recurrent, bias = weights
    h, c = state
    i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru_step(x: Array, state: tuple[Array, ...], weights: list[Array]) -> tuple[Array, ...]:
    """`reset_after=True`, Keras's default."""
    kernel, recurrent, bias = weights
    (h,) = state
    x_z, x_r, x_h = np.split(x @ kernel + bias[0], 3, axis=1)
    h_z, h_r, h_h = np.split(h @ recurrent + bias[1], 3, axis=1)
    z, r = sigmoid(x_z + h_z), sigmoid(x_r + h_r)
    return (z * h + (1 - z) * np.tanh(x_h + r * h_h),)


STEPS = {"SimpleRNN": simple_rnn_step, "LSTM": lstm_step, "GRU": gru_step}


def run(
    cell: str,
    x: Any,
    weights: list[Any],
    mask: Any = None,
    initial_state: Any = None,
    go_backwards: bool = False,
) -> tuple[Array, tuple[Array, ...]]:
    """Returns the outputs of all steps (B, T, H) in reading order, and the last states."""
    x = np.asarray(x, np.float64)
    weights = [np.asarray(w, np.float64) for w in weights]
    units = weights[1].shape[0]
    count = 2 if cell == "LSTM" else 1
    zeros = np.zeros((len(x), units))
    state = tuple(initial_state) if initial_state is not None else (zeros,) * count
    output, outputs = zeros, []
    times = range(x.shape[1])
    for t in reversed(times) if go_backwards else times:
        new = STEPS[cell](x[:, t], state, weights)
        keep = np.ones((len(x), 1), bool) if mask is None else np.asarray(mask)[:, t, None]
        output = np.where(keep, new[0], output)
        state = tuple(np.where(keep, a, b) for a, b in zip(new, state, strict=True))
        outputs.append(output)
    return np.stack(outputs, axis=1), state
