"""Raises an error for what Keras 3 would not open or would compute differently."""

from __future__ import annotations

import dataclasses
from typing import Any

from rnnext import serialization
from rnnext.errors import UnsupportedError
from rnnext.layers.layer import Layer
from rnnext.layers.quirks import Quirks
from rnnext.models import Model
from rnnext.saving.keras3_weights import descendants
from rnnext.saving.upgrade import KERAS2_HARD_SIGMOID
from rnnext.saving.weight_plan import layer_label

__all__ = ["is_unmasked", "keras3_config"]

_OLDER = {field.name for field in dataclasses.fields(Quirks)}


def keras3_config(model: Model) -> Any:
    """A model's config, which Keras 3 reads as rnnext means it.

    Args:
        model: A built model.

    Raises:
        UnsupportedError: A layer that Keras 3 would not open or would compute differently.
    """
    config = serialization.serialize(model)
    _refuse_other_meanings(config, f"model {model.name!r}")
    _refuse_old_masks(model)
    return _without_old_masks(config)


def _refuse_other_meanings(config: Any, owner: str) -> None:
    """Rejects a config that Keras 3 would read as something else.

    Args:
        config: The config, or a part of it.
        owner: The layer that the part belongs to, for the error.
    """
    if isinstance(config, dict):
        name = config.get("name")
        owner = f"layer {name!r}" if isinstance(name, str) else owner
        if isinstance(name, str) and "/" in name:
            raise UnsupportedError(
                f"{owner}: Keras 3 has no names with '/'; rename it to save it, as "
                "`rnnext convert` does."
            )
        config = list(config.values())
    if config == KERAS2_HARD_SIGMOID:
        raise UnsupportedError(
            f"{owner}: the hard_sigmoid of Keras 2, clip(0.2 x + 0.5), cannot be saved for Keras "
            "3, whose hard_sigmoid is clip(x / 6 + 0.5); `rnnext convert` scales the weights so "
            "that the answers stay."
        )
    if isinstance(config, list):
        for part in config:
            _refuse_other_meanings(part, owner)


def _refuse_old_masks(model: Model) -> None:
    """Rejects layers that treat masks as an older Keras did, if there are masks."""
    layers = list(descendants(model))
    if not any(layer.makes_mask for layer in layers):
        return
    for layer in layers:
        for quirk in layer.quirks.names():
            if quirk == "all_masks_must_hold" and is_unmasked(layer, model):
                continue
            raise UnsupportedError(
                f"{layer_label(layer)}: {layer.quirks.behaviour(quirk)}; Keras 3 does not, so the "
                "model cannot be saved for it; keep the original file."
            )


def is_unmasked(layer: Layer, model: Model) -> bool:
    """Whether no input of a layer of the model itself, not of one inside, can have a mask."""
    return layer in model.layers and not model.gives_mask_to(layer)


def _without_old_masks(config: Any) -> Any:
    """A config without the options for older masks, which Keras 3 does not have.

    Where nothing makes a mask they change nothing.
    """
    if isinstance(config, dict):
        return {key: _without_old_masks(item) for key, item in config.items() if key not in _OLDER}
    return [_without_old_masks(item) for item in config] if isinstance(config, list) else config
