"""Brings the arrays of Keras 1 into the layout of Keras 2 and 3.

Keras 1 kept the gates of a cell in arrays of their own and, where channels come first, the axes of
a convolution's kernel in Theano's order. Its files name no backend, but TensorFlow's names of
weights end in ``:0`` and Theano's do not; Keras 1 had no others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnnext.layers.layer import Layer
from rnnext.saving.formats.hdf5 import Group
from rnnext.saving.weight_plan import Array

__all__ = ["Origin", "convolution_from_keras1", "joined_gates"]


@dataclass(frozen=True)
class Origin:
    """What wrote a legacy file, as far as the layout of its arrays depends on it.

    Attributes:
        is_keras1: Whether it was Keras 1.
        is_theano: Whether its backend was Theano.
        is_keras3: Whether it was Keras 3.
    """

    is_keras1: bool = False
    is_theano: bool = False
    is_keras3: bool = False

    @classmethod
    def of(cls, root: Group, weights: Group) -> Origin:
        """Reads it off a file. Every file of Keras 2 names the backend, none of Keras 1 does.

        Args:
            root: The file.
            weights: The group with ``layer_names``; the file itself where it holds nothing else.
        """
        backend = weights.text("backend") or root.text("backend")
        version = root.text("keras_version") or weights.text("keras_version") or "1"
        if backend is not None or not version.startswith(("0", "1")):
            return cls(is_theano=backend == "theano", is_keras3=version.startswith("3"))
        groups = [weights.group(name) for name in weights.names("layer_names") or []]
        names = [name for group in groups if group for name in group.names("weight_names") or []]
        return cls(is_keras1=True, is_theano=not any(name.endswith(":0") for name in names))


def joined_gates(arrays: list[Array], gates: tuple[int, ...]) -> list[Array]:
    """The kernel, recurrent kernel and bias of each gate, joined into three arrays.

    Args:
        arrays: 3 arrays of each gate, or anything else, which is returned unchanged.
        gates: Keras 1's position of each of Keras 2's gates.
    """
    if len(arrays) != 3 * len(gates):
        return arrays
    return [
        np.concatenate([arrays[3 * gate + part] for gate in gates], axis=-1) for part in range(3)
    ]


def convolution_from_keras1(layer: Layer, arrays: list[Array]) -> list[Array]:
    """Arrays of a layer, those of a convolution with its window's axes first.

    A kernel is (filters, channels, window) where channels come first, and for a Conv1D
    (length, 1, channels, filters), or before Keras 1.2 (filters, channels, length, 1).
    """
    if type(layer).__name__ == "Conv1D":
        filters, (length,) = layer.filters, layer.kernel_size  # type: ignore[attr-defined]
        kernel, *bias = arrays
        if kernel.ndim != 4:
            return arrays
        if kernel.shape[:2] != (length, 1) or kernel.shape[3] != filters:
            kernel = _window_first(kernel)
        return [kernel[:, 0], *bias]
    if getattr(layer, "data_format", None) == "channels_first":
        return [_window_first(array) if array.ndim >= 4 else array for array in arrays]
    return arrays


def _window_first(kernel: Array) -> Array:
    """A kernel (filters, channels, window) as (window, channels, filters)."""
    return kernel.transpose(*range(2, kernel.ndim), 1, 0)
