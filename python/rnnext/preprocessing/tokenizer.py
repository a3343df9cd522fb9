"""Keras's `Tokenizer`: numbers for the words of texts, by how often they occur."""

from __future__ import annotations

import json
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.errors import DataError, UnsupportedError
from rnnext.preprocessing.words import PUNCTUATION, text_to_word_sequence

__all__ = ["Tokenizer", "tokenizer_from_json"]

_MODES = ("binary", "count", "freq", "tfidf")


class Tokenizer:
    """Numbers the words of texts: 1 for the most frequent one, or for `oov_token` if there is one.

    Number 0 stands for no word.

    Args:
        num_words: Only numbers below this are used.
        filters: Characters that separate words as `split` does.
        lower: Whether to make texts lower case.
        split: What separates words.
        char_level: Whether each character is a word.
        oov_token: Stands for words without a number; without it they are left out.
        analyzer: Cuts a text into words in place of `text_to_word_sequence`.
        **kwargs: `document_count`, as in a config; `nb_words`, Keras 1's name for `num_words`.

    Attributes:
        word_index: The number of each word.
        index_word: The word of each number.
        word_counts: How often each word occurred.
        word_docs: In how many texts each word occurred.
        index_docs: The same by number.
        document_count: How many texts there were.

    Example:
        >>> tokenizer = Tokenizer(oov_token="?")
        >>> tokenizer.fit_on_texts(["The cat.", "The dog!"])
        >>> tokenizer.word_index
        {'?': 1, 'the': 2, 'cat': 3, 'dog': 4}
        >>> tokenizer.texts_to_sequences(["the big dog"])
        [[2, 1, 4]]
    """

    def __init__(
        self,
        num_words: int | None = None,
        filters: Iterable[str] = PUNCTUATION,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
        analyzer: Callable[[str], Iterable[str]] | None = None,
        **kwargs: Any,
    ) -> None:
        num_words = kwargs.pop("nb_words", num_words)
        self.document_count: int = kwargs.pop("document_count", 0)
        if kwargs:
            raise UnsupportedError(f"Tokenizer has no options {sorted(kwargs)}.")
        self.num_words = num_words
        self.filters = filters
        self.lower = lower
        self.split = split
        self.char_level = char_level
        self.oov_token = oov_token
        self.analyzer = analyzer
        self.word_counts: OrderedDict[str, int] = OrderedDict()
        self.word_docs: dict[str, int] = defaultdict(int)
        self.index_docs: dict[int, int] = defaultdict(int)
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}

    def _words(self, text: Any) -> Iterable[str]:
        """The words of a text; a list is one of words already."""
        if isinstance(text, list):
            return [word.lower() for word in text] if self.lower else text
        if self.char_level:
            characters: str = text.lower() if self.lower else text
            return characters
        if self.analyzer is not None:
            return self.analyzer(text)
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    # Learning words ----------------------------------------------------------------------------

    def fit_on_texts(self, texts: Iterable[Any]) -> None:
        """Counts the words of texts and numbers all words anew.

        Args:
            texts: Texts, or lists of words.
        """
        for text in texts:
            self.document_count += 1
            words = list(self._words(text))
            for word in words:
                self.word_counts[word] = self.word_counts.get(word, 0) + 1
            for word in set(words):
                self.word_docs[word] = self.word_docs.get(word, 0) + 1
        by_count = sorted(self.word_counts, key=self.word_counts.__getitem__, reverse=True)
        words = by_count if self.oov_token is None else [self.oov_token, *by_count]
        self.word_index = dict(zip(words, range(1, len(words) + 1), strict=True))
        self.index_word = {number: word for word, number in self.word_index.items()}
        for word, count in self.word_docs.items():
            self.index_docs[self.word_index[word]] = count

    def fit_on_sequences(self, sequences: Sequence[Sequence[int]]) -> None:
        """Counts in how many sequences each number occurs, for the mode `"tfidf"`."""
        self.document_count += len(sequences)
        for sequence in sequences:
            for number in set(sequence):
                self.index_docs[number] = self.index_docs.get(number, 0) + 1

    # Texts and sequences -----------------------------------------------------------------------

    def texts_to_sequences(self, texts: Iterable[Any]) -> list[list[int]]:
        """Returns the numbers of the words of each text."""
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts: Iterable[Any]) -> Iterator[list[int]]:
        """Yields the numbers of the words of each text."""
        unknown = None if self.oov_token is None else self.word_index.get(self.oov_token)
        for text in texts:
            numbers = []
            for word in self._words(text):
                number = self.word_index.get(word)
                if number is None or not self._is_used(number):
                    number = unknown
                if number is not None:
                    numbers.append(number)
            yield numbers

    def sequences_to_texts(self, sequences: Iterable[Iterable[int]]) -> list[str]:
        """Returns the words of each sequence of numbers, separated by spaces."""
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences: Iterable[Iterable[int]]) -> Iterator[str]:
        """Yields the words of each sequence of numbers, separated by spaces."""
        unknown = None if self.oov_token not in self.word_index else self.oov_token
        for sequence in sequences:
            words = []
            for number in sequence:
                word = self.index_word.get(number)
                if word is None or not self._is_used(number):
                    word = unknown
                if word is not None:
                    words.append(word)
            yield " ".join(words)

    def _is_used(self, number: int) -> bool:
        return not self.num_words or number < self.num_words

    # Matrices ----------------------------------------------------------------------------------

    def texts_to_matrix(self, texts: Iterable[Any], mode: str = "binary") -> NDArray[np.float64]:
        """Returns a row for each text; see `sequences_to_matrix`."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(
        self, sequences: Sequence[Sequence[int]], mode: str = "binary"
    ) -> NDArray[np.float64]:
        """Returns a row for each sequence, with a column for each number.

        Args:
            sequences: Sequences of numbers; those that are not below `num_words` do not count.
            mode: `"binary"`: 1 where the number occurs; `"count"`: how often; `"freq"`: that by
                the length of the sequence; `"tfidf"`: weighted by how rare it is.

        Returns:
            (N, num_words); without `num_words` one column more than there are words.

        Raises:
            UnsupportedError: If the mode is not one of these.
            DataError: If the number of columns is not known, or the mode needs texts.
        """
        if mode not in _MODES:
            raise UnsupportedError(f"Tokenizer: mode must be one of {_MODES}, received {mode!r}.")
        if not self.num_words and not self.word_index:
            raise DataError(
                "Tokenizer: the number of columns is not known; give num_words, or call "
                "fit_on_texts first."
            )
        if mode == "tfidf" and not self.document_count:
            raise DataError("Tokenizer: mode 'tfidf' needs fit_on_texts or fit_on_sequences first.")
        columns = self.num_words or len(self.word_index) + 1
        matrix = np.zeros((len(sequences), columns))
        for row, sequence in zip(matrix, sequences, strict=True):
            counts = Counter(number for number in sequence if number < columns)
            for number, count in counts.items():
                row[number] = self._weight(number, count, len(sequence), mode)
        return matrix

    def _weight(self, number: int, count: int, length: int, mode: str) -> float:
        if mode == "binary":
            return 1.0
        if mode == "count":
            return count
        if mode == "freq":
            return count / length
        rarity = np.log(1 + self.document_count / (1 + self.index_docs.get(number, 0)))
        weight: float = (1 + np.log(count)) * rarity
        return weight

    # Config ------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Returns options and counts, the dictionaries as JSON texts."""
        return {
            "num_words": self.num_words,
            "filters": self.filters,
            "lower": self.lower,
            "split": self.split,
            "char_level": self.char_level,
            "oov_token": self.oov_token,
            "document_count": self.document_count,
            "word_counts": json.dumps(self.word_counts),
            "word_docs": json.dumps(self.word_docs),
            "index_docs": json.dumps(self.index_docs),
            "index_word": json.dumps(self.index_word),
            "word_index": json.dumps(self.word_index),
        }

    def to_json(self, **kwargs: Any) -> str:
        """Returns the config as JSON text for `tokenizer_from_json`.

        Args:
            **kwargs: Arguments of `json.dumps`.
        """
        return json.dumps(
            {"class_name": type(self).__name__, "config": self.get_config()}, **kwargs
        )


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """Returns the tokenizer that `to_json` described, Keras's or rnnext's.

    Args:
        json_string: The text.

    Raises:
        DataError: If the text describes no tokenizer.

    Example:
        >>> tokenizer = Tokenizer()
        >>> tokenizer.fit_on_texts(["a b", "b"])
        >>> tokenizer_from_json(tokenizer.to_json()).word_index
        {'b': 1, 'a': 2}
    """
    try:
        config = dict(json.loads(json_string)["config"])
        tables = {
            name: json.loads(config.pop(name))
            for name in ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
        }
        # Keys of JSON are texts.
        numbered = {
            name: {int(number): value for number, value in tables[name].items()}
            for name in ("index_docs", "index_word")
        }
        tokenizer = Tokenizer(**config)
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise DataError(
            f"tokenizer_from_json: expected what Tokenizer.to_json wrote: {error!r}."
        ) from error
    vars(tokenizer).update(**{**tables, **numbered})
    return tokenizer
