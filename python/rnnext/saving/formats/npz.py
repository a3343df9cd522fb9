"""Reads ``model.weights.npz`` of an archive into the same tree as an HDF5 file."""

from __future__ import annotations

import io
import math
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from rnnext.errors import FileError
from rnnext.saving.formats.archive import ZipArchive
from rnnext.saving.formats.hdf5 import Group
from rnnext.saving.formats.limits import Limits

__all__ = ["read_npz"]


def read_npz(content: bytes, label: str, limits: Limits) -> Group:
    """Reads arrays named by their path, such as ``layers/dense/vars/0``.

    What Keras itself writes as npz are pickled dicts, which Keras cannot open either; they are
    refused, because nothing is unpickled.

    Args:
        content: The npz file.
        label: How errors call it.
        limits: Bounds on members and bytes.

    Returns:
        The root group.

    Raises:
        FileError: Damaged, too large, or an array of objects.
    """
    archive = ZipArchive(io.BytesIO(content), label, limits)
    root = Group()
    left = limits.weights_bytes
    for member in archive.names():
        name = member.removesuffix(".npy")
        encoded = archive.read(member, left)
        left -= len(encoded)
        *parents, last = name.split("/")
        group = root
        for parent in parents:
            path = f"{group.path.rstrip('/')}/{parent}"
            group = group.groups.setdefault(parent, Group(path))
        group.arrays[last] = _array(encoded, f"{label}: {member}")
    return root


def _array(encoded: bytes, where: str) -> npt.NDArray[Any]:
    """One .npy file. Its header is checked before anything of the declared size is made."""
    stream = io.BytesIO(encoded)
    try:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(stream)
        else:
            shape, is_fortran, dtype = np.lib.format.read_array_header_2_0(stream)
    except (ValueError, EOFError) as error:
        raise FileError(f"{where}: not a NumPy array ({error}).") from error
    if dtype.hasobject:
        raise FileError(
            f"{where}: holds pickled Python objects, which are never loaded; "
            "save the model again with weights as .h5."
        )
    if dtype.kind not in "fiub":
        raise FileError(f"{where}: dtype {dtype}; numbers are expected.")
    values = encoded[stream.tell() :]
    if math.prod(shape) * dtype.itemsize != len(values):
        raise FileError(f"{where}: shape {shape} of {dtype} does not fit {len(values)} bytes.")
    order: Literal["F", "C"] = "F" if is_fortran else "C"
    array = np.frombuffer(values, dtype).reshape(shape, order=order)
    return np.ascontiguousarray(array, dtype.newbyteorder("=")).reshape(shape)
