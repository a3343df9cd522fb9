"""Builds the documentation site; warnings are errors.

    python3 docs/site/build.py OUT [--version NAME] [--address ADDRESS]

OUT/NAME gets the site. OUT/switcher.json lists every version that is there, for the menu by which a
reader changes between them; OUT/index.html leads to the newest release. Browsers read the list from
a server only: `python3 -m http.server -d OUT` is one.

Pages are the Markdown of docs/, which also reads well in the repository. A temporary folder gets a
copy of them, of the results of bench/ and of the notebooks, and the pages of the API reference.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from notebook_pages import page_of
from reference_pages import write_pages
from versions import list_versions

ROOT = Path(__file__).parents[2]


def copy_sources(folder: Path) -> None:
    """Fills the folder that Sphinx reads."""
    for page in (ROOT / "docs").glob("*.md"):
        text = page.read_text("utf-8")
        # Other folders of the repository are within the site, or are not on it at all.
        text = re.sub(r"\]\(\.\./(bench/results/)", r"](\1", text)
        text = re.sub(r"\]\(\.\./examples/(notebooks/\w+)\.ipynb\)", r"](\1.md)", text)
        if page.stem == "gallery":
            text += "\n```{toctree}\n:hidden:\n:glob:\n\nnotebooks/*\n```\n"
        (folder / page.name).write_text(text, "utf-8")
    for pictures in ("gallery", "pictures"):
        shutil.copytree(ROOT / "docs" / pictures, folder / pictures)
    shutil.copytree(ROOT / "docs" / "site", folder / "site")
    shutil.copy(ROOT / "docs" / "site" / "conf.py", folder)
    shutil.copytree(
        ROOT / "bench" / "results",
        folder / "bench" / "results",
        ignore=lambda _, names: [name for name in names if not name.endswith((".md", ".png"))],
    )
    (folder / "notebooks").mkdir()
    for notebook in (ROOT / "examples" / "notebooks").glob("*.ipynb"):
        (folder / "notebooks" / f"{notebook.stem}.md").write_text(page_of(notebook), "utf-8")
    write_pages(folder / "api")


def main() -> int:
    """Builds the site; returns the exit status of Sphinx."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path, help="folder of all versions")
    parser.add_argument("--version", default="dev", help="this one's name, and its folder's")
    parser.add_argument("--address", default="/", help="where OUT is served, such as /rnnext/")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        copy_sources(folder)
        command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "-q"]
        command += [str(folder), str(arguments.out / arguments.version)]
        environment = {**os.environ, "RNNEXT_DOCS_VERSION": arguments.version}
        status = subprocess.run(command, env=environment).returncode
    if status == 0:
        list_versions(arguments.out, arguments.address)
    return status


if __name__ == "__main__":
    sys.exit(main())
