"""The files of data sets: where they come from, and how they are read without executing them."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from rnnext.errors import FileError
from rnnext.utils.download import get_file

__all__ = ["Split", "fetch", "read_npz", "unpickle"]

Array = NDArray[Any]
Split = tuple[tuple[Array, Array], tuple[Array, Array]]  # (x_train, y_train), (x_test, y_test)

_ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
# What an array of lists is pickled with, in NumPy 1 and 2.
_PICKLED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
}


def fetch(path: str | os.PathLike[str], name: str, file_hash: str) -> str:
    """Returns the path of one of Keras's data files.

    Args:
        path: Its name in the cache; or an absolute path: an existing file is taken as it is, a
            missing one is downloaded to there.
        name: Its name where Keras keeps it.
        file_hash: Its hash.
    """
    path = os.fspath(path)
    if not os.path.isabs(path):
        return get_file(path, _ORIGIN + name, file_hash=file_hash)
    if os.path.isfile(path):
        return path
    folder, own_name = os.path.split(path)
    return get_file(own_name, _ORIGIN + name, file_hash=file_hash, cache_subdir=folder)


def read_npz(path: str, names: tuple[str, ...]) -> list[Array]:
    """Returns arrays of an `.npz` file, which may be arrays of lists.

    Raises:
        FileError: If the file is damaged, misses an array, or holds other objects.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return [_read_array(archive.read(f"{name}.npy")) for name in names]
    except (OSError, KeyError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise FileError(
            f"{path}: cannot read the arrays {names} of the data set: {error}"
        ) from error
    except zipfile.BadZipFile as error:
        raise FileError(f"{path} is no .npz file: {error}") from error


def _read_array(data: bytes) -> Array:
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    read_header = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    dtype = read_header(stream)[2]
    if dtype.hasobject:
        array: Array = unpickle(stream)
        return array
    stream.seek(0)
    plain: Array = np.lib.format.read_array(stream, allow_pickle=False)
    return plain


def unpickle(stream: IO[bytes], encoding: str = "ASCII") -> Any:
    """Returns an object of arrays, lists, dictionaries, numbers and texts.

    Raises:
        pickle.UnpicklingError: If it holds anything else.
    """
    return _ArraysOnly(stream, encoding=encoding).load()


class _ArraysOnly(pickle.Unpickler):
    """Reads what NumPy pickles arrays with and nothing that could run code."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _PICKLED:
            raise pickle.UnpicklingError(f"{module}.{name} has no place in a data set.")
        return super().find_class(module, name)
