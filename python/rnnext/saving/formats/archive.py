"""Reads members of a ``.keras`` archive (or of the same archive unzipped into a folder).

A member is only ever read into memory; nothing is extracted. Every name in the directory is
checked before the first member is read, so one bad name is an error for the whole archive.
The raw bytes of a member are inflated here and not by ``zipfile.ZipExtFile``, because that class
stops silently at the declared size and would hide a member that holds more.
"""

from __future__ import annotations

import os
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO, Protocol

from rnnext.errors import FileError
from rnnext.saving.formats.limits import Limits

__all__ = ["Archive", "FolderArchive", "ZipArchive"]

_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_LOCAL_MAGIC = b"PK\x03\x04"
_ENCRYPTED = 0x1
# What zipfile raises on a damaged directory, found by truncating and flipping bytes.
_DAMAGE = (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError, struct.error)


class Archive(Protocol):
    """Named byte strings that belong to one saved model."""

    @property
    def label(self) -> str:
        """How errors call the archive."""
        ...

    def names(self) -> list[str]:
        """Names of all members."""
        ...

    def read(self, name: str, max_bytes: int) -> bytes:
        """Content of one member; FileError when it is missing, damaged or above max_bytes."""
        ...


def _unsafe_name(name: str) -> str | None:
    """Returns why a member name is not accepted, or None."""
    parts = name.replace("\\", "/").split("/")
    if not name:
        return "it is empty"
    if "\x00" in name:
        return "it holds a NUL character"
    if name[0] in "/\\" or (len(name) > 1 and name[1] == ":"):
        return "it is an absolute path"
    if ".." in parts:
        return "it leaves the archive ('..')"
    return None


