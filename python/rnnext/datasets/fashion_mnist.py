"""Pictures of clothes."""

import gzip as _gzip

import numpy as _np

from rnnext.datasets import _files
from rnnext.errors import FileError as _FileError
from rnnext.utils.download import get_file as _get_file

__all__ = ["load_data"]

_ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


def load_data() -> _files.Split:
    """Returns pictures of clothes and what they show.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 (60000, 28, 28) and (60000,); 10000 of both
        for the test.

    Raises:
        FileError: If a file cannot be downloaded or read.
    """
    return _read("train"), _read("t10k")


def _read(part: str) -> tuple[_files.Array, _files.Array]:
    labels = _bytes_of(f"{part}-labels-idx1-ubyte.gz", header=8)
    pictures = _bytes_of(f"{part}-images-idx3-ubyte.gz", header=16)
    return pictures.reshape(len(labels), 28, 28), labels


def _bytes_of(name: str, header: int) -> _files.Array:
    path = _get_file(name, _ORIGIN + name, cache_subdir="datasets/fashion-mnist")
    try:
        with _gzip.open(path, "rb") as file:
            return _np.frombuffer(file.read(), _np.uint8, offset=header)
    except (OSError, EOFError, ValueError) as error:
        raise _FileError(f"{path}: cannot read it: {error}") from error
