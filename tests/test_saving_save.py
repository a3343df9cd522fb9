"""What rnnext saves, rnnext and Keras 3 open, and it gives the same answers."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import golden_files
import numpy as np
import pytest

import rnnext
from rnnext import saving
from rnnext.errors import UnsupportedError
from rnnext.layers import (
    GRU,
    LSTM,
    Bidirectional,
    Concatenate,
    Dense,
    Dot,
    Embedding,
    GlobalAveragePooling1D,
    Input,
    Masking,
    MultiHeadAttention,
)
from rnnext.models import Model, Sequential

SAVED = [
    "keras315_functional.keras",
    "keras315_masked.keras",
    "keras315_nested.keras",
    "keras333_sequential.keras",
    "tf213_sequential.keras",
    "tf25_sequential.h5",
    "keras224_cudnn.h5",
    "keras333_bidirectional.keras",
    "tf215_bidirectional.keras",
]


def as_list(outputs: Any) -> list[Any]:
    return outputs if isinstance(outputs, list) else [outputs]


def answers(model: Any, name: str) -> list[Any]:
    inputs, _ = golden_files.recorded(name)
    return as_list(model.predict(inputs if len(inputs) > 1 else inputs[0]))


@pytest.mark.parametrize("name", SAVED)
def test_saved_and_loaded_gives_the_same_bits(name: str, tmp_path: Path) -> None:
    model = saving.load_model(golden_files.content(name))
    model.save(tmp_path / "copy.keras")
    copy = saving.load_model(tmp_path / "copy.keras")
    for output, expected in zip(answers(copy, name), answers(model, name), strict=True):
        np.testing.assert_array_equal(output, expected)


@pytest.mark.parametrize("name", SAVED)
def test_keras3_opens_it(name: str, tmp_path: Path, keras: ModuleType) -> None:
    saving.load_model(golden_files.content(name)).save(tmp_path / "copy.keras")
    inputs, expected = golden_files.recorded(name)
    model = keras.models.load_model(tmp_path / "copy.keras")
    outputs = as_list(model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0))
    for output, y in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(output, y, rtol=0, atol=1e-6)


def test_layer_called_twice_is_written_once() -> None:
    shared = Dense(3)
    x = Input((3,))
    model = Model(x, Dense(2)(shared(shared(x))))
    file = io.BytesIO()
    model.save(file)
    copy = saving.load_model(file.getvalue())
    for weight, expected in zip(copy.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_layer_shared_with_a_nested_model() -> None:
    """Keras 3 saves it, and then fails to open the file."""
    shared = Dense(3, name="shared")
    inner_x = Input((3,))
    x = Input((3,))
    model = Model(x, [Model(inner_x, shared(inner_x))(x), shared(x)])
    with pytest.raises(
        UnsupportedError, match=r"layer 'shared' \(Dense\) is used in a nested model"
    ):
        model.save(io.BytesIO())


def test_archive_has_what_keras_writes() -> None:
    file = io.BytesIO()
    Sequential([Input((5, 3)), LSTM(2), Dense(1)]).save(file)
    with zipfile.ZipFile(file) as archive:
        assert archive.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
        assert json.loads(archive.read("metadata.json"))["keras_version"].startswith("3.")
        assert json.loads(archive.read("config.json"))["module"] == "keras"


def attention_of_old_files() -> Model:
    x = Input((5,))
    words = Embedding(7, 4, mask_zero=True)(x)
    attention = MultiHeadAttention(1, 2, name="attention", keeps_masks=True)
    return Model(x, LSTM(2)(attention(words, words)))


def bidirectional_of_old_files() -> Model:
    both = Bidirectional(LSTM(2, return_sequences=True), name="b", repeats_masked_outputs=True)
    return Sequential([Input((5, 3)), Masking(), both])


def stateful_of_old_files() -> Model:
    rnn = LSTM(2, stateful=True, name="r", outputs_initial_state=True)
    return Sequential([Input(batch_shape=(1, 5, 3)), Masking(), rnn])


def concatenation_of_old_files() -> Model:
    words, letters = Input((5,)), Input((5, 3))
    both = Concatenate(name="both", all_masks_must_hold=True)
    return Model([words, letters], LSTM(2)(both([Embedding(7, 4, mask_zero=True)(words), letters])))


@pytest.mark.parametrize(
    ("model", "file", "reason"),
    [
        (stateful_of_old_files(), "m.keras", r"layer 'r' .* before Keras 2\.2\.5 masked steps"),
        (attention_of_old_files(), "m.keras", r"layer 'attention' .* before Keras 3\.8 it passed"),
        (bidirectional_of_old_files(), "m.keras", r"layer 'b' .* before Keras 2\.4 masked steps"),
        (
            concatenation_of_old_files(),
            "m.keras",
            r"layer 'both' .* before Keras 3\.4 a step counted",
        ),
        (
            Sequential([Input((3,)), Dense(1)]),
            "m.onnx",
            "m.onnx: the name does not say how to save models; it must end in .keras, .h5 or",
        ),
        (Sequential([Dense(1)], name="s"), "m.keras", "model 's' is not built"),
        (Sequential([Input((3,)), Dense(1, name="a/b")]), "m.keras", "no names with '/'"),
        (
            Sequential(
                [Input((5, 3)), GRU(1, recurrent_activation="keras2_hard_sigmoid", name="g")]
            ),
            "m.keras",
            r"layer 'g': the hard_sigmoid of Keras 2, clip\(0.2 x \+ 0.5\), cannot be saved",
        ),
    ],
)
def test_refused(model: Model, file: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=reason):
        model.save(tmp_path / file)
    assert not (tmp_path / file).exists()


def old_bidirectional(units: int, return_sequences: bool) -> Bidirectional:
    """One of a file of Keras before 2.4, where masked steps repeat the output before them."""
    lstm = LSTM(units, return_sequences=return_sequences)
    return Bidirectional(lstm, repeats_masked_outputs=True)


def last_output_of_masked_steps() -> Model:
    x = Input((5,))
    return Model(x, old_bidirectional(2, False)(Embedding(7, 4, mask_zero=True)(x)))


def concatenation_after_masks() -> Model:
    words, letters = Input((5,)), Input((5, 3))
    last = [LSTM(2)(Embedding(7, 4, mask_zero=True)(words)), GlobalAveragePooling1D()(letters)]
    return Model([words, letters], Dense(2)(Concatenate(all_masks_must_hold=True)(last)))


def sequences_without_masks() -> Model:
    words = Input((5,))
    letters = Input((5, 3))
    steps = old_bidirectional(2, True)(Concatenate()([Embedding(7, 4)(words), letters]))
    return Model([words, letters], [GlobalAveragePooling1D()(steps), Dot(axes=2)([steps, steps])])


@pytest.mark.parametrize(
    "build", [last_output_of_masked_steps, concatenation_after_masks, sequences_without_masks]
)
def test_old_masks_that_change_nothing_are_no_reason_to_refuse(
    build: Any, keras: ModuleType, tmp_path: Path
) -> None:
    model, file = build(), tmp_path / "m.keras"
    model.save(file)
    words = np.array([[1, 2, 0, 0, 0], [0, 3, 0, 4, 0], [0, 0, 0, 0, 0]], np.float32)
    letters = np.linspace(-1, 1, 45, dtype=np.float32).reshape(3, 5, 3)
    x = [words, letters] if len(model.inputs) == 2 else words
    loaded = keras.saving.load_model(file)
    for y, expected in zip(
        as_list(model.predict(x)), as_list(loaded.predict(x, verbose=0)), strict=True
    ):
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-6)


def test_weights_alone(tmp_path: Path, keras: ModuleType) -> None:
    def make(library: Any) -> Any:
        layers = library.layers
        memory = layers.Bidirectional(layers.LSTM(3, return_sequences=True))
        return library.Sequential([layers.Input((5, 2)), memory, layers.Dense(1)])

    model, copy, theirs = make(rnnext), make(rnnext), make(keras)
    file = tmp_path / "memory.weights.h5"
    model.save_weights(file)
    copy.load_weights(file)
    theirs.load_weights(file)
    for ours, loaded, keras_weight in zip(
        model.get_weights(), copy.get_weights(), theirs.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(loaded, ours)
        np.testing.assert_array_equal(keras_weight, ours)


def test_weights_of_a_model_without_any_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        UnsupportedError, match=r"save weights; it must end in \.weights\.h5, \.h5 or \.hdf5"
    ):
        Sequential([Input((3,)), Dense(1)]).save_weights(tmp_path / "a.ckpt")
    with pytest.raises(UnsupportedError, match="not built"):
        Sequential([LSTM(2)]).save_weights(tmp_path / "a.weights.h5")


@pytest.mark.parametrize(
    ("file", "options", "start"),
    [
        ("m.keras", {}, b"PK"),
        ("m.keras", {"save_format": "keras", "include_optimizer": False, "zipped": True}, b"PK"),
        ("m.h5", {"save_format": "h5"}, b"\x89HDF"),
        ("m.hdf5", {}, b"\x89HDF"),
        ("model", {"save_format": "h5"}, b"\x89HDF"),
        ("model", {"save_format": "keras_v3"}, b"PK"),
    ],
)
def test_arguments_of_save(
    file: str, options: dict[str, Any], start: bytes, tmp_path: Path
) -> None:
    model = Sequential([Input((5, 3)), LSTM(2)])
    rnnext.models.save_model(model, tmp_path / file, overwrite=True, **options)
    assert (tmp_path / file).read_bytes().startswith(start)
    loaded = rnnext.load_model(tmp_path / file).get_weights()
    for weight, expected in zip(loaded, model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, expected, strict=True)


@pytest.mark.parametrize(
    ("file", "options", "reason"),
    [
        ("model", {"save_format": "tf"}, "accepted are 'keras', .* TensorFlow's own formats"),
        ("model", {"save_format": "onnx"}, "save_format='onnx' is not supported for models"),
        ("m.keras", {"save_format": "h5"}, "another format than the name says"),
        ("folder", {"zipped": False}, "zipped=False is not supported"),
        ("model", {}, r"must end in \.keras, \.h5 or \.hdf5"),
    ],
)
def test_refused_arguments_of_save(
    file: str, options: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedError, match=reason):
        Sequential([Input((5, 3)), LSTM(2)]).save(tmp_path / file, **options)
    assert not list(tmp_path.iterdir())
