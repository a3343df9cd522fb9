"""News of Reuters, as word numbers, and their topics."""

import numpy as _np

from rnnext.datasets import _files, _splitting, _words
from rnnext.errors import UnsupportedError as _UnsupportedError

__all__ = ["get_label_names", "get_word_index", "load_data"]

_LABELS = [
    "cocoa",
    "grain",
    "veg-oil",
    "earn",
    "acq",
    "wheat",
    "copper",
    "housing",
    "money-supply",
    "coffee",
    "sugar",
    "trade",
    "reserves",
    "ship",
    "cotton",
    "carcass",
    "crude",
    "nat-gas",
    "cpi",
    "money-fx",
    "interest",
    "gnp",
    "meal-feed",
    "alum",
    "oilseed",
    "gold",
    "tin",
    "strategic-metal",
    "livestock",
    "retail",
    "ipi",
    "iron-steel",
    "rubber",
    "heat",
    "jobs",
    "lei",
    "bop",
    "zinc",
    "orange",
    "pet-chem",
    "dlr",
    "gas",
    "silver",
    "wpi",
    "hog",
    "lead",
]


def load_data(
    path: str = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
) -> _files.Split:
    """Returns news as lists of word numbers, and the number of the topic of each, 0 to 45.

    The more frequent a word, the lower its number.

    Args:
        path: Name of the file in the cache, or an absolute path.
        num_words: Numbers are below this; default: all.
        skip_top: How many of the lowest numbers are left out.
        maxlen: Only news shorter than this are returned.
        test_split: Share of the news for the test.
        seed: Seed of the order of the news.
        start_char: Stands in front of each text; None: nothing.
        oov_char: Stands for words left out by `num_words` and `skip_top`; None: nothing.
        index_from: Added to the words' own numbers, which are those of `get_word_index`.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: arrays of lists, and labels; 11228 in all.

    Raises:
        FileError: If the file cannot be downloaded or read.
        UnsupportedError: If no text is short enough, or `test_split` is not from 0 to 1.
    """
    if not 0 <= test_split <= 1:
        raise _UnsupportedError(
            f"reuters: test_split must be from 0 to 1, received {test_split!r}."
        )
    file = _files.fetch(
        path, "reuters.npz", "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
    )
    x, y = _splitting.shuffled(
        _np.random.RandomState(seed),
        *_files.read_npz(file, ("x", "y")),
    )
    texts, labels = _words.only_shorter(maxlen, _words.marked(x, start_char, index_from), y)
    texts = _words.limited(texts, num_words, skip_top, oov_char)
    count = int(len(texts) * (1 - test_split))
    (train, y_train), (test, y_test) = _splitting.split(texts, _np.array(labels), count)
    return (_words.as_lists(train), y_train), (_words.as_lists(test), y_test)


def get_word_index(path: str = "reuters_word_index.json") -> dict[str, int]:
    """Returns the number of each word; `load_data` adds `index_from` to it.

    Args:
        path: Name of the file in the cache, or an absolute path.

    Raises:
        FileError: If the file cannot be downloaded.
    """
    return _words.read_word_index(
        path, "reuters_word_index.json", "4d44cc38712099c9e383dc6e5f11a921"
    )


def get_label_names() -> tuple[str, ...]:
    """Returns the names of the topics.

    Example:
        >>> get_label_names()[:3]
        ('cocoa', 'grain', 'veg-oil')
    """
    return tuple(_LABELS)
