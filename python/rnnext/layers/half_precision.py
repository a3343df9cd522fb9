"""Layers whose outputs are half precision, in training: what passes between them is rounded."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnext import nest
from rnnext.dtypes import widened

__all__ = ["recorded"]


def recorded(layer: Any, recording: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
    """Returns what `layer.record` does, with outputs as a call of the layer returns them.

    The layer computes in float32. Its outputs are half precision, and so, between layers, are
    their gradients: what float16 does not hold is infinite there, as in Keras.

    Args:
        layer: A layer that narrows its outputs.
        recording: The pass that this is part of.
        args: What `record` is given.
        kwargs: Likewise.
    """
    args, kwargs = nest.map_structure(_wide, (args, kwargs))
    outputs, pullback = layer.record(recording, *args, **kwargs)
    rounded = layer.cast_outputs(outputs)
    for before, after in zip(nest.flatten(outputs), nest.flatten(rounded), strict=True):
        noted = recording.logits.pop(id(before), None)
        if noted is not None:
            recording.logits[id(after)] = noted

    def reverse(d_outputs: list[Any]) -> Any:
        return pullback([_wide(d) for d in d_outputs])

    return rounded, reverse


def _wide(x: Any) -> Any:
    return widened(x) if isinstance(x, np.ndarray) else x
