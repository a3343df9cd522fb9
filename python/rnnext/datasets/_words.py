"""Texts as word numbers: what the data sets IMDB and Reuters have in common."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.datasets._files import fetch
from rnnext.errors import UnsupportedError

__all__ = ["as_lists", "limited", "marked", "only_shorter", "read_word_index"]


def marked(texts: Iterable[Any], start_char: int | None, index_from: int | None) -> list[list[int]]:
    """Returns texts with their numbers raised and a mark in front."""
    start = [] if start_char is None else [start_char]
    offset = index_from or 0
    return [[*start, *(word + offset for word in text)] for text in texts]


def only_shorter(
    maxlen: int | None, texts: list[list[int]], labels: Any
) -> tuple[list[list[int]], Any]:
    """Returns the texts of fewer than `maxlen` words, and their labels.

    Raises:
        UnsupportedError: If there is none.
    """
    if not maxlen:
        return texts, labels
    kept = [i for i, text in enumerate(texts) if len(text) < maxlen]
    if not kept:
        raise UnsupportedError(f"no text is shorter than maxlen={maxlen}; increase maxlen.")
    return [texts[i] for i in kept], [labels[i] for i in kept]


def limited(
    texts: Sequence[list[int]], num_words: int | None, skip_top: int, oov_char: int | None
) -> list[list[int]]:
    """Returns texts whose numbers from `skip_top` to below `num_words` are kept.

    Others become `oov_char`, or are left out if it is None.
    """
    end = num_words or max(max(text) for text in texts)
    if oov_char is None:
        return [[word for word in text if skip_top <= word < end] for text in texts]
    return [[word if skip_top <= word < end else oov_char for word in text] for text in texts]


def as_lists(texts: list[list[int]]) -> NDArray[Any]:
    """Returns an array of lists."""
    return np.array(texts, dtype="object")


def read_word_index(path: str, name: str, file_hash: str) -> dict[str, int]:
    """Returns the number of each word."""
    with open(fetch(path, name, file_hash), encoding="utf-8") as file:
        index: dict[str, int] = json.load(file)
    return index
