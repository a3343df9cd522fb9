"""The published models, ready to run, and the answers recorded for them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnext import layers, saving

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))

from comparison.published import MODELS, CannotFetch, fetch_model

__all__ = ["MODELS", "answers", "fetched", "load", "recorded"]

FOLDER = Path(__file__).parent / "data" / "published"


class AttentionWeightedAverage(layers.Layer):
    """textgenrnn's own layer: a mean over time, weighted by the softmax of x @ W."""

    def __init__(self, return_attention: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        assert not return_attention

    def build(self, input_shape: Any) -> None:
        self.W = self.add_weight(shape=(input_shape[-1], 1), name="W")

    def call(self, x: Any) -> Any:
        scores = np.exp((x @ self.W.value)[..., 0])
        weights = scores / scores.sum(axis=1, keepdims=True)
        return (x * weights[..., None]).sum(axis=1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0], input_shape[2])


class SqueezeLayer(layers.Layer):
    """crema's own layer: drops an axis of size 1."""

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, x: Any) -> Any:
        return np.squeeze(x, axis=self.axis)

    def compute_output_shape(self, input_shape: Any) -> Any:
        axis = self.axis % len(input_shape)
        return (*input_shape[:axis], *input_shape[axis + 1 :])


OWN_LAYERS = {
    "AttentionWeightedAverage": AttentionWeightedAverage,
    "SqueezeLayer": SqueezeLayer,
}


def fetched(name: str, request: pytest.FixtureRequest, folder: Path) -> bytes:
    """A model's file, kept in pytest's cache, or in `folder` where there is none.

    Where pip cannot fetch it the test is skipped with pip's reason; where `CI` is set it fails.
    """
    cache = getattr(request.config, "cache", None)  # absent with -p no:cacheprovider
    try:
        return fetch_model(name, cache.mkdir("published_models") if cache else folder)
    except CannotFetch as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


def load(name: str, content: bytes) -> Any:
    """The model in a file that `fetched` returned."""
    architecture = FOLDER / f"{name}.model.json"
    if not architecture.exists():
        return saving.load_model(content, OWN_LAYERS)
    model = saving.model_from_json(architecture.read_text(), OWN_LAYERS)
    saving.load_weights(model, content)
    return model


def recorded(name: str) -> tuple[np.ndarray, list[np.ndarray]]:
    """Inputs and the outputs that the model's authors' Keras gave for them."""
    with np.load(FOLDER / f"{name}.npz") as arrays:
        # reactionrnn: y1 is the model's own output; y is normalised by the package.
        names = ["y1"] if name == "reactionrnn" else sorted(set(arrays.files) - {"x"})
        return arrays["x"], [arrays[output] for output in names]


def answers(model: Any, x: np.ndarray) -> list[np.ndarray]:
    """The outputs of a model, in a list even if there is only one."""
    outputs = model.predict(x)
    return outputs if isinstance(outputs, list) else [outputs]
