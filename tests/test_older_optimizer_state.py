"""Training runs that Keras 2 began go on here as they would have gone on there."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import rnnext

pytestmark = pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")

X = np.random.default_rng(0).normal(size=(12, 5, 3)).astype("float32")
Y = np.random.default_rng(1).normal(size=(12, 1)).astype("float32")
NEW: dict[str, tuple[str, dict[str, Any]]] = {
    "adam": ("Adam", {}),
    "adam amsgrad": ("Adam", {"amsgrad": True}),
    "adam average": ("Adam", {"use_ema": True}),
    "adamw": ("AdamW", {}),
    "nadam": ("Nadam", {}),
    "adamax": ("Adamax", {}),
    "sgd": ("SGD", {}),
    "sgd momentum": ("SGD", {"momentum": 0.9}),
    "rmsprop": ("RMSprop", {}),
    "rmsprop centered": ("RMSprop", {"centered": True, "momentum": 0.5}),
    "adagrad": ("Adagrad", {}),
    "adadelta": ("Adadelta", {}),
    "ftrl": ("Ftrl", {}),
    "lion": ("Lion", {}),
}
# RMSprop without momentum added epsilon after the root, Nadam had another schedule.
LEGACY = [
    *("adam", "adam amsgrad", "adamax", "sgd", "sgd momentum", "rmsprop centered"),
    *("adagrad", "adadelta", "ftrl"),
]


def begun(optimizer: Any) -> Any:
    library = pytest.importorskip("tf_keras")
    layers = library.layers
    model = library.Sequential(
        [
            layers.Input((5, 3)),
            layers.Bidirectional(layers.GRU(3, name="gru"), name="both"),
            layers.BatchNormalization(name="norm"),
            layers.Dense(1, name="dense"),
        ]
    )
    random = np.random.default_rng(2)
    model.set_weights([random.uniform(0.1, 0.5, w.shape) for w in model.get_weights()])
    model.compile(optimizer, "mse", run_eagerly=True)
    for _ in range(3):
        model.train_on_batch(X[:6], Y[:6])
    return model


def go_on(model: Any) -> list[Any]:
    for _ in range(3):
        model.train_on_batch(X[6:], Y[6:])
    return [np.asarray(w) for w in model.get_weights()]


@contextlib.contextmanager
def no_warning() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


CASES = [
    *((case, False, ".h5") for case in NEW),
    *((case, False, ".keras") for case in ("adam average", "nadam", "rmsprop centered", "sgd")),
    *((case, True, ".h5") for case in LEGACY),
]


@pytest.mark.parametrize(("case", "is_legacy", "suffix"), CASES)
def test_a_run_of_keras_2_goes_on(case: str, is_legacy: bool, suffix: str, tmp_path: Path) -> None:
    optimizers = pytest.importorskip("tf_keras").optimizers
    name, options = NEW[case]
    model = begun(getattr(optimizers.legacy if is_legacy else optimizers, name)(0.01, **options))
    model.save(tmp_path / f"m{suffix}")
    rest = rnnext.load_model(tmp_path / f"m{suffix}")
    with no_warning():
        assert int(rest.optimizer.iterations) == 3
        found = go_on(rest)
    for mine, theirs in zip(found, go_on(model), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)


def test_a_file_of_keras_2_2_has_numbered_arrays(tmp_path: Path) -> None:
    """Keras to 2.3 wrote the same order without names of weights, and an unused slot of Adam."""
    library, path = pytest.importorskip("tf_keras"), tmp_path / "m.h5"
    model = begun(library.optimizers.legacy.Adam(0.01))
    model.save(path)
    with h5py.File(path, "r+") as file:
        group = file["optimizer_weights"]
        arrays = [group[n][()] for n in group.attrs["weight_names"]]
        arrays += [np.zeros(1, "float32")] * ((len(arrays) - 1) // 2)
        del file["optimizer_weights"]
        group = file.create_group("optimizer_weights")
        names = [f"training/Adam/Variable_{i}:0" for i in range(len(arrays) - 1)]
        names.insert(0, "Adam/iterations:0")
        for name, array in zip(names, arrays, strict=True):
            group[name] = array
        group.attrs["weight_names"] = [name.encode() for name in names]
    rest = rnnext.load_model(path)
    with no_warning():
        found = go_on(rest)
    for mine, theirs in zip(found, go_on(model), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore:.*decay does nothing")
def test_nadam_before_2_11_begins_anew(tmp_path: Path) -> None:
    library, path = pytest.importorskip("tf_keras"), tmp_path / "m.h5"
    begun(library.optimizers.legacy.Nadam(0.01)).save(path)
    check_anew(path, r"the file has \d+ arrays of shapes .*, Nadam keeps \d+ of shapes")


def test_arrays_in_another_order_are_refused(tmp_path: Path) -> None:
    library, path = pytest.importorskip("tf_keras"), tmp_path / "m.h5"
    begun(library.optimizers.legacy.Adam(0.01)).save(path)
    with h5py.File(path, "r+") as file:
        attributes = file["optimizer_weights"].attrs
        names = [str(name) for name in attributes["weight_names"]]
        gamma, beta = (names.index(f"Adam/norm/{w}/m:0") for w in ("gamma", "beta"))
        names[gamma], names[beta] = names[beta], names[gamma]
        attributes["weight_names"] = [name.encode() for name in names]
    check_anew(path, r"array 'Adam/norm/beta/m:0' of the file stands where momentum of '.*gamma'")


def check_anew(path: Path, message: str) -> None:
    rest = rnnext.load_model(path)
    with pytest.warns(UserWarning, match=f"is not loaded: {message}.*The optimizer begins anew"):
        assert int(rest.optimizer.iterations) == 0
    go_on(rest)
