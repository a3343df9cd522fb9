"""The README's examples run as they stand there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


LAST_LINES = ["2008 observed 2.9 forecast 12.1", "True dict_keys(['lstm', 'gru'])"]


def test_examples_run() -> None:
    examples = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    for example, last_line in zip(examples, LAST_LINES, strict=True):
        assert len(example.strip().splitlines()) <= 10
        done = subprocess.run(
            [sys.executable, "-c", example], check=True, capture_output=True, text=True
        )
        assert done.stdout.splitlines()[-1] == last_line
