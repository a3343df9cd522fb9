"""Names files of other programs for what they are, with the way from them to a model.

They are known by content; a file's name only helps where content says nothing. Nothing is unpickled
or run: a pickle is looked at as bytes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from rnnext.errors import FileError
from rnnext.saving.formats.archive import Archive
from rnnext.saving.formats.foreign_kinds import told
from rnnext.saving.formats.protobuf import message_kind

__all__ = ["foreign_archive", "foreign_content", "foreign_folder", "foreign_json", "is_tfjs_layers"]

# How much of a file is looked at, and of the pickle inside an archive.
_HEAD_BYTES = 4096
_PICKLE_BYTES = 1 << 22

# How files begin.
_STARTS: tuple[tuple[bytes, str, str], ...] = (
    (b"\x93NUMPY", "npy", ""),
    (b"MATLAB 5.0 MAT-file", "matlab", ""),
    (b"MATLAB 7.3 MAT-file", "matlab", ""),
    (b"version https://git-lfs", "lfs", ""),
    (b"GGUF", "gguf", ""),
    (b"\x1f\x8b", "compressed", "gzip"),
    (b"BZh", "compressed", "bzip2"),
    (b"\xfd7zXZ\x00", "compressed", "xz"),
    (b"\x28\xb5\x2f\xfd", "compressed", "zstandard"),
    (b"7z\xbc\xaf\x27\x1c", "compressed", "7z"),
    (b"Rar!", "compressed", "rar"),
    (b"\x89PNG", "document", "PNG"),
    (b"\xff\xd8\xff", "document", "JPEG"),
    (b"%PDF", "document", "PDF"),
    (b"\x7fELF", "program", "ELF"),
    (b"MZ", "program", "Windows"),
)
# What stands at byte 4 of a FlatBuffer.
_FLAT_BUFFERS = {b"TFL3": "tflite", b"ORTM": "ort", b"ET12": "executorch"}
# torch.save before PyTorch 1.6: a pickle of this number comes first.
_TORCH_MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
# Of protocols 2 to 5, and of 0 and 1, which are text.
_PICKLE = re.compile(rb"\x80[\x02-\x05]|\([dl]p\d|c(copy_reg|__builtin__|__main__|numpy)[.\w]*\n")
_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
_HTML = re.compile(
    rb"(\s|<!--.*?-->|<\?xml[^>]*>)*<(!doctype\s+html|html|head|body)\b", re.I | re.S
)
_PYTHON = re.compile(rb"(#.*\n|\s)*(import \w|from [\w.]+ import |\"\"\"|def \w+\()")
_YAML = (b"backend:", b"class_name:", b"!!python", b"---")
_MODEL_FILES = (".keras", ".h5", ".hdf5", "/config.json", ".pt", ".pth", ".onnx", ".tflite")
_TFJS_SHARD = re.compile(r"group\d+-shard\d+of\d+(\.bin)?")


def foreign_content(stream: BinaryIO, name: str) -> str | None:
    """What a file that is neither a zip, HDF5 nor JSON is, and the way on; None if unknown.

    Args:
        stream: The file; read from its beginning.
        name: Its name, which helps where content says nothing.
    """
    stream.seek(0)
    start = stream.read(_HEAD_BYTES)
    if not start:
        return "it is empty"
    found = _kind_of_content(stream, start, name)
    return None if found is None else told(*found)


def _kind_of_content(stream: BinaryIO, start: bytes, name: str) -> tuple[str, str] | None:
    """The kind, and what was found in the file."""
    for magic, kind, inner in _STARTS:
        if start.startswith(magic):
            return kind, inner
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[4:8] in _FLAT_BUFFERS:
        return _FLAT_BUFFERS[start[4:8]], ""
    if start[257:262] == b"ustar":
        return "compressed", "tar"
    if start.startswith(_TORCH_MAGIC):
        stream.seek(0)
        return _torch_pickle(stream.read(_PICKLE_BYTES)), ""
    if _PICKLE.match(start):
        return _pickle(start), ""
    if _ZLIB.match(start):
        is_pickle = name.endswith((".joblib", ".pkl", ".pickle"))
        return ("joblib", "") if is_pickle else ("compressed", "zlib")
    if _HTML.match(text):
        return "html", ""
    if text.startswith((b"<?xml", b"<Error")):
        return ("openvino" if b"<net " in text else "xml"), ""
    if text.startswith(_YAML):
        return "yaml", ""
    if start[8:9] == b"{" and 2 <= int.from_bytes(start[:8], "little") < 1 << 27:
        return "safetensors", ""
    message = message_kind(stream)
    if message is not None:
        return message, ""
    if _PYTHON.match(text):
        return "python", ""
    if _TFJS_SHARD.fullmatch(Path(name).name):
        return "tfjs_weights", ""
    return None


def _pickle(start: bytes) -> str:
    if b"joblib" in start:
        return "joblib"
    return "keras_pickle" if b"keras" in start else "pickle"


def _torch_pickle(pickled: bytes) -> str:
    """What torch.save saved, by the names that its pickle mentions."""
    if pickled.startswith(_TORCH_MAGIC):  # then a dictionary about the machine, then the object
        pickled = pickled[pickled.find(b"u.\x80", len(_TORCH_MAGIC)) + 2 :]
    if b"_parameters" in pickled and b"_modules" in pickled:
        return "torch_module"
    saved = pickled[2:]  # after the protocol
    if saved.startswith(b"ccollections\nOrderedDict"):
        return "torch_weights"
    if saved.startswith(b"}") and b"_rebuild_" in saved:
        return "torch_checkpoint" if b"state_dict" in saved else "torch_weights"
    return "torch_file"


def foreign_archive(archive: Archive) -> str | None:
    """What a zip that holds no Keras model seems to be, and the way on; None if nothing known."""
    names = archive.names()
    paths = [name.rpartition("/") for name in names]
    files = {file: name for name, (_, _, file) in zip(names, paths, strict=True)}
    if "serialized_exported_program.json" in files or "archive_format" in files:
        return told("torch_export")
    if "data.pkl" in files:
        if "constants.pkl" in files or any("/code/" in f"/{name}" for name in names):
            return told("torch_script")
        return told(_pickle_of(archive, files["data.pkl"]))
    if names and all(name.endswith(".npy") for name in names):
        return told("npz")
    if "saved_model.pb" in files or "saved_model.pbtxt" in files:
        return told("saved_model_zip")
    if any(name.endswith(".mlmodel") or "com.apple.CoreML" in name for name in names):
        return told("coreml")
    if "[Content_Types].xml" in files:
        return told("document", "Office")
    inner = next((name for name in names if name.endswith(_MODEL_FILES)), None)
    return None if inner is None else told("zip", inner)


def _pickle_of(archive: Archive, name: str) -> str:
    try:
        return _torch_pickle(archive.read(name, _PICKLE_BYTES))
    except FileError:  # larger, or damaged
        return "torch_file"


def is_tfjs_layers(content: Mapping[str, Any]) -> bool:
    """True for the JSON of a TensorFlow.js model of layers; False for graphs and all else."""
    topology = content.get("modelTopology")
    if content.get("format") == "graph-model" or not isinstance(topology, dict):
        return False
    return bool({"model_config", "class_name"} & topology.keys())


def foreign_json(parsed: Mapping[str, Any]) -> str | None:
    """What a JSON object that is no Keras config seems to be, and the way on; None if unknown."""
    if is_tfjs_layers(parsed):
        return None
    if "modelTopology" in parsed or "weightsManifest" in parsed:
        is_graph = parsed.get("format") == "graph-model"
        return told("tfjs_graph" if is_graph else "tfjs_other")
    if "nbformat" in parsed and "cells" in parsed:
        return told("notebook")
    shards = parsed.get("weight_map")
    if isinstance(shards, dict) and any(
        str(shard).endswith((".safetensors", ".bin")) for shard in shards.values()
    ):
        return told("hugging_face")
    if "class_name" not in parsed and ("architectures" in parsed or "model_type" in parsed):
        return told("hugging_face")
    return None


def foreign_folder(names: Collection[str]) -> str | None:
    """What a folder without a Keras model seems to be, and the way on; None if nothing known."""
    if {"pytorch_model.bin", "model.safetensors"} & set(names):
        return told("hugging_face")
    if "data.pkl" in names:
        return told("torch_file")
    if "Manifest.json" in names and "Data" in names:
        return told("coreml")
    return None
