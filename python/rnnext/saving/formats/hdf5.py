"""Reads an HDF5 file into a plain tree of NumPy arrays.

h5py is imported when the first file is read. Only what Keras writes is accepted: groups, hard
links, numeric datasets stored inside the file. Links, virtual and external datasets would let a
file name other files of the machine, so reading one raises an error that names it. So does any
filter that HDF5 would look for in a plug-in folder.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnext.errors import FileError
from rnnext.saving.formats.hdf5_heaps import check_heaps
from rnnext.saving.formats.limits import Limits

__all__ = ["Group", "add_tree", "read_hdf5"]

# Attributes that carry meaning for us; long lists of names are cut into name0, name1, ...
_ATTRIBUTES = ("model_config", "keras_version", "backend", "layer_names", "weight_names", "name")
# What h5py raised on damaged files when its reading was fuzzed.
_DAMAGED = (OSError, RuntimeError, KeyError, ValueError, TypeError)
_FILTERS = {1: "deflate", 2: "shuffle", 3: "fletcher32", 32000: "lzf"}


@dataclass
class Group:
    """One HDF5 group, read into memory.

    Attributes:
        path: Its path in the file, "/" for the root.
        attributes: The attributes that Keras's formats use: text or lists of text.
        groups: Subgroups by name.
        arrays: Datasets by name, native byte order, C-contiguous.
        assets: Files that an archive has beside its weights, by name; HDF5 itself has none.
        refused: Why parts of the file that were wanted, but not needed, could not be read.
    """

    path: str = "/"
    attributes: dict[str, str | list[str]] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    arrays: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    assets: dict[str, bytes] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def group(self, path: str) -> Group | None:
        """The subgroup at a path with slashes, or None."""
        found: Group | None = self
        for name in path.split("/"):
            if found is not None and name:
                found = found.groups.get(name)
        return found

    def array(self, path: str) -> npt.NDArray[Any] | None:
        """The dataset at a path with slashes, or None."""
        parent, _, name = path.rpartition("/")
        group = self.group(parent)
        return None if group is None else group.arrays.get(name)

    def array_count(self) -> int:
        """Number of datasets here and below."""
        return len(self.arrays) + sum(group.array_count() for group in self.groups.values())

    def text(self, name: str) -> str | None:
        """A text attribute, or None when it is absent or not text."""
        value = self.attributes.get(name)
        return value if isinstance(value, str) else None

    def names(self, name: str) -> list[str] | None:
        """A list-of-names attribute, joined from its chunks, or None when it is absent."""
        value = self.attributes.get(name)
        if value is not None:
            return [value] if isinstance(value, str) else value
        joined: list[str] | None = None
        for number in itertools.count():
            chunk = self.attributes.get(f"{name}{number}")
            if chunk is None:
                break
            joined = (joined or []) + ([chunk] if isinstance(chunk, str) else chunk)
        return joined


def read_hdf5(
    file: Path | bytes,
    label: str,
    limits: Limits,
    ignored: Collection[str] = (),
    wanted: Collection[str] = (),
) -> Group:
    """Reads the groups, known attributes and datasets of a file.

    Args:
        file: Path, or the file's bytes (borrowed for the call).
        label: How errors call the file.
        limits: Bounds on objects, depth, bytes and expansion.
        ignored: Names in the root group that are not looked into (optimizer weights).
        wanted: Names of groups and attributes of the root that are ignored only if they cannot be
            read; `Group.refused` then says why.

    Returns:
        The root group.

    Raises:
        FileError: The file is damaged or truncated, or holds something unsupported.
    """
    check_heaps(file, label)
    with _opened(file, label) as root:
        result = _Walk(label, limits).group(root, "/", depth=0, ignored={*ignored, *wanted})
        for name in wanted:
            _Walk(label, limits).try_member(result, root, name)
        return result


def add_tree(target: Group, part: Group, label: str, limits: Limits) -> None:
    r"""Adds the groups and arrays of one tree to another.

    A group whose name has backslashes is taken apart into nested groups: Keras 2.12 to 2.15 joins
    its paths as the system does, so on Windows it writes one group ``layers\lstm\cell``.

    Args:
        target: Receives the arrays of `part`, themselves, not copies.
        part: The tree to add. Its attributes are left out.
        label: How errors call the file of `part`.
        limits: Bounds on depth.

    Raises:
        FileError: Both have an array of one path, or a name makes groups nested too deep.
    """
    for name, array in part.arrays.items():
        if name in target.arrays:
            raise FileError(f"{label}: {part.path}/{name}: there is another array of this path.")
        target.arrays[name] = array
    target.assets.update(part.assets)
    for name, group in part.groups.items():
        inner = target
        for step in name.split("\\"):
            path = f"{inner.path.rstrip('/')}/{step}"
            if path.count("/") > limits.hdf5_depth:
                raise FileError(f"{label}: {path}: groups nested deeper than {limits.hdf5_depth}.")
            inner = inner.groups.setdefault(step, Group(path))
        add_tree(inner, group, label, limits)


@contextmanager
def _opened(file: Path | bytes, label: str) -> Iterator[Any]:
    """An open h5py.File; h5py's own errors become FileError, here and in the block."""
    import h5py

    try:
        if isinstance(file, bytes):
            handle = h5py.File(h5py.h5f.open_file_image(file))
        else:
            handle = h5py.File(file, "r")
        with handle:
            yield handle
    except FileError:
        raise
    except _DAMAGED as error:
        raise FileError(f"{label}: HDF5: damaged or truncated ({error}).") from error


