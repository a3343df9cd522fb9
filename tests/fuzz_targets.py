"""Random damage to model files: each target loads what it made, and may meet a named error only.

`test_saving_fuzz.py` runs every target briefly, `fuzz.py` for as long as one likes.
"""

from __future__ import annotations

import copy
import io
import json
import zipfile
from collections.abc import Callable, Iterable
from random import Random
from typing import Any, NamedTuple

import golden_files
import h5py
from hypothesis import strategies as st

from rnnext import layers, ops, saving
from rnnext.errors import RnnextError
from rnnext.models import Model
from rnnext.saving import Limits

LIMITS = Limits(weights_bytes=1 << 24)
ARCHIVES = [
    "keras315_functional.keras",
    "keras315_masked.keras",
    "keras315_preprocessing.keras",
    "tf213_nested.keras",
]
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


def rnnext_config() -> bytes:
    """Operations and layers that the golden files lack: those with sizes and counts as options."""
    x = layers.Input(batch_shape=(2, 5, 3))
    y = layers.GRU(4, stateful=True, return_sequences=True)(x)
    y = layers.ZeroPadding1D(2)(layers.UpSampling1D(2)(y))
    y = layers.Conv1D(3, 2, dilation_rate=2)(ops.pad(y, ((0, 0), (1, 1), (0, 0))))
    y = ops.repeat(ops.tile(y, (1, 2, 1)), 2, axis=1)
    y = (
        ops.broadcast_to(ops.expand_dims(ops.mean(y, axis=1), 1), (2, 3, 3))
        + ops.one_hot(x, 3)[0, 0]
    )
    y = layers.RepeatVector(3)(layers.Flatten()(layers.MaxPooling1D(2)(y)))
    return Model(x, layers.Dense(2)(y)).to_json().encode()


WHOLE = {name: golden_files.content(name) for name in (*ARCHIVES, *LEGACY)}
MEMBERS = {name: members(name) for name in ARCHIVES}
TEXTS = {
    **{name: MEMBERS[name]["config.json"] for name in ARCHIVES},
    **{name: legacy_config(name) for name in LEGACY},
    "rnnext": rnnext_config(),
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


def damaged(content: bytes, random: Random) -> bytes:
    """Bytes with some replaced, and perhaps cut."""
    changed = bytearray(content)
    for _ in range(random.choice([0, 1, 1, 1, 2, 8])):
        changed[random.randrange(len(content))] = random.randrange(256)
    return bytes(changed[: random.randrange(len(content)) if random.random() < 0.3 else None])


NUMBERS = [0, 1, 2, 3, 40, -1, -2, 0.5, 1e300, float("nan"), float("inf"), 10**9, 2**31, 2**63]
WORDS = ["", "x", "LSTM", "hard_sigmoid", "float64", "config", "a/b", "__tensor__", "9" * 5000]
KEYS = ["class_name", "config", "name", "args", "module", "layers", "units", "batch_shape"]


def random_json(random: Random) -> Any:
    kind = random.randrange(6)
    if kind == 0:
        return [random_json(random) for _ in range(random.randrange(4))]
    if kind == 1:
        return {random.choice(KEYS): random_json(random) for _ in range(random.randrange(4))}
    return random.choice([random.choice([None, False, True, 10**40]), *NUMBERS, *WORDS])


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of everything inside a JSON value."""
    found = [path]
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            found += places(value[key], (*path, key))
    return found


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


PLACES = {name: places(config) for name, config in CONFIGS.items()}


def any_value(random: Random) -> Any:
    """Something new, or something from any of the configs."""
    if random.random() < 0.5:
        return random_json(random)
    name = random.choice(list(CONFIGS))
    return copy.deepcopy(at(CONFIGS[name], random.choice(PLACES[name])))


# Targets -----------------------------------------------------------------------------------------


def archive_bytes(name: str, random: Random) -> None:
    """The zip layer. The HDF5 inside is kept: its checksum would find the damage first."""
    content, weights = WHOLE[name], MEMBERS[name]["model.weights.h5"]
    start = content.index(weights[:64])
    head = damaged(content[:start], random)
    tail = damaged(content[start + len(weights) :], random)
    load_or_named_error(saving.load_model, head + weights + tail, "<bytes>")


def config_text(name: str, random: Random) -> None:
    """The JSON as text."""
    load_config(name, damaged(TEXTS[name], random))


def config_values(name: str, random: Random) -> None:
    """The JSON as a tree: values dropped, replaced, or taken from elsewhere in any config."""
    config = copy.deepcopy(CONFIGS[name])
    if random.random() < 0.3:
        *above, key = random.choice([p for p in PLACES[name] if type(at(config, p)) is int])
        at(config, tuple(above))[key] = random.choice(NUMBERS)
    for _ in range(random.randrange(3)):
        *above, key = random.choice(places(config)[1:])
        parent = at(config, tuple(above))
        if random.random() < 0.3 and len(config) > 1:
            del parent[key]
        else:
            parent[key] = any_value(random)
    load_config(name, json.dumps(config).encode())


def any_bytes(content: bytes) -> None:
    """No model file at all, or only its first bytes."""
    for signature in (b"", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n", b"{"):
        load_or_named_error(saving.load_model, signature + content, "<bytes>")


def hdf5_bytes(name: str, random: Random) -> None:
    """The HDF5 layer. libhdf5 itself does not survive all of it: for a process that may die."""
    load_or_named_error(saving.load_model, damaged(WHOLE[name], random), "<bytes>")


class Target(NamedTuple):
    """What to call, and with what."""

    function: Callable[..., None]
    strategies: dict[str, st.SearchStrategy[Any]]
    may_die: bool = False


def _of_files(function: Callable[..., None], names: Iterable[str], may_die: bool = False) -> Target:
    # Hypothesis chooses the seed; to let it make every choice is four times slower.
    random = st.randoms(use_true_random=True)
    return Target(function, {"name": st.sampled_from(sorted(names)), "random": random}, may_die)


TARGETS = {
    "archive_bytes": _of_files(archive_bytes, ARCHIVES),
    "config_text": _of_files(config_text, TEXTS),
    "config_values": _of_files(config_values, TEXTS),
    "any_bytes": Target(any_bytes, {"content": st.binary(max_size=200)}),
    "hdf5_bytes": _of_files(hdf5_bytes, LEGACY, may_die=True),
}
