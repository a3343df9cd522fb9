"""Weights that do not fit: a named error, and the model stays as it was."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import golden_files
import h5py
import numpy as np
import pytest

from rnnext import saving
from rnnext.errors import FileError
from rnnext.layers import GRU, LSTM, Dense, Dropout, Input, SimpleRNN
from rnnext.models import Model, Sequential
from rnnext.saving.legacy.cudnn_layout import gru_from_cudnn, lstm_from_cudnn


def edited(name: str, edit: Callable[[h5py.File], None]) -> bytes:
    """A golden HDF5 file after a change."""
    buffer = io.BytesIO(golden_files.content(name))
    with h5py.File(buffer, "r+") as file:
        edit(file)
    return buffer.getvalue()


def replaced(path: str, values: Any) -> Callable[[h5py.File], None]:
    def edit(file: h5py.File) -> None:
        del file[path]
        file[path] = np.asarray(values)

    return edit


def deleted(path: str) -> Callable[[h5py.File], None]:
    return lambda file: file.__delitem__(path)


def added(path: str) -> Callable[[h5py.File], None]:
    return lambda file: file.__setitem__(path, np.ones(2, "f4"))


def weights_by_name(model: Model) -> dict[str, list[Any]]:
    return {layer.name: layer.get_weights() for layer in model.layers}


LEGACY = "keras224_weights"
LEGACY_KERNEL = "shared/shared_2/kernel:0"
TREE = "keras315_weights"
TREE_KERNEL = "layers/dense/vars/0"


@pytest.mark.parametrize(
    ("name", "edit", "reason"),
    [
        (LEGACY, replaced(LEGACY_KERNEL, np.ones((4, 3), "f4")), r"\(4, 2\) is .* has \(4, 3\)"),
        (LEGACY, replaced(LEGACY_KERNEL, np.ones((4, 2), "i4")), "floats are .* has int32"),
        (LEGACY, deleted(LEGACY_KERNEL), "'shared_2/kernel:0' is missing"),
        (LEGACY, deleted("shared"), "layer 'shared' has no group"),
        (TREE, replaced(TREE_KERNEL, np.ones((4, 3), "f4")), r"\(4, 2\) is .* has \(4, 3\)"),
        (TREE, replaced(TREE_KERNEL, np.ones((4, 2), "u1")), "floats are .* has uint8"),
        (TREE, deleted(TREE_KERNEL), "2 weights are expected .* the file has 1"),
        (TREE, deleted("layers/dense"), r"'shared' \(Dense\).* has \['/layers/dense_1'\]"),
        (TREE, deleted("layers/gru"), r"/layers: .* \(GRU\) are expected; .* none of this class"),
        (TREE, added("layers/dense/vars/2"), "2 weights are expected .* the file has 3"),
    ],
)
def test_weights_that_do_not_fit(name: str, edit: Callable[[h5py.File], None], reason: str) -> None:
    model = saving.model_from_json((golden_files.FOLDER / f"{name}.json").read_text())
    before = weights_by_name(model)
    with pytest.raises(FileError, match=reason) as caught:
        saving.load_weights(model, edited(f"{name}.weights.h5", edit))
    assert str(caught.value).startswith("<bytes>: ")
    for layer, weights in weights_by_name(model).items():
        for now, then in zip(weights, before[layer], strict=True):
            np.testing.assert_array_equal(now, then)


def test_error_names_file_layer_weight_and_both_shapes() -> None:
    content = edited("tf25_sequential.h5", replaced("model_weights/dense/dense/bias:0", np.ones(9)))
    with pytest.raises(FileError) as caught:
        saving.load_model(content)
    assert str(caught.value) == (
        "<bytes>: dense: layer 'dense' (Dense): weight 'bias': shape (2,) is expected, "
        "the file has (9,)."
    )


@pytest.mark.parametrize(
    "path", ["layers/surplus/vars/0", "layers/dense/inner/vars/0", "layers/dense_7/vars/0"]
)
def test_surplus_weights(path: str) -> None:
    model = saving.model_from_json((golden_files.FOLDER / f"{TREE}.json").read_text())
    content = edited(f"{TREE}.weights.h5", added(path))
    with pytest.raises(
        FileError, match=r"/layers/\w+(/inner)?: 1 weights that no layer of .* takes"
    ):
        saving.load_weights(model, content)


@pytest.mark.parametrize(
    "path",
    [
        "layers/dropout/seed_generator/vars/0",
        "layers/lstm/cell/seed_generator/vars/0",
        "layers/dense/unused/vars",
        "optimizer/vars/0",
        "metrics/mean/vars/0",
    ],
)
def test_what_is_no_weight_is_ignored(path: str) -> None:
    def edit(file: h5py.File) -> None:
        if path.endswith("0"):
            file[path] = np.array([1, 2], "u4")
        else:
            file.create_group(path)

    model = saving.model_from_json((golden_files.FOLDER / f"{TREE}.json").read_text())
    saving.load_weights(model, edited(f"{TREE}.weights.h5", edit))
    golden_files.assert_gives_recorded_outputs(model, TREE)


def as_windows_writes(weights: bytes) -> bytes:
    r"""A tree whose paths are joined as Keras 2.12 to 2.15 joins them on Windows.

    A layer's group is ``layers\lstm\cell``; below it, ``vars`` is a group of its own.
    """
    buffer = io.BytesIO()
    with h5py.File(io.BytesIO(weights)) as file, h5py.File(buffer, "w") as result:

        def copy(path: str, item: h5py.Group | h5py.Dataset) -> None:
            if isinstance(item, h5py.Group) and path.rpartition("/")[2] == "vars":
                owner = path.rpartition("/")[0].replace("/", "\\")
                file.copy(item, result.require_group(owner or "/"), "vars")

        file.visititems(copy)
    return buffer.getvalue()


@pytest.mark.parametrize("name", golden_files.names("tf21[35]_*.keras"))
def test_groups_that_windows_named_with_backslashes(name: str) -> None:
    content = golden_files.content(name)
    saved = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(saved, "w") as result:
        for member in archive.namelist():
            part = archive.read(member)
            if member == "model.weights.h5":
                part = as_windows_writes(part)
                assert b"\\" in part
            result.writestr(member, part)
    golden_files.assert_gives_recorded_outputs(saving.load_model(saved.getvalue()), name)


def test_backslashes_in_a_weights_file() -> None:
    model = saving.model_from_json((golden_files.FOLDER / f"{TREE}.json").read_text())
    saving.load_weights(model, as_windows_writes(golden_files.content(f"{TREE}.weights.h5")))
    golden_files.assert_gives_recorded_outputs(model, TREE)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("layers\\dense/vars/0", "/vars/0: there is another array of this path"),
        ("layers" + "\\a" * 64 + "/vars/0", "(/a)+: groups nested deeper than 64"),
    ],
)
def test_backslashes_that_hide_something(path: str, reason: str) -> None:
    model = saving.model_from_json((golden_files.FOLDER / f"{TREE}.json").read_text())
    with pytest.raises(FileError, match=reason):
        saving.load_weights(model, edited(f"{TREE}.weights.h5", added(path)))


def test_model_of_another_size() -> None:
    model = Sequential([Input((5, 3)), LSTM(4), Dense(2)])
    with pytest.raises(FileError, match=r"weights of 5 layers .* the model has 2 layers"):
        model.load_weights(golden_files.content(f"{LEGACY}.weights.h5"))
    with pytest.raises(FileError, match="weights that no layer of"):
        model.load_weights(golden_files.content(f"{TREE}.weights.h5"))


def test_model_without_weights_yet() -> None:
    with pytest.raises(FileError, match="is not built"):
        Sequential([Dense(2)]).load_weights(golden_files.content(f"{TREE}.weights.h5"))


def test_by_name() -> None:
    """Layers are found by name; those that the file does not name keep their weights."""
    content = golden_files.content("tf25_sequential.h5")
    whole = saving.load_model(content)

    def model_of(units: int) -> Sequential:
        mine = LSTM(units, return_sequences=True, name="mine")
        return Sequential([Input((5, 3)), mine, GRU(3, name="gru"), Dense(2, name="dense")])

    with pytest.raises(
        FileError, match=r"gru: layer 'gru' \(GRU\): weight 'kernel': shape \(6, 9\)"
    ):
        model_of(6).load_weights(content, by_name=True)
    model = model_of(4)
    mine = model.get_layer("mine").get_weights()
    model.load_weights(content, by_name=True)
    expected = [
        *mine,
        *whole.get_layer("gru").get_weights(),
        *whole.get_layer("dense").get_weights(),
    ]
    for now, then in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(now, then)
    with pytest.raises(FileError, match="by_name=True needs a legacy file"):
        model.load_weights(golden_files.content(f"{TREE}.weights.h5"), by_name=True)


def test_weight_names_do_not_matter() -> None:
    """Files of the CNTK and Theano backends have names without ':0'; the order counts."""

    def edit(file: h5py.File) -> None:
        group = file["shared"]
        names = ["shared/zeta", "shared/alpha"]  # not in alphabetical order
        for old, new in zip(group.attrs["weight_names"], names, strict=True):
            group[new] = group[old][()]
        group.attrs["weight_names"] = [name.encode() for name in names]

    model = saving.model_from_json((golden_files.FOLDER / f"{LEGACY}.json").read_text())
    saving.load_weights(model, edited(f"{LEGACY}.weights.h5", edit))
    golden_files.assert_gives_recorded_outputs(model, LEGACY)


def test_lists_of_names_in_chunks() -> None:
    def edit(file: h5py.File) -> None:
        names = file.attrs["layer_names"]
        del file.attrs["layer_names"]
        file.attrs["layer_names0"], file.attrs["layer_names1"] = names[:3], names[3:]
        names = file["shared"].attrs["weight_names"]
        del file["shared"].attrs["weight_names"]
        file["shared"].attrs["weight_names0"] = names[:1]
        file["shared"].attrs["weight_names1"] = names[1:]

    model = saving.model_from_json((golden_files.FOLDER / f"{LEGACY}.json").read_text())
    saving.load_weights(model, edited(f"{LEGACY}.weights.h5", edit))
    golden_files.assert_gives_recorded_outputs(model, LEGACY)


def test_optimizer_loss_and_metrics_are_never_read() -> None:
    def edit(file: h5py.File) -> None:
        file.attrs["training_config"] = b'{"loss": "their_own_loss", "optimizer_config": {'
        file["optimizer_weights/x"] = h5py.ExternalLink("/nowhere", "/")

    model = saving.load_model(edited("tf25_sequential.h5", edit))
    golden_files.assert_gives_recorded_outputs(model, "tf25_sequential")


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("library", ["keras", "tf_keras"])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_unknown_losses_metrics_and_optimizers(
    library: str, suffix: str, tmp_path: Path, keras: ModuleType
) -> None:
    """A compiled and trained model; its loss, metric and optimizer are its author's own."""
    if library == "tf_keras":
        keras = pytest.importorskip("tf_keras")

    class TheirLoss(keras.losses.Loss):  # type: ignore[misc]
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return (y_true - y_pred) ** 2

    class TheirMetric(keras.metrics.Mean):  # type: ignore[misc]
        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            return super().update_state(y_pred - y_true, sample_weight)

    class TheirOptimizer(keras.optimizers.Adam):  # type: ignore[misc]
        pass

    lstm, dense = keras.layers.LSTM(2), keras.layers.Dense(1)
    model = keras.Sequential([keras.layers.Input((5, 3)), lstm, dense])
    model.compile(TheirOptimizer(), TheirLoss(), metrics=[TheirMetric()])
    x = np.random.default_rng(0).normal(size=(4, 5, 3)).astype("float32")
    model.fit(x, np.ones((4, 1)), verbose=0)
    model.save(tmp_path / f"m{suffix}")
    loaded = saving.load_model(tmp_path / f"m{suffix}")
    np.testing.assert_allclose(loaded.predict(x), model.predict(x, verbose=0), rtol=0, atol=1e-6)


