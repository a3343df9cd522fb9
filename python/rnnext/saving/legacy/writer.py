"""Writes a model, or its weights alone, as a legacy HDF5 file."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from rnnext.layers.layer import Layer
from rnnext.models import Model
from rnnext.saving.legacy.weights import legacy_order

__all__ = ["hdf5_model", "hdf5_weights"]

Config = dict[str, Any]

# HDF5 keeps at most so many bytes of an attribute; longer lists of names are cut.
_ATTRIBUTE_BYTES = 64512


def hdf5_model(
    model: Model, config: Config, keras_version: str, training_config: Config | None = None
) -> bytes:
    """The file of a whole model.

    Args:
        model: A built model.
        config: Its ``model_config``.
        keras_version: Of the Keras whose meaning the config has.
        training_config: How it is compiled; None: nothing of training is written.
    """
    return _file(model, keras_version, config, training_config)


def hdf5_weights(model: Model, keras_version: str) -> bytes:
    """The file of a model's weights.

    Args:
        model: A built model.
        keras_version: Of the Keras whose order the weights have.
    """
    return _file(model, keras_version, None)


def _file(
    model: Model, keras_version: str, config: Config | None, training: Config | None = None
) -> bytes:
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        about = {"keras_version": keras_version.encode(), "backend": b"tensorflow"}
        group = file
        if config is not None:
            file.attrs.update({**about, "model_config": json.dumps(config).encode()})
            group = file.create_group("model_weights")
        group.attrs.update(about)
        layers = model.layers
        _put_names(group, "layer_names", [layer.name for layer in layers])
        for layer in sorted(layers, key=lambda layer: layer.name):  # "a" before "a/b"
            _put_weights(group.create_group(layer.name), layer)
        if training is not None:
            file.attrs["training_config"] = json.dumps(training).encode()
            _put_optimizer(file, model.optimizer)
    return buffer.getvalue()


def _put_optimizer(file: Any, optimizer: Any) -> None:
    """Writes the state of an optimizer under the paths of its variables."""
    if optimizer is not None:
        group = file.create_group("optimizer_weights")
        seen: Counter[str] = Counter()
        names = []
        for variable in optimizer.variables:  # of the cells of two layers the paths are the same
            names.append(_numbered(variable.path, seen))
            group[names[-1]] = variable.numpy()
        _put_names(group, "weight_names", names)


def _numbered(path: str, seen: Counter[str]) -> str:
    """The path; one that was seen before has a number at its end."""
    number = f"_{seen[path]}" if seen[path] else ""
    seen[path] += 1
    return path + number


def _put_weights(group: Any, layer: Layer) -> None:
    """Writes the weights of a layer and of everything inside it, in the legacy order."""
    paths = dict(_paths(layer, layer.name))
    seen: Counter[str] = Counter()
    names = []
    for variable in legacy_order(layer):
        names.append(f"{_numbered(paths[id(variable)], seen)}:0")
        group[names[-1]] = variable.value
    _put_names(group, "weight_names", names)


def _paths(layer: Layer, path: str) -> Iterator[tuple[int, str]]:
    """The id and the path of every weight in a layer."""
    for variable in layer._variables:
        yield id(variable), f"{path}/{variable.name}"
    for child in layer._layers:
        yield from _paths(child, f"{path}/{child.name}")


def _put_names(group: Any, attribute: str, names: list[str]) -> None:
    """Writes a list of names, in as many parts as its length needs."""
    encoded = np.array([name.encode() for name in names])
    parts = 1
    while any(part.nbytes > _ATTRIBUTE_BYTES for part in np.array_split(encoded, parts)):
        parts += 1
    for number, part in enumerate(np.array_split(encoded, parts)):
        group.attrs[f"{attribute}{number}" if parts > 1 else attribute] = part
