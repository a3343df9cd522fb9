"""Turns the config of one Keras 1 or 2 layer into the Keras 3 form.

A rule that belongs to an argument (dtype, activation, time_major) is applied to every layer that
has the argument, so that user-defined subclasses of built-in layers are converted too. A rule
that belongs to a class is in the tables by class name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rnnext import serialization
from rnnext.errors import FileError, UnsupportedError
from rnnext.saving.legacy.keras1_layers import upgrade_keras1_layer
from rnnext.saving.legacy.version import KerasVersion

__all__ = [
    "LayerConverter",
    "is_model",
    "is_recurrent",
    "keras3_object",
    "object_parts",
    "older_masks",
    "state_axes",
]

Config = dict[str, Any]
Shape = tuple[int, ...]

_CLASSES = {
    "CuDNNLSTM": "LSTM",
    "CuDNNGRU": "GRU",
    "UnifiedLSTM": "LSTM",
    "UnifiedGRU": "GRU",
    "LSTMV1": "LSTM",
    "LSTMV2": "LSTM",
    "GRUV1": "GRU",
    "GRUV2": "GRU",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
    "ThresholdedReLU": "ReLU",
    "GroupedQueryAttention": "GroupQueryAttention",  # the HDF5 files of Keras 3 have Python's name
}
# What a cuDNN layer computes; its config does not say so.
_CUDNN_ARGUMENTS: dict[str, Config] = {
    "CuDNNLSTM": {"activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": True},
    "CuDNNGRU": {
        "activation": "tanh",
        "recurrent_activation": "sigmoid",
        "use_bias": True,
        "reset_after": True,
    },
}
_RENAMED: dict[str, dict[str, str]] = {
    "LeakyReLU": {"alpha": "negative_slope"},
    "ThresholdedReLU": {"theta": "threshold"},
}
# Arguments that repeat a shape, say how, not what, to compute, or that the layer inherited from
# another one and never read.
_INHERITED_OF_CONVOLUTION = {"groups"}
_INHERITED_OF_SEPARABLE = {
    *("groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint"),
}
_DROPPED: dict[str, set[str]] = {
    "Conv1DTranspose": _INHERITED_OF_CONVOLUTION,
    "Conv2DTranspose": _INHERITED_OF_CONVOLUTION,
    "Conv3DTranspose": _INHERITED_OF_CONVOLUTION,
    "DepthwiseConv1D": _INHERITED_OF_CONVOLUTION,
    "DepthwiseConv2D": _INHERITED_OF_CONVOLUTION,
    "SeparableConv1D": _INHERITED_OF_SEPARABLE,
    "SeparableConv2D": _INHERITED_OF_SEPARABLE,
    "Embedding": {"input_length", "sparse"},
    "BatchNormalization": {"fused", "virtual_batch_size", "adjustment"},
    "MultiHeadAttention": {"query_shape", "key_shape", "value_shape"},
}
_HEADED = ("MultiHeadAttention", "GroupQueryAttention")
_MERGES = {"Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract"}
# The number of constants is that of a call, whose node says which of its tensors they are.
_DROPPED_RECURRENT = {
    *("implementation", "input_dim", "input_length", "input_shape", "num_constants"),
}
# Arguments that are dropped when they are off and refused when they are on.
_ONLY_OFF: dict[str, set[str]] = {
    "Attention": {"causal"},
    "AdditiveAttention": {"causal"},
    "MultiHeadAttention": {"softmax_robust_masking"},
}
_GATED = ("LSTM", "GRU", "LSTMCell", "GRUCell")
_RECURRENT = {"RNN", "SimpleRNN", "LSTM", "GRU", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"}
_OBJECT_MODULES = {
    "_initializer": "keras.initializers",
    "_regularizer": "keras.regularizers",
    "_constraint": "keras.constraints",
}


def object_parts(value: Any, where: str) -> tuple[str, Config]:
    """Class name and config of a serialized object; FileError when it is none."""
    if isinstance(value, dict):
        name, config = value.get("class_name"), value.get("config")
        if isinstance(name, str) and isinstance(config, dict):
            return name, config
    raise FileError(
        f"{where}: a serialized object with class_name and config is expected, "
        f"received {str(value)[:80]}."
    )


def keras3_object(
    module: str, class_name: str, config: Config, registered_name: str | None = None
) -> Config:
    """A Keras 3 object dict. ``package>name`` is a name registered by a user's package."""
    package, _, name = class_name.rpartition(">")
    registered_name = class_name if package else registered_name
    return {
        "module": None if registered_name else module,
        "class_name": name,
        "config": config,
        "registered_name": registered_name,
    }


