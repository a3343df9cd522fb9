"""`rnnext.preprocessing`: texts and series are prepared as Keras 2 prepares them."""

from __future__ import annotations

import importlib
import json
import random
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from rnnext.errors import DataError, ShapeError, UnsupportedError
from rnnext.preprocessing import sequence, text, timeseries_dataset_from_array
from rnnext.utils import PyDataset, pad_sequences

TEXTS = [
    "The cat sat on the mat.",
    "The dog, the Dog & the tree!",
    "",
    "It's 5 o'clock; cat\tand\ndog",
    "Ärger über straße",
]
OPTIONS: list[dict[str, Any]] = [
    {},
    {"num_words": 4},
    {"num_words": 4, "oov_token": "<oov>"},
    {"oov_token": "<oov>"},
    {"lower": False},
    {"char_level": True},
    {"char_level": True, "lower": False, "num_words": 9, "oov_token": "?"},
    {"filters": "t.", "split": "a"},
    {"analyzer": lambda text: text.split("t")},
    {"nb_words": 5},
    {"oov_token": "the"},
]


@pytest.fixture(scope="module")
def keras2(keras: ModuleType) -> Any:
    assert keras
    return importlib.import_module("tf_keras").preprocessing


@pytest.mark.filterwarnings("ignore:The `nb_words` argument")
@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: " ".join(options) or "none")
@pytest.mark.parametrize("texts", [TEXTS, [["The", "cat"], ["the"], []]], ids=["texts", "words"])
def test_tokenizer(texts: list[Any], options: dict[str, Any], keras2: Any) -> None:
    ours, theirs = text.Tokenizer(**options), keras2.text.Tokenizer(**options)
    unseen = ["a new dog sat", "", "The zebra"]
    for tokenizer in (ours, theirs):
        assert tokenizer.texts_to_sequences(unseen) == [[], [], []] or options.get("oov_token")
        tokenizer.fit_on_texts(texts[:2])
        tokenizer.fit_on_texts(iter(texts[2:]))
    for name in ("word_index", "index_word", "word_counts", "word_docs", "index_docs"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.document_count == theirs.document_count == len(texts)
    sequences = ours.texts_to_sequences([*texts, *unseen])
    assert sequences == theirs.texts_to_sequences([*texts, *unseen])
    numbers = [*sequences, [99, 1, 2]]
    assert ours.sequences_to_texts(numbers) == theirs.sequences_to_texts(numbers)
    for mode in ("binary", "count", "freq", "tfidf"):
        matrix = ours.texts_to_matrix([*texts, *unseen], mode)
        expected = theirs.texts_to_matrix([*texts, *unseen], mode)
        assert matrix.dtype == expected.dtype
        np.testing.assert_array_equal(matrix, expected)


def test_tokenizer_fitted_on_sequences(keras2: Any) -> None:
    sequences = [[1, 2, 2], [3], [1, 7]]
    matrices = []
    for tokenizer in (text.Tokenizer(num_words=6), keras2.text.Tokenizer(num_words=6)):
        tokenizer.fit_on_sequences(sequences)
        matrices.append(tokenizer.sequences_to_matrix([*sequences, []], mode="tfidf"))
    np.testing.assert_array_equal(*matrices)


def test_tokenizers_are_read_by_the_other_side(keras2: Any) -> None:
    ours, theirs = text.Tokenizer(oov_token="?"), keras2.text.Tokenizer(oov_token="?")
    for tokenizer in (ours, theirs):
        tokenizer.fit_on_texts(TEXTS)
    written = json.loads(ours.to_json(indent=1)), json.loads(theirs.to_json())
    for config in written:  # the counts of a text's words come in no order
        for name in ("word_docs", "index_docs"):
            config["config"][name] = json.loads(config["config"][name])
    assert written[0] == written[1]
    for read in (
        text.tokenizer_from_json(theirs.to_json()),
        keras2.text.tokenizer_from_json(ours.to_json()),
    ):
        assert read.texts_to_sequences(TEXTS) == ours.texts_to_sequences(TEXTS)
        assert read.document_count == len(TEXTS)
    again = text.tokenizer_from_json(theirs.to_json())
    again.fit_on_texts(["more cat words"])  # Keras's own fails here with a KeyError
    assert again.word_docs["cat"] == ours.word_docs["cat"] + 1
    assert (
        text.tokenizer_from_json(theirs.to_json()).get_config().keys() == ours.get_config().keys()
    )


def test_what_a_tokenizer_cannot_do() -> None:
    tokenizer = text.Tokenizer()
    with pytest.raises(UnsupportedError, match=r"Tokenizer has no options \['words'\]"):
        text.Tokenizer(words=3)
    with pytest.raises(DataError, match="give num_words, or call fit_on_texts first"):
        tokenizer.sequences_to_matrix([[1]])
    with pytest.raises(DataError, match="mode 'tfidf' needs fit_on_texts"):
        text.Tokenizer(3).sequences_to_matrix([[1]], mode="tfidf")
    with pytest.raises(UnsupportedError, match=r"mode must be one of .* received 'tf'"):
        text.Tokenizer(3).sequences_to_matrix([[1]], mode="tf")
    for wrong in ("[]", "no JSON", "{}", '{"config": {"word_counts": "{}"}}'):
        with pytest.raises(DataError, match=r"expected what Tokenizer\.to_json wrote"):
            text.tokenizer_from_json(wrong)


@pytest.mark.parametrize(
    "options", [{}, {"lower": False}, {"filters": "a", "split": "t"}, {"filters": ["c", "d"]}]
)
def test_words_and_their_hashes(options: dict[str, Any], keras2: Any) -> None:
    for line in TEXTS:
        words = text.text_to_word_sequence(line, **options)
        assert words == keras2.text.text_to_word_sequence(line, **options)
        assert text.one_hot(line, 9, **options) == keras2.text.one_hot(line, 9, **options)
        for function in (None, "md5", len):
            ours = text.hashing_trick(line, 7, function, **options)
            assert ours == keras2.text.hashing_trick(line, 7, function, **options)
    assert text.one_hot("a b", 50, analyzer=list) == keras2.text.one_hot("a b", 50, analyzer=list)


def test_hashes_that_do_not_exist() -> None:
    with pytest.raises(UnsupportedError, match="hash_function must be None, 'md5' or a function"):
        text.hashing_trick("a", 5, "sha1")
    with pytest.raises(UnsupportedError, match="n must be 2 or more, received 1"):
        text.hashing_trick("a", 1)


# Series ------------------------------------------------------------------------------------------

SERIES = np.arange(40.0).reshape(20, 2)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sampling_rate": 2},
        {"stride": 3, "batch_size": 2},
        {"start_index": 3, "end_index": 12, "batch_size": 4},
        {"reverse": True, "batch_size": 5},
        {"shuffle": True, "batch_size": 5},
        {"sampling_rate": 3, "stride": 2, "reverse": True, "batch_size": 3},
    ],
    ids=str,
)
@pytest.mark.parametrize("as_list", [False, True])
def test_timeseries_generator(options: dict[str, Any], as_list: bool, keras2: Any) -> None:
    data, targets = SERIES, np.arange(20)
    if as_list:
        data, targets = data.tolist(), targets.tolist()
    ours = sequence.TimeseriesGenerator(data, targets, length=5, **options)
    theirs = keras2.sequence.TimeseriesGenerator(data, targets, length=5, **options)
    assert isinstance(ours, PyDataset)
    assert len(ours) == len(theirs)
    for i in range(len(ours)):
        batches = []
        for generator in (ours, theirs):
            np.random.seed(i)  # noqa: NPY002
            batches.append(generator[i])
        for mine, expected in zip(*batches, strict=True):
            assert mine.dtype == expected.dtype
            np.testing.assert_array_equal(mine, expected)
    assert ours.to_json() == theirs.to_json()
    assert len(list(ours)) == len(ours)


