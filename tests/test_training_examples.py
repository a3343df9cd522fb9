"""What people run first: `rnnext demo --train` and the example of the stock program."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

import rnnext
from rnnext import demo
from rnnext.cli import main

EXAMPLE = Path(__file__).parents[1] / "examples" / "forecast_series.py"


def test_demo_train(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--train"]) == 0
    printed = capsys.readouterr().out
    losses = [
        tuple(map(float, found))
        for found in re.findall(r"^ +\d+ +(\d\.\d{5}) +(\d\.\d{5}) +#+$", printed, re.MULTILINE)
    ]
    assert len(losses) >= 4
    assert losses[-1][0] < losses[0][0] / 5  # it falls
    assert losses[-1][1] < losses[0][1] / 3
    found = dict(re.findall(r"^  (\S.*\S) +(\d+\.\d)$", printed, re.MULTILINE))
    names = ["trained here", f"bundled (TensorFlow {demo.read_answers().tensorflow})"]
    trained, bundled, naive = (float(found[name]) for name in [*names, "same as last year"])
    assert bundled == 15.1
    assert naive == 30.8
    assert trained < 20
    assert "they agree" in printed  # the rest of the demo is as without --train


def test_demo_does_not_train_unasked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo"]) == 0
    assert "Training" not in capsys.readouterr().out


def test_stock_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    specification = importlib.util.spec_from_file_location("forecast_series", EXAMPLE)
    assert specification is not None
    assert specification.loader is not None
    example = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(example)
    error = example.main(tmp_path)
    assert error < 22  # "same as last year" is off by 29.9
    printed = capsys.readouterr().out
    assert "Epoch 2/100" in printed
    assert "forecast after 24 steps of a stream" in printed
    if importlib.util.find_spec("matplotlib"):
        assert (tmp_path / "forecast_series.png").stat().st_size > 1000
    model = rnnext.load_model(tmp_path / "sunspots.keras")
    assert np.isfinite(model.predict(np.zeros((1, 24, 1), "float32"), verbose=0)).all()
