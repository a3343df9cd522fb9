"""A model's inputs and outputs as columns of a table: what Ray Data and Spark have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest
from rnnext.arrays import as_array
from rnnext.errors import ShapeError, UnsupportedError

__all__ = ["Columns"]

Array = NDArray[Any]


class Columns:
    """Reads a model's inputs from columns and makes columns of its outputs.

    Args:
        model: A functional model or a Sequential that knows its input's shape.
        inputs: The column of the input, or one for each input.
        outputs: The column of the output, or one for each output.

    Attributes:
        inputs: Names of the columns of the inputs.
        outputs: Names of the columns of the outputs.

    Raises:
        UnsupportedError: If the model is not connected.
        ShapeError: If there are more or fewer columns than inputs or outputs.
    """

    def __init__(self, model: Any, inputs: Any, outputs: Any) -> None:
        if getattr(model, "network", None) is None:
            raise UnsupportedError(
                f"{getattr(model, 'label', model)!s} is not connected; accepted are functional "
                "models and Sequentials that know their input's shape."
            )
        self._model = model
        self.inputs = [inputs] if isinstance(inputs, str) else list(inputs)
        self.outputs = [outputs] if isinstance(outputs, str) else list(outputs)
        pairs = (("inputs", self.inputs, model.inputs), ("outputs", self.outputs, model.outputs))
        for role, names, tensors in pairs:
            if len(names) != len(tensors):
                raise ShapeError(
                    f"{model.label} has {len(tensors)} {role}, received the columns {names}."
                )

    def are_float64(self) -> list[bool]:
        """Tells of each output whether an element has eight bytes."""
        return [np.dtype(tensor.dtype).itemsize == 8 for tensor in self._model.outputs]

    def predict(self, table: Mapping[str, Any] | Any) -> dict[str, Array]:
        """Returns the outputs (N, ...) by the names of their columns.

        Args:
            table: The columns by name: arrays (N, ...), or lists of the numbers of each sample.

        Raises:
            DataError: If a column does not hold numbers, or samples of one shape.
            ShapeError: If a sample has not as many numbers as the input.
        """
        pairs = zip(self.inputs, self._model.inputs, strict=True)
        x = [_samples(table[name], tensor.shape, name) for name, tensor in pairs]
        found = self._model.predict(x if len(x) > 1 else x[0])
        return dict(zip(self.outputs, nest.flatten(found), strict=True))


def _samples(column: Any, shape: tuple[int | None, ...], name: str) -> Array:
    """A column as (N, ...); rows that are flat get the axes of the input."""
    array = as_array(column, f"column {name!r}")
    if array.ndim != 2 or len(shape) == 2:
        return array
    unknown = [axis for axis, size in enumerate(shape[1:], start=1) if size is None]
    known = int(np.prod([size for size in shape[1:] if size is not None]))
    if len(unknown) > 1 or (array.shape[1] % known if unknown else array.shape[1] != known):
        raise ShapeError(
            f"column {name!r}: rows of {array.shape[1]} numbers do not make inputs of shape "
            f"{shape}."
        )
    return array.reshape(len(array), *(-1 if size is None else size for size in shape[1:]))
