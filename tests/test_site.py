"""The site of the documentation: which versions of it there are."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

VERSIONS = runpy.run_path(str(Path(__file__).parents[1] / "docs" / "site" / "versions.py"))


def test_versions_are_listed_the_newest_first(tmp_path: Path) -> None:
    for name in ("0.9.0", "dev", "0.10.0", "0.10.1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").touch()
    (tmp_path / "no-version").mkdir()
    VERSIONS["list_versions"](tmp_path, "/rnnext/")
    entries = json.loads((tmp_path / "switcher.json").read_text("utf-8"))
    assert [entry["url"] for entry in entries] == [
        "/rnnext/dev/",
        "/rnnext/0.10.1/",
        "/rnnext/0.10.0/",
        "/rnnext/0.9.0/",
    ]
    assert [entry["version"] for entry in entries if entry["preferred"]] == ["0.10.1"]
    assert "url=0.10.1/" in (tmp_path / "index.html").read_text("utf-8")


def test_before_a_release_the_development_is_the_newest(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "index.html").touch()
    VERSIONS["list_versions"](tmp_path, "/")
    assert json.loads((tmp_path / "switcher.json").read_text("utf-8")) == [
        {"version": "dev", "url": "/dev/", "preferred": True}
    ]
