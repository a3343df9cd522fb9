"""Builds the documentation site; warnings are errors.

    python3 docs/site/build.py OUT [--version NAME] [--address ADDRESS]

OUT/NAME gets the site. OUT/switcher.json lists every version that is there, for the menu by which a
reader changes between them; OUT/index.html leads to the newest release. Browsers read the list from
a server only: `python3 -m http.server -d OUT` is one.

Pages are the Markdown of docs/, which also reads well in the repository. A temporary folder gets a
copy of them, the results of bench/, and a page of the API reference for each package.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from notebook_pages import page_of
from versions import list_versions

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "python" / "rnnext"

# A page for each: its title, and the package whose `__init__.pyi` lists the names.
PACKAGES = {
    "layers": "Layers",
    "models": "Models",
    "saving": "Files",
    "optimizers": "Optimizers",
    "losses": "Losses",
    "metrics": "Metrics",
    "callbacks": "Callbacks",
    "initializers": "Initializers",
    "regularizers": "Regularizers",
    "constraints": "Constraints",
    "ops": "Operations",
}
# What `import rnnext` itself has.
TOP = [
    "rnnext.Stream",
    "rnnext.StreamPool",
    "rnnext.PooledStream",
    "rnnext.Trace",
    "rnnext.Traces",
    "rnnext.explain",
    "rnnext.from_keras",
    "rnnext.from_torch",
    "rnnext.dask.predict",
    "rnnext.ray.predict",
    "rnnext.spark.predict",
    "rnnext.set_num_threads",
    "rnnext.get_num_threads",
    "rnnext.set_random_seed",
    "rnnext.isa",
    "rnnext.errors.RnnextError",
    "rnnext.errors.UnsupportedError",
    "rnnext.errors.ShapeError",
    "rnnext.errors.DataError",
    "rnnext.errors.FileError",
]

# Classes that people call methods of, or override them; of others the arguments are enough.
WITH_METHODS = {
    *("Layer", "Model", "Functional", "Sequential", "Stream", "StreamPool", "PooledStream"),
    *("Trace", "Traces", "RNN", "Bidirectional", "StackedRNNCells", "TextVectorization"),
    *("Optimizer", "LossScaleOptimizer", "Loss", "Metric", "Callback", "CallbackList", "History"),
    *("Initializer", "Regularizer", "Constraint"),
}


def exported(package: str) -> Iterator[tuple[str, bool]]:
    """The names that a package exports, in the order of its stub, and which of them are classes."""
    folder = PACKAGE / package
    stub = folder / "__init__.pyi"
    tree = ast.parse((stub if stub.exists() else folder / "__init__.py").read_text("utf-8"))
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rnnext."):
            for alias in node.names:
                if stub.exists() and alias.asname != alias.name:
                    continue  # what an alias stands for
                kind = kind_of(str(node.module), alias.name)
                if kind is not None and not alias.name.startswith("_"):
                    yield f"rnnext.{package}.{alias.name}", kind is ast.ClassDef


def kind_of(module: str, name: str) -> type[ast.AST] | None:
    """Whether a module defines a name as a class or a function; None: it is another name of one."""
    path = PACKAGE.parent / module.replace(".", "/")
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == name:
            return type(node)
    return None


def reference(title: str, names: list[tuple[str, bool]]) -> str:
    """A page of the API reference, in reStructuredText."""
    parts = [title, "=" * len(title), ""]
    for name, is_class in names:
        kind = "autoclass" if is_class else "autofunction"
        if name.endswith(".predict"):  # of rnnext.dask and its like
            parts += [f".. rubric:: {name}", ""]
        shows_methods = is_class and name.rpartition(".")[2] in WITH_METHODS
        parts += [f".. {kind}:: {name}", *(["   :members:"] if shows_methods else []), ""]
    return "\n".join(parts)


def copy_sources(folder: Path) -> None:
    """Fills the folder that Sphinx reads."""
    for page in (ROOT / "docs").glob("*.md"):
        text = page.read_text("utf-8")
        # Other folders of the repository are within the site, or are not on it at all.
        text = re.sub(r"\]\(\.\./(bench/results/)", r"](\1", text)
        text = re.sub(r"\]\(\.\./examples/(notebooks/\w+)\.ipynb\)", r"](\1.md)", text)
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
    (folder / "api").mkdir()
    top = [(name, name.rpartition(".")[2][0].isupper()) for name in TOP]
    (folder / "api" / "rnnext.rst").write_text(reference("rnnext", top), "utf-8")
    for package, title in PACKAGES.items():
        text = reference(title, list(dict.fromkeys(exported(package))))
        (folder / "api" / f"{package}.rst").write_text(text, "utf-8")


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
