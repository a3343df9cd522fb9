"""Reads weights that Keras 3 cut into several HDF5 files (``save_weights(max_shard_size=...)``).

A JSON file lists which shard holds which group. A shard is a file beside the index, or a member
of the same archive.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from rnnext.errors import FileError
from rnnext.saving.formats.foreign import foreign_json
from rnnext.saving.formats.hdf5 import Group, add_tree, read_hdf5
from rnnext.saving.formats.json_text import parse_object
from rnnext.saving.formats.limits import Limits
from rnnext.saving.formats.source import Source

__all__ = ["read_shards"]


def read_shards(index: Source, limits: Limits) -> Group:
    """Reads all shards of an index into one tree.

    Args:
        index: The source whose text is the index; shards lie in its archive or its folder.
        limits: Bounds on all shards together.

    Returns:
        The root group.

    Raises:
        FileError: Not an index, a shard is missing or damaged, or two shards hold one array.
    """
    content = parse_object(index.text or b"", index.label, "index of shards", limits)
    foreign = foreign_json(content)
    if foreign is not None:
        raise FileError(f"{index.label}: no weights of Keras: {foreign}.")
    weight_map = content.get("weight_map")
    if not isinstance(weight_map, dict):
        raise FileError(
            f"{index.label}: JSON without weight_map; a sharded weights file is expected. "
            "An architecture holds no weights."
        )
    root = Group()
    left = limits.weights_bytes
    for name in _shard_names(weight_map, index.label):
        label = f"{index.label}: {name}"
        shard = _shard_file(index, name, label, left)
        part = read_hdf5(shard, label, dataclasses.replace(limits, weights_bytes=left))
        left -= _bytes_of(part)
        add_tree(root, part, label, limits)
    return root


def _shard_names(weight_map: dict[str, Any], label: str) -> list[str]:
    """Names of the shards; each must be a plain file name."""
    names: dict[str, None] = {}
    for entry in weight_map.values():
        for name in entry if isinstance(entry, list) else [entry]:
            if not isinstance(name, str) or not name.endswith(".h5") or Path(name).name != name:
                raise FileError(f"{label}: shard {name!r}: a file name without folder is expected.")
            names[name] = None
    return list(names)


def _shard_file(index: Source, name: str, label: str, max_bytes: int) -> Path | bytes:
    if index.archive is not None:
        return index.archive.read(name, max_bytes)
    if index.path is None:
        raise FileError(f"{label}: shards can only be found beside a path, not beside bytes.")
    shard = index.path.with_name(name)
    if not shard.is_file():
        raise FileError(f"{label}: missing; it must lie beside {index.path.name}.")
    return shard


def _bytes_of(group: Group) -> int:
    own = sum(array.nbytes for array in group.arrays.values())
    return own + sum(_bytes_of(child) for child in group.groups.values())
