"""Checks that type checkers find the planted mistakes of a program, each on its line, and no more.

Runs mypy and basedpyright (pyright, whose wheel needs nothing from beyond PyPI) on the programs of
`data/typing`. Not a test of pytest's: the checkers come with `rnnext[dev]`.

    python3 tests/check_types.py
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = ROOT / "tests" / "data" / "typing"
VERSIONS = ("3.10", "3.14")  # the oldest and the newest that rnnext runs on


def found_by_mypy(program: Path, version: str, folder: str) -> dict[int, str]:
    """Returns mypy's errors by line."""
    options = ["--config-file=", "--check-untyped-defs", "--follow-imports=silent"]
    command = [sys.executable, "-m", "mypy", *options, f"--python-version={version}", str(program)]
    output = _run([*command, f"--cache-dir={folder}"], MYPYPATH=str(ROOT / "python"))
    pattern = re.compile(rf"{re.escape(program.name)}:(\d+): error: (.*)")
    found = {int(line): text for line, text in pattern.findall(output.stdout)}
    if output.returncode not in (0, 1) or (output.returncode == 1) != bool(found):
        raise SystemExit(f"mypy failed:\n{output.stdout}{output.stderr}")
    return found


def found_by_pyright(program: Path, version: str, folder: str) -> dict[int, str]:
    """Returns pyright's errors by line, in its standard mode."""
    settings = {
        "include": [str(program)],
        "extraPaths": [str(ROOT / "python")],
        "pythonVersion": version,
        "typeCheckingMode": "standard",
    }
    project = Path(folder) / "pyrightconfig.json"
    project.write_text(json.dumps(settings))
    command = [sys.executable, "-m", "basedpyright", "--outputjson", "--project", str(project)]
    output = _run([*command, "--pythonpath", sys.executable])
    if output.returncode not in (0, 1):
        raise SystemExit(f"basedpyright failed:\n{output.stdout}{output.stderr}")
    report = json.loads(output.stdout)
    if report["summary"]["filesAnalyzed"] != 1:
        raise SystemExit(f"basedpyright read {report['summary']['filesAnalyzed']} files, not 1")
    return {
        error["range"]["start"]["line"] + 1: error["message"]
        for error in report["generalDiagnostics"]
        if error["severity"] == "error"
    }


def _run(command: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def main() -> int:
    """Prints what a checker misses and what it finds too much; returns 1 if there is any."""
    with tempfile.TemporaryDirectory() as folder:
        return int(_check(folder) > 0)


def _check(folder: str) -> int:
    """Returns how many lines are wrong."""
    wrong = 0
    for program in sorted(PROGRAMS.glob("*.py")):
        lines = program.read_text().splitlines()
        planted = {number for number, line in enumerate(lines, 1) if "  # MISTAKE" in line}
        for name, checker in (("mypy", found_by_mypy), ("pyright", found_by_pyright)):
            for version in VERSIONS:
                found = checker(program, version, folder)
                for number in sorted(planted ^ found.keys()):
                    wrong += 1
                    says = found.get(number, f"not found: {lines[number - 1]}")
                    print(f"{name} {version}, {program.name}:{number}: {says}")
                print(
                    f"{name} {version}, {program.name}: {len(planted & found.keys())} of "
                    f"{len(planted)} planted mistakes found"
                )
    return wrong


if __name__ == "__main__":
    sys.exit(main())
