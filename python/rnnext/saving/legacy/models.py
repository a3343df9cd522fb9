"""Turns the config of a model saved by Keras 1 or 2 into the Keras 3 form.

This is the one place that knows older forms of models; the layers read only Keras 3's. A config
that Keras 3 wrote in its own form is handed on as it is, but for what Keras 3 itself changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from rnnext.errors import FileError, RnnextError
from rnnext.saving.legacy.keras1_layers import looks_like_keras1
from rnnext.saving.legacy.layers import (
    LayerConverter,
    is_model,
    is_recurrent,
    keras3_object,
    object_parts,
    older_masks,
    state_axes,
)
from rnnext.saving.legacy.nodes import GraphConverter, with_arrays
from rnnext.saving.legacy.operations import OPERATION_LAYERS, operation_layer
from rnnext.saving.legacy.refused import refuse_foreign_config
from rnnext.saving.legacy.version import KerasVersion

__all__ = ["to_keras3_config"]

Config = dict[str, Any]

_FUNCTIONAL_CLASSES = ("Functional", "Model", "Container")


def to_keras3_config(
    config: Config,
    keras_version: str | None,
    label: str,
    weight_shapes: Mapping[str, Sequence[tuple[int, ...]]] | None = None,
    backend: str | None = None,
) -> Config:
    """The Keras 3 form of a model config of any Keras.

    Args:
        config: ``model_config`` of an HDF5 file, ``config.json`` of an archive, or what
            ``to_json`` wrote; not changed.
        keras_version: As the file records it; None if it does not.
        label: How errors call the file.
        weight_shapes: Array shapes by layer name, if the weights are at hand
            (see `LayerConverter`).
        backend: Keras's backend, as the file records or proves it; None: as the config does.

    Returns:
        ``{"module", "class_name", "config", "registered_name"}`` of the model.

    Raises:
        FileError: Not a model config.
        UnsupportedError: An option that has no counterpart, or a quantized layer.

    Example:
        >>> from rnnext.saving.legacy.models import to_keras3_config
        >>> old = {"class_name": "Sequential", "config": [
        ...     {"class_name": "LSTM", "config": {"name": "lstm", "units": 2,
        ...      "batch_input_shape": [None, 5, 3], "recurrent_activation": "hard_sigmoid"}}]}
        >>> new = to_keras3_config(old, "2.1.6", "m.h5")
        >>> [layer["class_name"] for layer in new["config"]["layers"]]
        ['InputLayer', 'LSTM']
        >>> new["config"]["layers"][1]["config"]["recurrent_activation"]
        'keras2_hard_sigmoid'
    """
    refuse_foreign_config(config, label)
    version = _version(config, keras_version, label)
    if version.generation == 3 and "module" in config:
        older: Config = _with_older_masks(config, version)
        return older
    layers = LayerConverter(version, label, weight_shapes, backend or config.get("backend"))
    with _foreign_values(label):
        return _ModelConverter(layers).model(_plain_values(config))


def _plain_values(value: Any) -> Any:
    """A config without the mark that Keras before 2.4 put on NumPy's arrays and 0-d arrays.

    LeakyReLU, for one, kept its alpha as a 0-d array. Lambda's `arguments` may hold arrays.
    """
    if isinstance(value, list):
        return [_plain_values(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"type", "value"} and value["type"] == "ndarray":
        marked = value["value"]
        if not isinstance(marked, list):
            return marked
        array = {"value": marked, "dtype": np.asarray(marked).dtype.name}
        return {"class_name": "__numpy__", "config": array}
    return {key: _plain_values(item) for key, item in value.items()}


@contextmanager
def _foreign_values(where: str) -> Iterator[None]:
    """Names the place whose values are of a kind that Keras does not write there.

    Any value in a file may be of any JSON type. What decides the answer is checked where it is
    read; this is for the rest.
    """
    try:
        yield
    except RnnextError:
        raise
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise FileError(f"{where}: not a config that Keras writes ({reason[:200]}).") from error


def _with_older_masks(config: Any, version: KerasVersion) -> Any:
    """A Keras 3 config whose layers treat masks as they did in that version."""
    if not version.blind_queries_see_all:
        return config
    if isinstance(config, list):
        return [_with_older_masks(item, version) for item in config]
    if not isinstance(config, dict):
        return config
    older = {key: _with_older_masks(value, version) for key, value in config.items()}
    class_name, inner = older.get("class_name"), older.get("config")
    if isinstance(inner, dict):
        inner.update(older_masks(str(class_name), version))
    return older


def _version(config: Config, keras_version: str | None, label: str) -> KerasVersion:
    """The version recorded with or in the config, or what its form proves.

    Keras 3's `to_json` records no version but has its own form; nor did Keras 1 before 1.2.
    """
    recorded = keras_version or config.get("keras_version")
    if isinstance(recorded, str):
        return KerasVersion.parse(recorded, label)
    if looks_like_keras1(config):
        return KerasVersion("(none, Keras 1 by its argument names)", (1, 0, 0))
    if "module" in config and not _mentions(config, "batch_input_shape"):
        return KerasVersion(
            "(none, Keras 3 by its form)", (3, 10, 0)
        )  # since when all mean the same
    raise FileError(
        f"{label}: no keras_version is recorded, and the meaning of hard_sigmoid and several "
        'defaults depends on it; add the key "keras_version" to the JSON (for example "2.3.1").'
    )


def _mentions(value: Any, key: str) -> bool:
    """True if a dict below `value` has the key."""
    if isinstance(value, dict):
        return key in value or any(_mentions(item, key) for item in value.values())
    return isinstance(value, list) and any(_mentions(item, key) for item in value)


class _ModelConverter:
    """Converts models, which hold layers, which may be models."""

    def __init__(self, layers: LayerConverter) -> None:
        self._layers = layers
        self._label = layers.label
        layers.convert_model = self.model

    def model(self, config: Config) -> Config:
        """A Sequential or functional model."""
        class_name = config.get("class_name")
        body = config.get("config")
        if class_name == "Sequential":
            return self._sequential(body)
        if isinstance(body, dict) and {"layers", "input_layers", "output_layers"} <= body.keys():
            registered = config.get("registered_name")
            return self._functional(str(class_name), body, registered)
        if class_name is None and isinstance(config.get("layers"), list):
            raise FileError(
                f"{self._label}: written by Keras 0, before April 2016; Keras 1 reads it and "
                "writes a form that is read here."
            )
        raise FileError(
            f"{self._label}: model class {class_name!r}: only Sequential and functional models "
            "can be rebuilt from their config; a subclassed model cannot."
        )

    def _layer(self, layer: Any) -> Config:
        """A layer or a nested model."""
        name = layer.get("name") if isinstance(layer, dict) else layer
        with _foreign_values(f"{self._label}: layer {str(name)[:80]!r}"):
            return self.model(layer) if is_model(layer) else self._layers.convert(layer)

    def _sequential(self, body: Any) -> Config:
        """A Sequential; before Keras 2.2.3 its config was the bare list of layers."""
        body = {"layers": body} if isinstance(body, list) else body
        if not isinstance(body, dict) or not isinstance(body.get("layers"), list):
            raise FileError(f"{self._label}: Sequential: a list of layers is expected.")
        converted = [self._layer(layer) for layer in body["layers"]]
        if converted and converted[0]["class_name"] != "InputLayer":
            first = self._implied_input(body, converted[0])
            converted = [first, *converted] if first is not None else converted
        kept = {key: body[key] for key in ("trainable", "build_input_shape") if key in body}
        config = {"name": body.get("name", "sequential"), **kept, "layers": converted}
        return keras3_object("keras", "Sequential", config)

    def _implied_input(self, body: Config, first: Config) -> Config | None:
        """The InputLayer that older configs leave out, or None if no shape is recorded."""
        original = body["layers"][0]["config"]
        shape, dtype = None, "float32"
        if isinstance(original, dict):
            shape = original.get("batch_input_shape")
            dtype = original.get("input_dtype") or original.get("dtype") or dtype
        if first["class_name"] in ("Sequential", "Functional"):
            inner = first["config"]["layers"][:1]
            if inner and inner[0]["class_name"] == "InputLayer":
                shape = inner[0]["config"]["batch_shape"]
                dtype = inner[0]["config"]["dtype"]
        built = body.get("build_input_shape")
        if shape is None and isinstance(built, list) and built:
            shape = [None, *built[1:]]
        if shape is None:
            return None
        name = f"{first['config'].get('name')}_input"
        implied = {"name": name, "batch_input_shape": shape, "dtype": dtype}
        return self._layers.convert({"class_name": "InputLayer", "config": implied})

    def _functional(self, class_name: str, body: Config, registered: str | None) -> Config:
        """A functional model: its layers, their calls, its inputs and outputs."""
        where = f"{self._label}: model {body.get('name')!r}"
        layers = body["layers"]
        if not isinstance(layers, list):
            raise FileError(f"{where}: a list of layers is expected.")
        for layer in layers:
            if not isinstance(layer, dict) or not isinstance(layer.get("name"), str):
                raise FileError(f"{where}: a layer without a name: {str(layer)[:80]}.")
        graph = GraphConverter(layers, body["output_layers"], where)
        converted = []
        functional: dict[str, bool] = {}
        for layer in layers:
            if layer.get("class_name") in OPERATION_LAYERS:
                with _foreign_values(f"{where}: layer {layer['name']!r} ({layer['class_name']})"):
                    new, nodes = operation_layer(layer, graph.nodes(layer, False), where)
                converted.append({**new, "name": layer["name"], "inbound_nodes": nodes})
                continue
            new = self._layer(layer)
            if new["class_name"] == "Sequential" or "input_layers" in new["config"]:
                functional[layer["name"]] = new["class_name"] != "Sequential"
            takes_states = is_recurrent(*object_parts(new, where))
            axes = state_axes(new)
            nodes = [with_arrays(node, axes) for node in graph.nodes(layer, takes_states)]
            if any("initial_state" in node["kwargs"] for node in nodes):
                self._layers.given_states(new)
            converted.append({**new, "name": layer["name"], "inbound_nodes": nodes})
        config = {
            "name": body.get("name", "functional"),
            "trainable": body.get("trainable", True),
            "layers": converted,
            "input_layers": graph.endpoints(body["input_layers"], {}),
            "output_layers": graph.endpoints(body["output_layers"], functional),
        }
        class_name = "Functional" if class_name in _FUNCTIONAL_CLASSES else class_name
        return keras3_object("keras.src.models.functional", class_name, config, registered)
