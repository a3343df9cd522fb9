"""Writes a model as a Keras 3 ``.keras`` archive, or its weights as a ``.weights.h5`` file."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any, BinaryIO

from rnnext import serialization
from rnnext.errors import UnsupportedError
from rnnext.layers.layer import Layer
from rnnext.layers.preprocessing.file_state import KeepsFileState
from rnnext.models import Model
from rnnext.saving.keras3_weights import child_layers, descendants, group_name
from rnnext.saving.upgrade import KERAS2_HARD_SIGMOID
from rnnext.saving.weight_plan import layer_label

__all__ = ["save_model", "save_weights"]

# The Keras whose form the config and the tree of weights have.
_KERAS_VERSION = "3.15.0"
# What layers of older files do with masks, by the attribute that says so.
_OLDER_MASKS = {
    "blind_queries_see_all": "before Keras 3.10 queries that may look nowhere looked everywhere",
    "keeps_masks": "before Keras 3.8 it passed masks on",
    "repeats_masked_outputs": "before Keras 2.4 masked steps repeated the output before them",
    "outputs_initial_state": "before Keras 2.2.5 masked steps could output the initial state",
    "all_masks_must_hold": "before Keras 3.4 a step counted only if it did in all masked inputs",
    "masked_with_states": "before Keras 3 a call with initial_state used the input's mask too",
}


def save_model(model: Model, file: str | os.PathLike[str] | BinaryIO) -> None:
    """Save a model with its weights so that Keras 3 and rnnext open it.

    Args:
        model: A built Sequential or functional model.
        file: Path ending in ``.keras``, or an open binary file.

    Raises:
        UnsupportedError: Another suffix, a model that is not built, or something that Keras 3
            does not open (a name with ``/``, a layer shared with a nested model) or would compute
            differently (Keras 2's ``hard_sigmoid``). `rnnext.saving.upgraded` rewrites some of
            these.

    Example:
        >>> import io
        >>> from rnnext import saving
        >>> from rnnext.layers import LSTM, Input
        >>> from rnnext.models import Sequential
        >>> file = io.BytesIO()
        >>> saving.save_model(Sequential([Input((5, 3)), LSTM(2)]), file)
        >>> saving.load_model(file.getvalue()).output_shape
        (None, 2)
    """
    if isinstance(file, (str, os.PathLike)) and Path(file).suffix != ".keras":
        raise UnsupportedError(f"{file}: models are saved as .keras only")
    _check_built(model)
    config = serialization.serialize(model)
    _refuse_other_meanings(config, f"model {model.name!r}")
    _refuse_old_masks(model)
    config = _without_old_masks(config)
    assets: dict[str, bytes] = {}
    members = {
        "metadata.json": json.dumps({"keras_version": _KERAS_VERSION}).encode(),
        "config.json": json.dumps(config).encode(),
        "model.weights.h5": _weights_file(model, assets),
        **assets,
    }
    content = io.BytesIO()
    # Not compressed, as Keras writes it: weights do not shrink, and HDF5 is read in place.
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    _put(content.getvalue(), file)


def save_weights(model: Model, file: str | os.PathLike[str] | BinaryIO) -> None:
    """Save a model's weights alone, in the form that Keras 3's `load_weights` reads.

    Args:
        model: A built model.
        file: Path ending in ``.weights.h5``, or an open binary file.

    Raises:
        UnsupportedError: Another suffix, a model that is not built, or a layer shared with a
            nested model.

    Example:
        >>> import io
        >>> from rnnext import saving
        >>> from rnnext.layers import LSTM, Input
        >>> from rnnext.models import Sequential
        >>> file, copy = io.BytesIO(), Sequential([Input((5, 3)), LSTM(2)])
        >>> saving.save_weights(Sequential([Input((5, 3)), LSTM(2)]), file)
        >>> saving.load_weights(copy, file.getvalue())
    """
    if isinstance(file, (str, os.PathLike)) and not str(file).endswith(".weights.h5"):
        raise UnsupportedError(f"{file}: weights are saved as .weights.h5 only")
    _check_built(model)
    _put(_weights_file(model, {}), file)


def _check_built(model: Model) -> None:
    if not model.built:
        raise UnsupportedError(f"model {model.name!r} is not built, so it has no weights to save")


def _put(content: bytes, file: str | os.PathLike[str] | BinaryIO) -> None:
    if isinstance(file, (str, os.PathLike)):
        Path(file).write_bytes(content)
    else:
        file.write(content)


def _refuse_other_meanings(config: Any, owner: str) -> None:
    """Refuse a config that Keras 3 would read as something else.

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
                "`rnnext convert` does"
            )
        config = list(config.values())
    if config == KERAS2_HARD_SIGMOID:
        raise UnsupportedError(
            f"{owner}: the hard_sigmoid of Keras 2, clip(0.2 x + 0.5), cannot be saved for Keras "
            "3, whose hard_sigmoid is clip(x / 6 + 0.5); `rnnext convert` scales the weights so "
            "that the answers stay"
        )
    if isinstance(config, list):
        for part in config:
            _refuse_other_meanings(part, owner)


