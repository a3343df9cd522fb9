"""Predictions of Dask arrays: `rnnext.dask.predict(model, x)`; needs the package `dask`.

Nothing is computed until Dask computes. Each block of samples is one task, and the model is one
more, which each worker fetches once. Workers of `dask.distributed` are started with
OMP_NUM_THREADS=1, which rnnext obeys, so their threads do not oversubscribe the processors.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from rnnext import nest
from rnnext.errors import DataError, ShapeError, UnsupportedError
from rnnext.packages import load_package

__all__ = ["predict"]

TASK_NAME = "rnnext-predict"  # of all tasks of a block: Dask joins those of two names by a third


def predict(model: Any, x: Any, batch_size: int | None = None) -> Any:
    """Returns the model's outputs for Dask arrays, as Dask arrays.

    Args:
        model: A functional model or a Sequential that knows its input's shape.
        x: A Dask array (N, ...), or a list or dictionary of them for several inputs, whose samples
            are cut at the same places. What is cut along another axis is joined first.
        batch_size: Samples that a task runs at once; see `Model.predict`.

    Returns:
        Dask arrays (N, ...) nested as the model's outputs, cut where `x` is.

    Raises:
        DataError: If `x` is no Dask array.
        ShapeError: If its shape does not fit the model, or inputs are cut at different places.
        UnsupportedError: If the model is not connected, or keeps states from call to call.
        MissingPackageError: If Dask is not installed.

    Example:
        >>> import dask.array
        >>> import rnnext.dask
        >>> from rnnext.layers import LSTM, Input
        >>> model = rnnext.Sequential([Input((5, 3)), LSTM(2)])
        >>> y = rnnext.dask.predict(model, dask.array.ones((10, 5, 3), chunks=(4, 5, 3)))
        >>> y.chunks, y.compute().shape
        (((4, 4, 2), (2,)), (10, 2))
    """
    dask = load_package("dask", "rnnext.dask", "'rnnext[dask]'")
    arrays = load_package("dask.array", "rnnext.dask", "'rnnext[dask]'")
    network = _network_of(model)
    inputs = [_whole_samples(value, arrays) for value in network.ports.values(x)]
    cuts = {value.chunks[0] for value in inputs}
    if len(cuts) > 1:
        raise ShapeError(
            f"rnnext.dask.predict: inputs of {model.label} are cut at different places, "
            f"{sorted(map(len, cuts))} blocks; rechunk them alike along the samples."
        )
    answers = _answers(dask, arrays, model, inputs, batch_size)
    parts = [
        _output(dask, arrays, answers, i, inputs[0].chunks[0], output)
        for i, output in enumerate(_symbolic_outputs(network, inputs))
    ]
    return nest.pack_like(network.outputs, parts) if nest.is_nested(network.outputs) else parts[0]


def _network_of(model: Any) -> Any:
    network = getattr(model, "network", None)
    if network is None:
        label = getattr(model, "label", repr(model))
        raise UnsupportedError(
            f"rnnext.dask.predict: {label} is not connected; accepted are functional models and "
            "Sequentials that know their input's shape."
        )
    if any(operation.stateful for operation in network.graph.operations):
        raise UnsupportedError(
            f"rnnext.dask.predict: {model.label} has a layer with stateful=True, whose answer "
            "depends on the order of the tasks; accepted is stateful=False."
        )
    return network


def _whole_samples(x: Any, arrays: Any) -> Any:
    """A Dask array that is cut along the samples alone."""
    if not isinstance(x, arrays.Array) or x.ndim == 0:
        raise DataError(
            f"rnnext.dask.predict: expected a Dask array with an axis of samples, received "
            f"{type(x).__name__!r}; dask.array.from_array makes one."
        )
    is_whole = max(x.numblocks[1:], default=1) == 1
    return x if is_whole else x.rechunk(dict.fromkeys(range(1, x.ndim), -1))


def _symbolic_outputs(
    network: Any, inputs: list[Any]
) -> list[tuple[tuple[int, ...], np.dtype[Any]]]:
    """Shape of a sample and dtype of each output, from a run with no more than one sample."""
    sample = [np.zeros((1, *value.shape[1:]), value.dtype) for value in inputs]
    found = nest.flatten(network.predict(sample if len(sample) > 1 else sample[0], None, 0))
    return [(y.shape[1:], y.dtype) for y in found]


def _answers(dask: Any, arrays: Any, model: Any, inputs: list[Any], batch_size: int | None) -> Any:
    """A Dask array with one element for each block of samples: the list of the outputs for it.

    It has an axis for the samples and one for each other axis of the inputs, because Dask makes one
    task of reading a block and of computing with it only where no axis is lost. Two tasks would
    let a worker wait for the scheduler between them, a quarter of the time of a short block.
    """
    axes = iter(range(1, 1 + sum(value.ndim - 1 for value in inputs)))
    indices = [(0, *(next(axes) for _ in range(value.ndim - 1))) for value in inputs]
    kept = sorted({axis for index in indices for axis in index})
    return arrays.blockwise(
        _predict_block,
        kept,
        *(argument for pair in zip(inputs, indices, strict=True) for argument in pair),
        model=dask.delayed(model, pure=True),  # one task: its result goes to each worker once
        batch_size=batch_size,
        token=TASK_NAME,
        adjust_chunks=dict.fromkeys(kept, 1),
        align_arrays=False,
        dtype=object,
        meta=np.empty((0,) * len(kept), object),
    )


def _predict_block(*x: Any, model: Any, batch_size: int | None) -> list[Any]:
    """A task: the outputs for one block of samples, flat."""
    return nest.flatten(model.predict(list(x) if len(x) > 1 else x[0], batch_size=batch_size))


def _output(dask: Any, arrays: Any, answers: Any, i: int, sizes: Any, output: Any) -> Any:
    """Output number `i` of the model as a Dask array whose blocks have `sizes` samples."""
    shape, dtype = output
    name = f"{TASK_NAME}-{dask.base.tokenize(answers.name, i)}"
    rest = (0,) * (answers.ndim - 1)
    tasks = {
        (name, block, *(0 for _ in shape)): (operator.getitem, (answers.name, block, *rest), i)
        for block in range(len(sizes))
    }
    graph = dask.highlevelgraph.HighLevelGraph.from_collections(name, tasks, dependencies=[answers])
    return arrays.Array(graph, name, (sizes, *((size,) for size in shape)), dtype=dtype)
