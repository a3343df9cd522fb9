"""A training run that is saved goes on in Keras, and one begun in Keras goes on here."""

from __future__ import annotations

import functools
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import numpy as np
import pytest

import rnnext
from rnnext.errors import UnsupportedError

FORMATS = [".keras", ".h5"]
# Each makes an optimizer of rnnext or of Keras.
OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "adam": lambda o: o.Adam(0.01),
    "adam clipnorm schedule amsgrad": lambda o: o.Adam(
        o.schedules.ExponentialDecay(0.01, 3, 0.8), clipnorm=0.1, amsgrad=True
    ),
    "adamw": lambda o: o.AdamW(0.01, weight_decay=0.1),
    "sgd": lambda o: o.SGD(0.05),
    "sgd momentum": lambda o: o.SGD(0.05, momentum=0.9, nesterov=True),
    "rmsprop centered": lambda o: o.RMSprop(0.01, centered=True, momentum=0.5),
    "nadam": lambda o: o.Nadam(0.01),
    "ftrl": lambda o: o.Ftrl(0.05),
    "lion": lambda o: o.Lion(0.002),
    "ema": lambda o: o.Adam(0.01, use_ema=True, ema_momentum=0.7, ema_overwrite_frequency=5),
    "accumulation": lambda o: o.SGD(0.05, momentum=0.9, gradient_accumulation_steps=3),
}
X = np.random.default_rng(0).normal(size=(20, 5, 3)).astype("float32")
Y = np.random.default_rng(1).normal(size=(20, 1)).astype("float32")


def compiled(library: Any, optimizer: str = "adam") -> Any:
    layers = library.layers
    model = library.Sequential(
        [layers.Input((5, 3)), layers.LSTM(4, name="lstm"), layers.Dense(1, name="dense")]
    )
    random = np.random.default_rng(2)
    model.set_weights([random.normal(0, 0.3, w.shape) for w in model.get_weights()])
    model.compile(OPTIMIZERS[optimizer](library.optimizers), "mse", metrics=["mae"])
    return model


def train(model: Any, epochs: int = 2) -> None:
    # 20 samples in batches of 8: an accumulation of 3 steps ends inside an epoch.
    for _ in range(epochs):
        for at in range(0, 20, 8):
            model.train_on_batch(X[at : at + 8], Y[at : at + 8])


@functools.cache
def course_in_keras(optimizer: str, keras: ModuleType) -> Any:
    model = compiled(keras, optimizer)
    train(model, 4)
    return model


def check_equal(model: Any, other: Any) -> None:
    for weight, expected in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(weight, expected, rtol=2e-4, atol=2e-5)
    for mine, theirs in zip(model.optimizer.variables, other.optimizer.variables, strict=True):
        assert mine.shape == tuple(theirs.shape)
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=2e-3, atol=2e-5)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_run_goes_on_in_keras(optimizer: str, tmp_path: Path, keras: ModuleType) -> None:
    whole, begun = course_in_keras(optimizer, keras), compiled(rnnext.keras, optimizer)
    train(begun)
    begun.save(tmp_path / "m.keras")
    rest = keras.models.load_model(tmp_path / "m.keras")
    assert int(rest.optimizer._iterations.numpy()) == 6
    train(rest)
    check_equal(rest, whole)


@pytest.mark.parametrize("written_by", ["keras", "rnnext"])
def test_keras_does_not_go_on_from_a_legacy_file(
    written_by: str, tmp_path: Path, keras: ModuleType
) -> None:
    """Keras 3.15 builds the optimizer of such a file for no weights, of its own files, too."""
    model = compiled(keras if written_by == "keras" else rnnext.keras)
    model.compile(model.optimizer, "mean_squared_error")
    train(model)
    model.save(tmp_path / "m.h5")
    loaded = keras.models.load_model(tmp_path / "m.h5")
    found, expected = (m.evaluate(X, Y, verbose=0, return_dict=True) for m in (loaded, model))
    assert found["loss"] == pytest.approx(expected["loss"], rel=1e-5)
    with pytest.raises(ValueError, match="Unknown variable"):
        train(loaded)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("begun_in", ["keras", "rnnext"])
