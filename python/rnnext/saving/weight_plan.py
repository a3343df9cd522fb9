"""Collects the weights of a whole model, checks them all, and only then sets them."""

from __future__ import annotations

import enum
import warnings
from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from rnnext.errors import FileError
from rnnext.layers.layer import Layer
from rnnext.layers.variable import Variable

__all__ = ["Mismatch", "WeightPlan", "layer_label"]

Array = npt.NDArray[Any]


def layer_label(layer: Layer) -> str:
    """How errors call a layer: its name and class."""
    return f"layer {layer.name!r} ({type(layer).__name__})"


def _quantized(arrays: list[Array]) -> str:
    """A word about arrays that are there in place of floats because Keras quantized them."""
    if not any(array.dtype.kind in "iu" and array.dtype.itemsize == 1 for array in arrays):
        return ""
    return "; the model was quantized: save its weights before model.quantize(...)"


def _problem(variable: Variable, array: Array) -> str | None:
    """Why a weight cannot have an array; None if it can."""
    if array.shape != variable.shape:
        return f"shape {variable.shape} is expected, the file has {array.shape}"
    if variable.value.dtype.kind == "f" and array.dtype.kind != "f":
        return f"floats are expected, the file has {array.dtype}{_quantized([array])}"
    return None


class Mismatch(enum.Enum):
    """What happens to a weight whose array in the file has another shape."""

    RAISE = "it is an error"
    SKIP_WEIGHT = "it keeps its values, as Keras has it for legacy files"
    SKIP_REST = "it and those after it in its layer keep their values, as Keras 3's format has it"


class WeightPlan:
    """Which array goes into which weight.

    Every array is checked when it is added, and nothing is set before `apply`: a file with a
    wrong weight leaves the model as it was.

    Args:
        label: How errors call the file.
        mismatch: What happens to a weight that does not fit.
    """

    def __init__(self, label: str, mismatch: Mismatch = Mismatch.RAISE) -> None:
        self.label = label
        self.mismatch = mismatch
        self._assignments: list[tuple[Variable, Array]] = []
        self._loaders: list[tuple[Layer, dict[str, Array]]] = []
        self._skipped: list[str] = []

    def reject(self, error: FileError) -> None:
        """Raises an error about a part of the model, or keeps it for a warning."""
        if self.mismatch is Mismatch.RAISE:
            raise error
        self._skipped.append(str(error).removeprefix(f"{self.label}: ").rstrip("."))

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
            error = FileError(
                f"{where}: {len(variables)} weights are expected ({expected}), "
                f"the file has {len(arrays)} ({received}){_quantized(arrays)}."
            )
            self.reject(error)
            return
        for variable, array in zip(variables, arrays, strict=True):
            problem = _problem(variable, array)
            if problem is None:
                self._assignments.append((variable, array))
                continue
            self.reject(FileError(f"{where}: weight {variable.name!r}: {problem}."))
            if self.mismatch is Mismatch.SKIP_REST:
                break

    def leave_to(self, layer: Layer, store: dict[str, Array]) -> None:
        """Plan a layer whose class loads its weights itself, by `load_own_variables`."""
        self._loaders.append((layer, store))

    def check_complete(self, model: Layer) -> None:
        """Rejects a file that leaves out some of a model's weights.

        Raises:
            FileError: A weight was not planned.
        """
        planned = {id(variable) for variable, _ in self._assignments}
        planned |= {id(variable) for layer, _ in self._loaders for variable in layer._variables}
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
        """Sets every planned weight; a warning names what was skipped."""
        if self._skipped:
            warnings.warn(
                f"{self.label}: weights that do not fit keep their values (skip_mismatch=True): "
                f"{'; '.join(self._skipped[:8])}.",
                stacklevel=5,  # the line that calls Model.load_weights
            )
        for variable, array in self._assignments:
            variable.assign(array)
        for layer, store in self._loaders:
            layer.load_own_variables(store)
