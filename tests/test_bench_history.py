"""`bench/history.py`: what it reports, and that its calls exist. No test asserts a time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).parents[1] / "bench"
sys.path.insert(0, str(BENCH))

import history  # noqa: E402 - bench/ is no package of rnnext
from comparison.plots import draw_history  # noqa: E402


@pytest.fixture
def report() -> dict[str, Any]:
    commits = [
        {"hash": letter * 40, "date": "2026-01-02", "subject": f"change {letter}", "isa": "avx2"}
        for letter in "abcd"
    ]
    return {
        "machine": {"processor": "a processor", "date": "2026-01-03T00:00:00"},
        "settings": {"rounds": 3, "seconds": 0.5},
        "load": 0.5,
        "commits": [{**commit, "cannot_run": None} for commit in commits]
        + [{**commits[0], "hash": "e" * 40, "cannot_run": "it does not compile"}],
        "times": {
            "steady": [1e-6, 1.05e-6, 1e-6, 1e-6],
            "slower": [2e-6, 1e-6, 1.5e-6, 1.2e-6],
            "new": [None, None, 4e-6, 2e-6],
        },
    }


def test_slower_steps_are_those_above_the_least_time_before(report: dict[str, Any]) -> None:
    assert history.slower_steps(report) == [
        "- slower: 1.50 times its least time before, at `ccccccccc` (change c)",
        "- slower: 1.20 times its least time before, at `ddddddddd` (change d)",
    ]


def test_times_are_relative_to_the_newest_commit(report: dict[str, Any]) -> None:
    text = history.render(report)
    assert "| 2026-01-02 `aaaaaaaaa` | 1.00 | 1.67 |  |" in text
    assert "| 2026-01-02 `ccccccccc` | 1.00 | 1.25 | 2.00 |" in text
    assert "| the newest | 1.00 us | 1.20 us | 2.00 us |" in text
    assert "`eeeeeeeee` could not be measured." in text


def test_the_history_is_drawn(report: dict[str, Any], tmp_path: Path) -> None:
    draw_history(report, tmp_path / "history.png")
    assert (tmp_path / "history.png").read_bytes().startswith(b"\x89PNG")


def test_this_rnnext_makes_every_call() -> None:
    done = subprocess.run(
        [sys.executable, str(BENCH / "history_worker.py")],
        input="0.001\n",
        capture_output=True,
        text=True,
        check=True,
    )
    ready, times = map(json.loads, done.stdout.splitlines())
    assert done.stderr == ""
    assert list(times) == ready["calls"]
    assert len(times) == 9
    assert all(seconds > 0 for seconds in times.values())
