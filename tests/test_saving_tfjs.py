"""TensorFlow.js models of layers: against what TensorFlow.js computed, damaged, and refused."""

from __future__ import annotations

import gzip
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import rnnext
from rnnext.cli import main
from rnnext.errors import FileError, UnsupportedError
from rnnext.layers import LSTM, Dense, Input
from rnnext.models import Sequential, model_from_json
from rnnext.saving import Limits

FOLDER = Path(__file__).parent / "data" / "tfjs"
NAMES = sorted(path.parent.name for path in FOLDER.glob("*/model.json"))


def golden(name: str) -> tuple[list[Any], list[Any]]:
    recorded = json.loads((FOLDER / name / "golden.json").read_text())
    inputs, outputs = recorded["inputs"], recorded["outputs"]
    return [np.asarray(x, np.float32) for x in inputs], [np.asarray(y) for y in outputs]


def check(model: Any, name: str) -> None:
    inputs, outputs = golden(name)
    found = model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
    np.testing.assert_allclose(found, outputs[0], rtol=0, atol=1e-6)


def test_models_are_there() -> None:
    assert len(NAMES) == 15


@pytest.mark.parametrize("name", NAMES)
def test_answers(name: str) -> None:
    check(rnnext.load_model(FOLDER / name / "model.json"), name)
    check(rnnext.load_model(str(FOLDER / name)), name)


@pytest.mark.parametrize("name", NAMES)
def test_architecture_then_weights(name: str) -> None:
    model = model_from_json((FOLDER / name / "model.json").read_text())
    model.load_weights(FOLDER / name / "model.json")
    check(model, name)


def test_convert_and_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = FOLDER / "stacked" / "model.json"
    assert main(["summary", str(path)]) == 0
    assert "lstm_LSTM2" in capsys.readouterr().out
    assert main(["convert", str(path), str(tmp_path / "m.keras")]) == 0
    check(rnnext.load_model(tmp_path / "m.keras"), "stacked")


def test_layers_of_equal_shapes_are_not_swapped(tmp_path: Path) -> None:
    """The order of the manifest does not matter, the names do."""
    content = copied("stacked", tmp_path)
    entries = content["weightsManifest"][0]["weights"]
    shards = content["weightsManifest"][0]["paths"]
    data = b"".join((tmp_path / name).read_bytes() for name in shards)
    pieces, at = [], 0
    for entry in entries:
        size = 4 * int(np.prod(entry["shape"]))
        pieces.append((entry, data[at : at + size]))
        at += size
    pieces.reverse()
    content["weightsManifest"] = [{"paths": ["all.bin"], "weights": [entry for entry, _ in pieces]}]
    (tmp_path / "all.bin").write_bytes(b"".join(piece for _, piece in pieces))
    (tmp_path / "model.json").write_text(json.dumps(content))
    check(rnnext.load_model(tmp_path), "stacked")


def copied(name: str, target: Path) -> dict[str, Any]:
    shutil.copytree(FOLDER / name, target, dirs_exist_ok=True)
    content: dict[str, Any] = json.loads((target / "model.json").read_text())
    return content


def _weight(content: Any, **values: Any) -> None:
    content["weightsManifest"][0]["weights"][0].update(values)


def _paths(content: Any, *names: Any) -> None:
    content["weightsManifest"][0]["paths"] = list(names)


