"""Attention layers with an activity regularizer, in training, beside Keras."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import rnnext

X = np.random.default_rng(0).normal(size=(6, 4, 5)).astype("float32")
V = np.random.default_rng(1).normal(size=(6, 3, 2)).astype("float32")
Y = np.random.default_rng(2).normal(size=(6, 4, 5)).astype("float32")
LAYERS = {
    "MultiHeadAttention": ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3}),
    "with a gate": ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3, "use_gate": True}),
    "GroupedQueryAttention": (
        "GroupQueryAttention",
        {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2},
    ),
    "Attention": ("Attention", {"use_scale": True}),
    "AdditiveAttention": ("AdditiveAttention", {}),
}


def model_of(library: Any, case: str) -> Any:
    layers = library.layers
    name, options = LAYERS[case]
    query, value = layers.Input((4, 5)), layers.Input((3, 2))
    layer = getattr(layers, name)(activity_regularizer=library.regularizers.L2(0.3), **options)
    seen = value if name == "MultiHeadAttention" else layers.Dense(5)(value)
    takes_list = name.endswith("Attention") and "heads" not in str(options)
    outputs = layer([query, seen]) if takes_list else layer(query, seen)
    model = library.Model([query, value], outputs)
    random = np.random.default_rng(3)
    model.set_weights([random.normal(0, 0.5, w.shape) for w in model.get_weights()])
    model.compile(library.optimizers.SGD(0.05), "mse")
    return model


@pytest.mark.parametrize("case", LAYERS)
def test_courses_are_those_of_keras(case: str, keras: ModuleType) -> None:
    mine, theirs = (model_of(library, case) for library in (rnnext.keras, keras))
    for _ in range(2):
        losses = [float(model.train_on_batch([X, V], Y)) for model in (mine, theirs)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    for weight, expected in zip(mine.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(weight, expected, rtol=1e-4, atol=1e-5)
    evaluated = [float(model.evaluate([X, V], Y, verbose=0)) for model in (mine, theirs)]
    assert evaluated[0] == pytest.approx(evaluated[1], rel=1e-5)