def is_recurrent(class_name: str, config: Config) -> bool:
    """True for layers whose call takes states after the input, subclasses included."""
    return class_name in _RECURRENT or class_name == "Bidirectional" or "return_sequences" in config


def state_axes(layer: Config) -> int | None:
    """How many axes the states of a recurrent layer have; None where a user's cell decides."""
    class_name, config = str(layer["class_name"]), layer["config"]
    match = re.fullmatch(r"ConvLSTM([123])D", class_name)
    if match is not None:
        return int(match[1]) + 2
    for key in ("layer", "cell"):
        if isinstance(config.get(key), dict):
            return state_axes(config[key])
    return 2 if "units" in config or "cells" in config else None


def is_model(value: Any) -> bool:
    """True for the serialized object of a Sequential or functional model."""
    if not isinstance(value, dict):
        return False
    config = value.get("config")
    functional = isinstance(config, dict) and {"layers", "input_layers"} <= config.keys()
    return functional or value.get("class_name") == "Sequential"


def older_masks(class_name: str, version: KerasVersion) -> Config:
    """Arguments by which a layer treats masks as it did in that version: see `layers/quirks.py`.

    What a recurrent layer does depends on its calls, too: see `LayerConverter.given_states`.
    """
    arguments: Config = {}
    if class_name == "MultiHeadAttention" and version.keeps_attention_masks:
        arguments["keeps_masks"] = True
    if class_name in _HEADED and version.blind_queries_see_all:
        arguments["blind_queries_see_all"] = True
    if class_name in _MERGES and version.joins_masks_by_and:
        arguments["all_masks_must_hold"] = True
    if class_name == "Bidirectional" and version.bidirectional_repeats_masked_outputs:
        arguments["repeats_masked_outputs"] = True
    return arguments


