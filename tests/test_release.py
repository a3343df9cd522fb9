"""`.ci/release.py`: one version everywhere, and links that work on a package index."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import rnnext

ROOT = Path(__file__).parents[1]
SCRIPT = Path(".ci", "release.py")
README = (ROOT / "README.md").read_text("utf-8")
FILES = ("CHANGELOG.md", "CITATION.cff", "CMakeLists.txt", "README.md", "pyproject.toml")

pytestmark = pytest.mark.skipif(
    not (ROOT / SCRIPT).exists(), reason="a source distribution has no .ci"
)


def release(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(tree / SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the script reads and writes."""
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    for name in FILES:
        shutil.copy(ROOT / name, tmp_path)
    for link in set(re.findall(r"\]\((?!https?:)([^)#]+)", README)):
        (tmp_path / link).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / link).is_dir():
            (tmp_path / link).mkdir()
        elif not (tmp_path / link).exists():
            (tmp_path / link).touch()
    return tmp_path


def test_one_version_in_this_tree() -> None:
    done = release(ROOT, "check")
    assert (done.returncode, done.stdout.strip()) == (0, rnnext.__version__), done.stderr


def test_a_new_version_is_written_everywhere(tree: Path) -> None:
    done = release(tree, "version", "7.8.9")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "git commit -am 'Version 7.8.9' && git tag v7.8.9\n"
    assert release(tree, "check", "v7.8.9").stdout == "7.8.9\n"
    changes = (tree / "CHANGELOG.md").read_text("utf-8")
    assert re.search(r"## \[Unreleased\]\n\n## \[7\.8\.9\] - \d{4}-\d\d-\d\d\n\n### ", changes)
    citation = (tree / "CITATION.cff").read_text("utf-8")
    assert re.search(r"\nversion: 7\.8\.9\ndate-released: \d{4}-\d\d-\d\d\n", citation)
    again = release(tree, "version", "7.8.9")
    assert (again.returncode, again.stderr) == (1, "CHANGELOG.md has a section of 7.8.9 already.\n")


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("0.0.9", f"0.0.9 is smaller than {rnnext.__version__}.\n"),
        ("7.8", "A version is three numbers, as in 0.2.0, not '7.8'.\n"),
    ],
)
def test_a_version_that_is_none_changes_nothing(tree: Path, version: str, message: str) -> None:
    done = release(tree, "version", version)
    assert (done.returncode, done.stderr) == (1, message)
    assert all((tree / name).read_bytes() == (ROOT / name).read_bytes() for name in FILES)


def test_versions_that_differ_are_named(tree: Path) -> None:
    citation = tree / "CITATION.cff"
    text = citation.read_text("utf-8")
    citation.write_text(text.replace(f"version: {rnnext.__version__}", "version: 7.8.9"), "utf-8")
    done = release(tree, "check")
    assert done.returncode == 1
    assert f"CMakeLists.txt {rnnext.__version__}, CITATION.cff 7.8.9" in done.stderr


def test_a_tag_without_its_section_of_the_changelog_is_none(tree: Path) -> None:
    done = release(tree, "check", "v7.8.9")
    assert done.returncode == 1
    assert "the tag 7.8.9, CHANGELOG.md" in done.stderr


def test_links_and_pictures_become_absolute(tree: Path) -> None:
    done = release(tree, "address", "https://example.org/rnnext", "v7.8.9")
    assert done.returncode == 0, done.stderr
    readme = (tree / "README.md").read_text("utf-8")
    assert re.search(
        r"pip install rnnext    # Python 3\.10 or newer\npython3 -m rnnext demo", readme
    )
    assert not re.search(r"pip install '?\.", readme)
    links = re.findall(r"\]\(([^)]+)\)", readme)
    assert links
    assert all(link.startswith("https://") for link in links)
    assert "https://example.org/rnnext/blob/v7.8.9/docs/training.md" in links
    assert "https://example.org/rnnext/tree/v7.8.9/examples/cpp" in links
    pictures = [link for link in links if link.endswith(".png")]
    assert pictures
    assert all(link.startswith("https://example.org/rnnext/raw/v7.8.9/") for link in pictures)
    project = (tree / "pyproject.toml").read_text("utf-8")
    assert '\n[project.urls]\nRepository = "https://example.org/rnnext"\n' in project
    again = release(tree, "address", "https://example.org/rnnext", "v7.8.9")
    assert (again.returncode, again.stderr) == (1, "pyproject.toml has project URLs already.\n")


def test_a_link_that_leads_nowhere_is_named(tree: Path) -> None:
    (tree / "docs" / "training.md").unlink()
    done = release(tree, "address", "https://example.org/rnnext", "v7.8.9")
    assert (done.returncode, done.stderr) == (
        1,
        "README.md links to docs/training.md, which does not exist.\n",
    )
