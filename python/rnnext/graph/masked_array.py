"""Eager arrays that remember which time steps are padding.

In a model the masks travel beside the values. Between layers that are called one by one, a mask
travels on the array itself, as Keras does with tensors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest
from rnnext.autodiff.watchable import OutputArray

__all__ = [
    "MaskedTensor",
    "attach_logits",
    "attach_mask",
    "mask_of",
    "masks_of",
    "untraced",
    "with_logits",
    "with_mask",
]


class MaskedTensor(OutputArray):
    """An array with a mask. Arrays computed from it have none.

    Attributes:
        _keras_mask: (B, T) booleans, False where a step is to be skipped.
        _keras_logits: None, or what the sigmoid or softmax that made the array was given.
    """

    _keras_mask: NDArray[Any] | None = None
    _keras_logits: NDArray[Any] | None = None


def attach_mask(array: NDArray[Any], mask: NDArray[Any]) -> MaskedTensor:
    """Returns a view of `array` that carries `mask`."""
    view = array.view(MaskedTensor)
    view._keras_mask = mask
    return view


def with_mask(x: Any, mask: NDArray[Any]) -> Any:
    """Returns an array with a mask: a view that carries it, or the traced array itself."""
    if isinstance(x, np.ndarray):
        return attach_mask(x, mask)
    x._keras_mask = mask
    return x


def attach_logits(array: NDArray[Any], logits: NDArray[Any]) -> MaskedTensor:
    """Returns a view of `array` that carries what the sigmoid or softmax that made it was given.

    A mask of `array` is that of the view, too.
    """
    view = array.view(MaskedTensor)
    view._keras_mask = mask_of(array)
    view._keras_logits = logits
    return view


def with_logits(x: Any, logits: Any) -> Any:
    """Returns an array with logits: a view that carries them, or the traced array itself."""
    if isinstance(x, np.ndarray):
        return attach_logits(x, logits)
    x._keras_logits = logits
    return x


def mask_of(x: Any) -> NDArray[Any] | None:
    """Returns the mask that `x` carries, or None."""
    return getattr(x, "_keras_mask", None)


def masks_of(structure: Any) -> Any:
    """Returns the masks that nested arrays carry, nested alike; None if there is none at all."""
    if not nest.is_nested(structure):
        return mask_of(structure)
    masks = nest.map_structure(mask_of, structure)
    return masks if any(mask is not None for mask in nest.flatten(masks)) else None


def untraced(x: Any) -> Any:
    """Returns the plain array of a traced one, with its mask and logits; anything else as it is."""
    traced = getattr(x, "__traced__", None)
    if traced is None:
        return x
    array, mask, logits = traced.value, traced._keras_mask, traced._keras_logits
    array = array if mask is None else attach_mask(array, mask)
    return array if logits is None else attach_logits(array, getattr(logits, "value", logits))