def _refuse_old_masks(model: Model) -> None:
    """Refuse layers that treat masks as an older Keras did, if there are masks."""
    layers = list(descendants(model))
    if not any(layer.makes_mask for layer in layers):
        return
    for layer in layers:
        for attribute, behaviour in _OLDER_MASKS.items():
            if getattr(layer, attribute, getattr(layer, f"_{attribute}", False)):
                if attribute == "all_masks_must_hold" and _is_unmasked(layer, model):
                    continue
                raise UnsupportedError(
                    f"{layer_label(layer)}: {behaviour}; Keras 3 does not, so the model cannot be "
                    "saved for it; keep the original file"
                )


def _is_unmasked(layer: Layer, model: Model) -> bool:
    """Whether no input of a layer of the model itself, not of one inside, can have a mask."""
    return layer in model.layers and not model.gives_mask_to(layer)


def _without_old_masks(config: Any) -> Any:
    """A config without the options for older masks, which Keras 3 does not have.

    Where nothing makes a mask they change nothing.
    """
    if isinstance(config, dict):
        return {
            key: _without_old_masks(item) for key, item in config.items() if key not in _OLDER_MASKS
        }
    return [_without_old_masks(item) for item in config] if isinstance(config, list) else config


def _weights_file(model: Model, assets: dict[str, bytes]) -> bytes:
    """The weights as the HDF5 file inside the archive; files beside it are added to `assets`."""
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        _write(model, file, "", set(), assets)
    return buffer.getvalue()


def _write(layer: Layer, file: Any, path: str, visited: set[int], assets: dict[str, bytes]) -> None:
    """Write a layer's own weights, then its children's; each layer once."""
    if id(layer) in visited:
        return
    visited.add(id(layer))
    variables = file.create_group(f"{path}/vars")
    variables.attrs["name"] = layer.name
    for index, variable in enumerate(layer._variables):
        variables[str(index)] = variable.value
    if isinstance(layer, KeepsFileState):
        for name, array in layer.file_arrays().items():
            variables[name] = array
        for name, content in layer.file_assets().items():
            assets[f"assets{path}/{name}"] = content
    for attribute, child in child_layers(layer):
        if isinstance(child, Layer):
            _write(child, file, f"{path}/{attribute}", visited, assets)
            continue
        seen: Counter[str] = Counter()
        for member in child:
            name = group_name(member)
            number = f"_{seen[name]}" if seen[name] else ""
            seen[name] += 1
            if isinstance(layer, Model) and id(member) in visited:
                raise UnsupportedError(
                    f"{layer_label(member)} is used in a nested model and outside of it; Keras 3 "
                    "does not open such a file"
                )
            _write(member, file, f"{path}/{attribute}/{name}{number}", visited, assets)