class _Walk:
    """One pass over a file; adds up what has been read so far."""

    def __init__(self, label: str, limits: Limits) -> None:
        self._label = label
        self._limits = limits
        self._objects = 0
        self._bytes = 0

    def group(self, source: Any, path: str, depth: int, ignored: Collection[str] = ()) -> Group:
        """Reads a group (h5py.Group) and everything below it."""
        if depth > self._limits.hdf5_depth:
            # A hard link to a parent makes a ring; it ends here too.
            raise self._refused(path, f"groups nested deeper than {self._limits.hdf5_depth}")
        result = Group(path, self._attributes(source, path))
        for name in source:
            if name not in ignored:
                self._add_child(result, source, name, depth)
        return result

    def try_member(self, result: Group, root: Any, name: str) -> None:
        """Reads the attribute or the group of this name, if the root has it and it is sound."""
        try:
            if name in root.attrs:
                result.attributes[name] = self._attribute(root, name, "/")
            if root.get(name, getlink=True, default=None) is not None:
                self._add_child(result, root, name, 0)
        except FileError as error:
            result.refused.append(str(error))
        except _DAMAGED as error:
            result.refused.append(f"{self._label}: {name}: damaged or truncated ({error}).")

    def _add_child(self, result: Group, source: Any, name: str, depth: int) -> None:
        import h5py

        child_path = f"{result.path.rstrip('/')}/{name}"
        self._count(child_path)
        link = source.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            kind = type(link).__name__
            raise self._refused(child_path, f"a {kind}; only hard links are read")
        child = source[name]
        if isinstance(child, h5py.Group):
            result.groups[name] = self.group(child, child_path, depth + 1)
        elif isinstance(child, h5py.Dataset):
            result.arrays[name] = self._array(child, child_path)
        else:
            raise self._refused(child_path, f"a {type(child).__name__}, not data")

    def _count(self, path: str) -> None:
        self._objects += 1
        if self._objects > self._limits.hdf5_objects:
            raise self._refused(path, f"more than {self._limits.hdf5_objects} objects in the file")

    def _attributes(self, source: Any, path: str) -> dict[str, str | list[str]]:
        """The attributes whose names mean something to us."""
        found: dict[str, str | list[str]] = {}
        for name in source.attrs:
            if name.rstrip("0123456789") not in _ATTRIBUTES:
                continue
            found[name] = self._attribute(source, name, path)
        return found

    def _attribute(self, source: Any, name: str, path: str) -> str | list[str]:
        attribute = source.attrs.get_id(name)
        size = math.prod(attribute.shape or (0,)) * attribute.get_type().get_size()
        if size > self._limits.config_bytes:
            raise self._refused(path, f"attribute {name!r} has {size} bytes")
        return self._text(source.attrs[name], f"{path}: attribute {name!r}")

    def _text(self, value: Any, where: str) -> str | list[str]:
        """Text or list of text from what h5py makes of an attribute."""
        if isinstance(value, (str, bytes)):
            return self._decoded(value, where)
        if isinstance(value, np.ndarray) and value.ndim <= 1:
            if value.size == 0:  # NumPy's empty list has dtype float64
                return []
            items = value.reshape(-1).tolist()
            if all(isinstance(item, (str, bytes)) for item in items):
                return [self._decoded(item, where) for item in items]
        raise self._refused(where, f"text is expected, received {type(value).__name__}")

    def _decoded(self, value: str | bytes, where: str) -> str:
        if len(value) > self._limits.config_bytes:
            raise self._refused(where, f"{len(value)} bytes of text (Limits.config_bytes)")
        try:
            # h5py hides bytes that are no UTF-8 in surrogates, which cannot be encoded again.
            encoded = value.encode("utf-8") if isinstance(value, str) else value
            return encoded.decode("utf-8")
        except UnicodeError as error:
            raise self._refused(where, f"not UTF-8 text ({error})") from error

    def _array(self, dataset: Any, path: str) -> npt.NDArray[Any]:
        """Checks a dataset, then reads it."""
        if dataset.is_virtual:
            raise self._refused(path, "a virtual dataset; it would read other files")
        if dataset.external:
            raise self._refused(path, "external storage; it would read other files")
        if dataset.shape is None:
            raise self._refused(path, "an empty dataspace without a shape")
        self._check_filters(dataset, path)
        dtype = dataset.dtype
        # Keras writes bfloat16 as two opaque bytes. The attribute dtype="bfloat16" beside them is
        # missing in legacy files, but no other type of Keras is stored like this.
        is_bfloat16 = dtype == np.dtype("V2")
        if dtype.kind not in "fiub" and not is_bfloat16:
            raise self._refused(path, f"dtype {dtype}; numbers are expected")
        self._check_size(dataset, path)
        values = np.empty(dataset.shape, dtype)
        if values.size:
            dataset.read_direct(values)
        if is_bfloat16:
            return _bfloat16_as_float32(values)
        return np.ascontiguousarray(values, dtype.newbyteorder("=")).reshape(dataset.shape)

    def _check_filters(self, dataset: Any, path: str) -> None:
        pipeline = dataset.id.get_create_plist()
        for index in range(pipeline.get_nfilters()):
            code = pipeline.get_filter(index)[0]
            if code not in _FILTERS:
                accepted = ", ".join(_FILTERS.values())
                raise self._refused(path, f"HDF5 filter {code}; accepted are {accepted}")

    def _check_size(self, dataset: Any, path: str) -> None:
        """Rejects by the declared size, before anything is allocated."""
        limits = self._limits
        declared = math.prod(dataset.shape) * dataset.dtype.itemsize
        stored = dataset.id.get_storage_size()
        if declared > limits.expansion_floor and declared > limits.expansion * stored:
            raise self._refused(
                path,
                f"an expansion bomb: {stored} stored bytes declare shape {dataset.shape}, "
                f"{declared} bytes; at most {limits.expansion} to 1 is accepted (Limits.expansion)",
            )
        self._bytes += declared
        if self._bytes > limits.weights_bytes:
            raise self._refused(
                path,
                f"shape {dataset.shape} brings the file to {self._bytes} bytes of weights, "
                f"at most {limits.weights_bytes} are accepted (Limits.weights_bytes)",
            )

    def _refused(self, where: str, reason: str) -> FileError:
        return FileError(f"{self._label}: {where}: {reason}")


def _bfloat16_as_float32(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Widen bfloat16, which is the upper half of a float32, without loss."""
    high = np.ascontiguousarray(values).view("<u2").astype(np.uint32)
    # A single number has come out as an array of one.
    return (high << 16).view(np.float32).reshape(values.shape)
