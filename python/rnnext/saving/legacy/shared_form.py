"""Turns a model's Keras 3 config into the one of a legacy HDF5 file, which Keras 2 reads as well.

Keras 3 must give the model's answers. Keras 2 must give them too or fail to open the file: a layer
that Keras 2 lacks, or would compute differently without a word, stays in the form of Keras 3, whose
dtype policy Keras 2 does not know.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

__all__ = ["legacy_config"]

Config = dict[str, Any]
Nested = Mapping[str, bool]
"""Names of the models inside a model, and whether each is a graph, not a Sequential."""

_OBJECT = {"module", "class_name", "config", "registered_name"}
# Functions of keras.ops in a graph, which Keras 2 has not got.
_OPERATIONS = ("keras.src.ops", "keras.src.activations", "keras.ops", "keras.activations")

# Names that Keras 2 has not got are errors there; this one is another function.
_OTHER_ACTIVATION = "hard_sigmoid"
_ACTIVATIONS = ("activation", "recurrent_activation")
# Layers that join masks, or pass them on, in another way than in Keras 2.
_MASK_READERS = {
    *("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract"),
    *("Identity", "MultiHeadAttention", "Rescaling"),
}
# Arguments that came with Keras 3, and the value that says what Keras 2 does.
_NEW_ARGUMENTS: dict[str, Any] = {
    "flash_attention": None,
    "input_axes": None,
    "optional": False,
    "output_axes": None,
    "quantization_config": None,
    "rms_scaling": False,
    "sliding_window": None,
    "use_gate": False,
}
# Classes to which an argument came with Keras 3, though others had it before.
_NEW_IN_CLASS: dict[str, Config] = {
    "IntegerLookup": {"oov_method": "floormod", "salt": None},
    "StringLookup": {"oov_method": "floormod", "salt": None},
    "ZeroPadding1D": {"data_format": "channels_last"},
}
# A seed decides nothing but training; in these classes Keras 2 has no argument for it.
_SEEDLESS = {
    *("SimpleRNN", "LSTM", "GRU", "SimpleRNNCell", "LSTMCell", "GRUCell", "ConvLSTMCell"),
    *("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "MultiHeadAttention"),
}
# Where these give integers, Keras 2 takes only an integer dtype, and of texts only "string". Keras
# 3 writes that of the policy. Without a dtype both give what they give with float32.
_OF_INTEGERS = {
    *("Discretization", "HashedCrossing", "Hashing", "IntegerLookup", "StringLookup"),
}
_OF_TEXTS = "TextVectorization"
_RENAMED = {
    "InputLayer": {"batch_shape": "batch_input_shape"},
    "LeakyReLU": {"negative_slope": "alpha"},
}


def legacy_config(config: Config, unmasked: Collection[str], has_masks: bool) -> Config:
    """The ``model_config`` of a legacy file.

    Args:
        config: The model in Keras 3's form; not changed.
        unmasked: Names of the model's own layers whose inputs can have no mask.
        has_masks: Whether any layer makes masks.

    Returns:
        ``{"class_name", "config"}``.
    """
    return _Writer(has_masks).model(config, unmasked)


class _Writer:
    """Converts models, which hold layers, which may be models."""

    def __init__(self, has_masks: bool) -> None:
        self._has_masks = has_masks

    def model(self, config: Config, unmasked: Collection[str] = ()) -> Config:
        """A Sequential or functional model.

        Args:
            config: In Keras 3's form.
            unmasked: Names of its layers whose inputs can have no mask.
        """
        body = {key: value for key, value in config["config"].items() if key != "dtype"}
        models = filter(_is_model, body["layers"])
        nested = {model["config"]["name"]: _is_graph(model) for model in models}
        body["layers"] = [self._member(layer, unmasked, nested) for layer in body["layers"]]
        if _is_graph(config):
            for key in ("input_layers", "output_layers"):
                body[key] = _endpoints(body[key], nested)
        # Without a module: each Keras has its models in another one, and finds them by name.
        return {"class_name": config["registered_name"] or config["class_name"], "config": body}

    def _member(self, layer: Config, unmasked: Collection[str], nested: Nested) -> Config:
        """A layer of a model, with its calls if the model is a graph."""
        name = layer["config"].get("name")
        if _is_model(layer):
            new = self.model(layer)
        elif str(layer["module"]).startswith(_OPERATIONS):
            new = layer
        else:
            new = self._layer(layer, name in unmasked)
        if "inbound_nodes" in layer:
            calls = [_call(node, nested) for node in layer["inbound_nodes"]]
            if name in nested:
                calls = [call for call in calls for _ in range(2)]  # see `_index`
            new = {**new, "name": name, "inbound_nodes": calls}
        return new

    def _layer(self, layer: Config, is_unmasked: bool = False) -> Config:
        """A layer or cell, with the layers inside it."""
        class_name = layer["class_name"]
        config = self._arguments(class_name, layer["config"])
        reads_masks = self._has_masks and class_name in _MASK_READERS and not is_unmasked
        if config is None or reads_masks:
            return layer
        registered = layer["registered_name"]
        if registered and ">" in registered:
            class_name = registered  # Keras 2 looks here for the user's package
        return {
            "module": layer["module"],
            "class_name": class_name,
            "config": config,
            "registered_name": registered,
        }

    def _arguments(self, class_name: str, config: Config) -> Config | None:
        """Constructor arguments that both Keras take; None if there are others."""
        names = _RENAMED.get(class_name, {})
        defaults = {**_NEW_ARGUMENTS, **_NEW_IN_CLASS.get(class_name, {})}
        gives_integers = class_name in _OF_INTEGERS and config.get("output_mode") == "int"
        no_floats = gives_integers or class_name == _OF_TEXTS
        arguments = {}
        for key, value in config.items():
            if key == "seed" and (value is None or class_name in _SEEDLESS):
                continue
            if key == "zero_output_for_mask" and not value:
                continue  # few versions of Keras 2 have it
            if key == "dtype" and self._value(value) == "float32" and no_floats:
                continue
            if key in defaults:
                if value not in (defaults[key], False):
                    return None
                continue
            if key in _ACTIVATIONS and value == _OTHER_ACTIVATION:
                return None
            arguments[names.get(key, key)] = self._value(value)
        return arguments

    def _value(self, value: Any) -> Any:
        """A constructor's argument; layers and initializers, say, are objects of their own."""
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if not isinstance(value, dict) or not value.keys() >= _OBJECT:
            return value  # arrays and slices, too, have a class_name, but no module
        if value["class_name"] == "DTypePolicy":
            return value["config"]["name"]
        if _is_model(value):
            return {**self.model(value), "module": value["module"]}
        if isinstance(value["config"], dict):
            return self._layer(value)
        return value


