"""Standardising and splitting texts as TextVectorization does: on bytes of UTF-8, as TensorFlow."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest
from rnnext.arrays import as_strings
from rnnext.errors import DataError

__all__ = ["SPLITS", "STANDARDIZATIONS", "ngrams_of", "split_texts", "standardized"]

Array = NDArray[Any]
Tokens = list[bytes]

_PUNCTUATION = string.punctuation.encode()
# TensorFlow lowers ASCII letters alone, and Keras strips ASCII punctuation.
STANDARDIZATIONS: dict[str, Callable[[bytes], bytes]] = {
    "lower": bytes.lower,
    "strip_punctuation": lambda text: text.translate(None, _PUNCTUATION),
    "lower_and_strip_punctuation": lambda text: text.lower().translate(None, _PUNCTUATION),
}


def _characters(text: bytes) -> Tokens:
    """The characters of a text; bytes that are no UTF-8 become the replacement character."""
    return [character.encode() for character in text.decode("utf-8", "replace")]


SPLITS: dict[str, Callable[[bytes], Tokens]] = {
    "whitespace": bytes.split,  # of ASCII, as in TensorFlow: a non-breaking space splits nothing
    "character": _characters,
}


def standardized(texts: Array, how: Any, label: str) -> Array:
    """Returns texts (...) as `standardize` says.

    Args:
        texts: Byte strings.
        how: None, one of `STANDARDIZATIONS`, or a function from an array of str to such an array.
        label: How error messages call the layer.

    Raises:
        DataError: If the function returns anything else.
    """
    if how is None:
        return texts
    if callable(how):
        name = f"{label}: what standardize returned"
        return as_strings(how(_text_array(texts)), name)
    function = STANDARDIZATIONS[how]
    result = np.empty(texts.size, object)
    result[:] = [function(text) for text in texts.ravel().tolist()]
    return result.reshape(texts.shape)


def split_texts(texts: Array, how: Any, label: str) -> list[Tokens]:
    """Returns the tokens of each text, in flat order.

    Args:
        texts: Byte strings.
        how: One of `SPLITS`, or a function from an array (...) of str to its tokens: an array of
            one more axis, or a list or array of lists.
        label: How error messages call the layer.

    Raises:
        DataError: If the function returns anything else.
    """
    if not callable(how):
        function = SPLITS[how]
        return [function(text) for text in texts.ravel().tolist()]
    name = f"{label}: what split returned"
    found = how(_text_array(texts))
    if isinstance(found, np.ndarray) and found.ndim == 0:
        found = found.item()
    if isinstance(found, np.ndarray) and found.ndim > texts.ndim:
        found = found.reshape(-1, found.shape[-1])
    rows = [found] if texts.ndim == 0 and not _is_row_list(found) else list(found)
    if len(rows) != texts.size:
        raise DataError(f"{name}: expected tokens of {texts.size} texts, received {len(rows)}.")
    return [as_strings(list(row), name).tolist() for row in rows]


def _is_row_list(found: Any) -> bool:
    """Whether the first item is itself a row of tokens."""
    first = next(iter(found), None)
    return nest.is_nested(first) or isinstance(first, np.ndarray)


def _text_array(texts: Array) -> Array:
    """Byte strings as an array of str, for functions of the user's."""
    decoded = [text.decode("utf-8", "replace") for text in texts.ravel().tolist()]
    return np.array(decoded, dtype=str).reshape(texts.shape)


def ngrams_of(tokens: Tokens, widths: Sequence[int]) -> Tokens:
    """Returns runs of consecutive tokens of these lengths, joined by spaces."""
    if isinstance(widths, range):  # from 1 on, perhaps far beyond the tokens there are
        widths = widths[: len(tokens)]
    return [
        b" ".join(tokens[start : start + width])
        for width in widths
        for start in range(len(tokens) - width + 1)
    ]
