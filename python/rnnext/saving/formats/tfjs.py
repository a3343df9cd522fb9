"""Reads models of layers that TensorFlow.js saved, or its converter: a ``model.json`` and shards.

The JSON holds the architecture, ``modelTopology``, and a list of groups, ``weightsManifest``. The
shards of a group, joined, hold its weights one after the other, without gaps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnext.errors import FileError
from rnnext.saving.formats.archive import FolderArchive
from rnnext.saving.formats.limits import Limits
from rnnext.saving.formats.source import Source

__all__ = ["read_tfjs_weights", "tfjs_topology"]

Array = npt.NDArray[Any]

_DTYPES = {"float32": "<f4", "int32": "<i4", "uint8": "u1", "bool": "?"}
_QUANTIZED = {"uint8": "u1", "uint16": "<u2", "float16": "<f2"}
_MOST_AXES = 8
_VERSION = "tfjs-layers"
# TensorFlow.js means by its configs what Keras 2.1 meant: hard_sigmoid is clip(0.2 x + 0.5), GRU
# has no reset_after, a masked step outputs the state before it.
_SAME_MEANING = "2.1.6"


def tfjs_topology(content: Mapping[str, Any], label: str) -> tuple[dict[str, Any], str | None]:
    """The config of the model, and the version of Keras that says what it means.

    Args:
        content: The JSON, for which `is_tfjs_layers` is true.
        label: How errors call the file.

    Raises:
        FileError: The config is no object, or a Keras wrote it whose arrays have another layout.
    """
    topology = content["modelTopology"]
    config = topology.get("model_config", topology)
    if not isinstance(config, dict):
        raise FileError(
            f"{label}: model_config: a JSON object is expected, received {type(config).__name__}."
        )
    version = topology.get("keras_version") or config.get("keras_version")
    if isinstance(version, str) and version.startswith(_VERSION):
        version = _SAME_MEANING
    config = {key: value for key, value in config.items() if key != "keras_version"}
    backend = topology.get("backend")
    if backend == "theano" or str(version).startswith(("0", "1")):
        raise FileError(
            f"{label}: a TensorFlow.js model made from one of Keras {version}, backend "
            f"{backend!r}; those of Keras 2 and 3 on TensorFlow are read. Open the .h5 file that "
            "it was made from."
        )
    return config, None if version is None else str(version)


def read_tfjs_weights(
    source: Source, content: Mapping[str, Any], limits: Limits
) -> dict[str, Array]:
    """Reads the shards of a model's weights.

    Args:
        source: Where the JSON is from; the shards lie beside it.
        content: The JSON.
        limits: Bounds on the bytes of all shards, and of all arrays.

    Returns:
        The arrays by name, without those of the optimizer. Quantized ones are floats again.

    Raises:
        FileError: No manifest, a shard is missing or has another size than its weights, a name
            or dtype that is not accepted.
    """
    label = source.label
    groups = content.get("weightsManifest")
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
        raise FileError(f"{label}: weightsManifest: a list of groups is expected.")
    if source.path is None:
        raise FileError(
            f"{label}: a TensorFlow.js model, whose weights lie in files beside it; give the path "
            "of its model.json instead of the content."
        )
    folder = FolderArchive(source.path.parent, label)
    names: set[str] = set()
    shards: set[str] = set()
    arrays: dict[str, Array] = {}
    left = expanded = limits.weights_bytes
    for group in groups:
        stored = _joined(group, folder, shards, left)
        left -= len(stored)
        entries = _entries(group, label)
        sizes = [_stored_bytes(entry, label) for entry in entries]
        if sum(sizes) != len(stored):
            raise FileError(
                f"{label}: shards {group.get('paths')} hold {len(stored)} bytes, their "
                f"{len(sizes)} weights take {sum(sizes)}."
            )
        at = 0
        for entry, size in zip(entries, sizes, strict=True):
            name = entry["name"]
            if name in names:
                raise FileError(f"{label}: weight {name!r} is listed twice.")
            names.add(name)
            expanded -= 4 * math.prod(entry["shape"])
            if expanded < 0:
                raise FileError(
                    f"{label}: the weights take more than {limits.weights_bytes} bytes "
                    "(Limits.weights_bytes)."
                )
            if entry.get("group") != "optimizer":
                arrays[name] = _array(entry, stored[at : at + size], label)
            at += size
    return arrays


def _joined(group: Mapping[str, Any], folder: FolderArchive, seen: set[str], left: int) -> bytes:
    """The bytes of the shards of a group."""
    paths = group.get("paths")
    if not isinstance(paths, list):
        raise FileError(f"{folder.label}: weightsManifest: paths: a list is expected.")
    parts = []
    for name in paths:
        if not isinstance(name, str) or not name or name in (".", "..") or set(name) & set("/\\:"):
            raise FileError(
                f"{folder.label}: shard {name!r}: a file name without folder is expected."
            )
        if name in seen:
            raise FileError(f"{folder.label}: shard {name!r} is listed twice.")
        seen.add(name)
        parts.append(folder.read(name, left))
        left -= len(parts[-1])
    return b"".join(parts)


def _entries(group: Mapping[str, Any], label: str) -> list[dict[str, Any]]:
    """The weights that a group lists, their names and shapes checked."""
    entries = group.get("weights")
    if not isinstance(entries, list):
        raise FileError(f"{label}: weightsManifest: weights: a list is expected.")
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise FileError(
                f"{label}: weightsManifest: a weight without a name: {str(entry)[:80]}."
            )
        shape = entry.get("shape")
        sizes = shape if isinstance(shape, list) and len(shape) <= _MOST_AXES else [None]
        if not all(type(size) is int and size > 0 for size in sizes):
            raise FileError(
                f"{label}: weight {entry['name']!r}: a shape of at most {_MOST_AXES} positive "
                f"integers is expected, received {str(shape)[:80]}."
            )
    return entries


def _stored_bytes(entry: Mapping[str, Any], label: str) -> int:
    shape: list[int] = entry["shape"]
    return math.prod(shape) * _stored_dtype(entry, label).itemsize


def _stored_dtype(entry: Mapping[str, Any], label: str) -> np.dtype[Any]:
    """The dtype in the shard, which that of a quantized weight differs from."""
    dtype, accepted, what = entry.get("dtype"), _DTYPES, "dtype"
    if "quantization" in entry:
        quantization = entry["quantization"]
        if dtype != "float32" or not isinstance(quantization, dict):
            raise FileError(
                f"{label}: weight {entry['name']!r}: only float32 weights are read when they are "
                f"quantized, received dtype {dtype!r}, quantization {str(quantization)[:80]}."
            )
        dtype, accepted, what = quantization.get("dtype"), _QUANTIZED, "dtype of quantization"
    if not isinstance(dtype, str) or dtype not in accepted:
        raise FileError(
            f"{label}: weight {entry['name']!r}: {what} {dtype!r}; {', '.join(accepted)} are read."
        )
    return np.dtype(accepted[dtype])


def _array(entry: Mapping[str, Any], stored: bytes, label: str) -> Array:
    """A weight, no longer quantized."""
    values = np.frombuffer(stored, _stored_dtype(entry, label)).reshape(entry["shape"])
    quantization = entry.get("quantization")
    if quantization is None:
        return values
    if quantization["dtype"] == "float16":
        return values.astype(np.float32)
    scale, least = (quantization.get(key) for key in ("scale", "min"))
    for key, value in (("scale", scale), ("min", least)):
        if type(value) not in (int, float) or not math.isfinite(value):
            raise FileError(
                f"{label}: weight {entry['name']!r}: quantization: {key}: a finite number is "
                f"expected, received {value!r}."
            )
    floats: Array = (values * np.float64(scale) + np.float64(least)).astype(np.float32)
    return floats
