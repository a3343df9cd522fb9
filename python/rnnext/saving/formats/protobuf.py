"""Tells messages of Google's protocol buffers apart by the numbers and types of their fields."""

from __future__ import annotations

from typing import BinaryIO

__all__ = ["message_kind"]

# Wire types.
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# Fields are looked at until the message ends, but at most so many.
_MOST_FIELDS = 256
# ModelProto of ONNX: ir_version, producer's name and version, domain, model_version, doc_string,
# graph, opset_import, metadata_props, training_info, functions, configuration.
_ONNX = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}
# Model of Core ML: specificationVersion, description, isUpdatable, and one field of many for what
# it computes, from 200 on.
_COREML = {1: 0, 2: 2, 10: 0}
_SAVED_MODEL = {1: 0, 2: 2}  # schema version, meta graphs
_GRAPH_DEF = {1: 2, 2: 2, 3: 0, 4: 2, 5: 2}  # nodes, library, version, versions, debug info


def message_kind(stream: BinaryIO) -> str | None:
    r"""Which message a file holds: "onnx", "coreml", "saved_model", "graph_def", or None.

    Only the fields' numbers and lengths are read; their contents are skipped.

    Args:
        stream: The file.

    Example:
        >>> import io
        >>> message_kind(io.BytesIO(b"\x08\x07" + b"\x3a\x02\x0a\x00" + b"\x42\x02\x10\x0d"))
        'onnx'
    """
    fields = _fields(stream)
    if not fields:
        return None
    numbers = {number for number, _ in fields}
    if _fits(fields, _ONNX) and 7 in numbers and {1, 8} & numbers:
        return "onnx"
    if _fits([field for field in fields if field[0] < 200], _COREML) and max(numbers) >= 200:
        return "coreml"
    if _fits(fields, _SAVED_MODEL) and fields[0] == (1, _VARINT) and 2 in numbers:
        return "saved_model"
    if _fits(fields, _GRAPH_DEF) and fields[0] == (1, _BYTES):
        return "graph_def"
    return None


def _fits(fields: list[tuple[int, int]], known: dict[int, int]) -> bool:
    return all(known.get(number) == kind for number, kind in fields)


def _fields(stream: BinaryIO) -> list[tuple[int, int]]:
    """Number and wire type of a message's first fields; nothing if it is no message."""
    size = stream.seek(0, 2)
    stream.seek(0)
    fields: list[tuple[int, int]] = []
    while len(fields) < _MOST_FIELDS and stream.tell() < size:
        tag = _varint(stream)
        if tag is None:
            return []
        number, kind = tag >> 3, tag & 7
        length = {_FIXED64: 8, _FIXED32: 4}.get(kind, 0)
        if kind in (_VARINT, _BYTES):
            value = _varint(stream)
            if value is None:
                return []
            length = value if kind == _BYTES else 0
        elif not length:
            return []
        if number == 0 or stream.tell() + length > size:
            return []
        stream.seek(length, 1)
        fields.append((number, kind))
    return fields


def _varint(stream: BinaryIO) -> int | None:
    """A number of seven bits a byte, the lowest ones first; None if there is none."""
    value = 0
    for shift in range(0, 70, 7):
        byte = stream.read(1)
        if not byte:
            return None
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    return None