def _is_model(value: Config) -> bool:
    return value["class_name"] == "Sequential" or _is_graph(value)


def _is_graph(value: Config) -> bool:
    return isinstance(value["config"], dict) and "input_layers" in value["config"]


def _call(node: Config, nested: Nested) -> Any:
    """A call of a layer on a tensor or a list of tensors, as Keras 2 wrote it.

    What else is called, with states, say, stays in Keras 3's form: in the older one Keras 3 finds
    no tensors among the arguments after the first.
    """
    args, kwargs = node["args"], {k: v for k, v in node["kwargs"].items() if v is not None}
    tensors = args[0] if args and isinstance(args[0], list) else args
    several = len(tensors) > 1 or tensors is args
    if len(args) != 1 or not several or not all(map(_is_tensor, tensors)) or _has_tensor(kwargs):
        return _renumbered(node, nested)
    calls = []
    for tensor in tensors:
        name, index, output = tensor["config"]["keras_history"]
        calls.append([name, _index(name, index, nested), output, kwargs])
    return calls


def _index(name: str, index: int, nested: Nested) -> int:
    """The number of a layer's call, by which a tensor says where it comes from.

    A model inside another one has a call of its own before all others in Keras 2, but not in Keras
    3. So each of its calls is written twice: call k of Keras 3, counted from 0, is the calls 2k and
    2k + 1 there, and 2k + 1 and 2k + 2 in Keras 2. Number 2k + 1 is the right one in both.
    """
    return 2 * index + 1 if name in nested else index


def _endpoints(value: Any, nested: Nested) -> Any:
    """A model's inputs or outputs. Here Keras 3 counts a graph's own call as Keras 2 does."""
    if isinstance(value, dict):
        return {key: _endpoints(item, nested) for key, item in value.items()}
    if not isinstance(value[0], str):
        return [_endpoints(item, nested) for item in value]
    name, index, output = value
    return [name, _index(name, index - nested.get(name, False), nested), output]


def _renumbered(value: Any, nested: Nested) -> Any:
    """A call in Keras 3's form, with the numbers that `_index` gives."""
    if isinstance(value, list):
        return [_renumbered(item, nested) for item in value]
    if not isinstance(value, dict):
        return value
    if _is_tensor(value):
        name, index, output = value["config"]["keras_history"]
        history = [name, _index(name, index, nested), output]
        return {**value, "config": {**value["config"], "keras_history": history}}
    return {key: _renumbered(item, nested) for key, item in value.items()}


def _is_tensor(value: Any) -> bool:
    return isinstance(value, dict) and value.get("class_name") == "__keras_tensor__"


def _has_tensor(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_has_tensor, value))
    if not isinstance(value, dict):
        return False
    return _is_tensor(value) or any(map(_has_tensor, value.values()))
