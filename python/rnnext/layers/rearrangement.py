"""What layers that only move values share: their outputs have the input's dtype."""

from __future__ import annotations

import numpy as np

from rnnext.graph.tensor import KerasTensor
from rnnext.layers.layer import Layer

__all__ = ["Rearrangement"]


class Rearrangement(Layer):
    """Base class of layers whose outputs are elements of their input, integers included."""

    def compute_output_spec(self, inputs: KerasTensor) -> KerasTensor:
        """Returns a tensor of the dtype in which the input reaches `call`."""
        dtype = self.input_dtype(np.dtype(inputs.dtype)).name
        return KerasTensor(self.compute_output_shape(inputs.shape), dtype, self.name)
