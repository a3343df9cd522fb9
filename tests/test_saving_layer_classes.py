"""Every layer class is saved: Keras 3 opens the file and gives the same answer.

A model holds every case of the parity table with one class, each as a branch of its own.
"""

from __future__ import annotations

import functools
import io
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from layer_twins import random_array
from numpy.typing import NDArray
from parity_cases import CASES, Case

from rnnext import layers, nest, saving
from rnnext.errors import UnsupportedError
from rnnext.layers import Input, Layer
from rnnext.models import Model
from rnnext.saving.keras3_weights import descendants

pytestmark = pytest.mark.filterwarnings("ignore:You passed `rms_scaling=True`")

Array = NDArray[Any]

TEXTS = ("a b", "é", "", "Hello, a b!", "c", "a  c\n b")


class StringCase(Case):
    """A case whose inputs are strings."""

    def inputs(self) -> list[Array]:
        """Texts in another order for each input."""
        return [
            np.resize(np.array(np.roll(TEXTS, i), object), shape)
            for i, shape in enumerate(self.shapes)
        ]


MORE_CASES = (
    Case("BatchNormalization", "renorm", lambda m, **d: m.BatchNormalization(renorm=True, **d)),
    Case("SpatialDropout2D", "", lambda m, **d: m.SpatialDropout2D(0.3, **d), ((2, 5, 4, 3),)),
    Case("SpatialDropout3D", "", lambda m, **d: m.SpatialDropout3D(0.3, **d), ((2, 5, 4, 3, 2),)),
    Case(
        "MelSpectrogram",
        "",
        lambda m, **d: m.MelSpectrogram(64, 24, window="hamming", num_mel_bins=5, **d),
        ((3, 240),),
    ),
    Case("ThresholdedReLU", "", lambda m, **d: m.ThresholdedReLU(0.5, **d)),
    Case("HashedCrossing", "", lambda m, **_: m.HashedCrossing(5), ((4,), (4,)), integers=9),
    Case(
        "Hashing",
        "one_hot of one",
        lambda m, **_: m.Hashing(4, output_mode="one_hot"),
        ((4, 1),),
        integers=9,
    ),
    StringCase(
        "Hashing",
        "strings",
        lambda m, **_: m.Hashing(7, salt=3, mask_value=""),
        ((4, 3),),
    ),
    StringCase(
        "HashedCrossing",
        "strings",
        lambda m, **_: m.HashedCrossing(5, output_mode="one_hot"),
        ((4,), (4,)),
    ),
    StringCase(
        "StringLookup", "", lambda m, **_: m.StringLookup(vocabulary=["a b", "é"]), ((4, 3),)
    ),
    StringCase(
        "StringLookup",
        "mask_token, multi_hot",
        lambda m, **_: m.StringLookup(
            num_oov_indices=2, mask_token="", vocabulary=["a b", "é"], output_mode="multi_hot"
        ),
        ((4, 3),),
    ),
    Case(
        "StringLookup",
        "invert",
        lambda m, **_: m.StringLookup(vocabulary=["a b", "é", "c"], invert=True),
        ((4, 3),),
        integers=4,
    ),
    StringCase(
        "TextVectorization",
        "output_sequence_length, ngrams",
        lambda m, **_: m.TextVectorization(
            ngrams=2, output_sequence_length=4, vocabulary=["a", "b", "a b", "hello"]
        ),
        ((7,),),
    ),
    StringCase(
        "TextVectorization",
        "tf_idf, character",
        lambda m, **_: m.TextVectorization(
            split="character",
            standardize="lower",
            output_mode="tf_idf",
            vocabulary=["a", "b", "é"],
            idf_weights=[0.5, 1.0, 2.0],
        ),
        ((7,),),
    ),
)
CLASSES = sorted({case.layer for case in (*CASES.values(), *MORE_CASES)})
# Bases that compute nothing, and the layer of a Python function, which raises an error.
NOT_SAVED = {layers.Layer, layers.Wrapper, layers.Lambda}


def graph_input(values: Array) -> Any:
    is_text = values.dtype == object
    return Input(batch_shape=values.shape, dtype="string" if is_text else values.dtype.name)


