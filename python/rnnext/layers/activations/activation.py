"""Activation: an activation function as a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import activations, serialization
from rnnext.graph.recording import Pullback, Recording
from rnnext.graph.streaming import Streamed, StreamedCall, per_step_with_activation
from rnnext.layers.layer import Layer

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import ActivationOption, LayerOptions

__all__ = ["Activation"]


@serialization.builtin("keras.layers")
class Activation(Layer):
    """Applies an activation function.

    Args:
        activation: See `rnnext.activations.get`.
        **kwargs: Arguments of `Layer`.

    Example:
        >>> from rnnext.layers import Activation
        >>> Activation("relu")([[-3.0, 0.0, 2.0]])
        array([[0., 0., 2.]], dtype=float32)
    """

    activation: activations.Activation

    _casts_integers = True

    def __init__(self, activation: ActivationOption, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self._take(locals())
        self.supports_masking = True

    def input_dtype(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        """Integers stay integers where the activation keeps them."""
        if dtype.kind in "iu" and self.activation.keeps_integers:
            return dtype.newbyteorder("=")
        return super().input_dtype(dtype)

    def call(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Returns the activation of every element."""
        return self.activation(inputs)

    def _activated(self, inputs: Any) -> Any:
        return self.cast_outputs(self.activation(inputs))

    def record(
        self,
        recording: Recording,
        inputs: Any,
        **kwargs: Any,  # noqa: ARG002
    ) -> tuple[NDArray[Any], Pullback]:
        """Computes as `call` does, so that it can be reversed; see `Operation.record`."""
        from rnnext.autodiff.tracing import trace

        outputs, pullback = trace(self._activated, (inputs,), {}, recording)
        logits = recording.note_logits(self, self.activation.spec, inputs, outputs)
        if logits is None:
            return outputs, pullback
        return outputs, lambda d: d if logits.taken else pullback(d)

    def streamed(self, call: StreamedCall) -> Streamed:
        """Says how a call on sequences is streamed."""
        return per_step_with_activation(call, self.activation)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape (glu halves its axis)."""
        if self.activation.name != "glu":
            return input_shape
        shape = list(input_shape)
        axis = self.activation.params.get("axis", -1)
        shape[axis] = None if shape[axis] is None else shape[axis] // 2
        return tuple(shape)
