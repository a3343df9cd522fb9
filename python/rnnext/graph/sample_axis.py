"""Which graphs can be run on a part of their samples: those with samples on the first axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnext.graph.graph import Graph
from rnnext.graph.tensor import KerasTensor

__all__ = ["samples_elsewhere"]

_MOVE_AXES = ("Transpose", "Swapaxes", "Moveaxis")


def samples_elsewhere(graph: Graph) -> str | None:
    """Returns the name of what has its samples on another axis than the first, or None.

    That is an operation that moves the first axis, or an input or output whose first axis has a
    known size and another one has not. (Where all inputs have known first sizes, these are batch
    sizes.) Such a graph must not be run on a part of the first axis.
    """
    if any(tensor.shape[:1] == (None,) for tensor in graph.inputs):
        for tensor in (*graph.inputs, *graph.outputs):
            if tensor.shape[:1] != (None,) and None in tensor.shape:
                return str(tensor.source.operation.name)
    for node in graph.nodes:
        operation = node.operation
        if operation.samples_elsewhere or _moves_first_axis(operation, node.input_tensors):
            return str(node.operation.name)
    return None


def _moves_first_axis(operation: Any, inputs: list[KerasTensor]) -> bool:
    if type(operation).__name__ not in _MOVE_AXES:
        return False
    sizes = range(
        2, 2 + len(inputs[0].shape)
    )  # all different, so that an axis is known by its size
    moved: bool = operation.call(np.empty(sizes, np.int8)).shape[0] != sizes[0]
    return moved
