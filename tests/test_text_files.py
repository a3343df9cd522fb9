"""Models with vocabularies in files: Keras's here, rnnext's in Keras, and files that do not fit."""

from __future__ import annotations

import importlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import golden_files
import numpy as np
import pytest
from keras_reference import load_keras
from numpy.typing import NDArray

import rnnext
from rnnext import saving
from rnnext.errors import DataError, FileError

keras = load_keras()
tensorflow = importlib.import_module("tensorflow")

Array = NDArray[Any]

TEXTS = np.array([["Héllo wörld hello"], ["hello b c x"], ["unknown x y z"]], object)
STRINGS = np.array([["a", "b"], ["b", "c"], ["q", "é"]], object)
NUMBERS = np.array([[4, 5], [5, 6], [9, -9]])
REALS = np.array([[1.0, 3], [5, 9], [2, 8]], "float32")


def adapted(layer: Any, data: Any) -> Any:
    layer.adapt(data)
    return layer


def of_text(k: Any, layer: Any, shape: Any = (1,)) -> Any:
    return k.Sequential(
        [k.Input(shape, dtype="string"), layer, k.layers.Embedding(12, 3), *lstm(k)]
    )


def lstm(k: Any) -> list[Any]:
    return [k.layers.LSTM(2)]


def two_texts(k: Any) -> Any:
    """Two vocabularies, one of them used twice, one in a nested model."""
    a, b = (k.Input((1,), dtype="string", name=name) for name in "ab")
    options = {"output_sequence_length": 4}
    first = adapted(k.layers.TextVectorization(**options), TEXTS[:, 0])
    second = adapted(k.layers.TextVectorization(**options), TEXTS[:2, 0])
    inner = k.Sequential([k.Input((1,), dtype="string"), second, k.layers.Embedding(12, 3)])
    embed = k.layers.Embedding(12, 3)
    parts = [k.layers.LSTM(2)(x) for x in (embed(first(a)), inner(b), embed(first(b)))]
    return k.Model([a, b], k.layers.Concatenate()(parts))


Make = Callable[[Any], Any]
MODELS: dict[str, tuple[Make, Any]] = {
    "adapted": (
        lambda k: of_text(k, adapted(k.layers.TextVectorization(), TEXTS[:, 0])),
        TEXTS,
    ),
    "given": (
        lambda k: of_text(k, k.layers.TextVectorization(vocabulary=["hello", "b"]), ()),
        TEXTS[:, 0],
    ),
    "tf_idf": (
        lambda k: k.Sequential(
            [
                k.Input((1,), dtype="string"),
                adapted(k.layers.TextVectorization(output_mode="tf_idf"), TEXTS[:, 0]),
                k.layers.Dense(2),
            ]
        ),
        TEXTS,
    ),
    "tf_idf given": (
        lambda k: k.Sequential(
            [
                k.Input((), dtype="string"),
                k.layers.TextVectorization(
                    output_mode="tf_idf", vocabulary=["x", "y"], idf_weights=[1.0, 2.0]
                ),
                k.layers.Dense(2),
            ]
        ),
        TEXTS[:, 0],
    ),
    "strings": (
        lambda k: of_text(
            k, adapted(k.layers.StringLookup(num_oov_indices=2, mask_token="b"), STRINGS[:2]), (2,)
        ),
        STRINGS,
    ),
    "integers": (
        lambda k: k.Sequential(
            [
                k.Input((2,), dtype="int64"),
                adapted(k.layers.IntegerLookup(), NUMBERS[:2]),
                k.layers.Embedding(5, 2),
                *lstm(k),
            ]
        ),
        NUMBERS,
    ),
    "boundaries": (
        lambda k: k.Sequential(
            [
                k.Input((2,)),
                adapted(k.layers.Discretization(num_bins=3), np.arange(9.0)),
                k.layers.Embedding(5, 2),
                *lstm(k),
            ]
        ),
        REALS,
    ),
    "hashes": (lambda k: of_text(k, k.layers.Hashing(7, salt=3), (2,)), STRINGS),
    "inverted": (
        lambda k: k.Sequential(
            [
                k.Input((2,), dtype="int64"),
                k.layers.StringLookup(vocabulary=["a", "é"], invert=True),
            ]
        ),
        np.array([[0, 1], [2, 5]]),
    ),
    "two texts": (two_texts, [TEXTS, TEXTS[::-1]]),
}