SHARD = "group1-shard1of1.bin"
DAMAGE: dict[str, tuple[Callable[[Any], object], str]] = {
    "no manifest": (lambda c: c.pop("weightsManifest"), "weightsManifest: a list of groups"),
    "no group": (lambda c: c.update(weightsManifest=[3]), "weightsManifest: a list of groups"),
    "no paths": (lambda c: c["weightsManifest"][0].pop("paths"), "paths: a list is expected"),
    "no weights": (lambda c: c["weightsManifest"][0].pop("weights"), "weights: a list is expected"),
    "no name": (lambda c: _weight(c, name=None), "a weight without a name"),
    "no shard": (lambda c: _paths(c, "other.bin"), r"other\.bin: missing"),
    "outside": (lambda c: _paths(c, "../" + SHARD), "a file name without folder"),
    "parent": (lambda c: _paths(c, ".."), "a file name without folder"),
    "absolute": (lambda c: _paths(c, "/etc/passwd"), "a file name without folder"),
    "drive": (lambda c: _paths(c, "C:x"), "a file name without folder"),
    "NUL": (lambda c: _paths(c, "a\0b"), "NUL"),
    "number": (lambda c: _paths(c, 3), "a file name without folder"),
    "shard twice": (lambda c: _paths(c, SHARD, SHARD), "listed twice"),
    "name twice": (
        lambda c: _weight(c, name="gru_GRU5/bias", shape=[3, 12]),
        "weight 'gru_GRU5/bias' is listed twice",
    ),
    "other layer": (lambda c: _weight(c, name="gru_9/kernel"), "has weights of .*gru_9"),
    "other leaf": (lambda c: _weight(c, name="gru_GRU5/kernels"), "names end in .*'kernel'"),
    "other shape": (lambda c: _weight(c, shape=[12, 3]), r"shape \(3, 12\) is expected"),
    "more": (lambda c: _weight(c, shape=[4, 12]), "hold .* bytes, their 5 weights take"),
    "huge": (lambda c: _weight(c, shape=[1 << 40, 1 << 40]), "hold .* bytes, their 5 weights take"),
    "no shape": (lambda c: _weight(c, shape=None), "positive integers is expected"),
    "negative": (lambda c: _weight(c, shape=[-3, -12]), "positive integers is expected"),
    "zero": (lambda c: _weight(c, shape=[0, 1 << 70]), "positive integers is expected"),
    "axes": (lambda c: _weight(c, shape=[1] * 99), "at most 8 positive integers"),
    "true": (lambda c: _weight(c, shape=[True, 36]), "positive integers is expected"),
    "string": (
        lambda c: c["weightsManifest"][0]["weights"].append(
            {"name": "a", "shape": [1], "dtype": "string"}
        ),
        "dtype 'string'; float32, int32, uint8, bool are read",
    ),
    "quantized integers": (lambda c: _weight(c, dtype="int32"), "only float32 weights are read"),
    "unknown quantization": (
        lambda c: _weight(c, quantization={"dtype": "int4"}),
        "dtype of quantization 'int4'; uint8, uint16, float16 are read",
    ),
    "no scale": (
        lambda c: _weight(c, quantization={"dtype": "uint8", "min": 0}),
        "scale: a finite number is expected, received None",
    ),
    "infinite": (
        lambda c: _weight(c, quantization={"dtype": "uint8", "min": float("inf"), "scale": 1}),
        "min: a finite number is expected",
    ),
    "config": (
        lambda c: c.update(modelTopology={"model_config": "x"}),
        "model_config: a JSON object is expected",
    ),
    "theano": (
        lambda c: c["modelTopology"].update(backend="theano"),
        "backend 'theano'; those of Keras 2 and 3 on TensorFlow",
    ),
    "no version": (
        lambda c: c["modelTopology"].pop("keras_version"),
        "no keras_version is recorded",
    ),
    "a graph": (lambda c: c.update(format="graph-model"), r"a TensorFlow\.js graph"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage(damage: str, tmp_path: Path) -> None:
    content = copied("uint8", tmp_path)
    change, message = DAMAGE[damage]
    change(content)
    (tmp_path / "model.json").write_text(json.dumps(content))
    with pytest.raises(FileError, match=message):
        rnnext.load_model(tmp_path / "model.json")


@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b + b"x", lambda b: b[:0]])
def test_shards_of_another_size(change: Callable[[bytes], bytes], tmp_path: Path) -> None:
    copied("lstm", tmp_path)
    shard = tmp_path / SHARD
    shard.write_bytes(change(shard.read_bytes()))
    with pytest.raises(FileError, match=r"hold \d+ bytes, their 5 weights take \d+"):
        rnnext.load_model(tmp_path)


def test_shard_that_a_link_leads_outside(tmp_path: Path) -> None:
    copied("lstm", tmp_path / "m")
    (tmp_path / "m" / SHARD).rename(tmp_path / SHARD)
    (tmp_path / "m" / SHARD).symlink_to(tmp_path / SHARD)
    with pytest.raises(FileError, match="a link that leaves the folder"):
        rnnext.load_model(tmp_path / "m")


