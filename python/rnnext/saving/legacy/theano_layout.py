"""What Theano's convolutions do otherwise than TensorFlow's."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnext.errors import UnsupportedError
from rnnext.layers.layer import Layer
from rnnext.layers.variable import Variable
from rnnext.saving.weight_plan import Array, layer_label

__all__ = ["check_windows", "turned"]

# Theano convolves as mathematicians do, with the kernel turned around; the others correlate.
_TURNED = ("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "ConvLSTMCell")


def turned(variable: Variable, array: Array) -> Array:
    """A convolution's kernel (..., channels, filters) as Theano's opposite, along its windows."""
    if type(variable._owner).__name__ in _TURNED and variable.name.endswith("kernel"):
        return np.flip(array, tuple(range(array.ndim - 2)))
    return array


def check_windows(layer: Layer, label: str) -> None:
    """Rejects a layer whose padded windows start elsewhere in Theano.

    With "same", Theano's first window starts half a window before the input. TensorFlow's does so
    only for windows of odd size and strides of 1.

    Raises:
        UnsupportedError: The layer's windows are padded and of another kind.
    """
    size: Any = getattr(layer, "kernel_size", getattr(layer, "pool_size", None))
    if size is None:
        return
    # A ConvLSTM's convolution over its state is padded whatever its option says.
    is_cell = type(layer).__name__ == "ConvLSTMCell"
    rates = getattr(layer, "dilation_rate", (1,) * len(size))
    has_even = any((n - 1) * rate % 2 for n, rate in zip(size, rates, strict=True))
    has_steps = any(step > 1 for step in layer.strides)  # type: ignore[attr-defined]
    padding = layer.padding  # type: ignore[attr-defined]
    if (padding == "same" and (has_even or has_steps)) or (is_cell and has_even):
        raise UnsupportedError(
            f"{label}: {layer_label(layer)}: with padding 'same', Theano places windows of size "
            f"{tuple(size)} and strides {tuple(layer.strides)} otherwise than "  # type: ignore[attr-defined]
            "TensorFlow, and rnnext with it; read are windows of odd size with strides of 1."
        )
