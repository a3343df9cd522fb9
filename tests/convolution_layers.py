"""The convolution layers that tests go over, and rnnext's with random weights."""

from __future__ import annotations

from typing import Any

from layer_twins import random_array

from rnnext import layers

# Inputs (N, *spatial, C) by number of spatial axes.
SHAPES = {1: (3, 11, 4), 2: (2, 7, 6, 4), 3: (2, 5, 6, 4, 4)}
PLAIN = ("Conv1D", "Conv2D", "Conv3D")
TRANSPOSED = ("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
DEPTHWISE = ("DepthwiseConv1D", "DepthwiseConv2D")
SEPARABLE = ("SeparableConv1D", "SeparableConv2D")
ALL = (*PLAIN, *TRANSPOSED, *DEPTHWISE, *SEPARABLE)


def rank_of(name: str) -> int:
    return next(int(character) for character in name if character.isdigit())


def complete(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Options with one number for each axis that there is, and with filters where needed."""
    rank = rank_of(name)
    options = {k: v[:rank] if isinstance(v, tuple) else v for k, v in options.items()}
    return options if name in DEPTHWISE else {"filters": 6, **options}


def made(name: str, options: dict[str, Any], shape: tuple[int, ...]) -> Any:
    """An rnnext layer with random weights, for inputs of this shape."""
    layer = getattr(layers, name)(**complete(name, options))
    layer.build(shape)
    dtype = layer.compute_dtype
    layer.set_weights([random_array(w.shape, dtype, w.name) for w in layer.weights])
    return layer
