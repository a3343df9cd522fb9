"""A file that is no model raises an error that says what it seems to be."""

from __future__ import annotations

import io
import json
import pickle
import re
from pathlib import Path

import golden_files
import numpy as np
import pytest

from rnnext import saving
from rnnext.errors import FileError
from rnnext.layers import GRU, Input
from rnnext.models import Sequential
from rnnext.saving import Limits


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"\x1c\x00\x00\x00TFL3 and more", "TensorFlow Lite"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (pickle.dumps({"a": 1}), "never loaded because loading runs its code"),
        (b"\x08\x01\x12\x03abc", "saved_model.pb of .* `rnnext convert FOLDER OUT.keras` makes"),
        (b"backend: tensorflow\nclass_name: Sequential\n", "YAML"),
        (b"hello, world", "it starts with b'hello, w'"),
        (b'{"class_name": "Sequential"}', "JSON, which holds no weights"),
    ],
)
def test_other_content(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(content)
    for file, label in ((path, str(path)), (content, "<bytes>")):
        with pytest.raises(FileError, match=reason) as caught:
            saving.load_model(file)
        assert str(caught.value).startswith(label)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"no\.keras: cannot be opened: No such file"):
        saving.load_model(tmp_path / "no.keras")


@pytest.mark.parametrize("entry", ["saved_model.pb", "saved_model.pbtxt"])
def test_saved_model(entry: str, tmp_path: Path) -> None:
    (tmp_path / entry).write_bytes(b"\x08\x01\x12")
    for file in (tmp_path, tmp_path / entry):
        with pytest.raises(FileError) as caught:
            saving.load_model(file)
        assert str(caught.value) == (
            f"{file}: a TensorFlow SavedModel. rnnext reads none of TensorFlow's own formats; "
            f"where TensorFlow and tf_keras are installed, `rnnext convert {tmp_path} OUT.keras` "
            "makes a file that it reads"
        )


def test_checkpoint(tmp_path: Path) -> None:
    table_magic = bytes.fromhex("57fb808b247547db")
    (tmp_path / "w.index").write_bytes(b"\x00" * 40 + table_magic)
    (tmp_path / "w.data-00000-of-00001").write_bytes(b"\x00" * 40)
    prefix = tmp_path / "w"
    for name in ("w", "w.index", "w.data-00000-of-00001"):
        with pytest.raises(FileError) as caught:
            saving.load_model(tmp_path / name)
        assert str(caught.value) == (
            f"{tmp_path / name}: a TensorFlow checkpoint, which holds weights without an "
            "architecture. rnnext reads none of TensorFlow's own formats; where TensorFlow and "
            f"tf_keras are installed, `rnnext convert {prefix} --config MODEL.json OUT.keras` "
            "makes a file that it reads; MODEL.json is what model.to_json() wrote"
        )
    with pytest.raises(FileError, match=f"convert {re.escape(str(tmp_path))} --config"):
        saving.load_model(tmp_path)


def test_other_files_named_like_a_checkpoint(tmp_path: Path) -> None:
    """A model file is read whatever lies beside it; another index is no checkpoint."""
    path = golden_files.unpack("keras315_sequential.keras", tmp_path)
    path.with_name(path.name + ".index").write_bytes(bytes.fromhex("57fb808b247547db"))
    golden_files.assert_gives_recorded_outputs(saving.load_model(path), path.name)
    (tmp_path / "book.index").write_text("a, 3")
    with pytest.raises(FileError, match=r"book\.index: not a Keras model file: .* starts with"):
        saving.load_model(tmp_path / "book.index")
    with pytest.raises(FileError, match=r"book: cannot be opened: No such file"):
        saving.load_model(tmp_path / "book")


def test_other_folder(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(FileError, match=r"a folder without config.json; it has \['notes.txt'\]"):
        saving.load_model(tmp_path)


def test_name_that_no_file_can_have() -> None:
    with pytest.raises(FileError, match="cannot be opened: embedded null byte"):
        saving.load_model("a\0b")


def test_no_file_at_all() -> None:
    with pytest.raises(
        TypeError, match="a path, bytes or an open binary file is expected, received int"
    ):
        saving.load_model(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="open the file in binary mode"):
        saving.load_model(io.StringIO("text"))  # type: ignore[arg-type]


def test_open_file_larger_than_allowed() -> None:
    content = io.BytesIO(golden_files.content("keras315_sequential.keras"))
    with pytest.raises(FileError, match="more than 100 bytes are not read"):
        saving.load_model(content, limits=Limits(file_bytes=100))


def test_weights_only_file_is_no_model() -> None:
    for name in ("keras224_weights.weights.h5", "keras315_weights.weights.h5"):
        with pytest.raises(FileError, match=r"model_config is missing.* call its load_weights"):
            saving.load_model(golden_files.content(name))


def test_file_without_any_weights_group() -> None:
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["data"] = [1.0]
    model = saving.load_model(golden_files.content("tf25_sequential.h5"))
    with pytest.raises(FileError, match="no Keras weights: neither layer_names nor"):
        model.load_weights(buffer.getvalue())


def test_weights_of_a_model_saved_before_it_was_built() -> None:
    """Keras 2.3 saved a Sequential without input shape with its weights, and could not open it."""
    import h5py

    layers = [{"class_name": "GRU", "config": {"name": "gru_1", "units": 2}}]
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": layers}}
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs.update(keras_version="2.3.1", backend="tensorflow")
        file.attrs["model_config"] = json.dumps(config)
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = [b"gru_1"]
        group = weights.create_group("gru_1")
        group.attrs["weight_names"] = [b"k", b"r", b"b"]
        for name, shape in (("k", (3, 6)), ("r", (2, 6)), ("b", (6,))):
            group[name] = np.ones(shape, "float32")
    with pytest.raises(FileError, match=r"saved before it was built.*with an Input layer and call"):
        saving.load_model(buffer.getvalue())
    model = Sequential([Input((None, 3)), GRU(2, reset_after=False)])
    model.load_weights(buffer.getvalue())
    assert model.get_weights()[0].sum() == 18


def test_weights_of_keras0() -> None:
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["nb_layers"] = 1
        file["layer_0/param_0"] = np.ones((3, 2), "float32")
    model = saving.load_model(golden_files.content("tf25_sequential.h5"))
    with pytest.raises(FileError, match="weights saved by Keras 0, before April 2016"):
        model.load_weights(buffer.getvalue())
