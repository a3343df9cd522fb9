"""Checks the part of an HDF5 file in which a flipped bit makes the HDF5 library run forever.

Text attributes of variable length lie in "global heap collections", chains of objects that each
say how long they are. libhdf5 1.14 follows the lengths without a bound: with a length near 2**64
the chain never ends, inside a call that nothing can interrupt. (Found by fuzzing.) So the chains
are followed here first. Layout: HDF5 File Format Specification, section III.E.
"""

from __future__ import annotations

import mmap
import struct
from contextlib import closing
from pathlib import Path

from rnnext.errors import FileError

__all__ = ["check_heaps"]

_SIGNATURE = b"GCOL\x01\x00\x00\x00"
_COLLECTION = struct.Struct("<8sQ")  # signature with version, size of the whole collection
_OBJECT = struct.Struct("<HHIQ")  # index, reference count, reserved, size of the data


def check_heaps(file: Path | bytes, label: str) -> None:
    """Rejects a file with a global heap collection whose objects do not fill it exactly.

    Args:
        file: Path, or the file's bytes.
        label: How errors call the file.

    Raises:
        FileError: A collection is damaged.
    """
    if isinstance(file, bytes):
        _check(file, label)
        return
    # The mapping reads pages as they are searched; nothing of the file's size is allocated.
    with (
        file.open("rb") as stream,
        closing(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)) as content,
    ):
        _check(content, label)


def _check(content: bytes | mmap.mmap, label: str) -> None:
    start = content.find(_SIGNATURE)
    while start >= 0:
        if start % 8 == 0 and start + _COLLECTION.size <= len(content):
            _, size = _COLLECTION.unpack_from(content, start)
            # Weights may hold these bytes by chance; a length that does not fit is no collection.
            if size <= len(content) - start and not _is_intact(content, start, size):
                raise FileError(f"{label}: HDF5: damaged global heap at byte {start}.")
        start = content.find(_SIGNATURE, start + 1)


def _is_intact(content: bytes | mmap.mmap, start: int, size: int) -> bool:
    """True if the objects of a collection follow one another up to its end."""
    at, end = start + _COLLECTION.size, start + size
    while at + _OBJECT.size <= end:
        index, _, _, length = _OBJECT.unpack_from(content, at)
        if index == 0:  # the free space; its length includes its header
            return bool(length == end - at)
        at += _OBJECT.size + (length + 7) // 8 * 8
    return at <= end