def answers(model: Any, x: Any) -> Array:
    """A Keras model's; its `predict` takes no strings in NumPy arrays of two axes."""
    tensors = [tensorflow.constant(part) for part in (x if isinstance(x, list) else [x])]
    return np.asarray(model(tensors if len(tensors) > 1 else tensors[0]))


def assert_gives(model: Any, x: Any, expected: Array) -> None:
    for received in (model.predict(x), model(x)):
        if expected.dtype == object:
            np.testing.assert_array_equal(received, expected)
        else:
            np.testing.assert_allclose(received, expected, atol=1e-6)


def assets(file: Any) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        return {n: archive.read(n) for n in archive.namelist() if n.startswith("assets/")}


# tf_keras is slow to adapt; the golden files have every layer of it.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize(
    ("library", "case"),
    [
        *(("keras", case) for case in MODELS),
        *(("tf_keras", case) for case in ("two texts", "tf_idf", "boundaries", "inverted")),
    ],
)
def test_from_keras_and_back(library: str, case: str, tmp_path: Path) -> None:
    k = keras if library == "keras" else pytest.importorskip("tf_keras")
    make, x = MODELS[case]
    theirs = make(k)
    expected = answers(theirs, x)
    theirs.save(tmp_path / "theirs.keras")
    for ours in (rnnext.from_keras(theirs), rnnext.load_model(tmp_path / "theirs.keras")):
        assert_gives(ours, x, expected)
        ours.save(tmp_path / "ours.keras")
        again = keras.models.load_model(tmp_path / "ours.keras")
        if expected.dtype == object:
            np.testing.assert_array_equal(answers(again, x), expected)
        else:
            np.testing.assert_allclose(answers(again, x), expected, atol=1e-6)
        assert_gives(rnnext.load_model(tmp_path / "ours.keras"), x, expected)
    if library == "keras":
        assert assets(tmp_path / "ours.keras") == assets(tmp_path / "theirs.keras")


@pytest.mark.parametrize("case", MODELS)
def test_made_here(case: str, tmp_path: Path) -> None:
    """Built of rnnext's layers, opened by Keras; also copied, and unpacked into a folder."""
    make, x = MODELS[case]
    ours = make(rnnext)
    expected = ours.predict(x)
    ours.save(tmp_path / "m.keras")
    theirs = answers(keras.models.load_model(tmp_path / "m.keras"), x)
    np.testing.assert_array_equal(theirs.shape, expected.shape)
    assert_gives(ours, x, theirs)
    assert_gives(saving.upgraded(ours)[0], x, expected)
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        archive.extractall(tmp_path / "folder")
    assert_gives(rnnext.load_model(tmp_path / "folder"), x, expected)


def test_weights_alone(tmp_path: Path) -> None:
    """`.weights.h5` has the weights of tf_idf and no vocabulary, in Keras as here."""
    make, x = MODELS["tf_idf"]
    theirs = make(keras)
    ours = rnnext.from_keras(theirs)
    expected = answers(theirs, x)
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    ours.layers[0]._lookup_layer.idf_weights[:] = 0
    ours.load_weights(tmp_path / "theirs.weights.h5")
    assert_gives(ours, x, expected)
    ours.save_weights(tmp_path / "ours.weights.h5")
    theirs.load_weights(tmp_path / "ours.weights.h5")
    np.testing.assert_allclose(answers(theirs, x), expected, atol=1e-6)


def test_hdf5_of_keras_without_its_vocabulary(tmp_path: Path) -> None:
    theirs = MODELS["adapted"][0](keras)
    theirs.save(tmp_path / "m.h5")
    ours = rnnext.load_model(tmp_path / "m.h5")
    with pytest.raises(DataError, match=r"TextVectorization\) has no vocabulary; .* a .keras file"):
        ours.predict(TEXTS)
    ours.layers[0].set_vocabulary(theirs.layers[0].get_vocabulary())
    assert_gives(ours, TEXTS, answers(theirs, TEXTS))


