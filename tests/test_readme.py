"""The README's examples run as they stand there, and its table lists the layers that there are."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rnnext import layers

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

LAST_LINES = [
    "2008 observed 2.9 forecast 12.1",
    "True dict_keys(['lstm', 'gru'])",
    "dict_keys(['loss']) True",
    "['i', 'f', 'g', 'o', 'c', 'h'] (1, 33, 24)",
]


def test_examples_run(tmp_path: Path) -> None:
    examples = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    for example, last_line in zip(examples, LAST_LINES, strict=True):
        assert len(example.strip().splitlines()) <= 10
        done = subprocess.run(
            [sys.executable, "-c", example],
            check=True,
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
        assert done.stdout.splitlines()[-1] == last_line


def python_blocks(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


PAGES = [page.name for page in sorted((ROOT / "docs").glob("*.md")) if python_blocks(page)]


@pytest.mark.parametrize("name", PAGES)
def test_the_pages_of_docs_run_from_top_to_bottom(name: str, tmp_path: Path) -> None:
    program = "\n".join(python_blocks(ROOT / "docs" / name))
    if "import torch" in program:
        pytest.importorskip("torch")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr


def test_the_cpp_example_is_part_of_the_program_that_is_built() -> None:
    (example,) = re.findall(r"```cpp\n(.*?)```", README, re.DOTALL)
    program = (ROOT / "examples" / "cpp" / "example.cpp").read_text(encoding="utf-8")
    assert set(map(str.strip, example.splitlines())) <= set(map(str.strip, program.splitlines()))


def listed_layers() -> set[str]:
    """The names in the table; "`Conv1D` to 3D" stands for three, "`Conv1D` and 2D" for two."""
    table = README.partition("| | layers |")[2].partition("\n\n")[0]
    listed = set(re.findall(r"`([A-Z]\w+)`", table)) - {"CuDNNLSTM", "CuDNNGRU"}  # of files
    for name, last in re.findall(r"`(\w+)` (?:to|and) ([23])D", table):
        listed |= {name.replace("1D", f"{n}D") for n in range(2, int(last) + 1)}
    return listed


def test_the_table_lists_the_layers_that_there_are() -> None:
    classes = {name for name in layers.__all__ if inspect.isclass(getattr(layers, name))}
    aliases = {
        name
        for name in classes
        if getattr(layers, name).__name__ not in (name, "GroupedQueryAttention")
    }
    bases = {"ConvLSTMCell", "InputSpec", "Layer", "Wrapper"}
    assert listed_layers() - {"Input"} == classes - aliases - bases
