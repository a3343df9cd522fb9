"""Keras's base class of data that comes in batches."""

from __future__ import annotations

from typing import Any

__all__ = ["PyDataset"]


class PyDataset:
    """Base class of data in batches; a class of your own has `__len__` and `__getitem__`.

    Args:
        workers: Kept: batches are made where they are asked for.
        use_multiprocessing: Kept.
        max_queue_size: Kept.

    Example:
        >>> import numpy as np
        >>> class Halves(PyDataset):
        ...     def __len__(self):
        ...         return 2
        ...     def __getitem__(self, index):
        ...         return np.zeros((3, 1)), np.zeros(3)
        >>> [x.shape for x, y in Halves()]
        [(3, 1), (3, 1)]
    """

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ) -> None:
        self.workers, self.use_multiprocessing = workers, use_multiprocessing
        self.max_queue_size = max_queue_size

    def __getitem__(self, index: int) -> Any:
        """Returns the batch of this index."""
        raise NotImplementedError(f"{type(self).__name__} has no __getitem__() method.")

    @property
    def num_batches(self) -> int | None:
        """The number of batches; None: without end."""
        return len(self) if hasattr(self, "__len__") else None

    def __iter__(self) -> Any:
        index = 0
        while self.num_batches is None or index < self.num_batches:
            yield self[index]
            index += 1

    def on_epoch_begin(self) -> None:
        """Called before an epoch of training."""

    def on_epoch_end(self) -> None:
        """Called after an epoch of training."""