def test_summary_is_that_of_keras() -> None:
    theirs = MODELS["two texts"][0](keras)
    printed: list[list[str]] = [[], []]
    theirs.summary(print_fn=printed[0].append)
    rnnext.from_keras(theirs).summary(print_fn=printed[1].append)
    assert "".join(printed[0]).split() == "".join(printed[1]).split()


# Files that were changed --------------------------------------------------------------------------

PREPROCESSING = "keras315_preprocessing.keras"


def changed(change: Callable[[str, bytes], bytes | None]) -> bytes:
    """The golden archive with members replaced, or left out."""
    buffer = io.BytesIO()
    golden = io.BytesIO(golden_files.content(PREPROCESSING))
    with zipfile.ZipFile(golden) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return buffer.getvalue()


def in_vocabularies(change: Callable[[bytes], bytes | None]) -> bytes:
    return changed(lambda name, old: change(old) if name.endswith("vocabulary.txt") else old)


def test_words_with_line_separators_stay_whole() -> None:
    """Keras reads such a vocabulary with shifted indices; what it was trained with is right."""
    data = ["a\u2028b c\x85d e", "a\u2028b"]
    layer = rnnext.layers.TextVectorization()
    layer.adapt(data)
    text = rnnext.Sequential([rnnext.Input((), dtype="string"), layer])
    buffer = io.BytesIO()
    text.save(buffer)
    again = rnnext.load_model(buffer.getvalue())
    assert again.layers[0].get_vocabulary() == layer.get_vocabulary()
    np.testing.assert_array_equal(again.predict(data), text.predict(data))


def test_vocabulary_written_on_windows() -> None:
    content = in_vocabularies(lambda old: old.replace(b"\n", b"\r\n"))
    golden_files.assert_gives_recorded_outputs(rnnext.load_model(content), PREPROCESSING)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _: None, "a vocabulary or weights of layer .* are expected; the file has none"),
        (lambda old: old + b"\nmore", "vocabulary file has .* lines, and vocabulary_size is"),
        (lambda old: old[: old.rindex(b"\n") + 1] + b"\xff", "has no vocabulary|expected an int"),
    ],
)
def test_vocabularies_that_do_not_fit(change: Any, message: str) -> None:
    with pytest.raises(FileError, match=message):
        rnnext.load_model(in_vocabularies(change))


def test_a_term_twice() -> None:
    def twice(old: bytes) -> bytes:
        lines = old.split(b"\n")
        return b"\n".join([*lines[:-1], lines[-2]])

    with pytest.raises(FileError, match="the vocabulary has terms more than once"):
        rnnext.load_model(in_vocabularies(twice))


def test_a_config_names_no_file() -> None:
    def name_a_file(name: str, old: bytes) -> bytes:
        if name != "config.json":
            return old
        return old.replace(b'"vocabulary": null', b'"vocabulary": "/etc/passwd"')

    with pytest.raises(rnnext.RnnextError, match="names the vocabulary file '/etc/passwd', which"):
        rnnext.load_model(changed(name_a_file))


def test_functions_come_from_custom_objects() -> None:
    def shout(texts: Any) -> Any:
        return np.char.upper(texts)

    layer = rnnext.layers.TextVectorization(vocabulary=["A"], standardize=shout)
    model = rnnext.Sequential([rnnext.Input((), dtype="string"), layer])
    buffer = io.BytesIO()
    model.save(buffer)
    again = rnnext.load_model(buffer.getvalue(), custom_objects={"shout": shout})
    np.testing.assert_array_equal(again.predict(["a b"]), [[2, 1]])
    with pytest.raises(rnnext.UnsupportedError, match="names the function 'shout'"):
        rnnext.load_model(buffer.getvalue())
    # An .h5 file of Keras 2 has the function's name alone.
    config = json.loads(model.to_json())
    config["config"]["layers"][1]["config"]["standardize"] = "shout"
    text = json.dumps(config)
    again = saving.model_from_json(text, custom_objects={"shout": shout})
    np.testing.assert_array_equal(again.predict(["a b"]), [[2, 1]])
