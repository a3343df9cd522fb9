"""Running a model over many samples: in batches, in bounded memory, with a progress bar."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext.errors import ShapeError, UnsupportedError

if TYPE_CHECKING:
    from rnnext.callbacks.callback_list import ProgbarLogger
    from rnnext.models.sources import Sink

__all__ = [
    "append_all",
    "check_batch_size",
    "check_rows",
    "progress_of",
    "rows_within_memory",
    "run_in_batches",
]

Arrays = list[NDArray[Any]]

# What the intermediate results of one internal batch may take.
_MEMORY_BYTES = 64 * 2**20
# Batches are multiples of this, which the kernels' register tiles divide.
_ROW_UNIT = 32


def rows_within_memory(bytes_per_row: int) -> int:
    """Returns how many samples to run at once, where the caller leaves it open."""
    rows = _MEMORY_BYTES // max(bytes_per_row, 1)
    return max(rows // _ROW_UNIT * _ROW_UNIT, _ROW_UNIT)


def check_batch_size(batch_size: Any, label: str) -> int:
    """Returns `batch_size` as an int.

    Raises:
        UnsupportedError: If it is not a positive integer.
    """
    is_integer = isinstance(batch_size, (int, np.integer)) and not isinstance(batch_size, bool)
    if not is_integer or batch_size < 1:
        raise UnsupportedError(
            f"{label}: batch_size must be an integer >= 1 or None, received {batch_size!r}."
        )
    return int(batch_size)


def run_in_batches(
    run: Callable[[Arrays], Arrays],
    inputs: Arrays,
    batch_size: int,
    verbose: int,
    label: str,
    sinks: list[Sink] | None = None,
) -> Arrays:
    """Applies `run` to consecutive rows and returns the results for all rows.

    Args:
        run: Computes outputs (b, ...) from inputs (b, ...).
        inputs: Arrays, or `Rows`, (N, ...) of the same N.
        batch_size: Rows in one call of `run`.
        verbose: 1 shows a progress bar on the standard output, 2 only its last line.
        label: How error messages call the model.
        sinks: What the outputs are written into; None: new arrays, which are returned.

    Raises:
        ShapeError: If the inputs differ in N, an output has not one row for each sample, or a sink
            does not fit.
    """
    rows = {len(array) for array in inputs}
    if len(rows) != 1:
        raise ShapeError(
            f"{label}: its inputs must have the same number of samples, received shapes "
            f"{[array.shape for array in inputs]}."
        )
    total = rows.pop()
    for sink in sinks or ():
        sink.check_rows(total)
    progress = progress_of(max(-(-total // batch_size), 1), verbose) if verbose else None
    results: Arrays = []
    for batch, start in enumerate(range(0, max(total, 1), batch_size)):
        stop = min(start + batch_size, total)
        outputs = run([array[start:stop] for array in inputs])
        check_rows(outputs, stop - start, label)
        if sinks is not None:
            append_all(sinks, outputs)
        elif stop - start == total:
            results = outputs
        else:
            results = results or [np.empty((total, *y.shape[1:]), y.dtype) for y in outputs]
            for result, output in zip(results, outputs, strict=True):
                _store(result, slice(start, stop), output, label)
        if progress is not None:
            progress.on_predict_batch_end(batch)
    for sink in sinks or ():
        sink.finish()
    if progress is not None:
        progress.on_predict_end()
    return results


def append_all(sinks: list[Sink], outputs: Arrays) -> None:
    """Gives each output to its sink."""
    for sink, output in zip(sinks, outputs, strict=True):
        sink.append(output)


def progress_of(steps: int | None, verbose: int) -> ProgbarLogger:
    """Returns a progress bar of prediction, as `fit` has it.

    Args:
        steps: Number of batches; None if it is unknown.
        verbose: 1 a bar, 2 one line.
    """
    from rnnext.callbacks.callback_list import ProgbarLogger

    logger = ProgbarLogger()
    logger.set_params({"verbose": verbose, "epochs": 1, "steps": steps})
    logger.on_predict_begin()
    return logger


def check_rows(outputs: Arrays, samples: int, label: str) -> None:
    """Checks that outputs have one row for each sample.

    Raises:
        ShapeError: If one has not.
    """
    for output in outputs:
        if output.ndim == 0 or len(output) != samples:
            raise ShapeError(f"{label}: an output has shape {output.shape} for {samples} samples.")


def _store(result: NDArray[Any], rows: slice, output: NDArray[Any], label: str) -> None:
    if output.shape[1:] != result.shape[1:]:
        raise ShapeError(
            f"{label}: an output has shape {output.shape[1:]} for samples {rows.start} to "
            f"{rows.stop}, and {result.shape[1:]} for those before."
        )
    result[rows] = output
