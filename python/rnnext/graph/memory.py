"""How much memory a sample takes on its way through a model."""

from __future__ import annotations

import math
from collections import Counter

from rnnext.dtypes import numpy_dtype
from rnnext.graph.graph import Graph

__all__ = ["MemoryEstimate"]


class MemoryEstimate:
    """Bytes of all tensors of a graph for one sample, as a function of the unknown sizes.

    Args:
        graph: The graph; sizes that are None in it are taken from the actual inputs.
    """

    def __init__(self, graph: Graph) -> None:
        # bytes = sum over k of coefficient[k] * size**k, k the number of unknown axes
        self._coefficients: Counter[int] = Counter()
        for node in graph.nodes:
            for tensor in node.outputs:
                known = math.prod(size for size in tensor.shape[1:] if size is not None)
                unknown = tensor.shape[1:].count(None)
                self._coefficients[unknown] += known * numpy_dtype(tensor.dtype).itemsize

    def bytes_per_row(self, shapes: list[tuple[int, ...]]) -> int:
        """Returns the bytes for one sample of inputs of these shapes (batch first)."""
        largest = max((size for shape in shapes for size in shape[1:]), default=1)
        return sum(known * max(largest, 1) ** k for k, known in self._coefficients.items())
