"""Decides by content what kind of model file something is."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, Union

from rnnext.errors import FileError
from rnnext.saving.formats.archive import Archive, FolderArchive, ZipArchive
from rnnext.saving.formats.foreign import foreign_archive, foreign_content, foreign_folder
from rnnext.saving.formats.limits import Limits

__all__ = ["ModelFile", "Source", "TensorFlowFile", "open_source", "tensorflow_file"]

ModelFile = Union[str, "os.PathLike[str]", bytes, bytearray, memoryview, BinaryIO]
"""What can be loaded: a path (file or folder), the bytes of a file, or an open binary file."""

_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
# One of these is in every archive that Keras writes.
_KERAS_MEMBERS = frozenset(
    {"config.json", "model.weights.h5", "model.weights.json", "model.weights.npz"}
)
_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
# How the index of a checkpoint ends, a table of key-value pairs in TensorFlow's own format.
_TABLE_MAGIC = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"
_CONVERT = (
    "rnnext reads none of TensorFlow's own formats; where TensorFlow and tf_keras are installed, "
    "`rnnext convert {arguments} OUT.keras` makes a file that it reads"
)


@dataclass(frozen=True)
class TensorFlowFile:
    """Something in a format that only TensorFlow reads.

    Attributes:
        kind: "SavedModel" or "checkpoint".
        path: Folder of a SavedModel; of a checkpoint the prefix that its files have in common, or
            the folder whose newest one is meant.
    """

    kind: Literal["SavedModel", "checkpoint"]
    path: Path

    def refusal(self, label: str) -> FileError:
        """The error for a reader other than TensorFlow."""
        if self.kind == "SavedModel":
            way = _CONVERT.format(arguments=self.path)
            return FileError(f"{label}: a TensorFlow SavedModel. {way}")
        way = _CONVERT.format(arguments=f"{self.path} --config MODEL.json")
        return FileError(
            f"{label}: a TensorFlow checkpoint, which holds weights without an architecture. {way}"
            "; MODEL.json is what model.to_json() wrote"
        )


def tensorflow_file(path: Path) -> TensorFlowFile | None:
    """What only TensorFlow reads at a path, by names and content of files; None if nothing is.

    Args:
        path: A folder, a file, or the prefix of a checkpoint's files.
    """
    if path.is_dir():
        names = {entry.name for entry in path.iterdir()}
        if "config.json" in names:
            return None  # an unzipped archive
        if names & {"saved_model.pb", "saved_model.pbtxt"}:
            return TensorFlowFile("SavedModel", path)
        if "checkpoint" in names or any(name.endswith(".index") for name in names):
            return TensorFlowFile("checkpoint", path)
        return None
    if path.name in ("saved_model.pb", "saved_model.pbtxt") and path.is_file():
        return TensorFlowFile("SavedModel", path.parent)
    prefix = re.sub(r"\.(index|data-\d{5}-of-\d{5})$", "", path.name)
    if prefix == path.name and path.is_file():
        return None
    index = path.parent / f"{prefix}.index"
    if index.is_file() and _ends_with(index, _TABLE_MAGIC):
        return TensorFlowFile("checkpoint", path.parent / prefix)
    return None


def _ends_with(path: Path, magic: bytes) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - len(magic)))
        return file.read() == magic


class Source:
    """A model file that is open for reading.

    Attributes:
        label: How errors call the file.
        archive: The archive, if the content is a zip or an unzipped folder.
        hdf5: What an HDF5 reader opens, a path or the bytes, if the content is HDF5.
        text: The text, if the content is JSON.
        path: Where the file lies, unless it is only in memory.
    """

    def __init__(
        self,
        label: str,
        archive: Archive | None = None,
        hdf5: Path | bytes | None = None,
        text: bytes | None = None,
        path: Path | None = None,
    ) -> None:
        self.label = label
        self.archive = archive
        self.hdf5 = hdf5
        self.text = text
        self.path = path


@contextmanager
def open_source(file: ModelFile, limits: Limits) -> Iterator[Source]:
    """Opens a path, bytes or an open binary file and finds out what it holds.

    Args:
        file: Path of a file or folder, bytes, or an open binary file (read from its position).
        limits: Bounds on the file's size and the archive's directory.

    Yields:
        The source; its archive may be read until the block ends.

    Raises:
        FileError: Missing, unreadable, or not a Keras file; the reason says what it seems to be.
        TypeError: `file` is none of the accepted kinds.
    """
    if isinstance(file, (str, os.PathLike)):
        path = Path(file)
        if path.is_dir():
            yield _folder_source(path, limits)
            return
        with _opened(path) as stream:
            yield _stream_source(stream, str(path), limits, path)
    else:
        content, label = _read_all(file, limits)
        yield _stream_source(io.BytesIO(content), label, limits, None)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        tensorflow = tensorflow_file(path)
        if tensorflow is not None:
            raise tensorflow.refusal(str(path)) from error
        reason = getattr(error, "strerror", None) or error
        raise FileError(f"{path}: cannot be opened: {reason}") from error


def _read_all(file: bytes | bytearray | memoryview | BinaryIO, limits: Limits) -> tuple[bytes, str]:
    """Content of bytes-like or file-like input, and its label."""
    if isinstance(file, (bytes, bytearray, memoryview)):
        return bytes(file), "<bytes>"
    if not hasattr(file, "read"):
        raise TypeError(
            "a path, bytes or an open binary file is expected, received " + type(file).__name__
        )
    label = str(getattr(file, "name", "<open file>"))
    content = file.read(limits.file_bytes + 1)
    if not isinstance(content, bytes):
        raise TypeError(f"{label}: open the file in binary mode ('rb'); it reads as text.")
    if len(content) > limits.file_bytes:
        raise FileError(
            f"{label}: more than {limits.file_bytes} bytes are not read (Limits.file_bytes)."
        )
    return content, label


def _stream_source(stream: BinaryIO, label: str, limits: Limits, path: Path | None) -> Source:
    """Looks at the first bytes. `path` is None when the content is only in memory."""
    start = stream.read(64)
    if start.startswith(_ZIP_MAGIC):
        archive = ZipArchive(stream, label, limits)
        if _KERAS_MEMBERS.isdisjoint(archive.names()):
            found = foreign_archive(archive)
            if found is not None:
                raise FileError(f"{label}: not a Keras model file: {found}.")
        return Source(label, archive=archive)
    if start.startswith(_HDF5_MAGIC):
        if path is not None:
            return Source(label, hdf5=path)
        stream.seek(0)
        return Source(label, hdf5=stream.read())
    if start.lstrip()[:1] == b"{":
        stream.seek(0)
        return Source(label, text=stream.read(limits.config_bytes + 1), path=path)
    tensorflow = None if path is None else tensorflow_file(path)
    if tensorflow is not None:
        raise tensorflow.refusal(label)
    found = foreign_content(stream, label) or (
        f"a zip (.keras), an HDF5 file (.h5) or JSON is expected, it starts with {start[:8]!r}"
    )
    raise FileError(f"{label}: not a Keras model file: {found}.")


def _folder_source(path: Path, limits: Limits) -> Source:
    """A folder is an unzipped `.keras`, or has the `model.json` of a TensorFlow.js model."""
    archive = FolderArchive(path, str(path))
    names = archive.names()
    if "config.json" in names and not {"pytorch_model.bin", "model.safetensors"} & set(names):
        return Source(str(path), archive=archive)
    if "model.json" in names:
        text = archive.read("model.json", limits.config_bytes)
        return Source(f"{path}: model.json", text=text, path=path / "model.json")
    tensorflow = tensorflow_file(path)
    if tensorflow is not None:
        raise tensorflow.refusal(str(path))
    found = foreign_folder(names)
    if found is not None:
        raise FileError(f"{path}: not a Keras model: {found}.")
    raise FileError(f"{path}: a folder without config.json; it has {names}.")
