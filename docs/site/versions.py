"""Which versions of the site lie side by side in a folder."""

from __future__ import annotations

import json
import re
from pathlib import Path


def order(version: str) -> tuple[int, ...]:
    """Releases by number; anything else is in development, and newer."""
    if re.fullmatch(r"\d+(\.\d+)*", version):
        return 0, *map(int, version.split("."))
    return (1,)


def list_versions(out: Path, address: str) -> None:
    """Writes the list of the versions in a folder, the newest first, and where its page leads."""
    versions = [page.parent.name for page in out.glob("*/index.html")]
    versions.sort(key=order, reverse=True)
    releases = [version for version in versions if order(version)[0] == 0]
    newest = (releases or versions)[0]
    entries = [
        {"version": version, "url": f"{address}{version}/", "preferred": version == newest}
        for version in versions
    ]
    (out / "switcher.json").write_text(json.dumps(entries, indent=1) + "\n", "utf-8")
    page = f'<!doctype html><meta http-equiv="refresh" content="0; url={newest}/">\n'
    (out / "index.html").write_text(page, "utf-8")
