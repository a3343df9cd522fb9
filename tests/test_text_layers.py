"""TextVectorization, StringLookup and IntegerLookup beside Keras's."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from text_twins import INTEGERS, MODES, SHAPES, STRINGS, Options, assert_same, keras, twins

import rnnext
from rnnext import Input, layers, serialization
from rnnext.errors import DataError, RnnextError, ShapeError, UnsupportedError

tensorflow = importlib.import_module("tensorflow")

TEXTS = np.array(
    [
        "Earth wind! don't",
        "and x\u00a0fire a earth  earth",
        "",
        "ÀÉ À\té\x0b\x1cz 😀 ß İx",
        "a\nb — “q”",
    ],
    object,
)
WORDS = ["earth", "wind", "and", "fire", "À", "é", "dont", "earth wind", "e", "a", "\ufffd"]


def assert_config_round_trip(theirs: Any, ours: Any) -> None:
    """The same config as Keras's, and a layer of the same vocabulary from it."""
    mine, other = ours.get_config(), theirs.get_config()
    for config in (mine, other):
        config.pop("dtype"), config.pop("name")
    assert mine == other
    again = serialization.deserialize(serialization.serialize(ours))
    assert again.get_vocabulary() == ours.get_vocabulary()


class TestTextVectorization:
    @pytest.mark.parametrize("ngrams", [None, 2, (3,), (2, 1)])
    @pytest.mark.parametrize("split", ["whitespace", "character", None])
    @pytest.mark.parametrize(
        "standardize", [None, "lower", "strip_punctuation", "lower_and_strip_punctuation"]
    )
    def test_against_keras(self, standardize: Any, split: Any, ngrams: Any) -> None:
        weights = np.arange(1.0, len(WORDS) + 1)
        for mode in (
            {},
            {"output_sequence_length": 1},
            {"output_mode": "multi_hot"},
            {"output_mode": "count", "max_tokens": 20, "pad_to_max_tokens": True},
            {"output_mode": "tf_idf", "idf_weights": weights},
        ):
            options = {"standardize": standardize, "split": split, "ngrams": ngrams, **mode}
            theirs, ours = twins("TextVectorization", vocabulary=WORDS, **options)
            if ngrams != (3,) or "output_sequence_length" not in mode:  # Keras pads no empty axis
                assert_same(theirs, ours, TEXTS[:, np.newaxis])
                if split is not None:
                    assert_same(theirs, ours, TEXTS)
                    assert_same(theirs, ours, "Earth wind and fire")
            assert_config_round_trip(theirs, ours)

    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"max_tokens": 6},
            {"output_mode": "tf_idf"},
            {"output_mode": "tf_idf", "max_tokens": 30, "pad_to_max_tokens": True},
            {"split": "character"},
            {"split": None},
            {"ngrams": 2},
        ],
    )
    @pytest.mark.parametrize(
        "data",
        [
            lambda: TEXTS,
            lambda: list(TEXTS),
            lambda: TEXTS[:, np.newaxis],
            lambda: iter([TEXTS[:2], TEXTS[2:]]),
            lambda: tensorflow.data.Dataset.from_tensor_slices(TEXTS.tolist()).batch(2),
        ],
        ids=["array", "list", "column", "batches", "dataset"],
    )
    def test_adapt(self, options: Options, data: Callable[[], Any]) -> None:
        theirs, ours = twins("TextVectorization", **options)
        theirs.adapt(data())
        ours.adapt(data())
        assert ours.get_vocabulary() == theirs.get_vocabulary()
        assert ours.vocabulary_size() == theirs.vocabulary_size()
        assert_same(theirs, ours, TEXTS)

    def test_adapt_takes_some_batches(self) -> None:
        layer = layers.TextVectorization()
        layer.adapt(itertools.repeat(["a a b"]), steps=3)
        assert layer.get_vocabulary() == ["", "[UNK]", "a", "b"]

    def test_functions(self) -> None:
        layer = layers.TextVectorization(
            vocabulary=["a", "b"],
            standardize=np.char.lower,
            split=lambda texts: [text.split(",") for text in texts],
        )
        np.testing.assert_array_equal(layer(["A,b", "c"]), [[2, 3], [1, 0]])

    def test_functions_of_tensorflow_with_one_word_replaced(self) -> None:
        def options(tf: Any) -> Options:
            def standardize(texts: Any) -> Any:
                lowered = tf.strings.lower(texts)
                stripped = tf.strings.regex_replace(lowered, "<br />", " ")
                return tf.strings.regex_replace(stripped, "[!.?]", "")

            return {
                "standardize": standardize,
                "split": lambda texts: tf.strings.split(texts, sep=" "),
                "output_sequence_length": 4,
            }

        words = ["good", "film"]
        theirs = keras.layers.TextVectorization(vocabulary=words, **options(tensorflow))
        ours = layers.TextVectorization(vocabulary=words, **options(rnnext))
        assert_same(theirs, ours, np.array(["Good<br />Film!", "a film?  é", ""]))

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"standardize": "lowr"}, r"standardize must be one of .* received 'lowr'"),
            ({"split": "words"}, "split must be one of .* received 'words'"),
            ({"ngrams": 0}, "ngrams must be .* received 0"),
            ({"output_mode": "ints"}, "output_mode must be one of .* received 'ints'"),
            ({"ragged": True}, "ragged=True is not supported"),
            ({"output_mode": "count", "output_sequence_length": 3}, "needs output_mode='int'"),
            ({"output_sequence_length": 1.5}, "must be an integer or None, received 1.5"),
            ({"sparse": True}, "sparse=True needs another output_mode"),
            ({"standardise": None}, r"unknown arguments \['standardise'\]"),
        ],
    )
    def test_options_that_are_refused(self, options: Options, message: str) -> None:
        with pytest.raises(UnsupportedError, match=message):
            layers.TextVectorization(**options)

    def test_calls_that_are_refused(self) -> None:
        with pytest.raises(DataError, match=r"has no vocabulary; give it one by adapt\(\)"):
            layers.TextVectorization()(["a"])
        layer = layers.TextVectorization(vocabulary=["a"])
        with pytest.raises(UnsupportedError, match="was made with a vocabulary, so it cannot"):
            layer.adapt(["b"])
        with pytest.raises(ShapeError, match=r"or \(batch, 1\), received \(1, 2\)"):
            layer([["a", "b"]])
        with pytest.raises(DataError, match="expected strings, received 'list' holding 'int'"):
            layer([1, 2])
        one_hot = layers.TextVectorization(vocabulary=["a"], output_mode="one_hot")
        with pytest.raises(DataError, match="one number of tokens, received 1 to 2"):
            one_hot(["a", "a b"])
        returns_numbers = layers.TextVectorization(vocabulary=["a"], standardize=len)
        with pytest.raises(DataError, match="what standardize returned: expected strings"):
            returns_numbers(["a"])


