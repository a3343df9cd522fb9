"""The programs in examples/ run as their first lines say."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

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


@pytest.fixture
def gallery(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., str]:
    """Runs a program of the gallery, and checks its picture."""

    def run_with_picture(name: str, *arguments: str) -> str:
        cache = getattr(request.config, "cache", None)  # absent with -p no:cacheprovider
        packages = cache.mkdir("published_models") if cache else tmp_path
        picture = tmp_path / "picture.png"
        command = [sys.executable, str(EXAMPLES / name), "--picture", str(picture)]
        command += ["--packages", str(packages), *arguments]
        utf8 = {**os.environ, "PYTHONUTF8": "1"}  # also where a pipe is of another encoding
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=utf8)
        if "cannot be fetched" in done.stderr and not os.environ.get("CI"):
            pytest.skip(done.stderr.strip())
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        if importlib.util.find_spec("matplotlib"):
            assert 5_000 < picture.stat().st_size < 80_000
        else:
            assert "no picture: Matplotlib is not installed" in done.stdout
        return done.stdout

    return run_with_picture


def number(pattern: str, printed: str) -> float:
    """The number in a line that the program prints."""
    found = re.search(pattern, printed)
    assert found, printed
    return float(found[1])


def test_every_program_that_draws_has_its_picture_on_the_page() -> None:
    page = (EXAMPLES.parent / "docs" / "gallery.md").read_text("utf-8")
    draws = re.compile("^import gallery$|forecast_series.png", re.MULTILINE)
    programs = {
        path.stem for path in EXAMPLES.glob("*.py") if draws.search(path.read_text("utf-8"))
    }
    pictures = list((EXAMPLES.parent / "docs" / "gallery").glob("*.png"))
    assert programs == {picture.stem for picture in pictures}
    for picture in pictures:
        assert f"python examples/{picture.stem}.py" in page
        assert f"](gallery/{picture.name})" in page
        assert picture.stat().st_size < 80_000


def test_generate_text(gallery: Callable[..., str]) -> None:
    printed = gallery("generate_text.py")
    texts = re.findall(r"^- (.+)$", printed, re.MULTILINE)
    assert len(texts) == 6
    assert texts[4].startswith("My cat")
    assert number(r"is the same at (\d+) %", printed) >= 90


def test_classify_domains(gallery: Callable[..., str]) -> None:
    printed = gallery("classify_domains.py")
    pairs = re.findall(
        r"^\S+: (0\.\d+); the package's page prints (0\.\d+)$", printed, re.MULTILINE
    )
    assert len(pairs) == 3
    for ours, theirs in pairs:
        assert abs(float(ours) - float(theirs)) < 5e-6
    assert "right for 12 of 12 real names" in printed
    assert number(r"right for (\d+) of 12 with letters exchanged", printed) >= 8


def test_find_anomalies(gallery: Callable[..., str]) -> None:
    """Those that fail are the two of which the faults are known, and no other sensor."""
    printed = gallery("find_anomalies.py")
    found = re.findall(r"^(\d+ \w+) .*UTC, (\w+), (\w+): from", printed, re.MULTILINE)
    assert set(found) == {
        ("12 February", "EWR", "wind_speed"),
        ("09 May", "JFK", "temp"),
        ("09 May", "JFK", "dewp"),
    }
    assert "from 21 to 1048 mph" in printed
    assert number(r"(\d+) steps of 15 streams", printed) > 100_000


def test_translate_dates(gallery: Callable[..., str]) -> None:
    printed = gallery("translate_dates.py", "--quick")
    assert "the 8th of January 1978 -> " in printed
    assert number(r"([\d.]+) % of 19176 days that it never saw are right", printed) > 75


def test_weigh_words(gallery: Callable[..., str]) -> None:
    printed = gallery("weigh_words.py")
    assert number(r"right for ([\d.]+) % of 1000 other sentences", printed) > 76
    # what it attends to in "old fashioned but thoroughly satisfying entertainment"
    assert number(r"satisfying (0\.\d+), ", printed) > 0.5


def test_count_letters(gallery: Callable[..., str]) -> None:
    """It counts beyond what it was trained on, and a cell goes up and down."""
    printed = gallery("count_letters.py")
    assert number(r"words of up to 12 a, right for all up to (\d+)", printed) >= 16
    cells = re.findall(r"cell \d: (\S+) with each a, (\S+) with each b", printed)
    assert any(abs(float(a)) > 0.5 and abs(float(a) + float(b)) < 0.1 for a, b in cells)
