"""Rejects configs that describe no model rnnext can run, with the way on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rnnext.errors import FileError, UnsupportedError
from rnnext.saving.formats.foreign import foreign_json

__all__ = ["refuse_foreign_config"]

_QUANTIZED_POLICY = re.compile(r"(int|float)\d+(/-?\d+)?_from_\w+|(gptq|awq)/.*")
# Wrappers of tensorflow_model_optimization, by class.
_OPTIMIZED = {
    "PruneLowMagnitude": "pruning wraps its layers; before it is saved, "
    "tfmot.sparsity.keras.strip_pruning(model) takes the wrappers off",
    "ClusterWeights": "clustering wraps its layers; before it is saved, "
    "tfmot.clustering.keras.strip_clustering(model) takes the wrappers off",
    "QuantizeWrapper": "it was trained with simulated quantization, whose wrappers rnnext does not "
    "have; save the model that quantize_model was given",
    "QuantizeWrapperV2": "it was trained with simulated quantization, whose wrappers rnnext does "
    "not have; save the model that quantize_model was given",
    "QuantizeLayer": "it was trained with simulated quantization, whose layers rnnext does not "
    "have; save the model that quantize_model was given",
}


def refuse_foreign_config(config: dict[str, Any], label: str) -> None:
    """Raises an error if a JSON object is no Keras config, or one of a quantized model.

    Args:
        config: What the file holds.
        label: How errors call the file.

    Raises:
        FileError: It is something else, such as a model of TensorFlow.js.
        UnsupportedError: A layer is quantized or pruned; the message names it.
    """
    foreign = foreign_json(config)
    if foreign is not None:
        raise FileError(f"{label}: not a Keras model: {foreign}.")
    for name, part in _parts(config, "model"):
        mode = _quantization(part)
        if mode is not None:
            raise UnsupportedError(
                f"{label}: layer {name!r}: it is quantized ({mode}), and rnnext does not read "
                "Keras's quantized weights; save the model before model.quantize(...) and open "
                "that file. To save memory, load_model(file, precision='int8') rounds the weights "
                "of recurrent and Dense layers as it opens it."
            )
        optimized = _OPTIMIZED.get(str(part.get("class_name")))
        if optimized is not None:
            raise UnsupportedError(
                f"{label}: layer {name!r}: the model is one of tensorflow_model_optimization; "
                f"{optimized}."
            )


def _quantization(config: dict[str, Any]) -> str | None:
    """How a layer is quantized, by its config; None if it is not."""
    policy = config.get("dtype")
    if isinstance(policy, dict):
        inner = policy.get("config")
        inner = inner if isinstance(inner, dict) else {}
        if "source_name" in inner:
            return str(inner.get("mode"))
        policy = inner.get("name")
    if isinstance(policy, str) and _QUANTIZED_POLICY.fullmatch(policy):
        return policy
    options = config.get("quantization_config")
    if isinstance(options, dict):
        return str(options.get("class_name"))
    return None


def _parts(value: Any, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every dictionary in a config, with the name of the layer that it belongs to."""
    if isinstance(value, dict):
        inner = value.get("config")
        own = (inner if isinstance(inner, dict) else value).get("name")
        name = own if isinstance(own, str) else name
        yield name, value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _parts(item, name)
