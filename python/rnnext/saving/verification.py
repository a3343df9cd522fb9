"""A model's answers compared with known ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnext import nest
from rnnext.errors import FileError
from rnnext.models import Model

__all__ = ["check_answers"]


def check_answers(model: Model, x: Any, y: Any, tolerance: float, label: str) -> None:
    """Compares `model.predict(x)` with outputs recorded elsewhere, say by TensorFlow.

    Args:
        model: The model.
        x: Inputs, as `predict` takes them.
        y: Outputs, an array or a list or dict of arrays as `predict` returns them.
        tolerance: Largest absolute difference that is accepted.
        label: How errors call the file.

    Raises:
        FileError: Another number of outputs, another shape, or a difference above the tolerance.
    """
    outputs = nest.flatten(model.predict(x))
    expected = [np.asarray(array) for array in nest.flatten(y)]
    if len(outputs) != len(expected):
        raise FileError(
            f"{label}: verify: the model has {len(outputs)} outputs, {len(expected)} were given."
        )
    for index, (output, known) in enumerate(zip(outputs, expected, strict=True)):
        where = f"{label}: verify: output {index}"
        if output.shape != known.shape:
            raise FileError(f"{where}: shape {output.shape}, the given one is {known.shape}.")
        # NaN is right where NaN is expected.
        same = np.isclose(output, known, rtol=0, atol=tolerance, equal_nan=True)
        if not same.all():
            largest = np.abs(np.where(same, 0, output - known)).max()
            raise FileError(
                f"{where}: differs by up to {largest:.3g} from the given one in "
                f"{np.count_nonzero(~same)} of {same.size} numbers; {tolerance:.3g} is accepted."
            )
