"""Datasets that a program writes as a class: one batch for each index."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

__all__ = ["PyDataset"]


class PyDataset:
    """Base class of datasets whose batches are computed when they are asked for.

    A subclass defines `__getitem__(index)`, which returns a whole batch, and `__len__`, the number
    of batches. Keras 2 calls the class `Sequence`.

    Args:
        workers: Kept; batches are made one after the other, in the calling thread.
        use_multiprocessing: Kept.
        max_queue_size: Kept.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import Dense, Input
        >>> from rnnext.models import Sequential
        >>> class Halves(PyDataset):
        ...     def __len__(self):
        ...         return 2
        ...     def __getitem__(self, index):
        ...         return np.full((3, 4), index, "float32")
        >>> Sequential([Input((4,)), Dense(2)]).predict(Halves()).shape
        (6, 2)
    """

    workers = 1
    use_multiprocessing = False
    max_queue_size = 10

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ) -> None:
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    def __getitem__(self, index: int) -> Any:
        """Returns a batch: inputs, or `(inputs, targets)`, or with sample weights as well."""
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__(index).")

    def __iter__(self) -> Iterator[Any]:
        """Yields the batches in order; without end if `num_batches` is None."""
        count = self.num_batches
        for index in itertools.count() if count is None else range(count):
            yield self[index]

    @property
    def num_batches(self) -> int | None:
        """The number of batches: `len(self)`; a subclass returns None for an endless dataset."""
        if not hasattr(self, "__len__"):
            raise NotImplementedError(f"{type(self).__name__} must define __len__ or num_batches.")
        return len(self)

    def on_epoch_begin(self) -> None:
        """Is called before the first batch of an epoch."""

    def on_epoch_end(self) -> None:
        """Is called after the last batch of an epoch."""
