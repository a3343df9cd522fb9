"""What the command line does on a terminal: progress, questions, Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from rnnext import demo
from rnnext.layers import LSTM, Input
from rnnext.models import Sequential

pty = pytest.importorskip("pty", reason="terminals of POSIX")

COMMAND = [sys.executable, "-m", "rnnext"]
BAR = "━"


def _heed_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """A command whose standard error, and standard input if wanted, is a terminal.

    Args:
        arguments: Of the command.
        asks: Whether its standard input is the terminal, too.
    """

    def __init__(self, *arguments: str, asks: bool = False) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=theirs if asks else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=theirs,
            # A background job's children ignore Ctrl-C; these shall not, whoever runs the tests.
            preexec_fn=_heed_ctrl_c,
        )
        os.close(theirs)

    def send(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def shown_until(self, text: str) -> str:
        """What the terminal shows up to a text."""
        shown = b""
        while text.encode() not in shown:
            shown += os.read(self._ours, 1)
        return shown.decode()

    def finish(self) -> tuple[int, str, str]:
        """Exit status, standard output, and the rest of what the terminal shows."""
        assert self.process.stdout is not None
        with self.process.stdout as pipe:
            output = pipe.read().decode()
        shown = b""
        with contextlib.suppress(OSError):  # how a terminal ends on Linux
            while part := os.read(self._ours, 4096):
                shown += part
        os.close(self._ours)
        return self.process.wait(), output, shown.decode()


@pytest.fixture
def model_file(tmp_path: Path) -> str:
    Sequential([Input((None, 2)), LSTM(3)]).save(tmp_path / "m.keras")
    return str(tmp_path / "m.keras")


@pytest.fixture
def x(tmp_path: Path) -> str:
    np.save(tmp_path / "x.npy", np.ones((8, 5, 2), np.float32))
    return str(tmp_path / "x.npy")


# ---- progress ------------------------------------------------------------------------------------


def test_predict_shows_progress_on_a_terminal(model_file: str, x: str) -> None:
    status, output, shown = Terminal("predict", model_file, x, "--batch-size", "2").finish()
    assert status == 0
    assert output.startswith("[[")
    assert output.endswith("]]\n")
    assert f"4/4\x1b[0m \x1b[32m{BAR}" in shown
    quiet = subprocess.run([*COMMAND, "predict", model_file, x], capture_output=True, text=True)
    assert (quiet.stdout, quiet.stderr) == (output, "")
    status, output, shown = Terminal("predict", model_file, x, "--no-progress").finish()
    assert (status, output, shown) == (0, quiet.stdout, "")


def test_predict_shows_progress_where_it_is_told_to(model_file: str, x: str) -> None:
    command = [*COMMAND, "predict", model_file, x, "--progress"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.startswith("[[")
    assert BAR not in done.stdout
    assert done.stderr.startswith(f"reading {model_file}\n")
    assert BAR in done.stderr


@pytest.mark.parametrize(
    ("command", "steps"),
    [
        (("verify", "M", "--golden", "G"), ("reading M", "running it in rnnext")),
        (("bench", "M", "--no-tensorflow", "--seconds", "0.01"), ("reading M", "round 5 of 5")),
        (("convert", "M", "NEW"), ("reading M", "comparing the answers")),
    ],
)
def test_other_commands_show_what_they_do(
    command: tuple[str, ...], steps: tuple[str, ...], tmp_path: Path
) -> None:
    golden = tmp_path / "golden.npz"
    answers = demo.read_answers()
    x, years = demo.windows(*demo.series())
    np.savez(golden, x=x[np.isin(years, answers.years)], y=answers.outputs[:, None])
    names = {"M": str(demo.MODEL_FILE), "G": str(golden), "NEW": str(tmp_path / "new.keras")}
    arguments = [names.get(argument, argument) for argument in command]
    status, output, shown = Terminal(*arguments).finish()
    assert status == 0
    for step in steps:
        assert f"\r{step.replace('M', names['M'])}" in shown
        assert step not in output
    assert shown.endswith("\r")  # the line is gone
    assert output.count("\r") == 0


# ---- Ctrl-C --------------------------------------------------------------------------------------


def test_ctrl_c_ends_in_one_line() -> None:
    terminal = Terminal("bench", str(demo.MODEL_FILE), "--no-tensorflow", "--seconds", "60")
    terminal.shown_until("round 1")
    time.sleep(0.1)
    terminal.process.send_signal(signal.SIGINT)
    status, output, shown = terminal.finish()
    assert status == 130
    assert output == ""
    assert shown.endswith("\rrnnext bench: interrupted\r\n")
    assert "Traceback" not in shown


def test_ctrl_c_at_a_question(model_file: str, tmp_path: Path) -> None:
    (tmp_path / "new.h5").write_bytes(b"old")
    terminal = Terminal("convert", model_file, str(tmp_path / "new.h5"), asks=True)
    terminal.shown_until("[y/N] ")
    terminal.process.send_signal(signal.SIGINT)
    status, _, shown = terminal.finish()
    assert status == 130
    assert shown.endswith("rnnext convert: interrupted\r\n")
    assert (tmp_path / "new.h5").read_bytes() == b"old"


# ---- questions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "replaces"), [("y\n", True), ("YES\n", True), ("\n", False), ("n\n", False)]
)
def test_convert_asks_before_it_replaces(
    answer: str, replaces: bool, model_file: str, tmp_path: Path
) -> None:
    new = tmp_path / "new.h5"
    new.write_bytes(b"old")
    terminal = Terminal("convert", model_file, str(new), asks=True)
    assert f"{new} exists. Replace it? [y/N] " in terminal.shown_until("[y/N] ")
    terminal.send(answer)
    status, output, shown = terminal.finish()
    assert status == (0 if replaces else 2)
    assert (new.read_bytes() == b"old") is not replaces
    assert (f"{new}: written" in output) is replaces
    assert (f"{new}: left as it is" in shown) is not replaces


def test_convert_refuses_where_it_cannot_ask(model_file: str, tmp_path: Path) -> None:
    new = tmp_path / "new.keras"
    new.write_bytes(b"old")
    command = [*COMMAND, "convert", model_file, str(new)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    expected = f"rnnext convert: error: {new}: the file exists; --force replaces it.\n"
    assert done.stderr == expected
    assert new.read_bytes() == b"old"
    done = subprocess.run([*command, "--force"], capture_output=True, text=True)
    assert done.returncode == 0
    assert new.read_bytes().startswith(b"PK")


def test_convert_of_a_file_into_itself(model_file: str) -> None:
    command = [*COMMAND, "convert", model_file, model_file, "--force"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert Path(model_file).read_bytes().startswith(b"PK")