def test_a_run_goes_on_here(
    begun_in: str, optimizer: str, suffix: str, tmp_path: Path, keras: ModuleType
) -> None:
    library = keras if begun_in == "keras" else rnnext.keras
    whole, begun = course_in_keras(optimizer, keras), compiled(library, optimizer)
    train(begun)
    begun.save(tmp_path / f"m{suffix}")
    rest = rnnext.load_model(tmp_path / f"m{suffix}")
    (tmp_path / f"m{suffix}").unlink()  # the state was read with the weights
    train(rest)
    check_equal(rest, whole)


@pytest.mark.parametrize("written_by", ["keras", "rnnext"])
def test_weights_files_hold_the_state(written_by: str, tmp_path: Path, keras: ModuleType) -> None:
    libraries = [keras, rnnext.keras]
    first, second = libraries if written_by == "keras" else libraries[::-1]
    whole, begun, rest = compiled(keras), compiled(first), compiled(second)
    train(whole, 4)
    train(begun)
    begun.save_weights(tmp_path / "m.weights.h5")
    rest.optimizer.build(rest.trainable_variables)
    rest.load_weights(tmp_path / "m.weights.h5")
    train(rest)
    check_equal(rest, whole)


def test_a_weights_file_replaces_the_state_of_a_loaded_model() -> None:
    begun, file, weights = compiled(rnnext.keras), io.BytesIO(), io.BytesIO()
    begun.save(file)
    train(begun)
    begun.save_weights(weights)
    rest = rnnext.load_model(file.getvalue())
    rest.load_weights(weights.getvalue())
    train(begun)
    train(rest)
    check_equal(rest, begun)


def test_an_optimizer_that_is_not_built_takes_no_state() -> None:
    begun, file, rest = compiled(rnnext.keras), io.BytesIO(), compiled(rnnext.keras)
    train(begun)
    begun.save_weights(file)
    with pytest.warns(UserWarning, match=r"not built yet: call optimizer\.build\(variables\)"):
        rest.load_weights(file.getvalue())
    assert int(rest.optimizer.iterations) == 0


def settings(library: Any) -> dict[str, Any]:
    return {
        "optimizer": library.optimizers.SGD(0.5, momentum=0.75),
        "loss": {"a": library.losses.CategoricalCrossentropy(label_smoothing=0.25), "b": "mse"},
        "loss_weights": {"a": 0.5, "b": 2.0},
        "metrics": {
            "a": ["accuracy", library.metrics.MeanAbsoluteError(name="off")],
            "b": ["mean_absolute_error"],
        },
        "weighted_metrics": {"b": [library.metrics.RootMeanSquaredError()]},
    }


def two_outputs(library: Any) -> Any:
    layers = library.layers
    inputs = layers.Input((5, 3), name="x")
    hidden = layers.GRU(3, name="gru")(inputs)
    outputs = {
        "a": layers.Dense(2, "softmax", name="a")(hidden),
        "b": layers.Dense(1, name="b")(hidden),
    }
    model = library.Model(inputs, outputs)
    model.compile(**settings(library))
    return model


def test_compile_config_is_kerass(keras: ModuleType) -> None:
    mine = two_outputs(rnnext.keras).get_compile_config()
    theirs = json.loads(json.dumps(two_outputs(keras).get_compile_config()))
    theirs["optimizer"]["config"]["name"] = mine["optimizer"]["config"]["name"]
    theirs["jit_compile"] = mine["jit_compile"]  # Keras resolves "auto" by its backend
    assert mine == theirs


def test_compile_from_config_takes_kerass(keras: ModuleType) -> None:
    model = two_outputs(rnnext.keras)
    expected = model.get_compile_config()
    config = json.loads(json.dumps(two_outputs(keras).get_compile_config()))
    model.compile_from_config(config)
    found = model.get_compile_config()
    expected["optimizer"]["config"]["name"] = found["optimizer"]["config"]["name"]
    expected["jit_compile"] = found["jit_compile"]
    assert found == expected
    assert model.optimizer.built


