"""Pictures: what is drawn is what was computed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnnext
from rnnext.cli import main
from rnnext.errors import RnnextError
from rnnext.layers import GRU, LSTM, Bidirectional, Dense, Input

pytest.importorskip("matplotlib")

X = np.random.default_rng(0).standard_normal((2, 7, 3)).astype("float32")


def images(figure: Any) -> list[np.ndarray]:
    return [np.asarray(image.get_array()) for axis in figure.axes for image in axis.images]


def test_a_row_for_each_name_with_its_values() -> None:
    trace = LSTM(5).trace(X)
    figure = trace.plot(sample=1)
    drawn = images(figure)
    assert len(drawn) == 6
    for name, picture in zip(trace, drawn, strict=True):
        np.testing.assert_array_equal(picture, trace[name][1].T)
    labels = [axis.get_ylabel() for axis in figure.axes if axis.images]
    assert labels[1] == "f\nforget gate"


def test_masked_steps_are_hatched() -> None:
    mask = np.ones((2, 7), bool)
    mask[0, 2] = mask[0, 6] = False
    figure = GRU(5).trace(X, mask=mask).plot()
    first = next(axis for axis in figure.axes if axis.images)
    hatched = [patch for patch in first.patches if patch.get_hatch()]
    assert [patch.get_x() for patch in hatched] == [1.5, 5.5]


def test_a_column_for_each_direction() -> None:
    figure = Bidirectional(GRU(2)).trace(X).plot()
    titles = [axis.get_title(loc="left") for axis in figure.axes]
    assert [t.partition(": ")[2] for t in titles if t] == ["forward", "backward"]
    last = [axis for axis in figure.axes if axis.get_xlabel()][-1]
    assert [text.get_text() for text in last.get_xticklabels()] == list("6543210")


def test_history() -> None:
    model = rnnext.Sequential([Input((7, 3)), LSTM(3), Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    history = model.fit(X, X[:, 0, :1], epochs=3, validation_split=0.5, verbose=0)
    figure = history.plot()
    lines = {axis.get_title(): axis.lines for axis in figure.axes}
    assert list(lines) == ["loss", "mae"]
    assert lines["loss"][0].get_ydata().tolist() == history.history["loss"]
    assert lines["mae"][1].get_ydata().tolist() == history.history["val_mae"]
    assert lines["loss"][0].get_xdata().tolist() == [1, 2, 3]
    with pytest.raises(RnnextError, match=r"no epoch to draw; call it after fit\(\)"):
        rnnext.callbacks.History().plot()


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    model = rnnext.Sequential([Input((7, 3)), LSTM(4, name="lstm"), Dense(1)])
    model.save(tmp_path / "m.keras")
    np.save(tmp_path / "x.npy", X)
    return str(tmp_path / "m.keras"), str(tmp_path / "x.npy")


@pytest.mark.parametrize(("ending", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_the_command_writes_a_picture(
    files: Any, tmp_path: Path, ending: str, magic: bytes
) -> None:
    out = tmp_path / f"gates.{ending}"
    assert main(["plot", *files, "-o", str(out), "--sample", "1"]) == 0
    assert out.read_bytes().startswith(magic)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["-o", "gates.what"], "gates.what: cannot tell the format; known: ."),
        (["-o", "g.png", "--layer", "lst"], "no recurrent layer 'lst'; there are ['lstm']"),
        (["-o", "g.png", "--sample", "2"], "sample=2 of a trace of 2; accepted are 0 to 1."),
    ],
)
def test_the_commands_errors(files: Any, capsys: Any, options: list[str], expected: str) -> None:
    assert main(["plot", *files, *options]) == 2
    assert expected in capsys.readouterr().err
    assert not Path("g.png").exists()


def test_without_matplotlib(files: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["plot", *files, "-o", "g.png"]) == 2
    advice = (
        "`rnnext plot` needs matplotlib, which is not installed: python3 -m pip install 'rnnext"
    )
    assert advice in capsys.readouterr().err
