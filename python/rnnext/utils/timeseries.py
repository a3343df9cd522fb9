"""Windows of a time series, in batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.arrays import as_array
from rnnext.autodiff.watchable import watchable
from rnnext.errors import UnsupportedError
from rnnext.tensorflow.data import Dataset

__all__ = ["TimeseriesDataset", "timeseries_dataset_from_array"]

Array = NDArray[Any]


class TimeseriesDataset(Dataset):
    """Batches of windows of a time series; `timeseries_dataset_from_array` makes one.

    No window is copied before its batch is asked for. It has the methods of `tf.data.Dataset`.

    Args:
        data: (T, ...), what the windows are cut from.
        targets: (T', ...), or None.
        starts: First step of each window, which is also the index of its target.
        offsets: The steps of a window, counted from its first one.
        batch_size: Windows in a batch, or None for single windows.
        order: Draws another order of the windows for each iteration; None keeps them in order.
    """

    def __init__(
        self,
        data: Array,
        targets: Array | None,
        starts: Array,
        offsets: Array,
        batch_size: int | None,
        order: np.random.RandomState | None,
    ) -> None:
        super().__init__(self._windows, -(-len(starts) // (batch_size or 1)))
        self._data = data
        self._targets = targets
        self._starts = starts
        self._offsets = offsets
        self._batch_size = batch_size
        self._order = order

    def _windows(self) -> Iterator[Any]:
        """Yields windows (B, sequence_length, ...), or pairs of them and targets (B, ...)."""
        starts = self._starts if self._order is None else self._order.permutation(self._starts)
        if self._batch_size is None:
            for start in starts:
                yield self._pair(start)
            return
        for first in range(0, len(starts), self._batch_size):
            yield self._pair(starts[first : first + self._batch_size])

    def _pair(self, starts: Any) -> Any:
        windows = watchable(self._data[starts[..., np.newaxis] + self._offsets])
        return windows if self._targets is None else (windows, watchable(self._targets[starts]))


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
) -> TimeseriesDataset:
    """Returns a dataset of sliding windows over a time series.

    Args:
        data: (T, ...) array-like; axis 0 is time.
        targets: Array-like; `targets[i]` belongs to the window that starts at `data[i]`. None for
            windows alone.
        sequence_length: Steps in a window.
        sequence_stride: Steps between the starts of two windows.
        sampling_rate: Steps of `data` between two steps of a window.
        batch_size: Windows in a batch; None for single windows.
        shuffle: Whether to draw the windows in another order at each iteration. The orders are not
            those of TensorFlow.
        seed: Makes the orders repeatable.
        start_index: First step of `data` to use.
        end_index: Step of `data` before which to stop.

    Returns:
        A dataset of batches (B, sequence_length, ...), or of `(batch, targets)`, which are arrays
        with `numpy()`. It has a length and can be iterated repeatedly.

    Raises:
        UnsupportedError: If an index, stride or size is out of range.
        DataError: If the data are not numbers.

    Example:
        >>> dataset = timeseries_dataset_from_array(range(6), range(3, 6), sequence_length=3)
        >>> for x, y in dataset:
        ...     print(x.tolist(), y.tolist())
        [[0, 1, 2], [1, 2, 3], [2, 3, 4]] [3, 4, 5]
    """
    series = _steps(data, "data")
    labels = None if targets is None else _steps(targets, "targets")
    _check_range(start_index, end_index, len(series))
    _check_sizes(len(series), sequence_length, sequence_stride, sampling_rate, batch_size)
    first = start_index or 0
    stop = len(series) if end_index is None else end_index
    count = stop - first - (sequence_length - 1) * sampling_rate
    if labels is not None:
        count = min(count, len(labels))
        labels = labels[first:stop]
    starts = np.arange(0, count, sequence_stride)
    if labels is not None and len(starts) and starts[-1] >= len(labels):
        raise UnsupportedError(
            f"timeseries_dataset_from_array: {len(labels)} targets are left from "
            f"start_index={first} on, but the last window starts {starts[-1]} steps after it."
        )
    order = np.random.RandomState(seed) if shuffle else None
    offsets = np.arange(sequence_length) * sampling_rate
    return TimeseriesDataset(series[first:stop], labels, starts, offsets, batch_size, order)


def _steps(values: Any, role: str) -> Array:
    """The values as an array; plain Python numbers become 32-bit, as in TensorFlow."""
    array = as_array(values, f"timeseries_dataset_from_array: {role}")
    if array.ndim == 0:
        raise UnsupportedError(
            f"timeseries_dataset_from_array: {role} must have a time axis, received {values!r}."
        )
    if hasattr(values, "dtype") or array.dtype.kind not in "if":
        return array
    return array.astype("int32" if array.dtype.kind == "i" else "float32")


def _check_range(start: int | None, end: int | None, steps: int) -> None:
    if start is not None and not 0 <= start < steps:
        raise UnsupportedError(
            f"timeseries_dataset_from_array: start_index must be 0 to {steps - 1} for data of "
            f"{steps} steps, received {start!r}."
        )
    if end is not None and not (start or 0) < end < steps:
        raise UnsupportedError(
            f"timeseries_dataset_from_array: end_index must be {(start or 0) + 1} to {steps - 1} "
            f"for data of {steps} steps and start_index={start}, received {end!r}."
        )


def _check_sizes(
    steps: int, length: int, stride: int, sampling_rate: int, batch_size: int | None
) -> None:
    for option, value, highest in (
        ("sequence_length", length, None),
        ("sequence_stride", stride, steps - 1),
        ("sampling_rate", sampling_rate, steps - 1),
        ("batch_size", 1 if batch_size is None else batch_size, None),
    ):
        if value < 1 or (highest is not None and value > highest):
            accepted = "1 or more" if highest is None else f"1 to {highest}"
            raise UnsupportedError(
                f"timeseries_dataset_from_array: {option} must be {accepted} for data of {steps} "
                f"steps, received {value!r}."
            )
