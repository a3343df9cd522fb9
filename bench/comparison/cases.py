"""A workload with its numbers, in a folder that every engine's process reads.

The model is made once, by rnnext: as `model.keras` for engines that read Keras's files, and as a
list of layers with their weights for those that must build it from parts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MODEL_FILE = "model.keras"
_LAYERS_FILE = "layers.json"
_ARRAYS_FILE = "arrays.npz"


class CannotRun(Exception):  # noqa: N818 - an answer, not an error: the table shows it
    """An engine cannot run a case; the message is the reason."""


@dataclass
class Layer:
    """One layer as Keras describes it.

    Attributes:
        class_name: Keras's.
        config: Keras's.
        weights: In Keras's order and layout.
    """

    class_name: str
    config: dict[str, Any]
    weights: list[NDArray[Any]]


@dataclass
class Case:
    """What an engine is to compute.

    Attributes:
        folder: Where it lies.
        one_layer: Whether to measure the call of the last layer, not of the model.
        layers: Those of the model that compute something, in order.
        x: (B, T, D) floats or (B, T) ids.
        lengths: (B,) valid steps of every sample; None: all are.
        expected: The answer.
    """

    folder: Path
    one_layer: bool
    layers: list[Layer]
    x: NDArray[Any]
    lengths: NDArray[np.int64] | None
    expected: NDArray[Any] = field(repr=False)

    @property
    def model_file(self) -> Path:
        """The model as Keras 3 writes it."""
        return self.folder / MODEL_FILE

    @property
    def arrays_file(self) -> Path:
        """The .npz with the input "x", the expected answer and the weights."""
        return self.folder / _ARRAYS_FILE

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        """(B, T), True where a step is valid; None without lengths."""
        if self.lengths is None:
            return None
        return np.arange(self.x.shape[1]) < self.lengths[:, None]

    def save(self) -> None:
        """Writes everything but the model file."""
        arrays = {"x": self.x, "expected": self.expected}
        if self.lengths is not None:
            arrays["lengths"] = self.lengths
        for i, layer in enumerate(self.layers):
            arrays.update({f"{i}/{j}": weight for j, weight in enumerate(layer.weights)})
        np.savez(self.arrays_file, **arrays)
        described = [
            {"class_name": layer.class_name, "config": layer.config, "weights": len(layer.weights)}
            for layer in self.layers
        ]
        content = json.dumps({"one_layer": self.one_layer, "layers": described})
        (self.folder / _LAYERS_FILE).write_text(content)

    @classmethod
    def load(cls, folder: Path) -> Case:
        """Reads what `save` wrote."""
        content = json.loads((folder / _LAYERS_FILE).read_text())
        with np.load(folder / _ARRAYS_FILE) as file:
            arrays = dict(file)
        layers = [
            Layer(
                layer["class_name"],
                layer["config"],
                [arrays[f"{i}/{j}"] for j in range(layer["weights"])],
            )
            for i, layer in enumerate(content["layers"])
        ]
        return cls(
            folder,
            content["one_layer"],
            layers,
            arrays["x"],
            arrays.get("lengths"),
            arrays["expected"],
        )