def test_cudnn_arrays_in_a_plain_layer() -> None:
    """Weights of a CuDNN model, loaded into the same architecture of plain layers."""
    gates = {"recurrent_activation": "sigmoid"}
    model = Sequential([Input((5, 3)), LSTM(4, return_sequences=True, **gates), GRU(2)])
    model.load_weights(golden_files.content("keras224_cudnn.h5"))
    golden_files.assert_gives_recorded_outputs(model, "keras224_cudnn")


def cudnn_blocks(matrix: Any, gates: int, transpose: bool) -> Any:
    """Keras's kernel in cuDNN's layout, by the definition: block (D, u) holds (u, D) row by row."""
    blocks = np.split(matrix, gates, axis=1)
    return np.hstack([b.T if transpose else b.T.reshape(b.shape) for b in blocks])


@pytest.mark.parametrize(("gates", "convert"), [(4, lstm_from_cudnn), (3, gru_from_cudnn)])
def test_plain_to_cudnn_and_back(gates: int, convert: Callable[..., list[Any]]) -> None:
    random = np.random.default_rng(0)
    kernel, recurrent = random.normal(size=(5, gates * 2)), random.normal(size=(2, gates * 2))
    bias = random.normal(size=gates * 2 * 2)
    cudnn = [cudnn_blocks(kernel, gates, False), cudnn_blocks(recurrent, gates, True), bias]
    plain = convert(*cudnn)
    np.testing.assert_array_equal(plain[0], kernel)
    np.testing.assert_array_equal(plain[1], recurrent)
    expected = bias.reshape(2, -1)
    np.testing.assert_array_equal(plain[2], expected.sum(0) if gates == 4 else expected)


