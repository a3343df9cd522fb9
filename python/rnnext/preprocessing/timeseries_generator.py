"""Keras 2's `TimeseriesGenerator`: batches of windows of a time series, by index."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.errors import DataError, ShapeError, UnsupportedError
from rnnext.utils.py_dataset import PyDataset

__all__ = ["TimeseriesGenerator"]


class TimeseriesGenerator(PyDataset):
    """Batches of windows of a time series, each with the target of the step that follows it.

    Args:
        data: Indexable; axis 0 is time.
        targets: As long as `data`.
        length: Steps of `data` that a window spans.
        sampling_rate: Steps of `data` between two steps of a window.
        stride: Steps between two windows.
        start_index: First step of `data` to use.
        end_index: Last step to use; default: the last one.
        shuffle: Whether each batch has windows at random places, drawn from `numpy.random`.
        reverse: Whether windows run backwards in time.
        batch_size: Windows in a batch; the last batch may have fewer.

    Raises:
        ShapeError: If data and targets differ in length.
        UnsupportedError: If there is no step left for a first window.

    Example:
        >>> import numpy as np
        >>> data = np.arange(6)
        >>> batches = TimeseriesGenerator(data, data, length=3, batch_size=2)
        >>> len(batches)
        2
        >>> batches[0]
        (array([[0, 1, 2],
               [1, 2, 3]]), array([3, 4]))
    """

    def __init__(
        self,
        data: Any,
        targets: Any,
        length: int,
        sampling_rate: int = 1,
        stride: int = 1,
        start_index: int = 0,
        end_index: int | None = None,
        shuffle: bool = False,
        reverse: bool = False,
        batch_size: int = 128,
    ) -> None:
        super().__init__()
        if len(data) != len(targets):
            raise ShapeError(
                f"TimeseriesGenerator: data and targets must be of the same length, received "
                f"{len(data)} and {len(targets)} steps."
            )
        for option, value in (
            ("length", length),
            ("sampling_rate", sampling_rate),
            ("stride", stride),
            ("batch_size", batch_size),
        ):
            if value < 1:
                raise UnsupportedError(
                    f"TimeseriesGenerator: {option} must be 1 or more, received {value!r}."
                )
        self.data = data
        self.targets = targets
        self.length = length
        self.sampling_rate = sampling_rate
        self.stride = stride
        self.start_index = start_index + length
        self.end_index = len(data) - 1 if end_index is None else end_index
        self.shuffle = shuffle
        self.reverse = reverse
        self.batch_size = batch_size
        if self.start_index > self.end_index:
            raise UnsupportedError(
                f"TimeseriesGenerator: start_index + length must be at most "
                f"end_index={self.end_index}, received {start_index} + {length}: no step is left "
                "after a first window."
            )

    def __len__(self) -> int:
        """Returns the number of batches."""
        per_batch = self.batch_size * self.stride
        return (self.end_index - self.start_index + per_batch) // per_batch

    def __getitem__(self, index: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Returns windows (B, length / sampling_rate, ...) and targets (B, ...)."""
        if self.shuffle:
            rows = np.random.randint(  # noqa: NPY002 (Keras draws from there, too)
                self.start_index, self.end_index + 1, size=self.batch_size
            )
        else:
            first = self.start_index + self.batch_size * self.stride * index
            stop = min(first + self.batch_size * self.stride, self.end_index + 1)
            rows = np.arange(first, stop, self.stride)
        samples = np.array(
            [self.data[row - self.length : row : self.sampling_rate] for row in rows]
        )
        targets = np.array([self.targets[row] for row in rows])
        return (samples[:, ::-1, ...] if self.reverse else samples), targets

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments; data and targets as JSON texts.

        Raises:
            DataError: If data or targets cannot be written as JSON.
        """
        return {
            "data": _json_text(self.data, "data"),
            "targets": _json_text(self.targets, "targets"),
            "length": self.length,
            "sampling_rate": self.sampling_rate,
            "stride": self.stride,
            "start_index": self.start_index,
            "end_index": self.end_index,
            "shuffle": self.shuffle,
            "reverse": self.reverse,
            "batch_size": self.batch_size,
        }

    def to_json(self, **kwargs: Any) -> str:
        """Returns the config as JSON text; `**kwargs` go to `json.dumps`."""
        return json.dumps(
            {"class_name": type(self).__name__, "config": self.get_config()}, **kwargs
        )


def _json_text(values: Any, role: str) -> str:
    try:
        return json.dumps(values.tolist() if isinstance(values, np.ndarray) else values)
    except TypeError as error:
        raise DataError(
            f"TimeseriesGenerator: {role} cannot be written as JSON: {error}"
        ) from error
