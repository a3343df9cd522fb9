"""What is trained: models of the kind that programs have, and single layers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

GATES = {"SimpleRNN": 1, "LSTM": 4, "GRU": 3}


class Goal(NamedTuple):
    """The largest ratios to other engines' times that are aimed at."""

    torch: float
    keras: float


class Recurrent(NamedTuple):
    """A recurrent layer."""

    cell: str
    units: int
    return_sequences: bool = False
    bidirectional: bool = False


class Dropout(NamedTuple):
    """Drops so large a part of the activations."""

    rate: float


class Embedding(NamedTuple):
    """A table of vectors."""

    rows: int
    units: int


Layer = Recurrent | Dropout | Embedding


class Trained(NamedTuple):
    """A model with Dense(1) behind its last layer, or (`alone`) one layer by itself.

    Attributes:
        name: In tables and on the command line.
        goal: What is aimed at.
        layers: In order.
        steps: T.
        features: D; 0: the inputs are ids for an Embedding.
        batch: B.
        alone: One layer, forwards and backwards, with the gradients of inputs and weights.
    """

    name: str
    goal: Goal
    layers: tuple[Layer, ...]
    steps: int
    features: int
    batch: int = 32
    alone: bool = False

    def multiply_adds(self) -> float:
        """Those of one forward pass of a batch."""
        total, width = 0.0, self.features
        for layer in self.layers:
            if isinstance(layer, Embedding):
                width = layer.units
            elif isinstance(layer, Recurrent):
                directions = 2 if layer.bidirectional else 1
                columns = GATES[layer.cell] * layer.units
                total += directions * self.steps * (width + layer.units) * columns
                width = directions * layer.units
        return self.batch * (total + (0 if self.alone else width))

    def data(self, batches: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Inputs and targets; of a single layer the second is the gradient of its outputs."""
        rng = np.random.default_rng(0)
        rows = batches * self.batch
        if not self.features:
            embedding = self.layers[0]
            assert isinstance(embedding, Embedding)
            x = rng.integers(0, embedding.rows, (rows, self.steps)).astype("int32")
            return x, (x.mean(axis=1, keepdims=True) / embedding.rows).astype("float32")
        x = rng.normal(size=(rows, self.steps, self.features)).astype("float32")
        if self.alone:
            layer = self.layers[0]
            assert isinstance(layer, Recurrent)
            return x, rng.normal(size=(rows, self.steps, layer.units)).astype("float32")
        return x, x.mean(axis=(1, 2))[:, None]

    def weights(self) -> list[NDArray[Any]]:
        """Initial weights, in Keras's order and layout."""
        rng = np.random.default_rng(1)
        weights: list[NDArray[Any]] = []

        def add(scale: float, *shape: int) -> None:
            weights.append(rng.uniform(-scale, scale, shape).astype("float32"))

        width = self.features
        for layer in self.layers:
            if isinstance(layer, Embedding):
                add(0.05, layer.rows, layer.units)
                width = layer.units
            elif isinstance(layer, Recurrent):
                units, columns = layer.units, GATES[layer.cell] * layer.units
                for _ in range(2 if layer.bidirectional else 1):
                    add(units**-0.5, width, columns)
                    add(units**-0.5, units, columns)
                    add(units**-0.5, *((2, columns) if layer.cell == "GRU" else (columns,)))
                width = units * (2 if layer.bidirectional else 1)
        if not self.alone:
            add(width**-0.5, width, 1)
            add(0.0, 1)
        return weights


_STACK = (Recurrent("LSTM", 50, True), Dropout(0.2), Recurrent("LSTM", 50), Dropout(0.2))
_TEXT = (Embedding(10_000, 128), Recurrent("LSTM", 64, bidirectional=True))
_BY_LAYER = Goal(0.65, 0.50)
MODELS = {
    model.name: model
    for model in (
        Trained("LSTM(32) 30 x 1", Goal(0.50, 0.15), (Recurrent("LSTM", 32),), 30, 1),
        Trained("LSTM(64) 100 x 8", Goal(0.65, 0.25), (Recurrent("LSTM", 64),), 100, 8),
        Trained("2 x LSTM(50), Dropout 60 x 1", Goal(0.50, 0.30), _STACK, 60, 1),
        Trained("GRU(32) 120 x 14", Goal(0.15, 0.15), (Recurrent("GRU", 32),), 120, 14),
        Trained("Embedding, BiLSTM(64) 100", Goal(0.80, 0.40), _TEXT, 100, 0),
        Trained(
            "layer LSTM 32,100,128,256",
            _BY_LAYER,
            (Recurrent("LSTM", 256, True),),
            100,
            128,
            alone=True,
        ),
        Trained(
            "layer GRU 64,100,128,256",
            _BY_LAYER,
            (Recurrent("GRU", 256, True),),
            100,
            128,
            batch=64,
            alone=True,
        ),
    )
}
