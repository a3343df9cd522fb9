"""Weights of cuDNN's LSTM and GRU in the layout of Keras's own layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["gru_from_cudnn", "lstm_from_cudnn"]

Array = npt.NDArray[Any]


def lstm_from_cudnn(kernel: Array, recurrent_kernel: Array, bias: Array) -> list[Array]:
    """Weights of a CuDNNLSTM as those of an LSTM.

    Args:
        kernel: (D, 4u), each gate's (D, u) block holding a (u, D) matrix row by row.
        recurrent_kernel: (u, 4u), each gate's block transposed.
        bias: (8u,), the biases of the input's and of the state's product.

    Returns:
        kernel (D, 4u), recurrent_kernel (u, 4u), bias (4u,).
    """
    # cuDNN adds both biases to the same sum.
    half = bias.shape[0] // 2
    return [*_kernels(kernel, recurrent_kernel, gates=4), bias[:half] + bias[half:]]


def gru_from_cudnn(kernel: Array, recurrent_kernel: Array, bias: Array) -> list[Array]:
    """Weights of a CuDNNGRU as those of a GRU with reset_after.

    Args:
        kernel: (D, 3u), laid out as in `lstm_from_cudnn`.
        recurrent_kernel: (u, 3u), likewise.
        bias: (6u,), the input's biases, then the state's.

    Returns:
        kernel (D, 3u), recurrent_kernel (u, 3u), bias (2, 3u).
    """
    return [*_kernels(kernel, recurrent_kernel, gates=3), bias.reshape(2, -1)]


def _kernels(kernel: Array, recurrent_kernel: Array, gates: int) -> list[Array]:
    def refill(block: Array) -> Array:
        rows, columns = block.shape
        return block.reshape(columns, rows).T

    return [_by_gate(kernel, gates, refill), _by_gate(recurrent_kernel, gates, np.transpose)]


def _by_gate(matrix: Array, gates: int, change: Callable[[Array], Array]) -> Array:
    return np.hstack([change(block) for block in np.hsplit(matrix, gates)])
