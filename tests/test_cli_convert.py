"""`rnnext convert`: older files, SavedModel folders and checkpoints become Keras 3 files."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import golden_files
import numpy as np
import pytest

import rnnext
from rnnext.cli import main

needs_tf_keras = pytest.mark.skipif(
    importlib.util.find_spec("tf_keras") is None, reason="tf_keras is not installed"
)


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Runs a conversion that must fail; returns what it prints on stderr."""
    assert main(["convert", *arguments]) == 2
    return capsys.readouterr().err


# ---- files that rnnext reads ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("keras122_sequential.h5", ["layer 'lstm_1' (LSTM): weights before hard_sigmoid"]),
        # Its Bidirectional would repeat masked outputs, but nothing makes a mask.
        (
            "keras122_bidirectional.h5",
            ["layer 'bidirectional_1' (Bidirectional): weights before hard_sigmoid"],
        ),
        ("keras224_cudnn.h5", []),
        (
            "keras224_functional.h5",
            [
                "layer 'encoder/lstm' is now 'encoder_lstm'",
                "layer 'encoder/lstm' (LSTM): weights before hard_sigmoid times 1.2",
                "layer 'gru_2' (GRU): weights before hard_sigmoid times 1.2",
            ],
        ),
        (
            "tf115_bidirectional.h5",
            ["layer 'bidirectional' (Bidirectional): weights before hard_sigmoid"],
        ),
        ("tf25_stacked.h5", []),
        ("tf213_sequential.keras", []),
        ("keras333_masked.keras", []),
    ],
)
def test_upgraded_file_opens_in_keras3_with_the_original_answers(
    name: str,
    changes: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    keras: ModuleType,
) -> None:
    old, new = str(golden_files.unpack(name, tmp_path)), str(tmp_path / "new.keras")
    assert main(["convert", old, new]) == 0
    printed = capsys.readouterr().out
    assert all(change in printed for change in changes)
    assert ("hard_sigmoid" in printed) is any("hard_sigmoid" in change for change in changes)
    assert "largest relative difference " in printed
    assert f"{new}: written; it gives the answers of {old}" in printed
    golden_files.assert_gives_recorded_outputs(rnnext.load_model(new), name)
    inputs, expected = golden_files.recorded(name)
    outputs = keras.models.load_model(new).predict(
        inputs if len(inputs) > 1 else inputs[0], verbose=0
    )
    for output, y in zip(outputs if len(expected) > 1 else [outputs], expected, strict=True):
        np.testing.assert_allclose(output, y, rtol=0, atol=1e-6)


def test_weights_and_architecture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = str(golden_files.unpack("tf25_weights.weights.h5", tmp_path))
    config = str(golden_files.FOLDER / "tf25_weights.json")
    new = str(tmp_path / "new.keras")
    assert "holds no whole model" in fails(capsys, weights, new)
    assert main(["convert", weights, new, "--config", config]) == 0
    golden_files.assert_gives_recorded_outputs(rnnext.load_model(new), "tf25_weights")


def test_stateful_model_keeps_its_batch_size(tmp_path: Path) -> None:
    layers = rnnext.layers
    x = layers.Input(batch_shape=(3, 5, 2))
    rnnext.Model(x, layers.LSTM(2, stateful=True)(x)).save(tmp_path / "old.keras")
    new = tmp_path / "new.keras"
    assert main(["convert", str(tmp_path / "old.keras"), str(new)]) == 0
    assert rnnext.load_model(new).output_shape == (3, 2)


def test_what_cannot_be_converted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = tmp_path / "new.keras"
    old = str(golden_files.unpack("keras224_maskedboth.h5", tmp_path))
    assert "masked steps repeated the output before them" in fails(capsys, old, str(new))
    old = str(golden_files.unpack("tf25_states.h5", tmp_path))
    assert "a call with initial_state used the input's mask too" in fails(capsys, old, str(new))
    old = str(golden_files.unpack("tf25_nested.h5", tmp_path))
    assert "acts on more than products with weights here" in fails(capsys, old, str(new))
    old = str(golden_files.unpack("keras315_sequential.keras", tmp_path))
    message = fails(capsys, old, "new.onnx")
    assert "new.onnx: the name does not say how to save models; it must end in .keras" in message
    assert "no.h5: cannot be opened" in fails(capsys, str(tmp_path / "no.h5"), str(new))
    assert not new.exists()


