"""Pages of the site from notebooks: text, code, and the printed text that the files keep.

tests/test_notebook_files.py runs the notebooks and compares what they print with what is kept in
them. So a page needs no Jupyter, and no extension of Sphinx.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["page_of"]


def page_of(notebook: Path) -> str:
    """A notebook as Markdown."""
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    return "\n\n".join(part for cell in cells for part in _parts(cell))


def _parts(cell: Any) -> Iterator[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        yield source
        return
    yield f"```python\n{source}\n```"
    for output in cell["outputs"]:
        yield f"```text\n{_text(output)}\n```"


def _text(output: Any) -> str:
    lines = output["text"] if "text" in output else output["data"]["text/plain"]
    return "".join(lines).rstrip()
