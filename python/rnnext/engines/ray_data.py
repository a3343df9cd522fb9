"""Predictions of Ray datasets: `rnnext.ray.predict(model, dataset)`; Ray brings its own package."""

from __future__ import annotations

from typing import Any

from rnnext.engines.columns import Columns

__all__ = ["Predictor", "predict"]


class Predictor:
    """Adds a model's outputs to batches of Ray Data; an actor of Ray makes one and keeps it.

    Args:
        model: The model.
        inputs: The column of the input, or one for each input of the model.
        outputs: The column of the output, or one for each output.

    Raises:
        ShapeError: If there are more or fewer columns than inputs or outputs.

    Example:
        >>> import numpy as np
        >>> import rnnext.ray
        >>> from rnnext.layers import LSTM, Input
        >>> model = rnnext.Sequential([Input((5, 3)), LSTM(2)])
        >>> rnnext.ray.Predictor(model)({"x": np.zeros((4, 5, 3))})["y"].shape
        (4, 2)
    """

    def __init__(self, model: Any, inputs: Any = "x", outputs: Any = "y") -> None:
        self._columns = Columns(model, inputs, outputs)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Returns a batch, arrays (N, ...) by column, with the outputs beside the inputs."""
        return {**batch, **self._columns.predict(batch)}


def predict(model: Any, dataset: Any, inputs: Any = "x", outputs: Any = "y", **options: Any) -> Any:
    """Returns a Ray dataset with the model's outputs as further columns, lazily.

    Args:
        model: The model; it travels once to each actor.
        dataset: A `ray.data.Dataset`, whose column holds an array for each sample.
        inputs: The column of the input, or one for each input of the model.
        outputs: The column of the output, or one for each output.
        **options: For `Dataset.map_batches`; by default `concurrency=1`. Ray starts its actors with
            OMP_NUM_THREADS set to their `num_cpus`, which rnnext obeys.

    Returns:
        The dataset.

    Raises:
        ShapeError: If there are more or fewer columns than inputs or outputs.
    """
    Columns(model, inputs, outputs)  # what does not fit shows here, not in an actor
    arguments = {"concurrency": 1, "batch_format": "numpy", **options}
    return dataset.map_batches(Predictor, fn_constructor_args=(model, inputs, outputs), **arguments)
