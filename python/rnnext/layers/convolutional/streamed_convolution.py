"""A causal convolution in a stream: keeps the inputs that its next windows reach."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.graph.stream_state import StateSlot

__all__ = ["StreamedConvolution"]


class StreamedConvolution:
    """Slides the windows of a Conv1D with padding="causal" and strides=1 over chunks.

    Args:
        layer: The convolution.
        batch_size: Number of samples B.
    """

    def __init__(self, layer: Any, batch_size: int) -> None:
        self._layer = layer
        channels = layer.kernel.shape[-2] * layer.groups
        self._shape = (batch_size, layer._windows.extent[0] - 1, channels)
        self.slots = {"inputs": StateSlot(self._shape, layer.compute_dtype)}
        self.reset()

    def reset(self) -> None:
        """Goes back to before the first step, where there are zeros, as causal padding adds."""
        self.memory = np.zeros(self._shape, self._layer.compute_dtype)

    @property
    def state(self) -> dict[str, Any]:
        """The last inputs, as many as the windows at the next step reach back."""
        return {"inputs": self.memory}

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        self.memory = state["inputs"]

    def __call__(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Returns the outputs (B, t, F) at the next steps (B, t, C)."""
        convolve, finish = self._layer._packed or self._layer._pack()
        x = np.concatenate([self.memory, inputs], axis=1)
        outputs: NDArray[Any] = convolve.of_padded(x, inputs.shape[1:2])
        outputs = outputs if finish is None else finish(outputs)
        self.memory = x[:, inputs.shape[1] :].copy()
        return outputs