class ZipArchive:
    """A zip file whose directory has been checked.

    Args:
        stream: Seekable binary stream; borrowed, not closed.
        label: How errors call the file.
        limits: Bounds on members, sizes and expansion.

    Raises:
        FileError: The directory is damaged or lists something unsupported.
    """

    def __init__(self, stream: BinaryIO, label: str, limits: Limits) -> None:
        self.label = label
        self._stream = stream
        self._size = stream.seek(0, os.SEEK_END)
        self._limits = limits
        try:
            with zipfile.ZipFile(stream) as directory:
                infos = directory.infolist()
        except _DAMAGE as error:
            raise FileError(f"{label}: zip directory: damaged or truncated ({error}).") from error
        if len(infos) > limits.archive_members:
            raise FileError(
                f"{label}: zip directory: {len(infos)} members, "
                f"at most {limits.archive_members} are accepted (Limits.archive_members)."
            )
        self._members: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            self._check(info)
            self._members[info.filename] = info

    def names(self) -> list[str]:
        """Names of all members, as the directory lists them."""
        return list(self._members)

    def read(self, name: str, max_bytes: int) -> bytes:
        """Content of one member, checked against its declared size and CRC-32."""
        info = self._members.get(name)
        if info is None:
            raise FileError(f"{self.label}: {name}: missing; the archive has {self.names()}.")
        if info.file_size > max_bytes:
            raise FileError(
                f"{self.label}: {name}: {info.file_size} bytes, at most {max_bytes} are accepted "
                "(raise the bound in Limits if the file is to be trusted)."
            )
        stored = self._stored_bytes(info)
        if info.compress_type == zipfile.ZIP_DEFLATED:
            content = self._inflate(stored, info)
        else:
            content = stored
        if len(content) != info.file_size:
            raise FileError(
                f"{self.label}: {name}: holds {len(content)} bytes or more, "
                f"the directory declares {info.file_size}."
            )
        if zlib.crc32(content) != info.CRC:
            raise FileError(f"{self.label}: {name}: damaged (CRC-32 does not match).")
        return content

    def _check(self, info: zipfile.ZipInfo) -> None:
        """Rejects one directory entry by its own description."""
        # A Unicode-path extra field can give a member a second name.
        reason = _unsafe_name(info.orig_filename) or _unsafe_name(info.filename)
        limits = self._limits
        if reason is not None:
            reason = f"name refused: {reason}"
        elif info.filename in self._members:
            reason = "listed twice"
        elif info.flag_bits & _ENCRYPTED:
            reason = "encrypted"
        elif stat.S_ISLNK(info.external_attr >> 16):
            reason = "a symbolic link"
        elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            reason = f"compression method {info.compress_type}; accepted are stored and deflated"
        elif info.file_size > limits.expansion_floor and (
            info.file_size > limits.expansion * info.compress_size
        ):
            reason = (
                f"an expansion bomb: {info.compress_size} bytes declare {info.file_size}; "
                f"at most {limits.expansion} to 1 is accepted (Limits.expansion)"
            )
        if reason is not None:
            raise FileError(f"{self.label}: {info.orig_filename!r}: {reason}")

    def _stored_bytes(self, info: zipfile.ZipInfo) -> bytes:
        """The member's bytes as they lie in the file."""
        where = f"{self.label}: {info.filename}"
        if not 0 <= info.header_offset < self._size:
            raise FileError(f"{where}: its local header lies outside the file.")
        self._stream.seek(info.header_offset)
        header = self._stream.read(_LOCAL_HEADER.size)
        if len(header) != _LOCAL_HEADER.size or not header.startswith(_LOCAL_MAGIC):
            raise FileError(f"{where}: local header is missing (truncated file?).")
        *_, name_length, extra_length = _LOCAL_HEADER.unpack(header)
        local_name = self._stream.read(name_length)
        expected = info.orig_filename.encode("utf-8" if info.flag_bits & 0x800 else "cp437")
        if local_name != expected:
            raise FileError(f"{where}: its local header names {local_name!r}.")
        self._stream.seek(extra_length, os.SEEK_CUR)
        stored = self._stream.read(info.compress_size)
        if len(stored) != info.compress_size:
            raise FileError(f"{where}: truncated: {len(stored)} of {info.compress_size} bytes.")
        return stored

    def _inflate(self, stored: bytes, info: zipfile.ZipInfo) -> bytes:
        """Inflate at most one byte more than declared: enough to see that there is more."""
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            return inflater.decompress(stored, info.file_size + 1)
        except zlib.error as error:
            raise FileError(f"{self.label}: {info.filename}: damaged ({error}).") from error


class FolderArchive:
    """An archive that was unzipped into a folder.

    Only regular files directly named by the caller are opened, and none that a symbolic link
    leads out of the folder.
    """

    def __init__(self, folder: Path, label: str) -> None:
        self.label = label
        self._folder = folder.resolve()

    def names(self) -> list[str]:
        """Names of the folder's entries, and of the files below its `assets`."""
        try:
            names = [entry.name for entry in self._folder.iterdir()]
        except OSError as error:
            raise FileError(f"{self.label}: cannot be listed: {error.strerror}") from error
        for folder, _, files in os.walk(self._folder / "assets"):
            inside = Path(folder).relative_to(self._folder).as_posix()
            names += [f"{inside}/{file}" for file in files]
        return sorted(names)

    def read(self, name: str, max_bytes: int) -> bytes:
        """Content of one file of the folder."""
        where = f"{self.label}: {name}"
        reason = _unsafe_name(name)
        if reason is not None:
            raise FileError(f"{where}: name refused: {reason}")
        path = (self._folder / name).resolve()
        if not path.is_relative_to(self._folder):
            raise FileError(f"{where}: a link that leaves the folder.")
        if not path.is_file():
            raise FileError(f"{where}: missing; the folder has {self.names()}.")
        if path.stat().st_size > max_bytes:
            raise FileError(
                f"{where}: {path.stat().st_size} bytes, at most {max_bytes} are accepted "
                "(raise the bound in Limits if the file is to be trusted)."
            )
        try:
            return path.read_bytes()
        except OSError as error:
            raise FileError(f"{where}: cannot be read: {error.strerror}") from error
