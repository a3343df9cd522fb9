"""Predicting from batches that a program makes: a generator, a PyDataset, a data loader."""

from __future__ import annotations

import array
import itertools
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest
from rnnext.errors import DataError, ShapeError, UnsupportedError
from rnnext.models.batching import append_all, progress_of
from rnnext.models.sources import Sink, is_source, sinks_of

__all__ = ["are_batches", "check_steps", "predict_batches", "rows_of_steps"]

# Iterables that hold the numbers of one array, or several arrays.
_ARRAY_LIKE = (Sequence, Mapping, np.ndarray, memoryview, array.array)


def are_batches(x: Any) -> bool:
    """Tells whether an input of `predict` yields batches, where others are arrays."""
    if isinstance(x, _ARRAY_LIKE) or not isinstance(x, Iterable):
        return False
    return not is_source(x) and not any(
        hasattr(x, name) for name in ("__array__", "__array_interface__", "__dlpack__")
    )


def check_steps(steps: Any, label: str) -> int:
    """Returns how many batches to predict for.

    Raises:
        UnsupportedError: If it is no positive integer.
    """
    is_integer = isinstance(steps, (int, np.integer)) and not isinstance(steps, bool)
    if not is_integer or steps < 1:
        raise UnsupportedError(
            f"{label}: predict needs steps to be an integer >= 1 or None, received {steps!r}."
        )
    return int(steps)


def check_callbacks(callbacks: Any, label: str) -> None:
    """Refuses callbacks that act in predict; most, such as EarlyStopping, do nothing there.

    Raises:
        UnsupportedError: If one has a method for predict, or is no callback.
    """
    from rnnext.callbacks import Callback

    names = ("begin", "end", "batch_begin", "batch_end")
    hooks = [getattr(Callback, f"on_predict_{name}") for name in names]
    acting = [
        callback
        for callback in nest.flatten(callbacks)
        if [getattr(type(callback), hook.__name__, None) for hook in hooks] != hooks
    ]
    if acting:
        raise UnsupportedError(
            f"{label}: predict with callbacks={acting!r} is not supported; accepted are None and "
            "callbacks without methods on_predict_begin, on_predict_end, on_predict_batch_begin "
            "and on_predict_batch_end."
        )


def rows_of_steps(steps: int, batch_size: int | None, rows: int, label: str) -> tuple[int, int]:
    """Returns the batch size and the number of rows to predict for, as Keras takes them.

    Args:
        steps: Number of batches.
        batch_size: None: so that the batches hold all rows.
        rows: How many there are.
        label: How warnings call the model.
    """
    size = batch_size or max(-(-rows // steps), 1)
    if -(-rows // size) < steps and batch_size is not None:
        _warn_of_few(label, steps, -(-rows // size))
    return size, min(steps * size, rows)


def predict_batches(
    predict: Callable[[Any], Any],
    batches: Iterable[Any],
    steps: int | None,
    verbose: int,
    label: str,
    out: Any = None,
) -> NDArray[Any]:
    """Returns the outputs for all samples of some batches, one of which is in memory at a time.

    Args:
        predict: Computes the outputs of a batch.
        batches: Each the inputs, or `(inputs,)`, `(inputs, targets)`, or
            `(inputs, targets, sample_weights)`, as a tuple or a list.
        steps: How many batches to take; None: all.
        verbose: 1 shows a progress bar on the standard output, 2 only its last line.
        label: How error messages call the model.
        out: What the outputs are written into, and what is returned; None: new arrays.

    Raises:
        DataError: If there is no batch, or one is none of these.
        ShapeError: If the outputs of two batches differ in more than the number of samples.
    """
    progress = progress_of(steps or _length(batches), verbose) if verbose else None
    structure: Any = None
    parts: list[list[NDArray[Any]]] = []
    sinks: list[Sink] | None = None
    found = 0
    for batch in itertools.islice(batches, steps):
        structure = predict(_inputs_of(batch, label))
        if out is None:
            parts.append(nest.flatten(structure))
        else:
            sinks = sinks or sinks_of(out, structure, label)
            append_all(sinks, nest.flatten(structure))
        if progress is not None:
            progress.on_predict_batch_end(found)
        found += 1
    if not found:
        raise DataError(f"{label}: predict received no batch.")
    if progress is not None:
        progress.on_predict_end()
    if steps is not None and found < steps:
        _warn_of_few(label, steps, found)
    if sinks is not None:
        for sink in sinks:
            sink.finish()
            sink.check_rows(sink.end)
        return out  # type: ignore[no-any-return]
    outputs = [_joined(list(arrays), label) for arrays in zip(*parts, strict=True)]
    packed: NDArray[Any] = nest.pack_like(structure, outputs)
    return packed


def _length(batches: Any) -> int | None:
    """How many batches there will be, where that is known."""
    try:
        return len(batches)
    except TypeError:  # no len, or that of a Dataset whose length is not known
        return None


def _inputs_of(batch: Any, label: str) -> Any:
    if not isinstance(batch, (tuple, list)):
        return batch
    if not 1 <= len(batch) <= 3:
        raise DataError(
            f"{label}: expected batches (inputs,), (inputs, targets) or (inputs, targets, "
            f"sample_weights), received {len(batch)} values; several inputs go into a tuple of "
            "their own."
        )
    return batch[0]


def _joined(arrays: list[NDArray[Any]], label: str) -> NDArray[Any]:
    shapes = {array.shape[1:] for array in arrays}
    if len(shapes) > 1:
        raise ShapeError(
            f"{label}: the outputs of the batches cannot be joined; they have shapes "
            f"{sorted({array.shape for array in arrays})}. Pad the inputs to one length, or call "
            "predict for each batch."
        )
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _warn_of_few(label: str, steps: int, found: int) -> None:
    warnings.warn(
        f"{label}: predict with steps={steps} received {found} batches only.", stacklevel=5
    )
