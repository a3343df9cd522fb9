"""`load_weights(..., skip_mismatch=True)` beside Keras: the weights taken, and the warning."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_reference import load_keras

import rnnext
from rnnext.errors import FileError

keras = load_keras()


def build(library: Any, change: str) -> Any:
    """A model whose every weight differs from those of the saved one, with one change."""
    layers = library.layers
    features, units, classes = (
        4 if change == "features" else 3,
        6 if change == "units" else 5,
        4 if change == "classes" else 2,
    )
    model = [
        layers.Input((7, features)),
        layers.Bidirectional(layers.LSTM(units, return_sequences=True), name="both"),
        layers.GRU(4, reset_after=change != "reset_after", name="gru"),
        layers.BatchNormalization(name="normal"),
        layers.Dense(classes, name="classes"),
    ]
    if change == "one layer more":
        model.append(layers.Dense(3, name="added"))
    if change == "one layer less":
        del model[-1]
    if change == "another class":
        model[2] = layers.SimpleRNN(4, name="gru")
    built = library.Sequential(model)
    fill(built, 1.0 if change == "saved" else 2.0)
    return built


def fill(model: Any, scale: float) -> None:
    generator = np.random.default_rng(3)
    model.set_weights([scale + generator.random(w.shape) for w in model.get_weights()])


CHANGES = [
    "saved",
    "features",
    "units",
    "classes",
    "reset_after",
    "one layer more",
    "one layer less",
    "another class",
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("files")
    model = build(keras, "saved")
    paths = {suffix: folder / f"m{suffix}" for suffix in (".weights.h5", ".h5", ".keras")}
    model.save_weights(paths[".weights.h5"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # .h5 is a legacy format
        model.save(paths[".h5"])
    model.save(paths[".keras"])
    return paths


def loaded(library: Any, change: str, file: Path, **options: Any) -> tuple[list[Any], bool]:
    """The weights afterwards, and whether there was a warning."""
    model = build(library, change)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.load_weights(file, skip_mismatch=True, **options)
    about_weights = [w for w in caught if issubclass(w.category, UserWarning)]
    return model.get_weights(), bool(about_weights)


@pytest.mark.parametrize(
    ("change", "suffix"),
    [
        (change, suffix)
        for change in CHANGES
        for suffix in (".weights.h5", ".h5", ".keras")
        if (change, suffix) != ("reset_after", ".h5")  # a test of its own
    ],
)
def test_takes_what_keras_takes(files: dict[str, Path], suffix: str, change: str) -> None:
    options = {"by_name": True} if suffix == ".h5" else {}
    expected, _ = loaded(keras, change, files[suffix], **options)
    weights, warned = loaded(rnnext, change, files[suffix], **options)
    for received, value in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(received, value)
    # By name, a layer that either side lacks is no mismatch.
    named = change.startswith("one layer") and suffix == ".h5"
    assert warned == (change != "saved" and not named)


@pytest.mark.parametrize("change", ["features", "units", "classes"])
def test_legacy_file_by_order(files: dict[str, Path], change: str) -> None:
    expected, _ = loaded(keras, change, files[".h5"])
    weights, warned = loaded(rnnext, change, files[".h5"])
    assert warned
    for received, value in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(received, value)


def test_legacy_gru_of_the_other_reset_after(files: dict[str, Path]) -> None:
    # Keras takes its kernels, which were trained to compute something else, without the bias.
    model = build(rnnext, "reset_after")
    before = model.get_layer("gru").get_weights()
    with pytest.warns(UserWarning, match="that of reset_after=True; the layer has reset_after=Fa"):
        model.load_weights(files[".h5"], by_name=True, skip_mismatch=True)
    for weight, value in zip(model.get_layer("gru").get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_legacy_file_by_order_needs_as_many_layers(files: dict[str, Path]) -> None:
    model = build(rnnext, "one layer more")
    with pytest.raises(FileError, match="the file has weights of 4 layers"):
        model.load_weights(files[".h5"], skip_mismatch=True)


def test_the_warning_names_weights_and_the_caller(files: dict[str, Path]) -> None:
    model = build(rnnext, "classes")
    with pytest.warns(UserWarning, match="skip_mismatch=True") as caught:
        model.load_weights(files[".weights.h5"], skip_mismatch=True)
    (warning,) = caught
    assert warning.filename == __file__
    assert str(warning.message) == (
        f"{files['.weights.h5']}: weights that do not fit keep their values (skip_mismatch=True): "
        "/layers/dense/vars: layer 'classes' (Dense): weight 'kernel': shape (4, 4) is expected, "
        "the file has (4, 2)."
    )


def test_without_it_a_mismatch_is_an_error(files: dict[str, Path]) -> None:
    model = build(rnnext, "classes")
    before = model.get_weights()
    with pytest.raises(FileError, match=r"weight 'kernel': shape \(4, 4\) is expected"):
        model.load_weights(files[".weights.h5"])
    for weight, value in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, value)
