"""What is no model file is refused with a word about what it seems to be."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import golden_files
import pytest

from rnnext import saving
from rnnext.errors import FileError
from rnnext.saving import Limits


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"\x1c\x00\x00\x00TFL3 and more", "TensorFlow Lite"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (pickle.dumps({"a": 1}), "never loaded because loading runs its code"),
        (b"\x08\x01\x12\x03abc", "protocol buffer .* save it again"),
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


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("saved_model.pb", "SavedModel folder. .* save it again"),
        ("checkpoint", "TensorFlow checkpoint. .* save it again"),
        ("notes.txt", r"a folder without config.json; it has \['notes.txt'\]"),
    ],
)
def test_other_folders(entry: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / entry).write_bytes(b"")
    with pytest.raises(FileError, match=reason):
        saving.load_model(tmp_path)


def test_no_file_at_all() -> None:
    with pytest.raises(
        TypeError, match="a path, bytes or an open binary file is expected, got int"
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
