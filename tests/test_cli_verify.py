"""`rnnext verify`: beside TensorFlow, and beside recorded answers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import golden_files
import numpy as np
import pytest

import rnnext
from rnnext import demo
from rnnext.cli import main

MODEL = str(demo.MODEL_FILE)


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Runs a command that must fail; returns what it prints on stderr."""
    assert main(["verify", *arguments]) == 2
    return capsys.readouterr().err


# ---- beside TensorFlow ---------------------------------------------------------------------------


def run_verify(*arguments: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: TensorFlow prints and warns as it is imported."""
    pytest.importorskip("tensorflow")
    return subprocess.run(
        [sys.executable, "-m", "rnnext", "verify", *arguments], capture_output=True, text=True
    )


def test_verify_compares_every_layer() -> None:
    done = run_verify(MODEL)
    assert done.returncode == 0, done.stderr
    assert "they agree" in done.stdout
    rows = [" ".join(line.split()[:-2]) for line in done.stdout.splitlines()]
    first = rows.index("lstm LSTM (4, 33, 24)")
    assert rows[first + 1 : first + 4] == [
        "gru GRU (4, 16)",
        "next_year Dense (4, 1)",
        "sunspots Sequential (4, 1)",
    ]


def test_verify_with_given_inputs_and_nothing_allowed(x_file: str) -> None:
    done = run_verify(MODEL, "--input", x_file, "--tolerance", "0")
    assert done.returncode == 1, done.stderr
    assert "(5, 33, 24)" in done.stdout
    assert "THEY DISAGREE" in done.stdout


def test_verify_names_shared_layers_and_compares_every_output(twice_file: str) -> None:
    done = run_verify(twice_file)
    assert done.returncode == 0, done.stderr
    assert "follows them: shared" in done.stdout
    assert "twice [0]" in done.stdout
    assert "twice [1]" in done.stdout


def test_verify_with_too_many_inputs(x_file: str) -> None:
    done = run_verify(MODEL, "--input", x_file, "--input", x_file)
    assert done.returncode == 2
    assert "the model has 1 inputs (past_years), 2 files were given" in done.stderr


def test_verify_without_tensorflow(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    message = fails(capsys, MODEL)
    assert "`rnnext verify` needs tensorflow, which is not installed" in message


def test_options_for_recordings_only(capsys: pytest.CaptureFixture[str]) -> None:
    message = fails(capsys, MODEL, "--config", "m.json")
    assert "--config and --outputs are for --golden" in message


# ---- beside recorded answers ---------------------------------------------------------------------


@pytest.fixture
def no_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recorded answers need none."""
    monkeypatch.setitem(sys.modules, "tensorflow", None)


def recording(tmp_path: Path, **arrays: np.ndarray) -> str:
    np.savez(tmp_path / "golden.npz", **arrays)
    return str(tmp_path / "golden.npz")


@pytest.fixture
def functional(tmp_path: Path) -> str:
    """Three inputs x, h, c and four outputs, with Keras's answers."""
    return str(golden_files.unpack("keras315_functional.keras", tmp_path))


ANSWERS = str(golden_files.FOLDER / "keras315_functional.npz")  # x0, x1, x2, y0, ..., y3


@pytest.mark.usefixtures("no_tensorflow")
def test_golden_by_numbers(functional: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", functional, "--golden", ANSWERS]) == 0
    printed = capsys.readouterr().out
    assert f"{ANSWERS} against rnnext {rnnext.__version__}" in printed
    assert all(f"\n{rnnext.load_model(functional).name} [{i}] " in printed for i in range(4))
    assert "they agree (allowed: 2e-05)" in printed


@pytest.mark.usefixtures("no_tensorflow")
def test_golden_by_names_and_layers(
    functional: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = rnnext.load_model(functional)
    (x, h, c), y = golden_files.recorded("keras315_functional")
    named = {f"y{i}": array for i, array in enumerate(y)}  # one layer makes two of the outputs
    inner = next(layer for layer in model.layers if type(layer).__name__ == "SimpleRNN")
    states = rnnext.Model(model.inputs, inner.output).predict([x, h, c])
    golden = recording(tmp_path, x=x, h=h, c=c, **named)
    np.savez(tmp_path / "layers.npz", **{inner.name: states})
    both = ["--golden", golden, "--golden", str(tmp_path / "layers.npz")]
    assert main(["verify", functional, *both]) == 0
    rows = [line.split()[:2] for line in capsys.readouterr().out.splitlines()]
    assert [inner.name, "SimpleRNN"] in rows
    np.savez(tmp_path / "layers.npz", **{inner.name: states + np.float32(1e-3)})
    assert main(["verify", functional, *both]) == 1
    printed = capsys.readouterr().out
    assert f"in {inner.name}: THEY DISAGREE" in printed


@pytest.mark.usefixtures("no_tensorflow")
@pytest.mark.parametrize("wrong", [1e-3, np.nan, np.inf])
def test_golden_that_differs(
    wrong: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x = demo.windows(*demo.series())[0][:5]
    y = rnnext.load_model(MODEL).predict(x)
    assert main(["verify", MODEL, "--golden", recording(tmp_path, x=x, y=y)]) == 0
    assert "relative difference 0.0e+00" in capsys.readouterr().out
    y[3] += np.float32(wrong)
    golden = recording(tmp_path, x=x, y=y)
    assert main(["verify", MODEL, "--golden", golden]) == 1
    assert "THEY DISAGREE" in capsys.readouterr().out
    if np.isfinite(wrong):
        assert main(["verify", MODEL, "--golden", golden, "--tolerance", "0.1"]) == 0


@pytest.mark.usefixtures("no_tensorflow")
def test_golden_of_weights_and_architecture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = str(golden_files.unpack("keras224_weights.weights.h5", tmp_path))
    config = str(golden_files.FOLDER / "keras224_weights.json")
    golden = str(golden_files.FOLDER / "keras224_weights.npz")
    assert main(["verify", weights, "--config", config, "--golden", golden]) == 0
    assert "they agree" in capsys.readouterr().out
    assert "holds no whole model" in fails(capsys, weights, "--golden", golden)


@pytest.mark.usefixtures("no_tensorflow")
def test_golden_whose_outputs_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A recording may also hold what the package made of the model's output."""
    x = demo.windows(*demo.series())[0][:5]
    y = rnnext.load_model(MODEL).predict(x)
    golden = recording(tmp_path, x=x, y=demo.from_network(y), y1=y)
    message = fails(capsys, MODEL, "--golden", golden)
    assert "the model's outputs are ['next_year']; expected arrays of these names, or 1 " in message
    assert main(["verify", MODEL, "--golden", golden, "--outputs", "y1"]) == 0
    assert "no arrays ['z']" in fails(capsys, MODEL, "--golden", golden, "--outputs", "z")
    message = fails(capsys, MODEL, "--golden", golden, "--outputs", "y", "y1")
    assert "the model has 1 outputs, 2 were named" in message


@pytest.mark.usefixtures("no_tensorflow")
def test_golden_that_does_not_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = demo.windows(*demo.series())[0][:5]
    y = rnnext.load_model(MODEL).predict(x)

    def refused(*more: str, **arrays: np.ndarray) -> str:
        return fails(capsys, MODEL, "--golden", recording(tmp_path, **arrays), *more)

    assert "the model's inputs are" in refused(y=y)
    assert "arrays ['other']: neither inputs, outputs nor layers" in refused(x=x, y=y, other=y)
    assert "outputs of shape [(5, 1)] in rnnext, [(4, 1)] in the recording" in refused(x=x, y=y[:4])
    assert "Object arrays cannot be loaded" in refused(x=np.array([{}]), y=y)
    assert "leave out --input" in refused("--input", "x.npy", x=x, y=y)


@pytest.mark.usefixtures("no_tensorflow")
def test_golden_that_is_no_recording(
    x_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "an .npz with inputs and outputs is expected" in fails(capsys, MODEL, "--golden", x_file)
    (tmp_path / "text.npz").write_text("x, y")
    (tmp_path / "empty.npz").touch()
    (tmp_path / "cut.npz").write_bytes(Path(ANSWERS).read_bytes()[:300])
    for name in ("text.npz", "empty.npz", "cut.npz"):
        file = str(tmp_path / name)
        assert f"{file}: expected an .npz file of arrays" in fails(capsys, MODEL, "--golden", file)
    assert "nowhere.npz" in fails(capsys, MODEL, "--golden", "nowhere.npz")
    message = fails(capsys, MODEL, "--golden", ANSWERS, "--golden", ANSWERS)
    assert "another file has arrays of these names too: ['x0'" in message