def call_arguments(case: Case) -> dict[str, Any]:
    """The call's further arguments; shapes are replaced by arrays."""

    def filled(value: Any) -> Any:
        if isinstance(value, list):
            return [filled(item) for item in value]
        return random_array(value, seed="call") if isinstance(value, tuple) else value

    return {name: filled(value) for name, value in case.call.items()}


def model_of(class_name: str) -> tuple[Model, list[Array]]:
    """The model, with random weights, and its inputs."""
    inputs: list[Any] = []
    values: list[Array] = []
    outputs: list[Any] = []

    def fed(value: Any) -> Any:
        if isinstance(value, list):
            return [fed(item) for item in value]
        if not isinstance(value, np.ndarray):
            return value
        values.append(value)
        inputs.append(graph_input(value))
        return inputs[-1]

    for case in (*CASES.values(), *MORE_CASES):
        if case.layer == class_name:
            layer = case.make(layers)
            x = fed(case.inputs())
            call = {name: fed(value) for name, value in call_arguments(case).items()}
            outputs += nest.flatten(layer(x if len(x) > 1 else x[0], **call))
    model = Model(inputs, outputs)
    drawn = [random_array(w.shape, seed=f"weight {i}") / 2 for i, w in enumerate(model.weights)]
    model.set_weights([np.abs(w) for w in drawn])  # some of them are variances
    return model, values


@functools.cache
def saved(class_name: str) -> tuple[bytes, list[Array], list[Array]]:
    """The model's file, its inputs and its outputs."""
    model, inputs = model_of(class_name)
    file = io.BytesIO()
    model.save(file)
    return file.getvalue(), inputs, answers(model, inputs)


def answers(model: Any, inputs: list[Array]) -> list[Array]:
    outputs = model(inputs)
    return [np.asarray(y) for y in (outputs if isinstance(outputs, (list, tuple)) else [outputs])]


def test_every_class_is_in_a_model() -> None:
    exported = {getattr(layers, name) for name in layers.__all__}
    classes = {item for item in exported if isinstance(item, type) and issubclass(item, Layer)}
    seen = {type(each) for name in CLASSES for each in descendants(model_of(name)[0])}
    assert classes - seen == NOT_SAVED


@pytest.mark.parametrize("class_name", CLASSES)
def test_same_bits_from_a_saved_model(class_name: str) -> None:
    content, inputs, expected = saved(class_name)
    received = answers(saving.load_model(content), inputs)
    for output, y in zip(received, expected, strict=True):
        np.testing.assert_array_equal(output, y, strict=True)


@pytest.mark.parametrize("class_name", CLASSES)
def test_keras_opens_a_saved_model(class_name: str, tmp_path: Path, keras: ModuleType) -> None:
    content, inputs, expected = saved(class_name)
    (tmp_path / "m.keras").write_bytes(content)
    received = answers(keras.models.load_model(tmp_path / "m.keras"), inputs)
    for output, y in zip(received, expected, strict=True):
        assert output.dtype == y.dtype
        if y.dtype == object:
            np.testing.assert_array_equal(output, y)
            continue
        scale = np.abs(y).max(initial=1e-30)
        np.testing.assert_allclose(output, y, rtol=0, atol=2e-5 * scale)


# Keras warns that it does not recommend this format.
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("class_name", CLASSES)
def test_same_bits_from_hdf5_of_keras(class_name: str, tmp_path: Path, keras: ModuleType) -> None:
    """Keras 3 writes other configs there: without modules, of its classes' names in Python."""
    content, inputs, expected = saved(class_name)
    (tmp_path / "m.keras").write_bytes(content)
    keras.models.load_model(tmp_path / "m.keras").save(tmp_path / "m.h5")
    received = answers(saving.load_model(tmp_path / "m.h5"), inputs)
    for output, y in zip(received, expected, strict=True):
        np.testing.assert_array_equal(output, y, strict=True)


def test_a_function_is_not_saved() -> None:
    x = Input((3,))
    model = Model(x, layers.Lambda(lambda t: t + 1)(x))
    with pytest.raises(UnsupportedError, match="a lambda cannot be stored in a config"):
        model.save(io.BytesIO())