# Keras says so of every file whose model was compiled and not trained, its own, too.
@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("first", ["keras", "rnnext"])
def test_settings_of_several_outputs(
    first: str, suffix: str, tmp_path: Path, keras: ModuleType
) -> None:
    libraries = [keras, rnnext.keras]
    writer, reader = libraries if first == "keras" else libraries[::-1]
    model = two_outputs(writer)
    model.save(tmp_path / f"m{suffix}")
    loaded = reader.models.load_model(tmp_path / f"m{suffix}")
    y = {"a": np.eye(2, dtype="float32")[np.arange(20) % 2], "b": Y}
    mine = loaded.evaluate(X, y, verbose=0, return_dict=True)
    theirs = model.evaluate(X, y, verbose=0, return_dict=True)
    assert mine.keys() == theirs.keys()
    for name, value in theirs.items():
        assert mine[name] == pytest.approx(value, rel=1e-4, abs=1e-6)


def their_loss(y_true: Any, y_pred: Any) -> Any:
    return (y_true - y_pred) ** 2


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_loss_of_the_users(suffix: str, tmp_path: Path) -> None:
    model = compiled(rnnext.keras)
    model.compile("adam", their_loss, metrics=[their_loss])
    train(model)
    model.save(tmp_path / f"m{suffix}")
    loaded = rnnext.load_model(tmp_path / f"m{suffix}", {"their_loss": their_loss})
    assert loaded.loss is their_loss
    assert loaded.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)


def test_an_unknown_optimizer_is_an_error_when_it_is_asked_for() -> None:
    class Theirs(rnnext.keras.optimizers.Adam):  # type: ignore[name-defined,misc]
        pass

    model, file = compiled(rnnext.keras), io.BytesIO()
    model.compile(Theirs(), "mse")
    model.save(file)
    loaded = rnnext.load_model(file.getvalue())
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
    for _ in range(2):
        with pytest.raises(
            UnsupportedError,
            match=r"^<bytes>: the settings of compile\(\) cannot be restored: optimizer .*'Theirs'"
            r".* by custom_objects, or call compile\(\) again; prediction does not need them\.$",
        ):
            loaded.fit(X, Y, verbose=0)
    with pytest.warns(UserWarning, match=r"the state of the optimizer are not saved: <bytes>: the"):
        loaded.save(io.BytesIO())
    assert rnnext.load_model(file.getvalue(), {"Theirs": Theirs}).compiled
    loaded.compile("sgd", "mse")
    train(loaded)


@pytest.mark.parametrize("format_", ["keras", "h5"])
def test_compile_false_and_include_optimizer_false(format_: str) -> None:
    model, file = compiled(rnnext.keras), io.BytesIO()
    train(model)
    model.save(file, save_format=format_)
    assert rnnext.load_model(file.getvalue()).compiled
    loaded = rnnext.load_model(file.getvalue(), compile=False)
    assert not loaded.compiled
    assert loaded.optimizer is None
    model.save(file := io.BytesIO(), save_format=format_, include_optimizer=False)
    assert not rnnext.load_model(file.getvalue()).compiled


def test_a_lambda_is_not_saved() -> None:
    model = compiled(rnnext.keras)
    model.compile("adam", lambda y_true, y_pred: (y_true - y_pred) ** 2)
    file = io.BytesIO()
    with pytest.warns(UserWarning, match="are not saved: .* a lambda cannot be stored"):
        model.save(file)
    config = json.loads(zipfile.ZipFile(file).read("config.json"))
    assert "compile_config" not in config
    assert not rnnext.load_model(file.getvalue()).compiled


def test_an_array_of_the_state_that_is_missing_is_warned_of() -> None:
    model, file = compiled(rnnext.keras), io.BytesIO()
    train(model)
    model.save(file, save_format="h5")
    with h5py.File(file, "r+") as edited:
        names = edited["optimizer_weights"].attrs["weight_names"]
        edited["optimizer_weights"].attrs["weight_names"] = [*names[:-1], b"adam/other"]
    loaded = rnnext.load_model(file.getvalue())
    with pytest.warns(
        UserWarning, match=r"lists \['adam/other'\], which the file does not hold\. T"
    ):
        assert int(loaded.optimizer.iterations) == 0