def test_nothing_is_written_when_the_answers_differ(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scaled weights are rounded, so nothing less than a rounding error can be asked for."""
    old, new = str(golden_files.unpack("keras224_sequential.h5", tmp_path)), tmp_path / "new.keras"
    assert main(["convert", old, str(new), "--tolerance", "0"]) == 1
    printed = capsys.readouterr().out
    assert "THEY DISAGREE" in printed
    assert f"{new}: not written" in printed
    assert not new.exists()


# ---- TensorFlow's own formats --------------------------------------------------------------------


_SAVE = """
import sys
import numpy as np
import tensorflow as tf
import tf_keras

x = tf_keras.Input((5, 3), name="in/put")
h = tf_keras.Input((4,))
steps = tf_keras.layers.LSTM(4, recurrent_activation="hard_sigmoid", return_sequences=True)(
    x, initial_state=[h, h]
)
both = tf_keras.layers.Bidirectional(tf_keras.layers.GRU(3))(steps)
model = tf_keras.Model([x, h], [tf_keras.layers.Dense(2)(both), steps])
random = np.random.default_rng(3)
model.set_weights([random.normal(size=w.shape) for w in model.get_weights()])
model.compile("adam", "mse")
inputs = [random.normal(size=(2, 5, 3)).astype("f"), random.normal(size=(2, 4)).astype("f")]
y = model.predict(inputs, verbose=0)
np.savez(sys.argv[1] + "/golden.npz", x=inputs[0], x1=inputs[1], y=y[0], y1=y[1])
model.save(sys.argv[1] + "/saved", save_format="tf")
model.save_weights(sys.argv[1] + "/weights/w")
tf.train.Checkpoint(net=model, step=tf.Variable(1)).save(sys.argv[1] + "/checkpoint/c")
tf.saved_model.save(tf.Module(), sys.argv[1] + "/module")
open(sys.argv[1] + "/model.json", "w").write(model.to_json())
open(sys.argv[1] + "/other.json", "w").write(model.to_json().replace('"units": 3', '"units": 5'))
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that tf_keras really saved in each of TensorFlow's formats, and its answers."""
    folder = tmp_path_factory.mktemp("tensorflow")
    subprocess.run([sys.executable, "-c", _SAVE, folder], check=True, capture_output=True)
    return folder


def convert(*arguments: object) -> subprocess.CompletedProcess[str]:
    """In a process of its own: TensorFlow prints and warns as it is imported."""
    command = [sys.executable, "-m", "rnnext", "convert", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


@needs_tf_keras
@pytest.mark.parametrize(
    ("name", "has_config"),
    [
        ("saved", False),
        ("weights", True),
        ("checkpoint/c-1.index", True),
    ],
)
def test_tensorflow_formats(name: str, has_config: bool, saved: Path, tmp_path: Path) -> None:
    with pytest.raises(rnnext.FileError, match=r"`rnnext convert .* OUT\.keras` makes"):
        rnnext.load_model(saved / name)
    new = tmp_path / "new.keras"
    config = ["--config", saved / "model.json"] if has_config else []
    done = convert(saved / name, new, *config)
    assert done.returncode == 0, done.stderr
    assert "layer 'in/put' is now 'in_put'" in done.stdout
    assert "layer 'lstm' (LSTM): weights before hard_sigmoid times 1.2" in done.stdout
    assert "they agree" in done.stdout
    with np.load(saved / "golden.npz") as golden:
        outputs = rnnext.load_model(new).predict([golden["x"], golden["x1"]])
        for output, expected in zip(outputs, (golden["y"], golden["y1"]), strict=True):
            np.testing.assert_allclose(output, expected, rtol=0, atol=2e-6)


@needs_tf_keras
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["weights/w"], "holds weights without an architecture; add --config MODEL.json"),
        (["weights/w", "--config", "other.json"], r"does not fit .*other\.json"),
        (["module"], "a SavedModel without a Keras model of layers"),
        (["weights/w", "--config", "golden.npz"], r"golden\.npz"),
    ],
)
def test_tensorflow_formats_that_do_not_fit(
    arguments: list[str], reason: str, saved: Path, tmp_path: Path
) -> None:
    file, *more = [str(saved / a) if not a.startswith("-") else a for a in arguments]
    done = convert(file, tmp_path / "new.keras", *more)
    assert done.returncode == 2
    assert re.search(f"^rnnext convert: error: .*{reason}", done.stderr, re.MULTILINE), done.stderr
    assert not (tmp_path / "new.keras").exists()


@pytest.mark.parametrize("missing", ["tensorflow", "tf_keras"])
def test_without_tensorflow(
    missing: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if missing == "tf_keras":
        pytest.importorskip("tensorflow")
    (tmp_path / "saved_model.pb").touch()
    monkeypatch.setitem(sys.modules, missing, None)
    message = fails(capsys, str(tmp_path), "new.keras")
    assert (
        f"`rnnext convert` of a TensorFlow SavedModel needs {missing}, which is not installed: "
        "python3 -m pip install tensorflow tf_keras" in message
    )