class TestLookups:
    @pytest.mark.parametrize("mode", [*MODES, {"output_mode": "tf_idf"}, {"invert": True}])
    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"mask_token": ""},
            {"mask_token": "m", "num_oov_indices": 3},
            {"num_oov_indices": 3, "salt": [3, 4]},
            {"num_oov_indices": 0},
        ],
    )
    def test_strings(self, options: Options, mode: Options) -> None:
        weights = {"idf_weights": [1.0, 2.0, 3.0]} if mode.get("output_mode") == "tf_idf" else {}
        theirs, ours = twins(
            "StringLookup", vocabulary=["a", "b", "é"], **options, **mode, **weights
        )
        known = "num_oov_indices" in options and options["num_oov_indices"] == 0
        for shape in SHAPES:
            x = np.resize(np.array(["a", "é"]) if known else STRINGS, shape)
            assert_same(
                theirs, ours, np.resize([0, 1, 2, 3, 9, -1], shape) if "invert" in mode else x
            )
        assert ours.get_vocabulary() == theirs.get_vocabulary()
        assert ours.get_vocabulary(False) == theirs.get_vocabulary(False)
        assert_config_round_trip(theirs, ours)

    @pytest.mark.parametrize("mode", [*MODES, {"output_mode": "tf_idf"}, {"invert": True}])
    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"mask_token": 0},
            {"num_oov_indices": 3},
            {"num_oov_indices": 3, "oov_method": "farmhash"},
            {"num_oov_indices": 3, "oov_method": "farmhash", "salt": 7},
        ],
    )
    def test_integers(self, options: Options, mode: Options) -> None:
        weights = {"idf_weights": [1.0, 2.0]} if mode.get("output_mode") == "tf_idf" else {}
        theirs, ours = twins("IntegerLookup", vocabulary=[5, -7], **options, **mode, **weights)
        for shape, dtype in itertools.product(SHAPES[:5], ("int64", "int32", "float32")):
            assert_same(theirs, ours, np.resize(INTEGERS, shape).astype(dtype))
        assert ours.get_vocabulary() == theirs.get_vocabulary()
        assert_config_round_trip(theirs, ours)

    @pytest.mark.parametrize(
        ("name", "data"),
        [
            ("StringLookup", [["b", "a"], ["a", "[UNK]"], ["c", "b"]]),
            ("StringLookup", ["b", "a", "a"]),
            ("IntegerLookup", [[3, 3], [-1, 8], [8, 2]]),
        ],
    )
    @pytest.mark.parametrize("options", [{}, {"output_mode": "tf_idf"}, {"max_tokens": 3}])
    def test_adapt(self, name: str, data: Any, options: Options) -> None:
        theirs, ours = twins(name, **options)
        theirs.adapt(np.array(data))
        ours.adapt(data)
        assert ours.get_vocabulary() == theirs.get_vocabulary()
        assert_same(theirs, ours, np.array(data))
        theirs, ours = twins(name, **options)
        theirs.adapt(iter([np.array(data), np.array(data[:1])]))
        ours.adapt(iter([data, data[:1]]))
        assert ours.get_vocabulary() == theirs.get_vocabulary()

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"vocabulary": []}, "the vocabulary is empty"),
            ({"vocabulary": ["a", "a"]}, r"terms more than once: \[b'a'\]"),
            ({"vocabulary": ["a", "[UNK]"], "invert": True}, r"special term b'\[UNK\]' in the mid"),
            ({"vocabulary": ["a", ""], "mask_token": ""}, "special term b'' in the middle"),
            ({"vocabulary": ["a", "b"], "max_tokens": 2}, "3 terms .* and max_tokens is 2"),
            ({"vocabulary": [1, 2]}, "expected strings, received 'list' holding 'int'"),
            ({"max_tokens": 1}, "max_tokens must be an integer > 1"),
            ({"num_oov_indices": -1}, "num_oov_indices must be an integer >= 0, received -1"),
            ({"pad_to_max_tokens": True}, "pad_to_max_tokens=True needs max_tokens"),
            ({"invert": True, "output_mode": "count"}, "invert=True needs output_mode='int'"),
            ({"vocabulary": ["a"], "output_mode": "tf_idf"}, "idf_weights go with"),
            ({"idf_weights": [1.0]}, "idf_weights need output_mode='tf_idf'"),
            ({"salt": "key"}, "salt must be an integer, two integers, or None, received 'key'"),
            ({"vocabulary": "nowhere.txt"}, "'nowhere.txt' cannot be read"),
        ],
    )
    def test_options_that_are_refused(self, options: Options, message: str) -> None:
        with pytest.raises(RnnextError, match=message):
            layers.StringLookup(**options)

    def test_unknown_strings_without_an_index(self) -> None:
        layer = layers.StringLookup(vocabulary=["a"], num_oov_indices=0)
        with pytest.raises(DataError, match=r"not in the vocabulary: \[b'q', b'z'\]"):
            layer(["z", "a", "q"])

    def test_a_size_that_outputs_have(self) -> None:
        layer = layers.StringLookup(vocabulary=["a"], output_mode="count")
        with pytest.raises(DataError, match=r"of 3 terms would change the size .* which is 2"):
            layer.set_vocabulary(["a", "b"])
        with pytest.raises(DataError, match=r"adapt\(\) or set_vocabulary\(\) first"):
            layers.StringLookup(output_mode="count")(Input((2,), dtype="string"))

    def test_vocabulary_file(self, tmp_path: Any) -> None:
        (tmp_path / "words.txt").write_text("a\nb\r\né\n", "utf-8")
        theirs, ours = twins("StringLookup", vocabulary=str(tmp_path / "words.txt"))
        assert ours.get_vocabulary() == theirs.get_vocabulary()
        assert ours.get_config()["vocabulary"] is None
        config = {**ours.get_config(), "vocabulary": str(tmp_path / "words.txt")}
        with pytest.raises(UnsupportedError, match="names the vocabulary file"):
            layers.StringLookup.from_config(config)
