"""Strings on their way through models, and functions on strings."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from text_twins import Options, keras

import rnnext
from rnnext import Input, Model, Sequential, layers
from rnnext.errors import DataError, RnnextError, UnsupportedError

tensorflow = importlib.import_module("tensorflow")


class TestModels:
    """Strings on their way through models."""

    WORDS = ("a", "b", "c")

    def classifier(self, *first: Any) -> Any:
        text = layers.TextVectorization(vocabulary=self.WORDS)
        return Sequential(
            [*first, text, layers.Embedding(6, 3, mask_zero=True), layers.LSTM(2), layers.Dense(1)]
        )

    @pytest.mark.parametrize("shape", [None, (), (1,)])
    def test_every_kind_of_strings(self, shape: Any) -> None:
        pandas = pytest.importorskip("pandas")
        texts = ["a b", "c q"]
        first = () if shape is None else (Input(shape, dtype="string"),)
        model = self.classifier(*first)
        expected = model.predict(np.array(texts, object))
        kinds = (
            np.array(texts),
            np.array(texts, "S"),
            [text.encode() for text in texts],
            texts,
            tuple(texts),
            np.array(texts)[:, np.newaxis],
            [[text] for text in texts],
            pandas.Series(texts),
            pandas.Series(texts, dtype="string"),
            pandas.Series(texts, dtype="category"),
            pandas.DataFrame({"text": texts}),
            tensorflow.constant(texts),
        )
        if hasattr(np.dtypes, "StringDType"):
            kinds += (np.array(texts, np.dtypes.StringDType()),)
        for kind in kinds:
            np.testing.assert_array_equal(model.predict(kind), expected)
            np.testing.assert_array_equal(model(kind), expected)

    @pytest.mark.parametrize(
        ("x", "message"),
        [
            (np.ones((2, 1)), "expected strings, received 'ndarray' holding 'float' objects"),
            ([None, "a"], "expected strings, received 'list' holding 'NoneType' objects"),
            ([["a"], ["b", "c"]], "expected strings, received lists of different lengths"),
            (["\ud800"], "is no text that UTF-8 has"),
            ([["a", "b"]], r"expected an array of shape \(None,\), received shape \(1, 2\)"),
        ],
    )
    def test_inputs_that_are_refused(self, x: Any, message: str) -> None:
        with pytest.raises(RnnextError, match=f"input 'text' of .*{message}"):
            self.classifier(Input((), dtype="string", name="text")).predict(x)

    def test_strings_for_layers_of_numbers(self) -> None:
        for layer in (layers.LSTM(2), layers.Dense(2), layers.Embedding(3, 2)):
            with pytest.raises(DataError, match="expected numbers, received an array of dtype"):
                layer(np.array([[["a"]]]))
        text = Input((1,), dtype="string", name="text")
        makes_numbers = "received the strings of 'text'; a TextVectorization or StringLookup layer"
        for function in (layers.Dense(2), rnnext.ops.exp, lambda x: x + 1):
            with pytest.raises(DataError, match=makes_numbers):
                function(text)
        with pytest.raises(DataError, match=r"Input\(..., dtype='string'\) declares strings"):
            layers.StringLookup()(Input((1,)))

    def test_padding_is_that_of_keras_batches(self) -> None:
        """Without a mask the longest text of a batch changes what others come to."""
        texts = np.array(["a " * n for n in range(1, 71)], object)
        theirs = keras.Sequential(
            [
                keras.Input((), dtype="string"),
                keras.layers.TextVectorization(vocabulary=self.WORDS),
                keras.layers.Embedding(6, 3),
                keras.layers.GRU(2),
            ]
        )
        ours = rnnext.from_keras(theirs)
        expected = theirs.predict(texts, verbose=0)
        np.testing.assert_allclose(ours.predict(texts), expected, atol=1e-6)

    def test_subclassed_models_and_layers_of_users(self) -> None:
        class Classifier(Model):
            def __init__(self) -> None:
                super().__init__()
                self.text = layers.TextVectorization(vocabulary=TestModels.WORDS)
                self.embed = layers.Embedding(6, 2, mask_zero=True)
                self.read = layers.GRU(2)

            def call(self, inputs: Any) -> Any:
                return self.read(self.embed(self.text(inputs)))

        model = Classifier()
        expected = model(np.array(["a b", "c"]))
        np.testing.assert_array_equal(model.predict(["a b", "c"]), expected)

        class Upper(layers.Layer):
            def call(self, inputs: Any) -> Any:
                return rnnext.strings.upper(inputs)

        find = layers.StringLookup(vocabulary=["A"])
        text = Input((2,), dtype="string")
        same = layers.Lambda(lambda x: x)(layers.Identity()(Upper()(text)))
        assert same.dtype == "string"
        np.testing.assert_array_equal(Model(text, find(same)).predict([["a", "b"]]), [[1, 0]])

    def test_several_inputs(self) -> None:
        text, number = Input((1,), dtype="string", name="text"), Input((2,), name="number")
        ids = layers.TextVectorization(vocabulary=self.WORDS, output_sequence_length=3)(text)
        read = layers.LSTM(2)(layers.Embedding(6, 2)(ids))
        model = Model({"text": text, "number": number}, layers.Concatenate()([read, number]))
        x = {"text": ["a b", "c"], "number": np.ones((2, 2), "float32")}
        np.testing.assert_array_equal(model.predict(x), model(x))

    def test_streams(self) -> None:
        """Lookups work on each step; a text has no steps."""
        model = Sequential(
            [
                Input((None,), dtype="string"),
                layers.StringLookup(vocabulary=self.WORDS),
                layers.Embedding(5, 2),
                layers.LSTM(2),
            ]
        )
        x = np.array([["a", "q", "b"]])
        for kind in (x, x.astype(object)):
            stream = model.stream()
            steps = [stream.step(kind[:, t]) for t in range(3)]
            np.testing.assert_array_equal(steps[-1], model.predict(x))
        with pytest.raises(UnsupportedError, match="have no time axis"):
            self.classifier(Input((), dtype="string")).stream()

    def test_outputs_have_no_mask(self) -> None:
        assert not hasattr(layers.TextVectorization(vocabulary=["a"])(["a"]), "_keras_mask")
        assert not hasattr(layers.StringLookup(vocabulary=["a"])(["a"]), "_keras_mask")


STRING_FUNCTIONS: list[tuple[str, tuple[Any, ...], Options]] = [
    ("lower", (), {}),
    ("lower", (), {"encoding": "utf-8"}),
    ("upper", (), {}),
    ("strip", (), {}),
    ("regex_replace", (r"(\w)(\W)", r"\2-\1\0\\"), {"replace_global": False}),
    ("regex_replace", ("[.,!]", ""), {}),
    ("regex_full_match", ("a.*",), {}),
    ("split", (), {}),
    ("split", (), {"sep": ","}),
    ("unicode_split", ("UTF-8",), {}),
    ("length", (), {}),
    ("length", (), {"unit": "UTF8_CHAR"}),
]


@pytest.mark.parametrize(("name", "args", "options"), STRING_FUNCTIONS)
def test_functions_on_strings(name: str, args: tuple[Any, ...], options: Options) -> None:
    texts = ["Great <br />movie! É\u00a0x", "a.b,c", "", "  q w  "]
    theirs = getattr(tensorflow.strings, name)(texts, *args, **options)
    ours = getattr(rnnext.strings, name)(texts, *args, **options)
    to_list = getattr(theirs, "to_list", lambda: theirs.numpy().tolist())
    assert ours.tolist() == to_list()


def test_functions_on_several_strings() -> None:
    texts = ["abcd", "é"]
    joined = tensorflow.strings.join([texts, "x"], "-").numpy()
    np.testing.assert_array_equal(rnnext.strings.join([texts, "x"], "-"), joined)
    cut = tensorflow.strings.substr(texts, 1, 1).numpy()
    np.testing.assert_array_equal(rnnext.strings.substr(texts, 1, 1), cut)
