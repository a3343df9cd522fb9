"""Collects the weights of a whole model, checks them all, and only then sets them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from rnnext.errors import FileError
from rnnext.layers.layer import Layer
from rnnext.layers.variable import Variable

__all__ = ["WeightPlan", "layer_label"]

Array = npt.NDArray[Any]


def layer_label(layer: Layer) -> str:
    """How errors call a layer: its name and class."""
    return f"layer {layer.name!r} ({type(layer).__name__})"


def _quantized(arrays: list[Array]) -> str:
    """A word about arrays that are there in place of floats because Keras quantized them."""
    if not any(array.dtype.kind in "iu" and array.dtype.itemsize == 1 for array in arrays):
        return ""
    return "; the model was quantized: save its weights before model.quantize(...)"


class WeightPlan:
    """Which array goes into which weight.

    Every array is checked when it is added, and nothing is set before `apply`: a file with a
    wrong weight leaves the model as it was.

    Args:
        label: How errors call the file.
    """

    def __init__(self, label: str) -> None:
        self.label = label
        self._assignments: list[tuple[Variable, Array]] = []

    def add_all(
        self, layer: Layer, variables: list[Variable], arrays: list[Array], part: str
    ) -> None:
        """Plan the arrays of one layer.

        Args:
            layer: Owner of the weights, for errors.
            variables: Its weights, in the order of `arrays`.
            arrays: What the file has; borrowed until `apply` copies it.
            part: Where in the file they are.

        Raises:
            FileError: Missing or surplus arrays, a wrong shape, or a dtype that is no float.
        """
        where = f"{self.label}: {part}: {layer_label(layer)}"
        if len(arrays) != len(variables):
            expected = ", ".join(f"{v.name} {v.shape}" for v in variables) or "none"
            received = ", ".join(str(array.shape) for array in arrays) or "none"
            raise FileError(
                f"{where}: {len(variables)} weights are expected ({expected}), "
                f"the file has {len(arrays)} ({received}){_quantized(arrays)}."
            )
        for variable, array in zip(variables, arrays, strict=True):
            if array.shape != variable.shape:
                raise FileError(
                    f"{where}: weight {variable.name!r}: shape {variable.shape} is expected, "
                    f"the file has {array.shape}."
                )
            if variable.value.dtype.kind == "f" and array.dtype.kind != "f":
                raise FileError(
                    f"{where}: weight {variable.name!r}: floats are expected, "
                    f"the file has {array.dtype}{_quantized([array])}."
                )
            self._assignments.append((variable, array))

    def check_complete(self, model: Layer) -> None:
        """Rejects a file that leaves out some of a model's weights.

        Raises:
            FileError: A weight was not planned.
        """
        planned = {id(variable) for variable, _ in self._assignments}
        missing = [variable.path for variable in model.weights if id(variable) not in planned]
        if missing:
            raise FileError(
                f"{self.label}: the file has no place for {len(missing)} of the weights of "
                f"{layer_label(model)}: {', '.join(missing[:8])}."
            )

    def convert(self, change: Callable[[Variable, Array], Array]) -> None:
        """Replaces every planned array by another one of the same shape."""
        self._assignments = [(weight, change(weight, array)) for weight, array in self._assignments]

    def apply(self) -> None:
        """Sets every planned weight."""
        for variable, array in self._assignments:
            variable.assign(array)
