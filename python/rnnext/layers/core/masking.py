"""Masking: marks time steps to be skipped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import ops, serialization
from rnnext.graph.operation import MaskRule
from rnnext.graph.tensor import KerasTensor
from rnnext.layers.layer import Layer

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnnext.layers.option_types import LayerOptions

__all__ = ["Masking"]


@serialization.builtin("keras.layers")
class Masking(Layer):
    """Masks the time steps whose features all equal a value, and sets their features to zero.

    Args:
        mask_value: The value.
        **kwargs: Arguments of `Layer`.

    Call arguments:
        inputs: (B, T, ...).

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import Masking
        >>> x = np.array([[[1.0, 2.0], [-1.0, -1.0]]], dtype="float32")
        >>> y = Masking(mask_value=-1.0)(x)
        >>> y._keras_mask
        array([[ True, False]])
    """

    def __init__(self, mask_value: Any = 0.0, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        if isinstance(mask_value, dict):
            mask_value = serialization.deserialize(mask_value)
        self.mask_value = mask_value
        self.supports_masking = True

    def call(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Returns the inputs with zeros at the masked steps."""
        outputs: NDArray[Any] = self.call_with_masks(inputs)[0]
        return outputs

    def _joined_axes(self, rank: int) -> Sequence[int] | None:  # noqa: ARG002
        return (-1,)

    @property
    def mask_rule(self) -> MaskRule:
        """JOINT: outputs and their mask are computed together."""
        is_joint = type(self) is Masking and not self.narrows
        return MaskRule.JOINT if is_joint else super().mask_rule

    def call_with_masks(self, inputs: Any, mask: Any = None) -> tuple[Any, Any]:  # noqa: ARG002
        """Returns the inputs with zeros at the masked steps, and which steps are not masked."""
        if inputs.ndim > 1 and inputs.shape[-1]:
            # A step whose first feature differs is not masked: of few others is the rest read.
            keep = np.not_equal(inputs[..., 0], self.mask_value)
            others = ~keep
            if others.any():
                keep[others] = np.any(np.not_equal(inputs[others], self.mask_value), axis=-1)
            if keep.all():
                return inputs, keep
        else:
            keep = self.compute_mask(inputs)
        return np.where(keep[..., np.newaxis], inputs, inputs.dtype.type(0)), keep

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:  # noqa: ARG002
        """Returns which steps differ from the value somewhere."""
        if isinstance(inputs, KerasTensor):
            return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)
        return np.any(np.not_equal(inputs, self.mask_value), axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "mask_value": serialization.serialize(self.mask_value)}
