"""`bench/training.py`: engines train the same, and the report says what was measured."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench"
sys.path.insert(0, str(BENCH))

from trained.engines import ENGINES, build  # noqa: E402 - bench/ is no package of rnnext
from trained.models import MODELS, Dropout, Embedding, Goal, Recurrent, Trained  # noqa: E402
from trained.report import least_seconds, render, summarize  # noqa: E402

GOAL = Goal(0.5, 0.5)
SMALL = {
    "stack": Trained(
        "", GOAL, (Recurrent("GRU", 5, True), Dropout(0.2), Recurrent("LSTM", 4)), 6, 3
    ),
    "text": Trained("", GOAL, (Embedding(20, 6), Recurrent("LSTM", 4, bidirectional=True)), 7, 0),
    "lstm": Trained("", GOAL, (Recurrent("LSTM", 5, True),), 6, 3, alone=True),
    "gru": Trained("", GOAL, (Recurrent("GRU", 5, True),), 6, 3, alone=True),
}


@pytest.fixture(autouse=True)
def threads_of_torch() -> Iterator[None]:
    """An engine sets how many threads torch has, and with them OpenMP, for the whole process."""
    before = sys.modules["torch"].get_num_threads() if "torch" in sys.modules else os.cpu_count()
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(before)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("other", ["keras", "torch-1", "torch-1-fused"])
def test_engines_compute_the_same(name: str, other: str) -> None:
    pytest.importorskip(ENGINES[other].library)
    ours = build(ENGINES["rnnext-1"], SMALL[name], 2)
    theirs = build(ENGINES[other], SMALL[name], 2)
    before = ours.check()
    assert before == pytest.approx(theirs.check(), rel=1e-4)
    for run in (ours, theirs):
        run.epoch()
    if not SMALL[name].alone:
        assert ours.check() != before  # it has trained
        assert theirs.check() == pytest.approx(ours.check(), rel=0.2)


def test_limit_is_three_forward_passes() -> None:
    text = MODELS["Embedding, BiLSTM(64) 100"]
    assert text.multiply_adds() == 32 * (100 * 2 * (128 + 64) * 256 + 128)
    stack = MODELS["2 x LSTM(50), Dropout 60 x 1"]
    assert stack.multiply_adds() == 32 * (60 * (51 + 100) * 200 + 50)
    assert least_seconds(text.name, 1e11) == 6 * text.multiply_adds() / 1e11


def test_report_has_ratios_shares_and_missed_goals() -> None:
    name = "LSTM(32) 30 x 1"
    steps = {
        "rnnext-1": [[0.002, 0.003], [0.002]],
        "torch-1": [[0.004], [0.002]],
        "torch-2": [[0.005], [0.005]],
        "torch-1-fused": [[0.001], [0.001]],
    }
    rounds = {
        engine: [{"steps": turn, "processor": [2 * value for value in turn]} for turn in turns]
        for engine, turns in steps.items()
    }
    figures = summarize(name, rounds, {1: 1e11})
    ours = figures["rnnext-1"]
    assert ours["median"] == pytest.approx(0.00225)
    assert ours["median_of_torch"] == pytest.approx(0.75)
    assert ours["least_of_torch"] == 1.0
    assert ours["median_of_torch_fused"] == pytest.approx(2.25)
    assert ours["share"] == pytest.approx(least_seconds(name, 1e11) / 0.00225)
    assert ours["processor_of_torch"] == pytest.approx(1.0)
    assert ours["processor_share"] == pytest.approx(least_seconds(name, 1e11) / 0.004)
    report = {
        "machine": {"processor": "P", "cores": 2, "system": "S", "python": "3", "date": "D"},
        "versions": {"torch": "2"},
        "isa": "avx2",
        "settings": {"rounds": 2, "batches": 10},
        "limits": {"1": 1e11},
        "results": {"0": {name: figures}, "1": {name: figures}},
        "cannot_run": ["- keras: gone"],
    }
    text = render(report)
    assert "| 0.75 (1.00) [at most 0.5] | 2.25 (2.00) | - |" in text
    assert "beside 1 busy processes" in text
    assert "of its own quiet time" in text
    assert "| 1.00 |" in text
    assert "- keras: gone" in text


def test_workers_take_turns(tmp_path: Path) -> None:
    if shutil.which("c++") is None or not Path("/sys/devices/system/cpu/cpu0/cache").exists():
        pytest.skip("training.py needs Linux and a C++ compiler")
    output = tmp_path / "figures"
    command = [sys.executable, str(BENCH / "training.py"), "--engines", "rnnext-1", "rnnext-2"]
    command += ["--models", "LSTM(32) 30 x 1", "--batches", "2", "--rounds", "1"]
    command += ["--seconds", "0", "--output", str(output)]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "| LSTM(32) 30 x 1 | rnnext-2 |" in run.stdout
    assert output.with_suffix(".md").read_text(encoding="utf-8") in run.stdout
    assert output.with_suffix(".json").exists()
