"""The lines of text files as a dataset."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from rnnext.autodiff.watchable import watchable
from rnnext.tensorflow.data.dataset import UNKNOWN_CARDINALITY, Dataset

__all__ = ["TextLineDataset"]


class TextLineDataset(Dataset):
    """The lines of text files in UTF-8, without their ends.

    Args:
        filenames: A file, or several.
        **options: TensorFlow's, of which none changes the lines.
    """

    def __init__(self, filenames: Any, **options: Any) -> None:  # noqa: ARG002
        paths = [filenames] if isinstance(filenames, (str, os.PathLike)) else list(filenames)
        super().__init__(lambda: _lines(paths), UNKNOWN_CARDINALITY)


def _lines(paths: list[Any]) -> Iterator[Any]:
    for path in paths:
        with open(os.fspath(path), encoding="utf-8", newline="") as file:
            for line in file:
                yield watchable(np.asarray(line.rstrip("\r\n")))
