"""Random damage to archives and configs: a model or a named error, never another exception.

`RNNEXT_FUZZ_EXAMPLES=100000 python -m pytest tests/test_saving_fuzz.py` is a long run. The HDF5
inside is left whole: libhdf5 does not survive random damage, and is not ours.
"""

from __future__ import annotations

import copy
import io
import json
import os
import zipfile
from typing import Any

import golden_files
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnext import saving
from rnnext.errors import RnnextError
from rnnext.saving import Limits

NAMES = ["keras315_functional.keras", "keras315_masked.keras", "tf213_nested.keras"]
LIMITS = Limits(weights_bytes=1 << 24)
fuzz = settings(
    max_examples=int(os.environ.get("RNNEXT_FUZZ_EXAMPLES", "150")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def load_or_named_error(content: bytes) -> None:
    try:
        saving.load_model(content, limits=LIMITS)
        message = "<bytes>: opened"
    except RnnextError as error:
        message = str(error)
    assert message.startswith("<bytes>: ")


def members(name: str) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(golden_files.content(name))) as archive:
        return {member: archive.read(member) for member in archive.namelist()}


WHOLE = {name: golden_files.content(name) for name in NAMES}
MEMBERS = {name: members(name) for name in NAMES}
CONFIGS = {name: json.loads(MEMBERS[name]["config.json"]) for name in NAMES}


def with_config(name: str, text: bytes) -> bytes:
    """The archive with another config, and checksums that fit it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for member, content in {**MEMBERS[name], "config.json": text}.items():
            archive.writestr(member, content)
    return buffer.getvalue()


def damaged(content: bytes, draw: Any) -> bytes:
    """Bytes with some replaced, and perhaps cut."""
    changed = bytearray(content)
    for at, byte in draw(
        st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)))
    ):
        changed[at] = byte
    return bytes(changed[: draw(st.one_of(st.none(), st.integers(0, len(content))))])


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-2, 40),
        st.just(10**40),
        st.floats(),
        st.sampled_from(["", "x", "LSTM", "hard_sigmoid", "float64", "config", "args"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["class_name", "config", "name", "args"]), inner),
    ),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of everything inside a JSON value."""
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    found = [path]
    for key, item in items:
        found += places(item, (*path, key))
    return found


def replace(value: Any, path: tuple[Any, ...], new: Any, delete: bool) -> None:
    for key in path[:-1]:
        value = value[key]
    if delete:
        del value[path[-1]]
    else:
        value[path[-1]] = new


@fuzz
@given(name=st.sampled_from(NAMES), data=st.data())
def test_damaged_archive(name: str, data: st.DataObject) -> None:
    # Damage to the HDF5 member would be found by its checksum; it is kept whole for speed.
    content = WHOLE[name]
    weights = content.index(MEMBERS[name]["model.weights.h5"][:64])
    size = len(MEMBERS[name]["model.weights.h5"])
    head = damaged(content[:weights], data.draw)
    tail = damaged(content[weights + size :], data.draw)
    load_or_named_error(head + content[weights : weights + size] + tail)


@fuzz
@given(name=st.sampled_from(NAMES), data=st.data())
def test_damaged_config_text(name: str, data: st.DataObject) -> None:
    text = damaged(MEMBERS[name]["config.json"], data.draw)
    load_or_named_error(with_config(name, text))


@fuzz
@given(name=st.sampled_from(NAMES), data=st.data())
def test_config_with_other_values(name: str, data: st.DataObject) -> None:
    config = copy.deepcopy(CONFIGS[name])
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(config)[1:]))
        replace(config, path, data.draw(JSON), data.draw(st.booleans()))
    load_or_named_error(with_config(name, json.dumps(config).encode()))


@fuzz
@given(content=st.binary(max_size=200))
def test_any_bytes(content: bytes) -> None:
    load_or_named_error(content)
    load_or_named_error(b"PK\x03\x04" + content)
