"""`--custom FILE.py[:NAME]`, and advice that can be followed on the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import rnnext
from rnnext.cli import main
from rnnext.errors import RnnextError
from rnnext.layers import LSTM, Dense, Input, Layer
from rnnext.models import Sequential

SOURCE = """
import numpy as np
from beside import FACTOR
from rnnext.layers import Layer

print("printed by the file")

class Scale(Layer):
    def call(self, x):
        return x * FACTOR

def soft(x):
    return np.tanh(x)

if __name__ == "__main__":
    raise SystemExit("not run as a program")
"""


class Scale(Layer):
    """The layer of `SOURCE`, to save a model with."""

    def call(self, x: np.ndarray) -> np.ndarray:
        return x * 3


def soft(x: np.ndarray) -> np.ndarray:
    return np.tanh(x)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model with a layer and an activation of the user's, inputs, and their source."""
    (tmp_path / "own.py").write_text(SOURCE)
    (tmp_path / "beside.py").write_text("FACTOR = 3\n")
    x = np.linspace(-1, 1, 24, dtype=np.float32).reshape(3, 4, 2)
    np.save(tmp_path / "x.npy", x)
    model = Sequential([Input((4, 2)), Scale(), LSTM(3), Dense(2, activation=soft)])
    model.save(tmp_path / "m.keras")
    y = model.predict(x)
    np.save(tmp_path / "y.npy", y)
    np.savez(tmp_path / "golden.npz", x=x, y=y)
    return tmp_path


def run(folder: Path, *arguments: str) -> int:
    return main([str(folder / a) if (folder / a).exists() else a for a in arguments])


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 2
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("names", [("",), (":Scale", ":soft")])
def test_predict(names: tuple[str, ...], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    custom = [part for name in names for part in ("--custom", f"{folder / 'own.py'}{name}")]
    output = folder / "out.npy"
    assert run(folder, "predict", "m.keras", "x.npy", "-o", str(output), *custom) == 0
    np.testing.assert_array_equal(np.load(output), np.load(folder / "y.npy"))
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "printed by the file\n"


def test_other_commands(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    custom = ("--custom", str(folder / "own.py"))
    assert run(folder, "summary", "m.keras", *custom) == 0
    assert "(Scale)" in capsys.readouterr().out
    assert run(folder, "verify", "m.keras", "--golden", "golden.npz", *custom) == 0
    assert "they agree" in capsys.readouterr().out
    assert run(folder, "convert", "m.keras", str(folder / "new.h5"), *custom) == 0
    own = {"Scale": Scale, "soft": soft}
    copy = rnnext.load_model(folder / "new.h5", custom_objects=own)
    np.testing.assert_array_equal(
        copy.predict(np.load(folder / "x.npy")), np.load(folder / "y.npy")
    )
    capsys.readouterr()
    quick = ("--seconds", "0.01", "--no-tensorflow", "--batch", "1", "--json")
    assert run(folder, "bench", "m.keras", *quick, *custom) == 0
    assert capsys.readouterr().out.startswith("{")


@pytest.mark.parametrize(
    ("source", "argument", "reason"),
    [
        ("import nothing_like_it\n", "", "line 1: ModuleNotFoundError: No module named"),
        ("\ndef f(:\n", "", "line 2: SyntaxError: invalid syntax"),
        ("def f():\n    return 1 / 0\n\nf()\n", "", "line 2: ZeroDivisionError: division by zero"),
        ("raise SystemExit('usage')\n", "", "line 1: SystemExit: usage"),
        ("import numpy\n", "", "it defines no class and no function"),
        ("class A: pass\n", ":B", "the file has no 'B'; it defines ['A']"),
    ],
)
def test_files_that_cannot_be_used(
    source: str, argument: str, reason: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = folder / "bad.py"
    file.write_text(source)
    message = fails(capsys, "summary", str(folder / "m.keras"), "--custom", f"{file}{argument}")
    assert f"--custom {file}" in message
    assert reason in message


def test_no_such_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = fails(capsys, "summary", str(folder / "m.keras"), "--custom", "no.py:Scale")
    assert "--custom no.py: there is no such file" in message


def test_two_files_with_one_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "second.py").write_text("class Scale: pass\n")
    custom = [part for file in ("own.py", "second.py") for part in ("--custom", str(folder / file))]
    message = fails(capsys, "summary", str(folder / "m.keras"), *custom)
    assert "another file defines 'Scale' too" in message


def test_layers_of_keras(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("keras")
    (folder / "of_keras.py").write_text("import keras\nclass Scale(keras.layers.Layer): pass\n")
    custom = ("--custom", str(folder / "of_keras.py"))
    message = fails(capsys, "summary", str(folder / "m.keras"), *custom)
    assert (
        "class 'Scale' is one of keras's; rnnext needs a subclass of rnnext.layers.Layer" in message
    )


# ---- advice --------------------------------------------------------------------------------------


def test_unknown_classes_are_advised_to_be_given(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("summary", "bench", "verify"):
        message = fails(capsys, command, str(folder / "m.keras"))
        assert "On the command line: --custom FILE.py, a file that defines it." in message
        assert main([command, str(folder / "m.keras"), "--custom", str(folder / "no.py")]) == 2
        capsys.readouterr()


def test_weights_are_advised_to_be_given_their_architecture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = Sequential([Input((4, 2)), LSTM(3)])
    model.save_weights(tmp_path / "w.h5")
    (tmp_path / "m.json").write_text(model.to_json())
    message = fails(capsys, "summary", str(tmp_path / "w.h5"))
    assert "On the command line: --config MODEL.json, what model.to_json() wrote." in message
    config = ("--config", str(tmp_path / "m.json"))
    assert main(["summary", str(tmp_path / "w.h5"), *config]) == 0
    (tmp_path / "bad.json").write_text("[]")
    message = fails(
        capsys, "summary", str(tmp_path / "w.h5"), "--config", str(tmp_path / "bad.json")
    )
    assert f"{tmp_path / 'bad.json'}: model JSON" in message


def test_packages_to_install_are_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """rnnext's own extras may not be on any index, so advice names the packages themselves."""
    import sys

    from rnnext.cli.demo_plot import load_pyplot
    from rnnext.cli.tensorflow_reference import Reference

    for module, call in (("matplotlib", load_pyplot), ("tensorflow", lambda: Reference("m.keras"))):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(RnnextError, match=f"python3 -m pip install {module}$"):
            call()
