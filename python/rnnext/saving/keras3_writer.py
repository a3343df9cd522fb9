"""Writes a model as a Keras 3 archive, or its weights in the tree of groups that is in there."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from typing import Any

from rnnext.errors import UnsupportedError
from rnnext.layers.layer import Layer
from rnnext.models import Model
from rnnext.saving.keras3_weights import child_layers, group_name
from rnnext.saving.weight_plan import layer_label

__all__ = ["archive", "weight_tree"]


def archive(model: Model, config: Any, keras_version: str) -> bytes:
    """The ``.keras`` file of a model.

    Args:
        model: A built model.
        config: Its config, in Keras 3's form.
        keras_version: Of the Keras whose form and meaning the config has.

    Raises:
        UnsupportedError: As `weight_tree`.
    """
    members = {
        "metadata.json": json.dumps({"keras_version": keras_version}).encode(),
        "config.json": json.dumps(config).encode(),
        "model.weights.h5": weight_tree(model),
    }
    content = io.BytesIO()
    # Not compressed, as Keras writes it: weights do not shrink, and HDF5 is read in place.
    with zipfile.ZipFile(content, "w") as file:
        for name, data in members.items():
            file.writestr(zipfile.ZipInfo(name), data)
    return content.getvalue()


def weight_tree(model: Model) -> bytes:
    """The ``.weights.h5`` file of a model.

    Args:
        model: A built model.

    Raises:
        UnsupportedError: A layer is shared with a nested model.
    """
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        _write(model, file, "", set())
    return buffer.getvalue()


def _write(layer: Layer, file: Any, path: str, visited: set[int]) -> None:
    """Write a layer's own weights, then its children's; each layer once."""
    if id(layer) in visited:
        return
    visited.add(id(layer))
    variables = file.create_group(f"{path}/vars")
    variables.attrs["name"] = layer.name
    for index, variable in enumerate(layer._variables):
        variables[str(index)] = variable.value
    for attribute, child in child_layers(layer):
        if isinstance(child, Layer):
            _write(child, file, f"{path}/{attribute}", visited)
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
            _write(member, file, f"{path}/{attribute}/{name}{number}", visited)
