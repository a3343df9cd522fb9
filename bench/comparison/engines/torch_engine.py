"""PyTorch on the CPU: nn.RNN, nn.LSTM, nn.GRU and nn.Linear under inference_mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from comparison.cases import CannotRun, Case, Layer
from comparison.recurrent_weights import Direction, Recurrent, is_recurrent, take_apart

_CLASSES = {"SimpleRNN": nn.RNN, "LSTM": nn.LSTM, "GRU": nn.GRU}
_GATE_ORDER = {"SimpleRNN": [0], "LSTM": [0, 1, 2, 3], "GRU": [1, 0, 2]}  # PyTorch: ifgo, rzn


class _Chain(nn.Module):
    """Recurrent layers, time-major as PyTorch prefers, then Linear ones."""

    def __init__(self, layers: list[Layer]) -> None:
        super().__init__()
        self.recurrent = nn.ModuleList()
        self.dense = nn.ModuleList()
        self.return_sequences = False
        for layer in layers:
            if is_recurrent(layer) and not self.dense:
                parts = take_apart(layer)
                self.recurrent.append(_recurrent(parts))
                self.return_sequences = parts.return_sequences
            elif layer.class_name == "Dense" and layer.config["activation"] == "linear":
                self.dense.append(_linear(layer))
            else:
                raise CannotRun(f"PyTorch reads no Keras files; no {layer.class_name} in bench/")
        if self.return_sequences:
            raise CannotRun("bench/ builds PyTorch models that return their last output")

    def forward(self, x: Any, lengths: Any = None) -> Any:
        """(T, B, D) -> (B, H)."""
        if lengths is not None:
            x = pack_padded_sequence(x, lengths, enforce_sorted=False)
        for layer in self.recurrent:
            x, state = layer(x)
        h = state[0] if isinstance(state, tuple) else state
        x = h[0] if len(h) == 1 else torch.cat((h[0], h[1]), -1)
        for layer in self.dense:
            x = layer(x)
        return x


def build(case: Case, threads: int) -> dict[str, Callable[[], Any]]:
    """Builds the modules."""
    torch.set_num_threads(threads)
    model = _Chain([layer for layer in case.layers if layer.class_name != "Masking"]).eval()
    x = torch.from_numpy(np.ascontiguousarray(case.x.swapaxes(0, 1)))
    lengths = None if case.lengths is None else torch.from_numpy(case.lengths)

    def call() -> Any:
        with torch.inference_mode():
            return model(x, lengths).numpy()

    return {"inference_mode": call}


def _recurrent(layer: Recurrent) -> nn.Module:
    order = _GATE_ORDER[layer.cell]
    features = layer.directions[0].kernel.shape[1]
    bidirectional = len(layer.directions) == 2
    module = _CLASSES[layer.cell](features, layer.units, bidirectional=bidirectional)
    with torch.no_grad():
        for suffix, direction in zip(("", "_reverse"), layer.directions, strict=False):
            for name, array in _parameters(direction, order).items():
                getattr(module, f"{name}_l0{suffix}").copy_(torch.from_numpy(array))
    return module


def _parameters(direction: Direction, order: list[int]) -> dict[str, Any]:
    """PyTorch's names and layouts: matrices (gates * H, K)."""
    units = direction.bias.shape[1]
    matrices = {"weight_ih": direction.kernel, "weight_hh": direction.recurrent_kernel}
    biases = {"bias_ih": direction.bias, "bias_hh": direction.recurrent_bias}
    return {
        **{
            name: matrix[order].swapaxes(1, 2).reshape(len(order) * units, -1)
            for name, matrix in matrices.items()
        },
        **{name: bias[order].ravel() for name, bias in biases.items()},
    }


def _linear(layer: Layer) -> nn.Linear:
    kernel, bias = layer.weights
    module = nn.Linear(*kernel.shape)
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(kernel.T))
        module.bias.copy_(torch.from_numpy(bias))
    return module
