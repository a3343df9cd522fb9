"""Reviews of films, as word numbers, and whether each is good."""

import numpy as _np

from rnnext.datasets import _files, _splitting, _words

__all__ = ["get_word_index", "load_data"]


def load_data(
    path: str = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
) -> _files.Split:
    """Returns reviews of films as lists of word numbers, and 1 for good ones, 0 for bad ones.

    The more frequent a word, the lower its number.

    Args:
        path: Name of the file in the cache, or an absolute path.
        num_words: Numbers are below this; default: all.
        skip_top: How many of the lowest numbers are left out.
        maxlen: Only reviews shorter than this are returned.
        seed: Seed of the order of the reviews.
        start_char: Stands in front of each review; None: nothing.
        oov_char: Stands for words left out by `num_words` and `skip_top`; None: nothing.
        index_from: Added to the words' own numbers, which are those of `get_word_index`.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: arrays of lists, and labels; 25000 of each.

    Raises:
        FileError: If the file cannot be downloaded or read.
        UnsupportedError: If no review is short enough.

    Example:
        >>> import os, tempfile
        >>> import numpy as np
        >>> path = os.path.join(tempfile.mkdtemp(), "small.npz")
        >>> x, y = np.array([[7, 5], [9]], dtype=object), np.array([1, 0])
        >>> np.savez(path, x_train=x, y_train=y, x_test=x, y_test=y)
        >>> (x_train, y_train), _ = load_data(path, num_words=10)
        >>> sorted(x_train)
        [[1, 2], [1, 2, 8]]
    """
    file = _files.fetch(
        path, "imdb.npz", "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
    )
    names = ("x_train", "y_train", "x_test", "y_test")
    x_train, y_train, x_test, y_test = _files.read_npz(file, names)
    order = _np.random.RandomState(seed)
    x_train, y_train = _splitting.shuffled(order, x_train, y_train)
    x_test, y_test = _splitting.shuffled(order, x_test, y_test)
    train, y_train = _words.only_shorter(
        maxlen, _words.marked(x_train, start_char, index_from), y_train
    )
    test, y_test = _words.only_shorter(
        maxlen, _words.marked(x_test, start_char, index_from), y_test
    )
    texts = _words.limited([*train, *test], num_words, skip_top, oov_char)
    labels = _np.concatenate([y_train, y_test])
    (train, y_train), (test, y_test) = _splitting.split(texts, labels, len(train))
    return (_words.as_lists(train), y_train), (_words.as_lists(test), y_test)


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """Returns the number of each word; `load_data` adds `index_from` to it.

    Args:
        path: Name of the file in the cache, or an absolute path.

    Raises:
        FileError: If the file cannot be downloaded.
    """
    return _words.read_word_index(path, "imdb_word_index.json", "bfafd718b763782e994055a2d397834f")
