"""Small photographs of ten kinds of things."""

import numpy as _np

from rnnext.datasets import _cifar, _files

__all__ = ["load_data"]

_HASH = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"


def load_data() -> _files.Split:
    """Returns small photographs and what they show, from 0 (airplane) to 9 (truck).

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 (50000, 32, 32, 3) and (50000, 1); 10000 of
        both for the test.

    Raises:
        FileError: If the archive cannot be downloaded or read.
    """
    train, test = (
        _cifar.read_parts("cifar-10-batches-py", _HASH, parts, "labels")
        for parts in ([f"data_batch_{i}" for i in range(1, 6)], ["test_batch"])
    )
    return (train[0], train[1].astype(_np.uint8)), (test[0], test[1].astype(_np.uint8))
