"""Pictures of the data sets CIFAR-10 and CIFAR-100."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.datasets._files import unpickle
from rnnext.errors import FileError
from rnnext.utils.download import get_file

__all__ = ["read_parts"]

_ORIGIN = "https://www.cs.toronto.edu/~kriz/"
_ARCHIVES = {
    "cifar-10-batches-py": "cifar-10-python.tar.gz",
    "cifar-100-python": "cifar-100-python.tar.gz",
}


def read_parts(
    name: str, file_hash: str, parts: list[str], labels: str
) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Returns pictures (N, 32, 32, 3) and labels (N, 1) of some files of an archive.

    Args:
        name: Of the folder in the archive.
        file_hash: Of the archive.
        parts: Names of files in it.
        labels: What the files call the labels.

    Raises:
        FileError: If a file is damaged.
    """
    folder = get_file(
        f"{name}-target", f"{_ORIGIN}{_ARCHIVES[name]}", extract=True, file_hash=file_hash
    )
    pictures, numbers = [], []
    for part in parts:
        path = Path(folder) / name / part
        try:
            with open(path, "rb") as file:
                content = unpickle(file, encoding="bytes")
            pictures.append(content[b"data"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
            numbers += content[labels.encode()]
        except (OSError, KeyError, ValueError, EOFError, pickle.UnpicklingError) as error:
            raise FileError(f"{path}: cannot read the pictures: {error}") from error
    return np.concatenate(pictures), np.array(numbers).reshape(-1, 1)
