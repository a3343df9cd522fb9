"""Makes a model from one that lives in the same process, in Keras 2 or 3."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from rnnext.errors import UnsupportedError
from rnnext.layers.preprocessing.file_state import KeepsFileState
from rnnext.models import Model
from rnnext.saving.formats.limits import Limits
from rnnext.saving.legacy.models import to_keras3_config
from rnnext.saving.legacy.weight_order import StoredWeight
from rnnext.saving.legacy.weights import plan_legacy_weights
from rnnext.saving.load import build_model
from rnnext.saving.shared_members import with_shared_members

__all__ = ["from_keras"]

_NEEDED = ("name", "layers", "to_json", "get_weights")


def from_keras(
    keras_model: Any,
    custom_objects: Mapping[str, Any] | None = None,
    *,
    limits: Limits | None = None,
) -> Model:
    """Makes a model with the architecture and the weights of a live Keras model.

    Nothing is imported: the model is asked for its config and its weights. States that its
    stateful layers hold at the moment are not copied.

    Args:
        keras_model: A built Sequential or functional model of Keras 3, tf_keras or tf.keras.
        custom_objects: For each custom layer or function of the model its counterpart for
            rnnext, by the same name.
        limits: Bounds on the memory that the weights may take.

    Returns:
        The `Sequential` or functional `Model`. Its weights are copies.

    Raises:
        UnsupportedError: No Keras model, or a layer or option that rnnext does not have.
        FileError: A model that cannot be rebuilt from its config: not built, or a class of its
            own.
    """
    missing = [attribute for attribute in _NEEDED if not hasattr(keras_model, attribute)]
    if missing or isinstance(keras_model, Model):
        raise UnsupportedError(
            f"from_keras: expected a model of Keras, received {type(keras_model).__name__!r}"
            + (f", which has no {missing[0]}." if missing else ", a model of rnnext.")
        )
    label = f"Keras model {keras_model.name!r}"
    try:
        config = json.loads(keras_model.to_json())
    except Exception as error:  # a class of the user's without get_config, in any Keras
        raise UnsupportedError(f"{label}: it has no config: {error}") from error
    version = config.get("keras_version") or _keras_version(keras_model)
    found = {
        layer.name: _weights_of(layer, label)
        for layer in keras_model.layers
        if layer.weights and not _keeps_state(layer)
    }
    shapes = {name: [weight.array.shape for weight in weights] for name, weights in found.items()}
    keras3_config = to_keras3_config(config, version, label, shapes)
    keras3_config = with_shared_members(keras3_config)
    model = build_model(keras3_config, custom_objects, label, limits or Limits())
    # Names agree unless a user's layer has weights in one library only: then counts are compared.
    by_name = {layer.name for layer in model.layers if layer.weights} == found.keys()
    plan_legacy_weights(model.layers, found, label, by_name).apply()
    _copy_states(keras_model, model)
    return model


def _keeps_state(layer: Any) -> bool:
    """Whether a layer of Keras has a vocabulary or learned boundaries in place of weights."""
    return hasattr(layer, "get_vocabulary") or hasattr(layer, "bin_boundaries")


def _inside(layer: Any) -> list[Any]:
    """The layers of a nested model, and of models in it."""
    return [part for inner in getattr(layer, "layers", ()) for part in (inner, *_inside(inner))]


def _copy_states(keras_model: Any, model: Model) -> None:
    """Copies vocabularies and the like, also of nested models."""
    theirs = {layer.name: layer for layer in keras_model.layers}
    for ours in model.layers:
        if isinstance(ours, KeepsFileState):
            ours.copy_state(theirs[ours.name])
        elif isinstance(ours, Model):
            _copy_states(theirs[ours.name], ours)


def _keras_version(keras_model: Any) -> str | None:
    """The version of the package the model's class comes from; Keras 3's `to_json` has none."""
    for base in type(keras_model).__mro__:
        package = sys.modules.get(base.__module__.split(".")[0])
        if package is not None and package.__name__ in ("keras", "tf_keras"):
            return getattr(package, "__version__", None)
    return None


def _weights_of(layer: Any, label: str) -> list[StoredWeight]:
    """A layer's weights, those that are trained first, as Keras's files have them."""
    others = {id(w) for part in _inside(layer) if _keeps_state(part) for w in part.weights}
    found = []
    for weight in (*layer.trainable_weights, *layer.non_trainable_weights):
        if id(weight) in others:
            continue
        if not hasattr(weight, "numpy"):
            raise UnsupportedError(
                f"{label}: layer {layer.name!r}: a weight is {type(weight).__name__!r}, whose "
                "values cannot be read."
            )
        values = np.asarray(weight.numpy())
        values = values.astype(np.float32) if values.dtype.name == "bfloat16" else values
        found.append(StoredWeight(getattr(weight, "path", weight.name), values))
    return found