def test_series_that_give_no_windows() -> None:
    with pytest.raises(ShapeError, match="same length, received 20 and 3 steps"):
        sequence.TimeseriesGenerator(SERIES, [1, 2, 3], 5)
    with pytest.raises(UnsupportedError, match=r"at most end_index=19, received 4 \+ 16"):
        sequence.TimeseriesGenerator(SERIES, SERIES, 16, start_index=4)
    with pytest.raises(UnsupportedError, match="stride must be 1 or more, received 0"):
        sequence.TimeseriesGenerator(SERIES, SERIES, 5, stride=0)
    with pytest.raises(DataError, match="targets cannot be written as JSON"):
        sequence.TimeseriesGenerator([1, 2, 3], [{1}, {2}, {3}], 1).to_json()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"window_size": 1, "categorical": True},
        {"negative_samples": 0, "shuffle": False},
        {"negative_samples": 2.5, "seed": 3},
        {"sampling_table": [0.5] * 10},
    ],
    ids=str,
)
def test_skipgrams(options: dict[str, Any], keras2: Any) -> None:
    results = []
    for library in (sequence, keras2.sequence):
        random.seed(5)
        results.append(library.skipgrams([1, 4, 0, 9, 2, 4], 10, **options))
    assert results[0] == results[1]
    np.testing.assert_array_equal(
        sequence.make_sampling_table(50, 1e-3), keras2.sequence.make_sampling_table(50, 1e-3)
    )


def test_names_at_both_places() -> None:
    assert sequence.pad_sequences is pad_sequences
    assert dir(sequence) == [
        *("TimeseriesGenerator", "make_sampling_table", "pad_sequences", "skipgrams")
    ]
    assert not hasattr(text, "json")
    assert timeseries_dataset_from_array([1, 2, 3], None, 2)
