"""The command line: what it prints, writes and returns, and how it fails."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import rnnext
from rnnext import demo
from rnnext.cli import main

MODEL = str(demo.MODEL_FILE)


def inputs() -> np.ndarray:
    return demo.windows(*demo.series())[0][:5]


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Runs a command that must fail; returns its one line on stderr."""
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.err.endswith("\n")
    assert printed.err.count("\n") == 1
    assert printed.err.startswith(f"rnnext {arguments[0]}: error: ")
    return printed.err


# ---- the command itself --------------------------------------------------------------------------


def test_python_m_rnnext() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rnnext", "--version"], check=True, capture_output=True, text=True
    )
    assert done.stdout == f"rnnext {rnnext.__version__}\n"


@pytest.mark.parametrize(
    "command", ["demo", "summary", "predict", "plot", "verify", "convert", "bench", "info"]
)
def test_help_names_every_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert f"  {command} " in capsys.readouterr().out
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert f"usage: rnnext {command}" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["summary"], ["predict", MODEL]])
def test_arguments_that_make_no_command(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "usage: rnnext" in capsys.readouterr().err


def test_reader_that_goes_away_is_no_error() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "rnnext", "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    problems = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 1
    assert problems == b""


def test_output_that_cannot_show_table_lines() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rnnext", "summary", MODEL],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert b"lstm (LSTM)" in done.stdout


def test_info(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    lines = capsys.readouterr().out.splitlines()
    facts = {line[:16].strip(): line[16:].strip() for line in lines}
    assert facts["rnnext"] == rnnext.__version__
    assert facts["instruction set"] == rnnext.isa()
    assert facts["available"] == ", ".join(rnnext.available_isas())
    assert facts["threads"] == str(rnnext.get_num_threads())
    assert facts["threading"] == rnnext.config.get_threading()


# ---- demo ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("isa", rnnext.available_isas())
def test_demo_agrees_with_tensorflow_on_every_instruction_set(isa: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rnnext", "demo"],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "RNNEXT_ISA": isa},
    )
    assert "they agree" in done.stdout
    assert done.stdout.rstrip().endswith(f"on {isa}")
    assert all(f"\n{year}  " in done.stdout for year in range(1979, 2009))


@pytest.mark.parametrize("change", [2e-5, np.nan])
def test_demo_says_when_it_disagrees(
    change: float, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = demo.read_answers()
    outputs = recorded.outputs.copy()
    outputs[7] += np.float32(change)
    changed = dataclasses.replace(recorded, outputs=outputs)
    monkeypatch.setattr(demo, "read_answers", lambda: changed)
    assert main(["demo"]) == 1
    assert "THEY DISAGREE" in capsys.readouterr().out


def test_demo_refuses_answers_of_another_model(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = dataclasses.replace(demo.read_answers(), model_sha256="0" * 64)
    monkeypatch.setattr(demo, "read_answers", lambda: changed)
    assert "sha256" in fails(capsys, "demo")


def test_demo_forecasts_better_than_last_years_value() -> None:
    years, numbers = demo.series()
    x, forecast_years = demo.windows(years, numbers)
    held_out = forecast_years >= demo.FIRST_HELD_OUT_YEAR
    forecast = demo.from_network(rnnext.load_model(MODEL).predict(x[held_out])[:, 0])
    observed = numbers[demo.WINDOW :][held_out]
    last_year = numbers[demo.WINDOW - 1 : -1][held_out]
    error = demo.root_mean_square(forecast - observed)
    assert error < 0.55 * demo.root_mean_square(last_year - observed)


def test_demo_plot(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "demo.png"
    # a process of its own: importing matplotlib here would change what other tests see
    done = subprocess.run(
        [sys.executable, "-m", "rnnext", "demo", "--plot", str(picture)],
        check=True,
        capture_output=True,
        text=True,
    )
    assert str(picture) in done.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_demo_plot_without_matplotlib(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    message = fails(capsys, "demo", "--plot", "demo.png")
    assert "matplotlib, which is not installed: python3 -m pip install matplotlib" in message


# ---- summary -------------------------------------------------------------------------------------


def test_summary(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", MODEL]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("lstm", "gru", "next_year", "(None, 33, 24)"))
    # 4*24*(1+24+1), 3*16*(24+16+2), 16+1
    assert all(count in printed for count in ("2,496", "2,016", "17", "4,529"))


def test_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = str(tmp_path / "nowhere.keras")
    assert name in fails(capsys, "summary", name)


@pytest.mark.parametrize("content", [b"", b"not a model\n", demo.MODEL_FILE.read_bytes()[:20_000]])
def test_file_that_is_no_model(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "model.keras"
    file.write_bytes(content)
    assert str(file) in fails(capsys, "summary", str(file))


# ---- predict -------------------------------------------------------------------------------------


def test_predict_prints(x_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", MODEL, x_file]) == 0
    expected = rnnext.load_model(MODEL).predict(inputs())
    assert capsys.readouterr().out == f"{expected}\n"


@pytest.mark.parametrize("suffix", [".npy", ".csv", ".npz"])
def test_predict_writes_every_bit(suffix: str, x_file: str, tmp_path: Path) -> None:
    file = tmp_path / f"y{suffix}"
    assert main(["predict", MODEL, x_file, "-o", str(file), "--batch-size", "2"]) == 0
    expected = rnnext.load_model(MODEL).predict(inputs())
    if suffix == ".csv":
        written = np.loadtxt(file, delimiter=",", dtype=np.float32, ndmin=2)
    elif suffix == ".npy":
        written = np.load(file)
    else:
        with np.load(file) as archive:
            written = archive["next_year"]
    np.testing.assert_array_equal(written.reshape(expected.shape), expected, strict=True)


def test_predict_refuses_an_unknown_output_format_before_working(
    capsys: pytest.CaptureFixture[str],
) -> None:
    message = fails(capsys, "predict", "no-model", "no-array", "-o", "y.xlsx")
    assert "y.xlsx" in message
    assert ".npy, .csv, .npz" in message


def test_predict_with_an_array_that_does_not_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "x.npy", np.zeros((2, 33, 5), np.float32))
    message = fails(capsys, "predict", MODEL, str(tmp_path / "x.npy"))
    assert "(2, 33, 5)" in message


def test_predict_with_something_that_is_no_array(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "several.npz", a=np.zeros(3))
    (tmp_path / "text.npy").write_text("1, 2, 3")
    (tmp_path / "empty.npy").touch()
    for name in ("objects.npy", "several.npz", "text.npy", "empty.npy", "nowhere.npy"):
        assert name in fails(capsys, "predict", MODEL, str(tmp_path / name))


def test_predict_cannot_write_there(
    x_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = str(tmp_path / "no such folder" / "y.npy")
    assert target in fails(capsys, "predict", MODEL, x_file, "-o", target)


def test_predict_with_several_inputs_and_outputs(
    twice_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x = np.linspace(-1, 1, 12, dtype=np.float32).reshape(2, 3, 2)
    np.save(tmp_path / "a.npy", x)
    np.save(tmp_path / "b.npy", -x)
    files = [str(tmp_path / "a.npy"), str(tmp_path / "b.npy")]
    expected = rnnext.load_model(twice_file).predict([x, -x])

    assert main(["predict", twice_file, *files]) == 0
    assert capsys.readouterr().out == f"shared:\n{expected[0]}\nhead:\n{expected[1]}\n"

    assert main(["predict", twice_file, *files, "-o", str(tmp_path / "y.npz")]) == 0
    with np.load(tmp_path / "y.npz") as written:
        for name, output in zip(("shared", "head"), expected, strict=True):
            np.testing.assert_array_equal(written[name], output, strict=True)

    message = fails(capsys, "predict", twice_file, *files, "-o", str(tmp_path / "y.npy"))
    assert "2 outputs (shared, head)" in message


def test_predict_writes_no_table_of_three_axes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = rnnext.Sequential(
        [rnnext.Input((None, 1)), rnnext.layers.LSTM(2, return_sequences=True)]
    )
    model.save(tmp_path / "m.keras")
    np.save(tmp_path / "x.npy", np.zeros((1, 3, 1), np.float32))
    files = [str(tmp_path / name) for name in ("m.keras", "x.npy")]
    message = fails(capsys, "predict", *files, "-o", str(tmp_path / "y.csv"))
    assert "shape (1, 3, 2); write .npy" in message
