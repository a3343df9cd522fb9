"""Writes a model as a Keras 3 archive, or its weights in the tree of groups that is in there."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from rnnext.errors import UnsupportedError
from rnnext.layers.layer import Layer
from rnnext.layers.preprocessing.file_state import KeepsFileState
from rnnext.models import Model
from rnnext.saving.keras3_weights import has_own_list, places
from rnnext.saving.weight_plan import layer_label

__all__ = ["archive", "weight_tree"]


def archive(model: Model, config: Any, keras_version: str, optimizer: Any = None) -> bytes:
    """The ``.keras`` file of a model.

    Args:
        model: A built model.
        config: Its config, in Keras 3's form.
        keras_version: Of the Keras whose form and meaning the config has.
        optimizer: Whose state is written, too.

    Raises:
        UnsupportedError: As `weight_tree`.
    """
    assets: dict[str, bytes] = {}
    members = {
        "metadata.json": json.dumps({"keras_version": keras_version}).encode(),
        "config.json": json.dumps(config).encode(),
        "model.weights.h5": weight_tree(model, assets, optimizer),
        **assets,
    }
    content = io.BytesIO()
    # Not compressed, as Keras writes it: weights do not shrink, and HDF5 is read in place.
    with zipfile.ZipFile(content, "w") as file:
        for name, data in members.items():
            file.writestr(zipfile.ZipInfo(name), data)
    return content.getvalue()


def weight_tree(
    model: Model, assets: dict[str, bytes] | None = None, optimizer: Any = None
) -> bytes:
    """The ``.weights.h5`` file of a model.

    Args:
        model: A built model.
        assets: Receives the files that stand beside it in an archive, by name.
        optimizer: Whose state is written, too.

    Raises:
        UnsupportedError: A layer is shared with a nested model.
    """
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        _write(model, file, "", set(), {} if assets is None else assets)
        if optimizer is not None:
            _write_optimizer(optimizer, file, "optimizer")
    return buffer.getvalue()


def _write_optimizer(optimizer: Any, file: Any, path: str) -> None:
    """Writes the state of an optimizer; of one inside it again, as Keras does."""
    variables = file.create_group(f"{path}/vars")
    variables.attrs["name"] = optimizer.name
    optimizer.save_own_variables(variables)
    if optimizer.inner is not None:
        _write_optimizer(optimizer.inner, file, f"{path}/inner_optimizer")


def _write(layer: Layer, file: Any, path: str, visited: set[int], assets: dict[str, bytes]) -> None:
    """Writes a layer's own weights, then its children's; each layer once."""
    if id(layer) in visited:
        return
    visited.add(id(layer))
    variables = file.create_group(f"{path}/vars")
    variables.attrs["name"] = layer.name
    layer.save_own_variables(variables)
    if isinstance(layer, KeepsFileState):
        for name, array in layer.file_arrays().items():
            variables[name] = array
        for name, content in layer.file_assets().items():
            assets[f"assets{path}/{name}"] = content
    for place, child in places(layer):
        if isinstance(layer, Model) and has_own_list(layer) and id(child) in visited:
            raise UnsupportedError(
                f"{layer_label(child)} is used in a nested model and outside of it; Keras 3 "
                "does not open such a file."
            )
        _write(child, file, f"{path}/{place}", visited, assets)
