"""rnnext: Keras recurrent networks without TensorFlow."""

from __future__ import annotations

from rnnext import activations, initializers, layers

__all__ = ["activations", "initializers", "layers"]