def test_limits() -> None:
    stored = (FOLDER / "uint8" / SHARD).stat().st_size
    with pytest.raises(FileError, match="at most 10 are accepted"):
        rnnext.load_model(FOLDER / "uint8", limits=Limits(weights_bytes=10))
    with pytest.raises(FileError, match=r"take more than \d+ bytes \(Limits\.weights_bytes\)"):
        rnnext.load_model(FOLDER / "uint8", limits=Limits(weights_bytes=2 * stored))
    rnnext.load_model(FOLDER / "uint8", limits=Limits(weights_bytes=4 * stored))


def test_content_without_path() -> None:
    content = (FOLDER / "lstm" / "model.json").read_bytes()
    with pytest.raises(FileError, match=r"give the path of its model\.json"):
        rnnext.load_model(content)


def test_weights_of_another_model_change_nothing() -> None:
    model = Sequential([Input((5, 3)), LSTM(4, name="lstm_LSTM1"), Dense(3, name="dense_Dense1")])
    before = model.get_weights()
    with pytest.raises(FileError, match=r"shape \(4, 3\) is expected"):
        model.load_weights(FOLDER / "lstm" / "model.json")
    for option in ("by_name", "skip_mismatch"):
        with pytest.raises(FileError, match=f"{option}=True is not supported for TensorFlow.js"):
            model.load_weights(FOLDER / "lstm" / "model.json", **{option: True})
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_names_that_do_not_decide(tmp_path: Path) -> None:
    content = copied("bidirectional", tmp_path)
    for entry in content["weightsManifest"][0]["weights"]:
        entry["name"] = entry["name"].replace("/forward_", "/").replace("/backward_", "/b_")
    (tmp_path / "model.json").write_text(json.dumps(content))
    with pytest.raises((FileError, UnsupportedError), match="names end in"):
        rnnext.load_model(tmp_path)


# ---- what the converter makes of files of Keras --------------------------------------------------


def converted(file: bytes, target: Path) -> None:
    """Writes a `.h5` as tensorflowjs_converter does: a group for each layer, names without ":0"."""
    groups = []
    with h5py.File(io.BytesIO(file)) as h5:
        weights = h5["model_weights"]
        for layer in weights.attrs["layer_names"]:
            group = weights[layer]
            names = [_text(name) for name in group.attrs["weight_names"]]
            if not names:
                continue
            arrays = [np.asarray(group[name], "<f4") for name in names]
            shard = f"group{len(groups) + 1}-shard1of1.bin"
            (target / shard).write_bytes(b"".join(array.tobytes() for array in arrays))
            entries = [
                {"name": name.partition(":")[0], "shape": list(array.shape), "dtype": "float32"}
                for name, array in zip(names, arrays, strict=True)
            ]
            groups.append({"paths": [shard], "weights": entries})
        topology = {
            "keras_version": _text(h5.attrs["keras_version"]),
            "backend": _text(h5.attrs["backend"]),
            "model_config": json.loads(h5.attrs["model_config"]),
        }
    content = {"format": "layers-model", "modelTopology": topology, "weightsManifest": groups}
    (target / "model.json").write_text(json.dumps(content))


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def keras_file(name: str) -> bytes:
    return gzip.decompress((FOLDER.parent / "saving" / f"{name}.h5.gz").read_bytes())


@pytest.mark.parametrize("model", ["sequential", "bidirectional", "nested", "maskedboth", "states"])
@pytest.mark.parametrize("version", ["keras224", "tf115", "tf25"])
def test_converted_files(version: str, model: str, tmp_path: Path) -> None:
    file = keras_file(f"{version}_{model}")
    converted(file, tmp_path)
    expected, found = rnnext.load_model(file), rnnext.load_model(tmp_path)
    assert found.to_json() == expected.to_json()
    for a, b in zip(expected.get_weights(), found.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tf25_stacked", r"'rnn' \(RNN\): 4 layers or cells inside it .* do not say which"),
        ("tf25_functional", r"weights of .*'encoder'.*, the layers with weights are .*'encoder/l"),
        ("keras224_cudnn", r"weight 'bias': shape \(16,\) is expected, the file has \(32,\)"),
    ],
)
def test_converted_files_whose_names_do_not_decide(name: str, message: str, tmp_path: Path) -> None:
    converted(keras_file(name), tmp_path)
    with pytest.raises(FileError, match=message):
        rnnext.load_model(tmp_path)
