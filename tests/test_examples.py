"""The programs in examples/ run as their first lines say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(name: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_stream_server() -> None:
    printed = run("stream_server.py", "--clients", "20", "--steps", "5")
    assert "100 answers to 20 clients" in printed
    assert "every client's last answer is what predict() gives for its sequence" in printed
