"""Decides by content what kind of model file something is."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Union

from rnnext.errors import FileError
from rnnext.saving.archive import Archive, FolderArchive, ZipArchive
from rnnext.saving.limits import Limits

__all__ = ["ModelFile", "Source", "open_source"]

ModelFile = Union[str, "os.PathLike[str]", bytes, bytearray, memoryview, BinaryIO]
"""What can be loaded: a path (file or folder), the bytes of a file, or an open binary file."""

_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_CONVERT = (
    "Only TensorFlow reads its own formats: open it there and save it again with "
    "model.save('model.keras')"
)


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
    """Open a path, bytes or an open binary file and find out what it holds.

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
            yield _folder_source(path)
            return
        try:
            stream: BinaryIO = path.open("rb")
        except OSError as error:
            raise FileError(f"{path}: cannot be opened: {error.strerror or error}") from error
        with stream:
            yield _stream_source(stream, str(path), limits, path)
    else:
        content, label = _read_all(file, limits)
        yield _stream_source(io.BytesIO(content), label, limits, None)


def _read_all(file: bytes | bytearray | memoryview | BinaryIO, limits: Limits) -> tuple[bytes, str]:
    """Content of bytes-like or file-like input, and its label."""
    if isinstance(file, (bytes, bytearray, memoryview)):
        return bytes(file), "<bytes>"
    if not hasattr(file, "read"):
        raise TypeError(
            "a path, bytes or an open binary file is expected, got " + type(file).__name__
        )
    label = str(getattr(file, "name", "<open file>"))
    content = file.read(limits.file_bytes + 1)
    if not isinstance(content, bytes):
        raise TypeError(f"{label}: open the file in binary mode ('rb'); it reads as text")
    if len(content) > limits.file_bytes:
        raise FileError(
            f"{label}: more than {limits.file_bytes} bytes are not read (Limits.file_bytes)"
        )
    return content, label


def _stream_source(stream: BinaryIO, label: str, limits: Limits, path: Path | None) -> Source:
    """Look at the first bytes. `path` is None when the content is only in memory."""
    start = stream.read(64)
    if start.startswith(_ZIP_MAGIC):
        return Source(label, archive=ZipArchive(stream, label, limits))
    if start.startswith(_HDF5_MAGIC):
        if path is not None:
            return Source(label, hdf5=path)
        stream.seek(0)
        return Source(label, hdf5=stream.read())
    if start.lstrip()[:1] == b"{":
        stream.seek(0)
        return Source(label, text=stream.read(limits.config_bytes + 1), path=path)
    raise FileError(f"{label}: not a Keras model file: {_resemblance(start)}")


def _resemblance(start: bytes) -> str:
    """What a file that is none of ours seems to be, from its first bytes."""
    if not start:
        return "it is empty"
    if start[4:8] == b"TFL3":
        return "it is a TensorFlow Lite model, which cannot be turned back into layers"
    if start.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer; fetch the file itself (git lfs pull)"
    if start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "it is a Python pickle, which is never loaded because loading runs its code"
    if start.startswith((b"\x08\x01\x12", b"\n")):
        return f"it looks like a protocol buffer (saved_model.pb?). {_CONVERT}"
    if start.lstrip().startswith((b"backend:", b"class_name:", b"!!python", b"---")):
        return "it is YAML, which Keras dropped because loading it could run code; save as JSON"
    return f"a zip (.keras), an HDF5 file (.h5) or JSON is expected, it starts with {start[:8]!r}"


def _folder_source(path: Path) -> Source:
    """A folder is an unzipped `.keras`, or one of TensorFlow's formats, which are refused."""
    label = str(path)
    archive = FolderArchive(path, label)
    names = archive.names()
    if "config.json" in names:
        return Source(label, archive=archive)
    if "saved_model.pb" in names or "saved_model.pbtxt" in names:
        raise FileError(f"{label}: a TensorFlow SavedModel folder. {_CONVERT}")
    if "checkpoint" in names or any(name.endswith(".index") for name in names):
        raise FileError(f"{label}: a TensorFlow checkpoint. {_CONVERT}")
    raise FileError(f"{label}: a folder without config.json; it has {names}")
