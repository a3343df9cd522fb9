"""Files of ten generations of Keras open, and give the answers that Keras gave."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import golden_files
import numpy as np
import pytest

import rnnext
from rnnext import layers, saving
from rnnext.errors import FileError

WHOLE_MODELS = [
    name
    for pattern in ("*.h5", "*.keras")
    for name in golden_files.names(pattern)
    if ".weights." not in name
]
WEIGHTS_ONLY = ["keras224", "tf25", "tf213", "tf215", "tfkeras221", "keras333", "keras315"]


@pytest.mark.parametrize("name", WHOLE_MODELS)
def test_whole_model(name: str) -> None:
    model = saving.load_model(golden_files.content(name))
    golden_files.assert_gives_recorded_outputs(model, name)


@pytest.mark.parametrize("keras_set", WEIGHTS_ONLY)
def test_architecture_from_json_and_weights_from_file(keras_set: str, tmp_path: Path) -> None:
    text = (golden_files.FOLDER / f"{keras_set}_weights.json").read_text()
    model = saving.model_from_json(text)
    model.load_weights(golden_files.unpack(f"{keras_set}_weights.weights.h5", tmp_path))
    golden_files.assert_gives_recorded_outputs(model, f"{keras_set}_weights")


def unpack_shards(folder: Path) -> Path:
    for shard in golden_files.names("keras315_shards_0*"):
        golden_files.unpack(shard, folder)
    return golden_files.unpack("keras315_shards.weights.json", folder)


def model_of_shards() -> rnnext.models.Model:
    return saving.model_from_json((golden_files.FOLDER / "keras315_weights.json").read_text())


def test_sharded_weights(tmp_path: Path) -> None:
    model = model_of_shards()
    model.load_weights(unpack_shards(tmp_path))
    golden_files.assert_gives_recorded_outputs(model, "keras315_shards")


def test_sharded_weights_inside_an_archive(tmp_path: Path) -> None:
    unpack_shards(tmp_path)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as members:
        members.writestr("config.json", (golden_files.FOLDER / "keras315_weights.json").read_text())
        for path in tmp_path.iterdir():
            name = path.name.replace("keras315_shards.weights.json", "model.weights.json")
            members.write(path, name)
    model = saving.load_model(archive.getvalue())
    golden_files.assert_gives_recorded_outputs(model, "keras315_shards")


def test_missing_shard_is_named(tmp_path: Path) -> None:
    index = unpack_shards(tmp_path)
    (tmp_path / "keras315_shards_00001.weights.h5").unlink()
    with pytest.raises(FileError, match=r"keras315_shards_00001\.weights\.h5: missing"):
        model_of_shards().load_weights(index)


def test_shard_outside_the_folder_is_refused(tmp_path: Path) -> None:
    index = unpack_shards(tmp_path)
    index.write_text(index.read_text().replace("keras315_shards_00001", "../keras315_shards_00001"))
    with pytest.raises(FileError, match="a file name without folder is expected"):
        model_of_shards().load_weights(index)


def test_weights_of_a_whole_model_file() -> None:
    content = golden_files.content("tf25_functional.h5")
    model = saving.load_model(content)
    for layer in model.layers:
        layer.set_weights([np.zeros_like(w) for w in layer.get_weights()])
    saving.load_weights(model, content)
    golden_files.assert_gives_recorded_outputs(model, "tf25_functional")
    archive = golden_files.content("keras315_nested.keras")
    model = saving.load_model(archive)
    saving.load_weights(model, archive)
    golden_files.assert_gives_recorded_outputs(model, "keras315_nested")


def test_content_decides_not_the_suffix(tmp_path: Path) -> None:
    for name, suffix in (("keras315_sequential.keras", ".h5"), ("tf25_sequential.h5", ".keras")):
        path = tmp_path / f"model{suffix}"
        path.write_bytes(golden_files.content(name))
        golden_files.assert_gives_recorded_outputs(rnnext.load_model(path), name)
        golden_files.assert_gives_recorded_outputs(rnnext.load_model(str(path)), name)


@pytest.mark.parametrize("name", ["keras315_sequential.keras", "tf25_sequential.h5"])
def test_open_file_and_bytes_like(name: str, tmp_path: Path) -> None:
    content = golden_files.content(name)
    with golden_files.unpack(name, tmp_path).open("rb") as file:
        golden_files.assert_gives_recorded_outputs(saving.load_model(file), name)
    golden_files.assert_gives_recorded_outputs(saving.load_model(io.BytesIO(content)), name)
    golden_files.assert_gives_recorded_outputs(saving.load_model(bytearray(content)), name)
    golden_files.assert_gives_recorded_outputs(saving.load_model(memoryview(content)), name)


def test_unzipped_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(golden_files.content("keras315_nested.keras"))) as archive:
        archive.extractall(tmp_path)
    golden_files.assert_gives_recorded_outputs(saving.load_model(tmp_path), "keras315_nested")


def test_recompressed_archive() -> None:
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(golden_files.content("tf213_nested.keras"))) as archive,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as deflated,
    ):
        for member in archive.namelist():
            deflated.writestr(member, archive.read(member))
    model = saving.load_model(packed.getvalue())
    golden_files.assert_gives_recorded_outputs(model, "tf213_nested")


def test_weights_as_npz_of_plain_arrays() -> None:
    """The same tree as in HDF5, with paths as names."""
    import h5py

    arrays = {}
    with zipfile.ZipFile(io.BytesIO(golden_files.content("keras333_sequential.keras"))) as archive:
        config = archive.read("config.json")
        with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as weights:
            weights["layers"].visititems(
                lambda path, item: arrays.update(
                    {f"layers/{path}": item[()]} if isinstance(item, h5py.Dataset) else {}
                )
            )
    npz, packed = io.BytesIO(), io.BytesIO()
    np.savez(npz, **arrays)
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("config.json", config)
        archive.writestr("metadata.json", '{"keras_version": "3.3.3"}')
        archive.writestr("model.weights.npz", npz.getvalue())
    model = saving.load_model(packed.getvalue())
    golden_files.assert_gives_recorded_outputs(model, "keras333_sequential")


def test_pickled_npz_is_refused() -> None:
    npz, packed = io.BytesIO(), io.BytesIO()
    np.savez(npz, **{"layers/dense": np.array({"0": np.ones((2, 3))})})
    with zipfile.ZipFile(io.BytesIO(golden_files.content("keras333_sequential.keras"))) as archive:
        config = archive.read("config.json")
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("config.json", config)
        archive.writestr("model.weights.npz", npz.getvalue())
    with pytest.raises(FileError, match=r"layers/dense\.npy: holds pickled Python objects"):
        saving.load_model(packed.getvalue())


def test_loading_draws_no_random_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """The orthogonal matrix of a large LSTM takes seconds, and the file replaces it."""

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("drawn")

    monkeypatch.setattr(rnnext.initializers.Orthogonal, "__call__", fail)
    name = "keras315_sequential.keras"
    golden_files.assert_gives_recorded_outputs(saving.load_model(golden_files.content(name)), name)
    with pytest.raises(AssertionError, match="drawn"):
        layers.LSTM(2).build((None, None, 3))


def test_known_answers_are_checked_on_request() -> None:
    content = golden_files.content("keras315_functional.keras")
    x, y = golden_files.recorded("keras315_functional")
    saving.load_model(content, verify=(x, y))
    y[2] = y[2] + np.array([0, 1e-3])
    with pytest.raises(FileError, match=r"output 2: differs by up to 0\.001 .* in 3 of 6 numbers"):
        saving.load_model(content, verify=(x, y))
    saving.load_model(content, verify=(x, y), tolerance=2e-3)
    with pytest.raises(FileError, match="the model has 4 outputs, 3 were given"):
        saving.load_model(content, verify=(x, y[:3]))
    with pytest.raises(FileError, match=r"output 0: shape \(3, 2\), the given one is \(3, 3\)"):
        saving.load_model(content, verify=(x, [np.ones((3, 3)), *y[1:]]))
