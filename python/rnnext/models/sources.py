"""Samples that do not lie in memory: rows that are read when a batch needs them.

An HDF5 dataset, a Zarr or a Dask array and their like have a `shape`, a `dtype` and slices. What
they are stored in is chunks, each of which is read or written whole: so rows are read and written
chunk by chunk, however small the batches are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest
from rnnext.arrays import as_array
from rnnext.errors import DataError, ShapeError
from rnnext.models.inputs import InputPort

__all__ = ["Rows", "Sink", "check_nesting", "is_source", "rows_of", "sinks_of"]

Array = NDArray[Any]

# Rows are read by chunks up to here; a chunk that is larger is read for each batch in it.
_BLOCK_BYTES = 64 * 2**20
# What lies in memory has one of these, and pandas's objects are sliced by `iloc`.
_IN_MEMORY = ("__array_interface__", "__dlpack__", "iloc")


def is_source(x: Any) -> bool:
    """Tells whether rows of `x` are read by slices, where others are arrays.

    Example:
        >>> import numpy as np
        >>> is_source(np.zeros(3)), is_source([1, 2])
        (False, False)
    """
    if isinstance(x, np.ndarray) or any(hasattr(x, name) for name in _IN_MEMORY):
        return False
    has_rows = all(hasattr(x, name) for name in ("shape", "dtype", "__getitem__"))
    return has_rows and len(x.shape) > 0


def rows_of(x: Any, port: InputPort) -> Any:
    """Returns what comes for an input of a model: an array or, of a source, its `Rows`.

    Args:
        x: An array-like or a source.
        port: The model's input.
    """
    return Rows(x, port, port.label) if is_source(x) else port.array(x)


class Rows:
    """Rows of a source, which looks like an array of which only slices are asked for.

    Args:
        source: Has `shape`, `dtype` and slices.
        port: Checks what is read; None: it may have any shape.
        name: What it is, for messages.

    Attributes:
        shape: The shape that the rows have together.

    Raises:
        ShapeError: If its shape does not fit the port.
        DataError: If it does not hold numbers.
    """

    def __init__(self, source: Any, port: InputPort | None, name: str) -> None:
        self._source, self._port, self._name = source, port, name
        first = self._checked(source[0:0], tuple(source.shape))
        self.shape = (int(source.shape[0]), *first.shape[1:])
        row_bytes = max(int(np.prod(first.shape[1:])) * first.dtype.itemsize, 1)
        self._chunk = _rows_of_chunk(source)
        self._most = max(_BLOCK_BYTES // row_bytes, 1)
        self._block = first
        self._start = 0

    def __len__(self) -> int:
        """The number of rows."""
        return int(self.shape[0])

    def __getitem__(self, rows: slice) -> Array:
        """Returns the rows from `rows.start` to `rows.stop` as an array."""
        start, stop, _ = rows.indices(len(self))
        end = self._start + len(self._block)
        if not self._start <= start <= stop <= end:
            self._read(start, stop)
        return self._block[start - self._start : stop - self._start]

    def _read(self, start: int, stop: int) -> None:
        """Reads whole chunks up to `stop` behind what is left of the block, or the rows alone."""
        chunk, end = self._chunk, self._start + len(self._block)
        goes_on = self._start <= start <= end
        first = end if goes_on else start // chunk * chunk
        last = -(-max(stop, start + 1) // chunk) * chunk
        if last - first > self._most:
            first, last, goes_on = start, stop, False
        last = min(last, len(self))
        block = self._checked(self._source[first:last], tuple(self._source.shape))
        self._start = first
        if goes_on and start < end:
            block = np.concatenate([self._block[start - end :], block])
            self._start = start
        self._block = block

    def _checked(self, part: Any, shape: tuple[int, ...]) -> Array:
        if self._port is None:
            return as_array(part, self._name)
        return self._port.fitted(self._port.as_array(part, self._name), shape)


def _rows_of_chunk(source: Any) -> int:
    """How many rows are stored together; 1 if that is not known."""
    chunks = getattr(source, "chunks", None)
    first: Any = chunks[0] if isinstance(chunks, tuple) and chunks else 1
    if isinstance(first, tuple):  # a Dask array has the size of each chunk
        first = max(first, default=1)
    return max(int(first), 1)


class Sink:
    """Where the rows of one output go: an array, a memory map or a dataset.

    Args:
        target: Has `shape`, `dtype` and takes slices.
        name: What it is, for messages.

    Raises:
        DataError: If it is no such thing.
    """

    def __init__(self, target: Any, name: str) -> None:
        if (
            not all(hasattr(target, a) for a in ("shape", "dtype", "__setitem__"))
            or not target.shape
        ):
            raise DataError(
                f"{name}: received {type(target).__name__!r}; accepted are arrays, memory maps and "
                "datasets of HDF5 or Zarr with a row for each sample."
            )
        self._target, self._name = target, name
        # Chunks of a dataset are written whole, and so are kept until they are complete.
        self._chunk = 1 if isinstance(target, np.ndarray) else _rows_of_chunk(target)
        self._waiting: list[Array] = []
        self._start = self.end = 0

    def check_rows(self, count: int) -> None:
        """Checks the number of rows.

        Raises:
            ShapeError: If there is not a row for each sample.
        """
        if self._target.shape[0] != count:
            raise ShapeError(
                f"{self._name}: it has shape {tuple(self._target.shape)} for {count} samples; "
                "accepted is a row for each."
            )

    def append(self, output: Array) -> None:
        """Writes the next rows.

        Raises:
            ShapeError: If a row has another shape, or there are too many.
            DataError: If the dtype cannot hold the outputs.
        """
        shape, dtype = tuple(self._target.shape), np.dtype(self._target.dtype)
        if output.shape[1:] != shape[1:]:
            raise ShapeError(
                f"{self._name}: it has shape {shape}, and the output has rows of "
                f"shape {output.shape[1:]}."
            )
        if not np.can_cast(output.dtype, dtype, "same_kind"):
            raise DataError(f"{self._name}: its dtype {dtype} cannot hold {output.dtype} outputs.")
        self.end += len(output)
        if self.end > shape[0]:
            raise ShapeError(f"{self._name}: it has {shape[0]} rows, and there are more samples.")
        if self._chunk == 1:
            self._target[self.end - len(output) : self.end] = output
            return
        self._waiting.append(output)
        if self.end // self._chunk > self._start // self._chunk:
            self._write(self.end // self._chunk * self._chunk)

    def finish(self) -> None:
        """Writes what waits for its chunk to be complete."""
        if self._waiting:
            self._write(self.end)

    def _write(self, stop: int) -> None:
        rows = np.concatenate(self._waiting) if len(self._waiting) > 1 else self._waiting[0]
        count = stop - self._start
        self._target[self._start : stop] = rows[:count]
        self._waiting = [rows[count:].copy()] if count < len(rows) else []
        self._start = stop


def sinks_of(out: Any, structure: Any, label: str) -> list[Sink]:
    """Returns a sink for each output.

    Args:
        out: What the outputs are written into, nested as they are.
        structure: The outputs.
        label: How messages call the model.

    Raises:
        ShapeError: If there is not one for each output.
        DataError: If something cannot be written into.
    """
    check_nesting(out, structure, label)
    flat = nest.flatten(out)
    names = [f"{label}: out" + (f"[{i}]" if nest.is_nested(out) else "") for i in range(len(flat))]
    return [Sink(target, name) for target, name in zip(flat, names, strict=True)]


def check_nesting(out: Any, structure: Any, label: str) -> None:
    """Checks that there is something to write into for each output; see `sinks_of`."""
    flat, count = nest.flatten(out), len(nest.flatten(structure))
    if len(flat) != count or nest.is_nested(out) != nest.is_nested(structure):
        received = f"{len(flat)} in a {type(out).__name__}" if nest.is_nested(out) else "one"
        raise ShapeError(
            f"{label}: out must be nested as the model's {count} outputs, received {received}."
        )
