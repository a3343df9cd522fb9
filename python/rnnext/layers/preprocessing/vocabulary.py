"""The vocabularies of lookup layers: from arguments and files, and counted from data."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.arrays import as_array, as_strings
from rnnext.errors import DataError

__all__ = ["Token", "TokenCounts", "tokens_of_array", "tokens_of_path", "tokens_of_text"]

Token = Any  # bytes, or int
"""A term of a vocabulary: bytes of a StringLookup, an integer of an IntegerLookup."""


def tokens_of_array(values: Any, is_text: bool, label: str) -> list[Token]:
    """Returns the terms of a list or array of one axis, or raises DataError."""
    name = f"vocabulary of {label}"
    array = as_strings(values, name) if is_text else as_array(values, name)
    if array.ndim != 1:
        raise DataError(f"{name}: expected a list of terms, received shape {array.shape}.")
    if not is_text and array.dtype.kind not in "iu" and np.any(array != np.floor(array)):
        raise DataError(f"{name}: expected integers, received dtype {array.dtype}.")
    return array.tolist() if is_text else [int(value) for value in array.tolist()]


def tokens_of_path(path: str | os.PathLike[str], is_text: bool, label: str) -> list[Token]:
    """Returns the terms of a file with one on each line, or raises DataError."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise DataError(
            f"vocabulary of {label}: {os.fspath(path)!r} cannot be read: {error.strerror}"
        ) from error
    lines = content.replace(b"\r", b"").split(b"\n")
    return _terms(lines[:-1] if lines[-1] == b"" else lines, is_text, label)


def tokens_of_text(content: bytes, size: int | None, is_text: bool, label: str) -> list[Token]:
    """Returns the terms that Keras wrote into an archive, special ones first.

    Keras joins them by line feeds and reads them back by Python's `splitlines`, which also splits
    at other characters, and drops empty terms at the end. Here they are those it wrote.

    Args:
        content: The file.
        size: How many terms the layer's config speaks of, if it does.
        is_text: Whether they are strings.
        label: How error messages call the layer.

    Raises:
        DataError: If there is another number of them, or one is no integer and must be.
    """
    lines = content.split(b"\n")
    if len(lines) > 1 and all(line.endswith(b"\r") for line in lines[:-1]):
        lines = [line.removesuffix(b"\r") for line in lines]  # written on Windows
    if size is not None and len(lines) != size:
        raise DataError(
            f"{label}: its vocabulary file has {len(lines)} lines, and vocabulary_size is {size}: "
            "a term with a line feed in it cannot be told from two terms."
        )
    return _terms(lines, is_text, label)


def _terms(lines: Sequence[bytes], is_text: bool, label: str) -> list[Token]:
    if is_text:
        return list(lines)
    try:
        return [int(line) for line in lines]
    except ValueError as error:
        raise DataError(f"vocabulary of {label}: expected an integer a line: {error}") from error


class TokenCounts:
    """How often each term occurs, and in how many documents."""

    def __init__(self) -> None:
        self.tokens: Counter[Token] = Counter()
        self._documents_with: Counter[Token] = Counter()
        self._documents = 0

    def add(self, documents: Iterable[Sequence[Token]]) -> None:
        """Counts the terms of documents."""
        for document in documents:
            self._documents += 1
            self.tokens.update(document)
            self._documents_with.update(set(document))

    def most_frequent(self, count: int | None, without: Sequence[Token]) -> list[Token]:
        """Returns the terms by falling frequency; equally frequent ones from the last to the first.

        Args:
            count: How many at most.
            without: Terms to leave out.
        """
        found = [token for token in self.tokens if token not in without]
        found.sort(key=lambda token: (self.tokens[token], token), reverse=True)
        return found[:count]

    def inverse_document_frequencies(self, tokens: Sequence[Token]) -> NDArray[Any]:
        """Returns log(1 + documents / (1 + documents with the term)) for each term."""
        weights = [math.log(1 + self._documents / (1 + self._documents_with[t])) for t in tokens]
        return np.array(weights, np.float32)
