"""Types of the options that layers have in common; only type checkers and editors read them.

What a layer takes as `**kwargs` is a TypedDict, so that a checker finds a misspelt name. An option
that a constructor names itself may not be in its TypedDict, hence the variants.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, SupportsIndex, TypedDict

from numpy.typing import NDArray

__all__ = [
    "ActivationOption",
    "BaseOptions",
    "CellOptions",
    "CellRNNOptions",
    "CommonOptions",
    "EmbeddingOptions",
    "InitializerOption",
    "KeptOption",
    "LayerOptions",
    "LeakyReLUOptions",
    "ModelOptions",
    "QuirkOptions",
    "SequentialOptions",
    "ShapeOption",
    "ShapeOptions",
    "SizeOption",
    "UnnamedOptions",
    "WeightedOptions",
]

# A name, a function or an object that is one, a config, or None.
ActivationOption = str | Callable[..., Any] | Mapping[str, Any] | None
# The same, or an array of the values.
InitializerOption = str | Callable[..., Any] | Mapping[str, Any] | NDArray[Any] | None
# A regularizer or a constraint.
KeptOption = str | Callable[..., Any] | Mapping[str, Any] | None
# Sizes, None where they vary; NumPy's integers are sizes, too.
ShapeOption = Sequence[SupportsIndex | None]
# One size for all spatial axes, or one for each.
SizeOption = SupportsIndex | Sequence[SupportsIndex]


class ShapeOptions(TypedDict, total=False):
    """Older Keras's ways to give a first layer the shape of its input."""

    input_shape: ShapeOption
    batch_input_shape: ShapeOption
    batch_size: SupportsIndex | None
    input_dim: SupportsIndex


class QuirkOptions(TypedDict, total=False):
    """Options that files of older Keras set; see `quirks.py`. A class takes those that it knows."""

    all_masks_must_hold: bool
    blind_queries_see_all: bool
    keeps_masks: bool
    masked_with_states: bool
    outputs_initial_state: bool
    repeats_masked_outputs: bool


class BaseOptions(ShapeOptions, QuirkOptions, total=False):
    """Options that `Layer` takes out of its `**kwargs`."""


class CommonOptions(TypedDict, total=False):
    """Options of every layer, `Input` and `Embedding` among them."""

    trainable: bool
    autocast: bool
    input_shape: ShapeOption
    batch_input_shape: ShapeOption


class WeightedOptions(CommonOptions, QuirkOptions, total=False):
    """Options of layers whose constructors name their `activity_regularizer`."""

    name: str | None
    dtype: Any
    batch_size: SupportsIndex | None
    input_dim: SupportsIndex


class LayerOptions(WeightedOptions, total=False):
    """Options of all other layers."""

    activity_regularizer: KeptOption


class EmbeddingOptions(CommonOptions, total=False):
    """Options of `Embedding`, which has an `input_dim` of another meaning."""

    name: str | None
    dtype: Any
    activity_regularizer: KeptOption
    batch_size: SupportsIndex | None
    input_length: Any


class UnnamedOptions(CommonOptions, total=False):
    """Options of layers whose constructors name their `name`."""

    dtype: Any
    batch_size: SupportsIndex | None
    input_dim: SupportsIndex
    activity_regularizer: KeptOption


class CellOptions(LayerOptions, total=False):
    """Options of `LSTMCell` and the like."""

    implementation: int


class CellRNNOptions(WeightedOptions, total=False):
    """Options of `LSTM` and the like."""

    zero_output_for_mask: bool
    implementation: int
    input_length: SupportsIndex | None


class LeakyReLUOptions(LayerOptions, total=False):
    """Options of `LeakyReLU`: `alpha` is Keras 2's name of the slope."""

    alpha: float


class SequentialOptions(ShapeOptions, total=False):
    """Options of `Sequential`."""

    dtype: Any
    autocast: bool
    activity_regularizer: KeptOption


class ModelOptions(SequentialOptions, total=False):
    """Options of other models."""

    trainable: bool
