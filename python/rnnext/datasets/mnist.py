"""Handwritten digits."""

from rnnext.datasets import _files

__all__ = ["load_data"]


def load_data(path: str = "mnist.npz") -> _files.Split:
    """Returns pictures of handwritten digits and what they show.

    Args:
        path: Name of the file in the cache, or an absolute path.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 (60000, 28, 28) and (60000,); 10000 of both
        for the test.

    Raises:
        FileError: If the file cannot be downloaded or read.

    Example:
        >>> import os, tempfile
        >>> import numpy as np
        >>> path = os.path.join(tempfile.mkdtemp(), "small.npz")
        >>> x, y = np.zeros((5, 28, 28), "uint8"), np.arange(5)
        >>> np.savez(path, x_train=x[:3], y_train=y[:3], x_test=x[3:], y_test=y[3:])
        >>> (x_train, y_train), (x_test, y_test) = load_data(path)
        >>> x_train.shape, y_test
        ((3, 28, 28), array([3, 4]))
    """
    file = _files.fetch(
        path, "mnist.npz", "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
    )
    names = ("x_train", "y_train", "x_test", "y_test")
    x_train, y_train, x_test, y_test = _files.read_npz(file, names)
    return (x_train, y_train), (x_test, y_test)
