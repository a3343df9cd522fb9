"""Rewrites a model of an older Keras so that Keras 3 opens it and gives the same answers.

Keras 2's ``hard_sigmoid`` is clip(0.2 x + 0.5), Keras 3's is clip(x / 6 + 0.5). They are the same
function of x and of 1.2 x, so where x is a sum of products with weights, weights that are 1.2
times as large give Keras 3 the answers of Keras 2, but for rounding.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from rnnext import serialization
from rnnext.errors import UnsupportedError
from rnnext.layers.layer import Layer
from rnnext.layers.weight_budget import placeholders
from rnnext.models import Model
from rnnext.saving.keras3_weights import descendants
from rnnext.saving.layer_states import copy_states
from rnnext.saving.weight_plan import layer_label

__all__ = ["KERAS2_HARD_SIGMOID", "upgraded"]

KERAS2_HARD_SIGMOID = "keras2_hard_sigmoid"
_FACTOR = 6 * 0.2
_ACTIVATIONS = ("activation", "recurrent_activation")

# Which activation follows each block of a cell's last weight axis. An LSTM's `activation` also
# acts on the carry, which is no product, so it cannot be rewritten.
_LSTM = ("recurrent_activation", "recurrent_activation", "", "recurrent_activation")
_BLOCKS: dict[str, tuple[str, ...]] = {
    "SimpleRNNCell": ("activation",),
    "LSTMCell": _LSTM,
    "ConvLSTMCell": _LSTM,
    "GRUCell": ("recurrent_activation", "recurrent_activation", "activation"),
    **dict.fromkeys(("Dense", "EinsumDense"), ("activation",)),
    **dict.fromkeys((f"Conv{rank}D" for rank in "123"), ("activation",)),
    **dict.fromkeys((f"Conv{rank}DTranspose" for rank in "123"), ("activation",)),
    **dict.fromkeys((f"DepthwiseConv{rank}D" for rank in "12"), ("activation",)),
    **dict.fromkeys((f"SeparableConv{rank}D" for rank in "12"), ("activation",)),
}
# A separable convolution has two kernels; only the second one is scaled.
_WEIGHTS = ("kernel", "pointwise_kernel", "recurrent_kernel", "bias")


def upgraded(model: Model) -> tuple[Model, list[str]]:
    """The model in a form that `save_model` accepts, if there is one.

    Args:
        model: A built model; not changed.

    Returns:
        The model itself, or a changed copy, and a sentence for each thing that was changed: layers
        with a ``/`` in their name are renamed, and weights before Keras 2's ``hard_sigmoid`` are
        multiplied by 1.2.

    Raises:
        UnsupportedError: A ``hard_sigmoid`` of Keras 2 with no weights before it, such as that of
            an Activation layer; the message names the layer.

    Example:
        >>> from rnnext.layers import Dense, Input
        >>> from rnnext.models import Sequential
        >>> old = Sequential([Input((3,)), Dense(2, "keras2_hard_sigmoid", name="a/b")])
        >>> new, changes = upgraded(old)
        >>> changes
        ["layer 'a/b' is now 'a_b'", "layer 'a/b' (Dense): weights before hard_sigmoid times 1.2"]
    """
    layers = _labelled(model)
    names = _new_names([model.name, *(layer.name for layer in layers)])
    scaled = {
        layer: label
        for layer, label in layers.items()
        if KERAS2_HARD_SIGMOID in _activations(layer).values()
    }
    for layer, label in scaled.items():
        _check(layer, label)
    if not names and not scaled:
        return model, []
    config = serialization.serialize(model)["config"]
    with placeholders(sys.maxsize):  # not bounded: as much is in memory already
        copy: Model = serialization.copy_from_config(model, **_rewritten(config, names))
    copy.set_weights(model.get_weights())
    copy_states(model, copy)
    for layer, twin in zip(layers, _labelled(copy), strict=True):
        if layer in scaled:
            _scale(twin, _activations(layer))
    changes = [f"layer {old!r} is now {new!r}" for old, new in names.items()]
    changes += [
        f"{label}: weights before hard_sigmoid times {_FACTOR:.1f}"
        for label in dict.fromkeys(scaled.values())
    ]
    return copy, changes


def _labelled(model: Model) -> dict[Layer, str]:
    """All layers inside a model, each with the label of the model's layer that it is part of."""
    found: dict[Layer, str] = {}
    for layer in model.layers:
        inner = _labelled(layer) if isinstance(layer, Model) else {}
        for part in (layer, *descendants(layer)):
            found.setdefault(part, inner.get(part, layer_label(layer)))
    return found


def _activations(layer: Layer) -> dict[str, str]:
    """Names of a layer's activations by argument."""
    found = {key: getattr(getattr(layer, key, None), "name", "") for key in _ACTIVATIONS}
    # A recurrent layer shows the options of its cell, which is a layer of its own.
    return {} if isinstance(getattr(layer, "cell", None), Layer) else found


def _check(layer: Layer, label: str) -> None:
    """Rejects a layer whose hard_sigmoid does not act on products with weights alone."""
    blocks = _BLOCKS.get(type(layer).__name__, ()) if serialization.is_builtin(type(layer)) else ()
    for argument, name in _activations(layer).items():
        if name == KERAS2_HARD_SIGMOID and argument not in blocks:
            raise UnsupportedError(
                f"{label}: {argument}: the hard_sigmoid of Keras 2, "
                "clip(0.2 x + 0.5), acts on more than products with weights here, so no weights "
                "make Keras 3's, clip(x / 6 + 0.5), the same; keep the original file."
            )


def _scale(layer: Layer, activations: dict[str, str]) -> None:
    """Multiply the weights whose products reach a hard_sigmoid of Keras 2."""
    blocks = _BLOCKS[type(layer).__name__]
    factors = [
        _FACTOR if activations.get(argument) == KERAS2_HARD_SIGMOID else 1.0 for argument in blocks
    ]
    for name in _WEIGHTS:
        weight = getattr(layer, name, None)
        if weight is not None:
            wide = weight.value.astype(np.float64)
            by_block = wide.reshape(*wide.shape[:-1], len(factors), -1)
            weight.assign((by_block * np.array(factors)[:, None]).reshape(wide.shape))


def _new_names(names: Sequence[str]) -> dict[str, str]:
    """New names for those with a ``/``, different from all others."""
    taken = set(names)
    new: dict[str, str] = {}
    for name in dict.fromkeys(names):
        if "/" in name:
            new[name] = next(free for free in _candidates(name) if free not in taken)
            taken.add(new[name])
    return new


def _candidates(name: str) -> Iterator[str]:
    plain = name.replace("/", "_")
    yield plain
    number = 1
    while True:
        yield f"{plain}_{number}"
        number += 1


def _rewritten(value: Any, names: dict[str, str]) -> Any:
    """A config with new names of layers and with Keras 3's hard_sigmoid."""
    if isinstance(value, dict):
        return {
            key: "hard_sigmoid"
            if key in _ACTIVATIONS and item == KERAS2_HARD_SIGMOID
            else _rewritten(item, names)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_rewritten(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value
