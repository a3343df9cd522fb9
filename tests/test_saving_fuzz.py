"""Random damage to archives and configs: a model or a named error, never another exception.

`python3 tests/fuzz.py --seconds 300` looks longer. Damaged HDF5 is left to it: libhdf5 does not
survive all of it, and would take pytest along.
"""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from fuzz_targets import TARGETS
from hypothesis import HealthCheck, given, settings

RUNNER = Path(__file__).parent / "fuzz.py"


@pytest.mark.parametrize("name", [name for name, target in TARGETS.items() if not target.may_die])
def test_damage(name: str) -> None:
    target = TARGETS[name]
    limits = settings(
        max_examples=150,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    limits(given(**target.strategies)(target.function))()


# The runner itself: what a target can do to it, and what it makes of that ------------------------

FAKES = """
import ctypes, time
from fuzz_targets import Target
from hypothesis import strategies as st

before_loading = []

def target(action, may_die=False):
    def load(number):
        for note in before_loading:
            note(b"what was loaded")
        action()
    return Target(load, {"number": st.integers()}, may_die)

def fail():
    raise KeyError("units")

TARGETS = {
    "clean": target(lambda: None),
    "exception": target(fail),
    "memory": target(lambda: bytearray(1 << 34)),
    "crash": target(lambda: ctypes.string_at(0)),
    "hang": target(lambda: time.sleep(60)),
    "excused_crash": target(lambda: ctypes.string_at(0), may_die=True),
    "not_excused": target(fail, may_die=True),
}
"""


def run_fake(folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    (folder / "fakes.py").write_text(FAKES)
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    options = [f"--only={name}", "--targets=fakes", "--seconds=1", "--input-seconds=1"]
    return subprocess.run(
        [sys.executable, RUNNER, *options],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path, "CI": "1"},
    )


def test_runner_finds_nothing(tmp_path: Path) -> None:
    run = run_fake(tmp_path, "clean")
    assert run.returncode == 0, run.stdout
    assert re.search(r"^clean: \d+00 inputs$", run.stdout, re.MULTILINE)
    assert run.stdout.endswith("\nclean\n")


FOUND = {
    "exception": "KeyError: 'units'",
    "not_excused": "KeyError: 'units'",
    "crash": "crash: ended with status -",
    "hang": "hang: hung",
}
ON_LINUX = {"memory": "MemoryError"} if sys.platform == "linux" else {}
posix = pytest.mark.skipif(os.name != "posix", reason="the runner reads how a process died")


@posix
@pytest.mark.parametrize(("name", "message"), {**FOUND, **ON_LINUX}.items())
def test_runner_reports(name: str, message: str, tmp_path: Path) -> None:
    run = run_fake(tmp_path, name)
    assert run.returncode == 1, run.stdout
    assert message in run.stdout
    assert run.stdout.endswith("\nthere are findings\n")
    if name in ("crash", "hang"):
        line = run.stdout.splitlines()[-2]
        assert zlib.decompress(base64.b85decode(line)) == b"what was loaded"


@posix
def test_runner_goes_on_after_an_excused_crash(tmp_path: Path) -> None:
    run = run_fake(tmp_path, "excused_crash")
    assert run.returncode == 0, run.stdout
    assert run.stdout.count("excused_crash: ended with status -") >= 1
    assert run.stdout.endswith("\nclean\n")
