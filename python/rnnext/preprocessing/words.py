"""Texts cut into words, and words numbered by a hash."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

from rnnext.errors import UnsupportedError

__all__ = ["PUNCTUATION", "hashing_trick", "one_hot", "text_to_word_sequence"]

# All ASCII punctuation but the apostrophe, the tab and the end of a line.
PUNCTUATION = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'


def text_to_word_sequence(
    input_text: str, filters: Iterable[str] = PUNCTUATION, lower: bool = True, split: str = " "
) -> list[str]:
    """Returns the words of a text.

    Args:
        input_text: The text.
        filters: Characters that separate words as `split` does.
        lower: Whether to make the text lower case.
        split: What separates words.

    Example:
        >>> text_to_word_sequence("The cat's hat, the mat.")
        ['the', "cat's", 'hat', 'the', 'mat']
    """
    text = input_text.lower() if lower else input_text
    separators: dict[str, str | int | None] = dict.fromkeys(filters, split)
    return [word for word in text.translate(str.maketrans(separators)).split(split) if word]


def hashing_trick(
    text: str,
    n: int,
    hash_function: Callable[[str], int] | str | None = None,
    filters: Iterable[str] = PUNCTUATION,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable[[str], Iterable[str]] | None = None,
) -> list[int]:
    """Returns a number from 1 to `n - 1` for each word of a text; words may share a number.

    Args:
        text: The text.
        n: Numbers are below this; at least 2.
        hash_function: Maps a word to an integer. None: Python's `hash`, which differs from process
            to process; `"md5"`: the same everywhere.
        filters: As for `text_to_word_sequence`, like `lower` and `split`.
        lower: As there.
        split: As there.
        analyzer: Cuts the text into words in place of `text_to_word_sequence`.

    Raises:
        UnsupportedError: If `n` or the hash function is not one of these.

    Example:
        >>> hashing_trick("to be or not to be", 50, hash_function="md5")
        [15, 5, 8, 36, 15, 5]
    """
    if n < 2:
        raise UnsupportedError(f"hashing_trick: n must be 2 or more, received {n!r}.")
    hashed = _hash_function(hash_function)
    if analyzer is None:
        words: Iterable[str] = text_to_word_sequence(text, filters, lower, split)
    else:
        words = analyzer(text)
    return [hashed(word) % (n - 1) + 1 for word in words]


def _hash_function(given: Any) -> Callable[[str], int]:
    if given is None:
        return hash
    if given == "md5":
        return lambda word: int(hashlib.md5(word.encode(), usedforsecurity=False).hexdigest(), 16)
    if callable(given):
        function: Callable[[str], int] = given
        return function
    raise UnsupportedError(
        f"hashing_trick: hash_function must be None, 'md5' or a function, received {given!r}."
    )


def one_hot(
    input_text: str,
    n: int,
    filters: Iterable[str] = PUNCTUATION,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable[[str], Iterable[str]] | None = None,
) -> list[int]:
    """Returns `hashing_trick` of a text with Python's `hash`.

    The numbers differ from process to process unless PYTHONHASHSEED is set.

    Args:
        input_text: The text.
        n: Numbers are below this; at least 2.
        filters: As for `hashing_trick`, like all that follows.
        lower: As there.
        split: As there.
        analyzer: As there.

    Example:
        >>> a, b, c = one_hot("yes no yes", 100)
        >>> a == c
        True
    """
    return hashing_trick(input_text, n, hash, filters, lower, split, analyzer)