def test_a_link_in_the_state_is_not_followed() -> None:
    model, file = compiled(rnnext.keras), io.BytesIO()
    train(model)
    model.save(file, save_format="h5")
    with h5py.File(file, "r+") as edited:
        edited["optimizer_weights/x"] = h5py.ExternalLink("/nowhere", "/")
    loaded = rnnext.load_model(file.getvalue())
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
    with pytest.warns(UserWarning, match=r"a ExternalLink; .* The optimizer begins anew\."):
        assert int(loaded.optimizer.iterations) == 0


def test_a_loaded_model_is_pickled_with_its_settings() -> None:
    model, file = compiled(rnnext.keras), io.BytesIO()
    train(model)
    model.save(file)
    copy = pickle.loads(pickle.dumps(rnnext.load_model(file.getvalue())))
    train(model)
    train(copy)
    check_equal(copy, model)


def test_keras_2_opens_what_is_saved_here(tmp_path: Path) -> None:
    library = pytest.importorskip("tf_keras")
    model = compiled(rnnext.keras)
    train(model)
    model.save(tmp_path / "m.h5")
    loaded = library.models.load_model(tmp_path / "m.h5")
    np.testing.assert_allclose(
        loaded.evaluate(X, Y, verbose=0), model.evaluate(X, Y, verbose=0), rtol=1e-5
    )


@pytest.mark.parametrize("name", ["checkpoint.keras", "checkpoint.h5"])
def test_a_checkpoint_goes_on(name: str, tmp_path: Path) -> None:
    arguments = {"batch_size": 8, "shuffle": False, "verbose": 0}
    whole, begun = compiled(rnnext.keras), compiled(rnnext.keras)
    whole.fit(X, Y, epochs=4, **arguments)
    checkpoint = rnnext.keras.callbacks.ModelCheckpoint(str(tmp_path / name))
    begun.fit(X, Y, epochs=2, callbacks=[checkpoint], **arguments)
    rest = rnnext.load_model(tmp_path / name)
    rest.fit(X, Y, epochs=4, initial_epoch=2, callbacks=[checkpoint], **arguments)
    check_equal(rest, whole)


class _InterruptionError(Exception):
    pass


class _Interrupting(rnnext.keras.callbacks.Callback):  # type: ignore[name-defined,misc]
    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        if epoch == 2:
            raise _InterruptionError


def test_an_interrupted_run_goes_on(tmp_path: Path) -> None:
    arguments = {"epochs": 4, "batch_size": 8, "shuffle": False, "verbose": 0}
    backup = rnnext.keras.callbacks.BackupAndRestore
    whole, begun, rest = (compiled(rnnext.keras) for _ in range(3))
    whole.fit(X, Y, **arguments)
    folder = str(tmp_path / "backup")
    with pytest.raises(_InterruptionError):
        begun.fit(X, Y, callbacks=[backup(folder), _Interrupting()], **arguments)
    history = rest.fit(X, Y, callbacks=[backup(folder)], **arguments)
    assert len(history.history["loss"]) == 2
    for weight, expected in zip(rest.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_two_cells_of_one_name_in_a_legacy_file(tmp_path: Path, keras: ModuleType) -> None:
    """The cells of two layers have one path, and so have what an optimizer keeps of them."""
    k = rnnext.keras
    model = k.Sequential(
        [
            k.layers.Input(X.shape[1:]),
            k.layers.LSTM(4, return_sequences=True),
            k.layers.LSTM(Y.shape[1]),
        ]
    )
    model.compile("rmsprop", "mean_squared_error")
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "m.h5")
    opened = keras.models.load_model(tmp_path / "m.h5", compile=False)
    np.testing.assert_allclose(opened.predict(X, verbose=0), model.predict(X), rtol=1e-5, atol=1e-6)
    again = rnnext.load_model(tmp_path / "m.h5")
    for ours, theirs in zip(again.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
