"""Writes a file whole or not at all: every file that rnnext writes goes through here."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["replaced", "write_file"]


def write_file(file: str | os.PathLike[str] | BinaryIO, content: bytes) -> None:
    """Writes bytes to a path, as `replaced` does, or to an open binary file.

    Args:
        file: Path or open binary file.
        content: All that the file shall hold.

    Raises:
        OSError: The file cannot be written; one that was there is unchanged.
    """
    if isinstance(file, (str, os.PathLike)):
        with replaced(file) as stream:
            stream.write(content)
    else:
        file.write(content)


@contextlib.contextmanager
def replaced(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Opens a temporary file that takes the place of `path` when the block ends.

    If the block raises, whatever it is, the file at `path` is as it was, and the temporary one is
    gone. It lies in the same folder, because only there can one replace the other at once. A
    symbolic link stays; the file that it leads to is replaced. The mode of a file that is there is
    kept; a new one gets that of any new file. What is no regular file, such as a pipe or
    ``/dev/stdout``, cannot be replaced and is written to directly.

    Args:
        path: The file to write.

    Yields:
        The open binary file.

    Raises:
        OSError: The file cannot be written; the error names `path`.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "file"
        >>> with replaced(path) as stream:
        ...     _ = stream.write(b"all of it")
        >>> path.read_bytes()
        b'all of it'
    """
    target = Path(os.path.realpath(path))
    old = _status(target)
    if old is not None and not stat.S_ISREG(old.st_mode):
        with target.open("wb") as direct:
            yield direct
        return
    with _naming(path):
        if old is not None:
            target.open("r+b").close()  # a file that may not be written to is not replaced either
        stream, temporary = _new_file(target.parent)
    try:
        with stream:
            if old is not None:
                os.chmod(temporary, stat.S_IMODE(old.st_mode))
            yield stream
        with _naming(path):
            temporary.replace(target)
    except BaseException:
        temporary.unlink()
        raise


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (OSError, ValueError):  # ValueError: a NUL in the name; opening it says so
        return None


def _new_file(folder: Path) -> tuple[BinaryIO, Path]:
    """A new file of a name that no other has; its mode is what the umask leaves."""
    while True:
        path = folder / f".rnnext-{secrets.token_hex(8)}.tmp"
        with contextlib.suppress(FileExistsError):
            return path.open("xb"), path


@contextlib.contextmanager
def _naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Lets an error name the file that the caller asked for, not the temporary one."""
    try:
        yield
    except OSError as error:
        raise type(error)(error.errno, error.strerror, os.fspath(path)) from error
