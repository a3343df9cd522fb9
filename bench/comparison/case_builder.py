"""Makes the cases of the workloads, with rnnext."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import rnnext
from comparison.cases import MODEL_FILE, Case, Layer
from comparison.published import fetch_model
from comparison.workloads import LayerWorkload, PublishedWorkload, Workload
from rnnext import layers

_SEED = 7
_NOTHING_TO_COMPUTE = (layers.InputLayer, layers.Dropout)


def build_case(workload: Workload, folder: Path) -> Case:
    """Draws weights and inputs, computes the answer, writes everything to `folder`."""
    rng = np.random.default_rng(_SEED)
    if isinstance(workload, PublishedWorkload):
        model = rnnext.load_model(fetch_model(workload.name))
        x, lengths, one_layer = _published_inputs(workload, rng), None, False
    else:
        model = _layer_model(workload, rng)
        x = rng.standard_normal((workload.B, workload.T, workload.D), dtype=np.float32)
        lengths = rng.integers(1, workload.T + 1, workload.B) if workload.ragged else None
        one_layer = workload.is_one_layer
    if lengths is not None:
        x[np.arange(workload.T) >= lengths[:, None]] = 0
    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder / MODEL_FILE)
    described = [
        Layer(type(layer).__name__, layer.get_config(), layer.get_weights())
        for layer in model.layers
        if not isinstance(layer, _NOTHING_TO_COMPUTE)
    ]
    case = Case(folder, one_layer, described, x, lengths, model.predict(x))
    case.save()
    return case


def _published_inputs(workload: PublishedWorkload, rng: np.random.Generator) -> Any:
    if workload.ids:
        return rng.integers(0, workload.ids, workload.shape).astype(np.int32)
    return rng.standard_normal(workload.shape, dtype=np.float32)


def _layer_model(workload: LayerWorkload, rng: np.random.Generator) -> Any:
    """The workload's layers with random weights of a trained network's size."""
    model = rnnext.Sequential([layers.Input((workload.T, workload.D))])
    if workload.ragged:
        model.add(layers.Masking(0.0))
    cell = getattr(layers, workload.cell)
    for i in range(workload.depth):
        layer = cell(workload.H, return_sequences=i < workload.depth - 1)
        model.add(layers.Bidirectional(layer) if workload.bidirectional else layer)
    if workload.dense:
        model.add(layers.Dense(workload.dense))
    bound = workload.H**-0.5
    model.set_weights(
        [rng.uniform(-bound, bound, w.shape).astype(np.float32) for w in model.get_weights()]
    )
    return model