class LayerConverter:
    """Converts layers of one file.

    Args:
        version: Which Keras wrote the file.
        label: How errors call the file.
        weight_shapes: Shapes of the arrays of each top-level layer, by layer name, where the
            weights are at hand: they prove whether a GRU without `reset_after` resets after.
    """

    def __init__(
        self,
        version: KerasVersion,
        label: str,
        weight_shapes: Mapping[str, Sequence[Shape]] | None = None,
        backend: str | None = None,
    ) -> None:
        self.version = version
        self._backend = backend
        self.label = label
        self._weight_shapes = weight_shapes or {}
        # Converts a model that a layer wraps; set by what converts models, which holds this.
        self.convert_model: Callable[[Any], Config] | None = None

    def convert(self, layer: Any, owner: str | None = None) -> Config:
        """Converts one layer, wrapped layers and cells included.

        Args:
            layer: The layer's object dict in the file; not changed.
            owner: Name of the top-level layer that this one is part of.

        Returns:
            The Keras 3 object dict.

        Raises:
            FileError: `layer` is no serialized object.
            UnsupportedError: An option that rnnext and Keras 3 do not have.
        """
        original_class, config = object_parts(layer, f"{self.label}: layer of {owner or 'model'!r}")
        where = f"{self.label}: layer {config.get('name')!r} ({original_class})"
        owner = owner or config.get("name")
        class_name, config = self._renamed(original_class, config, where)
        if class_name == "InputLayer":
            return self._input_layer(config, where)
        self._drop_arguments(class_name, config, where)
        if is_recurrent(class_name, config) or class_name in _GATED:
            self._recurrent(class_name, config, where, owner)
        self._convert_values(config, where, owner)
        if class_name == "Bidirectional":  # it makes its layers anew, from the config alone
            serialization.drop_shared_ids(config)
        if self._is_operation(class_name, config):
            return keras3_object("keras.src.ops", class_name, config)
        registered_name = layer.get("registered_name") if class_name == original_class else None
        new = keras3_object("keras.layers", class_name, config, registered_name)
        if self.version.generation < 3:  # which matters to classes of the user's alone
            new["called_by_keras2"] = True
        if "shared_object_id" in layer:
            new["shared_object_id"] = layer["shared_object_id"]
        return new

    def given_states(self, layer: Config) -> None:
        """Notes in a converted layer that calls give it an initial_state.

        Keras 2 still uses the mask of the input then; Keras 3 does not.
        """
        if self.version.generation < 3:
            layer["config"]["masked_with_states"] = True
        for key in ("layer", "backward_layer"):
            if isinstance(layer["config"].get(key), dict):
                self._starts_from_states(layer["config"][key]["config"])
        self._starts_from_states(layer["config"])

    def _starts_from_states(self, config: Config) -> None:
        """Notes in a recurrent layer's config what masked steps output before all others."""
        shows = self.version.outputs_initial_state and self._backend != "theano"
        if shows and "return_sequences" in config and not config.get("unroll"):
            config["outputs_initial_state"] = True

    def _is_operation(self, class_name: str, config: Config) -> bool:
        """True for an operation of a graph; in HDF5 Keras 3 leaves out the module that says so."""
        if self.version.generation < 3 or "trainable" in config:
            return False
        return serialization.operation_class(class_name) is not None

    def _renamed(self, class_name: str, config: Config, where: str) -> tuple[str, Config]:
        """Keras 3 class name, and the arguments under their Keras 3 names."""
        if self.version.generation == 1:
            class_name, config = upgrade_keras1_layer(class_name, config, where)
        names = _RENAMED.get(class_name, {})
        renamed = {names.get(key, key): value for key, value in config.items()}
        renamed.update(_CUDNN_ARGUMENTS.get(class_name, {}))
        class_name = _CLASSES.get(class_name, class_name)
        renamed.update(older_masks(class_name, self.version))
        return class_name, renamed

    def _input_layer(self, config: Config, where: str) -> Config:
        for option in ("sparse", "ragged"):
            if config.get(option):
                raise UnsupportedError(f"{where}: {option}=True; only dense inputs are read.")
        shape = config.get("batch_shape", config.get("batch_input_shape"))
        dtype = config.get("dtype") or config.get("input_dtype") or "float32"
        kept = {"batch_shape": shape, "dtype": _dtype_name(dtype), "name": config.get("name")}
        return keras3_object("keras.layers", "InputLayer", kept)

    def _drop_arguments(self, class_name: str, config: Config, where: str) -> None:
        """Removes what has no meaning in Keras 3, in place."""
        for key in ("batch_input_shape", "input_dtype", *_DROPPED.get(class_name, ())):
            config.pop(key, None)
        for key in _ONLY_OFF.get(class_name, ()):
            if config.pop(key, False):
                raise UnsupportedError(f"{where}: {key}=True is not supported; only False is.")
        if class_name == "Embedding" and str(config.get("dtype")).startswith("int"):
            del config["dtype"]  # of the ids; Keras 2.0 looked up floats whatever it said
        if class_name == "BatchNormalization":
            self._batch_normalization(config, where)

    def _batch_normalization(self, config: Config, where: str) -> None:
        """Arguments of BatchNormalization, in place."""
        if self.version.generation < 3:  # Keras 3 has batch renormalisation anew, with a config
            for key in ("renorm_clipping", "renorm_momentum"):
                config.pop(key, None)
            if config.pop("renorm", False):
                raise UnsupportedError(f"{where}: renorm=True is not supported; only False is.")
        axis = config.get("axis")
        if isinstance(axis, list) and len(axis) == 1:
            config["axis"] = axis[0]

    def _recurrent(self, class_name: str, config: Config, where: str, owner: str | None) -> None:
        """Arguments of recurrent layers and cells, in place."""
        if config.pop("time_major", False):
            raise UnsupportedError(
                f"{where}: time_major=True is not supported; inputs are (batch, time, features)."
            )
        for key in _DROPPED_RECURRENT:
            config.pop(key, None)
        cell = config.get("cell")
        has_cells = isinstance(cell, dict) and "cells" in (cell.get("config") or {})
        if config.get("stateful") or has_cells:
            self._starts_from_states(config)
        if class_name in _GATED and "recurrent_activation" not in config:
            default = self.version.recurrent_activation()
            if default is None:
                raise UnsupportedError(
                    f"{where}: the config has no recurrent_activation, and keras_version "
                    f"{self.version.text} stands for two defaults (hard_sigmoid in TensorFlow 1, "
                    "sigmoid in TensorFlow 2); add it to the config."
                )
            config["recurrent_activation"] = default
        if class_name in ("GRU", "GRUCell") and "reset_after" not in config:
            config["reset_after"] = self._weights_prove_reset_after(owner, config.get("units"))

    def _weights_prove_reset_after(self, owner: str | None, units: Any) -> bool:
        """True if every third array of the layer has the bias shape of reset_after=True."""
        if owner is None or not isinstance(units, int):
            return False
        biases = self._weight_shapes.get(owner, ())[2::3]
        proof = ((2, 3 * units), (6 * units,))
        return bool(biases) and all(shape in proof for shape in biases)

    def _convert_values(self, config: Config, where: str, owner: str | None) -> None:
        """Brings nested objects into the Keras 3 form, in place."""
        if "dtype" in config:
            config["dtype"] = _dtype_name(config["dtype"])
        for key, value in config.items():
            if value is None:
                continue
            if key in ("activation", "recurrent_activation"):
                config[key] = self._activation(value)
            elif key in ("layer", "backward_layer", "cell"):
                config[key] = self._wrapped(value, owner)
            elif key == "cells" and isinstance(value, list):
                config[key] = [self.convert(cell, owner) for cell in value]
            elif key.endswith(tuple(_OBJECT_MODULES)) and isinstance(value, dict):
                module = _OBJECT_MODULES[key[key.rindex("_") :]]
                config[key] = _training_object(value, module, f"{where}: {key}")

    def _wrapped(self, value: Any, owner: str | None) -> Config:
        """The layer, model or cell inside a layer."""
        if self.convert_model is not None and is_model(value):
            return self.convert_model(value)
        return self.convert(value, owner)

    def _activation(self, value: Any) -> Any:
        """An activation's name; Keras 2's hard_sigmoid gets the name of its own formula."""
        if isinstance(value, dict):
            if value.get("class_name") != "function":
                return self.convert(value)  # a layer used as activation, such as LeakyReLU
            value = value.get("config")
        if value == "hard_sigmoid" and self.version.has_keras2_hard_sigmoid:
            return "keras2_hard_sigmoid"
        return value


def _training_object(value: Config, module: str, where: str) -> Config:
    """An initializer, regularizer or constraint; TensorFlow 1 also wrote its dtype."""
    class_name, config = object_parts(value, where)
    kept = {key: item for key, item in config.items() if key != "dtype"}
    return keras3_object(module, class_name, kept, value.get("registered_name"))


def _dtype_name(dtype: Any) -> Any:
    """The name of a dtype or dtype policy; TensorFlow 2.1 to 2.3 wrote an inferring policy."""
    if isinstance(dtype, dict) and isinstance(dtype.get("config"), dict):
        dtype = dtype["config"].get("name")
    return "float32" if dtype in (None, "infer", "_infer", "infer_with_float32_vars") else dtype
