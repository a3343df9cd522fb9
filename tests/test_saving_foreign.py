"""Files of other programs are named for what they are, with the way on, wherever they are given."""

from __future__ import annotations

import io
import json
import pickle
import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import rnnext
from rnnext import saving
from rnnext.cli import main
from rnnext.errors import FileError, RnnextError, UnsupportedError
from rnnext.layers import LSTM, Dense, Embedding, Input
from rnnext.models import Sequential, model_from_json


def packed(**members: bytes) -> bytes:
    """A zip; in names, __ stands for a slash, and a dot comes before the last word."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(re.sub(r"_(?=[a-z0-9]+$)", ".", name.replace("__", "/")), content)
    return buffer.getvalue()


def field(number: int, content: bytes | int) -> bytes:
    """A field of a protocol buffer: text, or a number below 128."""

    def varint(value: int) -> bytes:
        low = [value >> shift & 0x7F for shift in range(0, max(value.bit_length(), 1), 7)]
        return bytes([*(part | 0x80 for part in low[:-1]), low[-1]])

    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


STATE_DICT = b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01(X\x01\x00\x00\x00wctorch._utils\n"
MODULE = b"\x80\x02c__main__\nNet\nq\x00)\x81q\x01}q\x02(X\x0b\x00\x00\x00_parametersX_modules"
CHECKPOINT = b"\x80\x02}q\x00(X\x0a\x00\x00\x00state_dictq\x01ctorch._utils\n_rebuild_tensor_v2\n"
OLD_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}q\x00(X\x01u."
ONNX = field(1, 8) + field(2, b"pytorch") + field(7, b"\x0a" * 300) + field(8, b"\x10\x11")
SAVED_MODEL = field(1, 1) + field(2, b"\x0a" * 300)
TFJS = {"format": "layers-model", "modelTopology": {}, "weightsManifest": []}
HUGGING_FACE = {"architectures": ["BertModel"], "model_type": "bert"}
SAFETENSORS = (19).to_bytes(8, "little") + b'{"w":{"shape":[1]}}' + bytes(4)

# Content, what the message says it is, and the way on that it names.
FILES: dict[str, tuple[bytes, str, str]] = {
    "weights.pt": (
        packed(archive__data_pkl=STATE_DICT, archive__data__0=b""),
        "PyTorch file of weights",
        r"load_state_dict\(torch\.load\(file\)\), then rnnext\.from_torch\(module\)",
    ),
    "module.pth": (
        packed(archive__data_pkl=MODULE),
        "a whole PyTorch module",
        r"weights_only=False\), which runs its code, then rnnext\.from_torch\(module\)",
    ),
    "trained.ckpt": (
        packed(archive__data_pkl=CHECKPOINT),
        "PyTorch checkpoint",
        r"torch\.load\(file\)\[KEY\]",
    ),
    "script.pt": (
        packed(s__data_pkl=MODULE, s__code__torch_py=b"", s__constants_pkl=b""),
        "TorchScript",
        r"torch\.jit\.load\(file\)\.state_dict\(\)",
    ),
    "exported.pt2": (packed(e__serialized_exported_program_json=b""), "torch.export", "from_torch"),
    "old.pt": (OLD_TORCH + STATE_DICT, "PyTorch file of weights", "from_torch"),
    "old_module.pt": (OLD_TORCH + MODULE, "a whole PyTorch module", "from_torch"),
    "w.safetensors": (SAFETENSORS, "safetensors", r"safetensors\.torch\.load_file"),
    "model.onnx": (ONNX, "an ONNX model", "from_torch"),
    "model.ort": (b"\x20\0\0\0ORTM" + bytes(40), "ONNX Runtime", "from_torch"),
    "model.pte": (b"\x20\0\0\0ET12" + bytes(40), "ExecuTorch", "from_torch"),
    "model.tflite": (b"\x1c\0\0\0TFL3" + bytes(40), "TensorFlow Lite", "the .keras or .h5 file"),
    "saved_model": (SAVED_MODEL, "saved_model.pb", "rnnext convert FOLDER OUT"),
    "frozen.pb": (field(1, b"\x0a\x01x") * 9, "frozen TensorFlow graph", ".keras or .h5 file"),
    "saved_model.zip": (packed(m__saved_model_pb=b""), "zip of a TensorFlow SavedModel", "unpack"),
    "model.json": (json.dumps(TFJS).encode(), "TensorFlow.js model", "layers-model"),
    "config.json": (json.dumps(HUGGING_FACE).encode(), "Hugging Face", "recurrent networks"),
    "run.ipynb": (b'{"cells": [], "nbformat": 4}', "Jupyter notebook", r"model\.save\('"),
    "model.mlmodel": (field(1, 4) + field(2, b"x") + field(500, b"y"), "Core ML", ".keras"),
    "model.xml": (b'<?xml version="1.0"?>\n<net name="m"></net>', "OpenVINO", ".keras"),
    "model.gguf": (b"GGUF\x03" + bytes(40), "GGUF", "recurrent"),
    "a.npy": (b"\x93NUMPY\x01\x00" + bytes(60), r"array of NumPy \(\.npy\)", "set_weights"),
    "a.npz": (packed(a_npy=b"", b_npy=b""), r"arrays of NumPy \(\.npz\)", "set_weights"),
    "a.mat": (b"MATLAB 5.0 MAT-file, Platform" + bytes(60), "MATLAB", "scipy.io.loadmat"),
    "model.pkl": (b"\x80\x04\x95keras.src.models", "pickle of a Keras model", r"model\.save\('"),
    "model.joblib": (b"\x80\x04\x95joblib.numpy_pickle", "pickle of joblib", "if you trust it"),
    "things.pickle": (pickle.dumps({"a": 1}), "Python pickle", "loading runs its code"),
    "old.pkl": (pickle.dumps({"a": [1]}, protocol=0), "Python pickle", "loading runs its code"),
    "weights.z": (zlib.compress(b"x" * 99), r"compressed \(zlib\)", "unpack"),
    "pointer.h5": (b"version https://git-lfs.github.com/spec/v1\n", "LFS pointer", "git lfs pull"),
    "page.h5": (b"\n<!DOCTYPE html>\n<html><title>Sign in</title>", "web page", "direct link"),
    "login.keras": (b"<!-- x -->\n<HTML lang='en'>", "web page", "direct link"),
    "error.h5": (b"<?xml version='1.0'?><Error><Code>", "XML", "download the file again"),
    "folder.zip": (packed(m__model_keras=b""), "zip with m/model.keras in it", "unpack"),
    "model.h5.gz": (b"\x1f\x8b\x08" + bytes(40), r"compressed \(gzip\)", "unpack"),
    "model.tar": (bytes(257) + b"ustar" + bytes(300), r"compressed \(tar\)", "unpack"),
    "train.py": (b"# my model\nimport keras\n", "Python source", r"model\.save\('"),
    "model.yaml": (b"backend: tensorflow\nclass_name: Sequential\n", "YAML", "to_json"),
    "plot.png": (b"\x89PNG\r\n" + bytes(40), r"picture or document \(PNG\)", ".keras"),
    "lib.so": (b"\x7fELF" + bytes(60), r"program or library \(ELF\)", ".keras"),
}


@pytest.fixture(scope="module")
def model() -> Any:
    return Sequential([Input((5, 3)), LSTM(2)])


@pytest.mark.parametrize("name", FILES)
def test_message(name: str, tmp_path: Path, model: Any, capsys: pytest.CaptureFixture[str]) -> None:
    content, what, way = FILES[name]
    for renamed in (name, "renamed.keras"):
        path = tmp_path / renamed
        path.write_bytes(content)
        readers: tuple[Callable[[], Any], ...] = (
            lambda path=path: saving.load_model(path),
            lambda path=path: model.load_weights(path),
            lambda: saving.load_model(content),
            lambda: model_from_json(content),
        )
        for read in readers:
            with pytest.raises(FileError, match=f"{what}.*{way}"):
                read()
    assert main(["summary", str(tmp_path / name)]) == 2
    assert re.search(f"^rnnext summary: error: .*{what}.*{way}", capsys.readouterr().err)


def test_names_help_where_content_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "group1-shard1of1.bin").write_bytes(b"\x00\x01\x02\x03abc")
    with pytest.raises(
        FileError, match=r"weights of a TensorFlow\.js model.*load_model\('model\.json'\)"
    ):
        saving.load_model(tmp_path / "group1-shard1of1.bin")
    (tmp_path / "m.joblib").write_bytes(zlib.compress(b"x" * 99))
    with pytest.raises(FileError, match="a pickle of joblib"):
        saving.load_model(tmp_path / "m.joblib")
    with pytest.raises(FileError, match="it starts with"):
        saving.load_model(b"\x00\x01\x02\x03abc")


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (("config.json", "model.safetensors"), "Hugging Face"),
        (("config.json", "pytorch_model.bin"), "Hugging Face"),
        (("data.pkl", "version"), "PyTorch file"),
        (("Manifest.json", "Data"), "Core ML"),
    ],
)
def test_folders(names: tuple[str, ...], what: str, tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).write_text("{}")
    with pytest.raises(FileError, match=what):
        saving.load_model(tmp_path)


def test_index_of_hugging_faces_shards(tmp_path: Path, model: Any) -> None:
    index = {"metadata": {}, "weight_map": {"w": "model-00001-of-00002.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(FileError, match="Hugging Face"):
        model.load_weights(tmp_path / "model.safetensors.index.json")


def test_names_given_for_json() -> None:
    with pytest.raises(FileError, match=r"'model\.json' is the name of a file;.*read_text\(\)"):
        model_from_json("model.json")
    with pytest.raises(FileError, match=r"a model file, not JSON; rnnext\.load_model opens it"):
        model_from_json(Path(rnnext.demo.MODEL_FILE).read_bytes())


# ---- what PyTorch really writes ------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_files_that_pytorch_writes(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    module = torch.nn.LSTM(3, 2, batch_first=True)
    weights = module.state_dict()
    things = {"model_state_dict": weights, "epoch": 3}
    script = torch.jit.script(torch.nn.Sequential(torch.nn.Linear(3, 2)))
    script.save(str(tmp_path / "script.pt"))
    for zipped in (True, False):
        for name, value in (("weights", weights), ("module", module), ("checkpoint", things)):
            file = tmp_path / f"{name}{zipped}.pt"
            torch.save(value, file, _use_new_zipfile_serialization=zipped)
    said = {}
    for file in tmp_path.iterdir():
        with pytest.raises(FileError) as caught:
            saving.load_model(file)
        said[file.stem] = str(caught.value)
    for zipped in (True, False):
        assert "file of weights (a state dict)" in said[f"weights{zipped}"]
        assert "a whole PyTorch module" in said[f"module{zipped}"]
        assert "a PyTorch checkpoint" in said[f"checkpoint{zipped}"]
    assert "TorchScript" in said["script"]

    # The way that the message names leads to the answer.
    fresh = torch.nn.LSTM(3, 2, batch_first=True)
    fresh.load_state_dict(torch.load(tmp_path / "weightsTrue.pt"))
    x = np.ones((1, 4, 3), np.float32)
    expected = module(torch.from_numpy(x))[0].detach().numpy()
    outputs = rnnext.from_torch(fresh)(x)
    outputs = outputs[0] if isinstance(outputs, (list, tuple)) else outputs
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-6)


# ---- quantized and pruned models of Keras --------------------------------------------------------


@pytest.mark.parametrize("mode", ["int8", "float8"])
@pytest.mark.filterwarnings("ignore")
def test_quantized_models(mode: str, tmp_path: Path, keras: ModuleType) -> None:
    parts = keras.layers
    quantized = keras.Sequential(
        [parts.Input((5,)), parts.Embedding(7, 4), parts.LSTM(3), parts.Dense(4)]
    )
    quantized.quantize(mode)
    quantized.save(tmp_path / "m.keras")
    quantized.save(tmp_path / "m.h5")
    readers: tuple[Callable[[], Any], ...] = (
        lambda: saving.load_model(tmp_path / "m.keras"),
        lambda: saving.load_model(tmp_path / "m.h5"),
        lambda: model_from_json(quantized.to_json()),
        lambda: rnnext.from_keras(quantized),
    )
    for read in readers:
        with pytest.raises(
            UnsupportedError, match=r"layer '.*': it is quantized .*save the model before"
        ):
            read()
    quantized.save_weights(tmp_path / "m.weights.h5")
    ours = Sequential([Input((5,)), Embedding(7, 4), LSTM(3), Dense(4)])
    if mode == "int8":
        with pytest.raises(FileError, match=r"quantized: save its weights before model\.quantize"):
            ours.load_weights(tmp_path / "m.weights.h5")


@pytest.mark.parametrize(
    "dtype",
    [
        "int8_from_float32",
        "float8_from_mixed_bfloat16",
        {
            "class_name": "QuantizedDTypePolicy",
            "config": {"mode": "int8", "source_name": "float32"},
        },
    ],
)
def test_quantized_policies(dtype: Any) -> None:
    config = json.loads(Sequential([Input((5, 3)), LSTM(2, name="memory")]).to_json())
    config["config"]["layers"][1]["config"]["dtype"] = dtype
    with pytest.raises(UnsupportedError, match="layer 'memory': it is quantized"):
        model_from_json(json.dumps(config))


@pytest.mark.parametrize(
    ("wrapper", "way"),
    [
        ("PruneLowMagnitude", "strip_pruning"),
        ("ClusterWeights", "strip_clustering"),
        ("QuantizeWrapperV2", "quantize_model"),
    ],
)
def test_models_of_the_optimization_toolkit(wrapper: str, way: str) -> None:
    layer = {"class_name": "Dense", "config": {"name": "dense", "units": 2}}
    wrapped = {"class_name": wrapper, "config": {"name": "wrapped_dense", "layer": layer}}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [wrapped]}}
    with pytest.raises(UnsupportedError, match=f"layer 'wrapped_dense': .*{way}"):
        model_from_json(json.dumps({**config, "keras_version": "2.15.0"}))


def test_every_message_is_an_error_of_rnnext() -> None:
    """Whatever a file begins with, opening it raises an error of rnnext's."""
    rng = np.random.default_rng(0)
    for _ in range(300):
        content = rng.bytes(int(rng.integers(1, 80)))
        for start in (b"", b"\x08\x07", b"\x0a\x03", b"\x80\x02", b"PK\x03\x04"):
            with pytest.raises(RnnextError):
                saving.load_model(start + content)
