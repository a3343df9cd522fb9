"""Models that their authors published inside Python packages give the answers they were made with.

The packages are fetched by name and version with pip, without their dependencies, into pytest's
cache; the model files must have the recorded SHA-256. The recorded answers are in data/published.
Where pip cannot fetch a package its test is skipped with pip's reason; where `CI` is set, as by
.ci/run, it fails.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnext import layers, saving

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))

from comparison.published import (
    MODELS,
    CannotFetch,
    fetch_model,
)

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


@pytest.mark.parametrize("name", MODELS)
def test_published_model(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    cache = getattr(request.config, "cache", None)  # absent with -p no:cacheprovider
    try:
        content = fetch_model(name, cache.mkdir("published_models") if cache else tmp_path)
    except CannotFetch as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    architecture = FOLDER / f"{name}.model.json"
    if architecture.exists():
        own = {"AttentionWeightedAverage": AttentionWeightedAverage}
        model = saving.model_from_json(architecture.read_text(), custom_objects=own)
        saving.load_weights(model, content)
    else:
        model = saving.load_model(content)
    with np.load(FOLDER / f"{name}.npz") as recorded:
        x, y = recorded["x"], recorded["y"]
        if name == "reactionrnn":
            y = recorded["y1"]  # the model's own output; y is normalised by the package
    np.testing.assert_allclose(model.predict(x), y, rtol=0, atol=2e-5)
