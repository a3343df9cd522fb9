"""Random damage to model files: each target loads what it made, and may meet a named error only.

`test_saving_fuzz.py` runs every target briefly, `fuzz.py` for as long as one likes.
"""

from __future__ import annotations

import copy
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any, NamedTuple

import golden_files
import h5py
from hypothesis import strategies as st

from rnnext import saving
from rnnext.errors import RnnextError
from rnnext.saving import Limits

LIMITS = Limits(weights_bytes=1 << 24)
ARCHIVES = ["keras315_functional.keras", "keras315_masked.keras", "tf213_nested.keras"]
LEGACY = [name for name in golden_files.names("*.h5") if not name.endswith(".weights.h5")]

# What runs before each input is tried; the runner keeps the input of a crash or hang with it.
before_loading: list[Callable[[bytes], None]] = []


def load_or_named_error(load: Callable[..., Any], content: bytes, label: str) -> None:
    """Loads the content; any error but rnnext's own, which names the file, is a finding."""
    for note in before_loading:
        note(content)
    try:
        load(content, limits=LIMITS)
        message = f"{label}: opened"
    except RnnextError as error:
        message = str(error)
    assert message.startswith(f"{label}: "), message


# What is damaged ---------------------------------------------------------------------------------


def members(name: str) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(WHOLE[name])) as archive:
        return {member: archive.read(member) for member in archive.namelist()}


def legacy_config(name: str) -> bytes:
    """The JSON of a full-model HDF5 file, with the version that decides what it means."""
    with h5py.File(io.BytesIO(WHOLE[name])) as file:
        config = file.attrs["model_config"]
        version = file.attrs.get("keras_version", "1.2.2")
    texts = [x.decode() if isinstance(x, bytes) else x for x in (config, version)]
    return json.dumps({**json.loads(texts[0]), "keras_version": texts[1]}).encode()


WHOLE = {name: golden_files.content(name) for name in (*ARCHIVES, *LEGACY)}
MEMBERS = {name: members(name) for name in ARCHIVES}
TEXTS = {
    **{name: MEMBERS[name]["config.json"] for name in ARCHIVES},
    **{name: legacy_config(name) for name in LEGACY},
}
CONFIGS = {name: json.loads(text) for name, text in TEXTS.items()}


def with_config(name: str, text: bytes) -> bytes:
    """The archive with another config, and checksums that fit it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for member, content in {**MEMBERS[name], "config.json": text}.items():
            archive.writestr(member, content)
    return buffer.getvalue()


def load_config(name: str, text: bytes) -> None:
    if name in MEMBERS:
        load_or_named_error(saving.load_model, with_config(name, text), "<bytes>")
    else:
        load_or_named_error(saving.model_from_json, text, "model JSON")


# How ---------------------------------------------------------------------------------------------


def damaged(content: bytes, data: st.DataObject) -> bytes:
    """Bytes with some replaced, and perhaps cut."""
    changed = bytearray(content)
    places = st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255))
    for at, byte in data.draw(st.lists(places)):
        changed[at] = byte
    return bytes(changed[: data.draw(st.one_of(st.none(), st.integers(0, len(content))))])


WORDS = ["", "x", "LSTM", "hard_sigmoid", "float64", "config", "args", "a/b", "__tensor__"]
KEYS = ["class_name", "config", "name", "args", "module", "layers", "units", "batch_shape"]
JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-2, 40),
        st.sampled_from([10**9, 2**31, 2**63, 10**40]),
        st.floats(),
        st.sampled_from(WORDS),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of everything inside a JSON value."""
    found = [path]
    if isinstance(value, (dict, list)):
        keys = value if isinstance(value, dict) else range(len(value))
        for key in keys:
            found += places(value[key], (*path, key))
    return found


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


# Targets -----------------------------------------------------------------------------------------


def archive_bytes(name: str, data: st.DataObject) -> None:
    """The zip layer. The HDF5 inside is kept: its checksum would find the damage first."""
    content, weights = WHOLE[name], MEMBERS[name]["model.weights.h5"]
    start = content.index(weights[:64])
    head = damaged(content[:start], data)
    tail = damaged(content[start + len(weights) :], data)
    load_or_named_error(saving.load_model, head + weights + tail, "<bytes>")


def config_text(name: str, data: st.DataObject) -> None:
    """The JSON as text."""
    load_config(name, damaged(TEXTS[name], data))


def config_values(name: str, data: st.DataObject) -> None:
    """The JSON as a tree: values dropped, replaced, or taken from elsewhere in any config."""
    config = copy.deepcopy(CONFIGS[name])
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(config)))
        other = CONFIGS[data.draw(st.sampled_from(sorted(CONFIGS)))]
        elsewhere = data.draw(st.sampled_from(places(other)))
        new = data.draw(st.one_of(JSON, st.just(at(other, elsewhere))))
        if not path:
            config = copy.deepcopy(new)
        elif data.draw(st.booleans()):
            del at(config, path[:-1])[path[-1]]
        else:
            at(config, path[:-1])[path[-1]] = copy.deepcopy(new)
    load_config(name, json.dumps(config).encode())


def any_bytes(content: bytes) -> None:
    """No model file at all, or only its first bytes."""
    for signature in (b"", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n", b"{"):
        load_or_named_error(saving.load_model, signature + content, "<bytes>")


def hdf5_bytes(name: str, data: st.DataObject) -> None:
    """The HDF5 layer. libhdf5 itself does not survive all of it: for a process that may die."""
    load_or_named_error(saving.load_model, damaged(WHOLE[name], data), "<bytes>")


class Target(NamedTuple):
    """What to call, and with what."""

    function: Callable[..., None]
    strategies: dict[str, st.SearchStrategy[Any]]
    may_die: bool = False


TARGETS = {
    "archive_bytes": Target(archive_bytes, {"name": st.sampled_from(ARCHIVES), "data": st.data()}),
    "config_text": Target(config_text, {"name": st.sampled_from(sorted(TEXTS)), "data": st.data()}),
    "config_values": Target(
        config_values, {"name": st.sampled_from(sorted(TEXTS)), "data": st.data()}
    ),
    "any_bytes": Target(any_bytes, {"content": st.binary(max_size=200)}),
    "hdf5_bytes": Target(
        hdf5_bytes, {"name": st.sampled_from(LEGACY), "data": st.data()}, may_die=True
    ),
}