def legacy_file(**layers: list[Any]) -> bytes:
    """A weights-only file in the legacy layout."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in layers]
        for layer, arrays in layers.items():
            names = [f"w{index}" for index in range(len(arrays))]
            group = file.create_group(layer)
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, array in zip(names, arrays, strict=True):
                group[name] = np.asarray(array, "f4")
    return buffer.getvalue()


@pytest.mark.parametrize(("reset_after", "shape"), [(True, (6,)), (False, (2, 6)), (False, (12,))])
def test_gru_bias_proves_reset_after(reset_after: bool, shape: tuple[int, ...]) -> None:
    model = Sequential([Input((5, 3)), GRU(2, reset_after=reset_after)])
    content = legacy_file(gru=[np.ones((3, 6)), np.ones((2, 6)), np.ones(shape)])
    with pytest.raises(FileError, match=f"is that of reset_after={not reset_after}; the layer"):
        model.load_weights(content)


def test_cudnn_kernel_of_another_width() -> None:
    model = Sequential([Input((5, 3)), LSTM(2)])
    content = legacy_file(lstm=[np.ones((3, 7)), np.ones((2, 8)), np.ones(16)])
    with pytest.raises(FileError, match=r"a cuDNN kernel of width 8 is expected, .* has \(3, 7\)"):
        model.load_weights(content)


def test_frozen_layers_keep_their_place() -> None:
    """Legacy files list trainable weights first: of a nested model, and of each layer."""
    random = np.random.default_rng(0)
    arrays = [random.normal(size=s).astype("f4") for s in [(3, 2), (2,), (2, 2), (2, 2), (2,)]]
    inner = Sequential([Input((5, 3)), Dense(2, trainable=False), SimpleRNN(2)])
    model = Sequential([Input((5, 3)), inner, Dropout(0.5)])
    model.load_weights(legacy_file(inner=[*arrays[2:], *arrays[:2]]))
    for weight, array in zip(inner.get_weights(), arrays, strict=True):
        np.testing.assert_array_equal(weight, array)


@pytest.mark.parametrize("class_name", ["Conv1D", "ConvLSTM1D"])
def test_theano_turns_the_kernels_of_convolutions(class_name: str) -> None:
    """Rebuilt from Keras 2's rule: Conv1D is in its list, ConvLSTM1D is younger than Theano."""
    import h5py

    options = {"name": "c", "filters": 2, "kernel_size": 3, "padding": "same", "use_bias": False}
    shape = [None, 6, 2] if class_name == "Conv1D" else [None, 4, 6, 2]
    layer = {"class_name": class_name, "config": {**options, "batch_input_shape": shape}}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [layer]}}
    width = 2 if class_name == "Conv1D" else 8
    kernels = np.random.default_rng(1).normal(size=(2, 3, 2, width)).astype(np.float32)
    kernels = kernels[:1] if class_name == "Conv1D" else kernels

    def saved_by(backend: str, arrays: Any) -> bytes:
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            file.attrs.update(model_config=json.dumps(config), keras_version="2.2.4")
            group = file.create_group("model_weights/c")
            group.parent.attrs.update(backend=backend, layer_names=[b"c"])
            names = [b"kernel", b"recurrent_kernel"][: len(arrays)]
            group.attrs["weight_names"] = names
            for name, array in zip(names, arrays, strict=True):
                group[name.decode()] = array
        return buffer.getvalue()

    x = np.random.default_rng(2).normal(size=(1, *shape[1:])).astype(np.float32)
    expected = saving.load_model(saved_by("tensorflow", kernels)).predict(x)
    turned = saving.load_model(saved_by("theano", kernels[:, ::-1])).predict(x)
    np.testing.assert_array_equal(turned, expected)
    assert (
        abs(saving.load_model(saved_by("cntk", kernels[:, ::-1])).predict(x) - expected).max() > 0.1
    )
