"""What docs/architecture.md promises: no import goes up or in a circle, and its map is true.

A floor is a line of FLOORS. A module may import from its own floor and from those below. What must
go up, because Keras has a name there, is imported inside a function and listed in UPWARD.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "python" / "rnnext"

# From the ground up. A name is a module or a package of rnnext.
FLOORS = [
    [
        *(
            "_core",
            "derived",
            "errors",
            "fork_safety",
            "interrupts",
            "lazy",
            "name_scopes",
            "naming",
            "nest",
            "tensor_shape",
        ),
        *("openmp_waiting", "threadpools", "absent", "absent_names", "imports", "packages"),
        *("file_endings", "progbar"),
    ],
    ["settings", "dtypes", "arrays", "plots", "serialization"],
    ["autodiff"],
    ["activations", "initializers", "kept_option", "regularizers", "constraints", "strings"],
    ["graph"],
    ["ops"],
    ["losses", "metrics", "callbacks"],
    ["layers"],
    ["optimizers"],  # they change the variables of layers
    ["models"],
    ["inspection", "saving", "streaming", "training"],
    ["interop", "torch"],
    # Other people's engines that spread a model's predictions.
    ["engines"],
    ["dask", "ray", "spark"],
    # Names of Keras and TensorFlow for what is below.
    [
        *("backend", "config", "dtype_policies", "keras", "mixed_precision", "random"),
        *("tensorflow", "utils", "preprocessing", "datasets", "wrappers"),
    ],
    ["demo", "cli"],
]
FLOOR_OF = {name: floor for floor, names in enumerate(FLOORS) for name in names}

# Imports that go up, none of them at the top of a module: the importing module, what it imports.
UPWARD = {
    ("ops", "losses"): "Keras has the cross-entropies in keras.ops, too",
    ("ops", "layers"): "and convolutions and pooling",
    ("metrics.metric", "layers"): "a metric's state is a Variable, as a layer's weights are",
    ("models", "saving"): "Keras has load_model in keras.models",
    ("models.model", "saving"): "Keras has save, save_weights and load_weights on a model",
    ("models.model", "streaming"): "a model makes its stream",
    ("models.training", "training"): "Keras has fit and evaluate on a model",
    ("models.functional", "streaming"): "a model inside another one says how it streams",
    ("saving", "interop"): "from_keras is also a name of rnnext.saving",
}


class Import(NamedTuple):
    importer: str
    imported: str
    line: int
    where: str  # "top", "function", or "typing": under `if TYPE_CHECKING`

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} -> {self.imported}"


def modules() -> dict[str, Path]:
    """Every module by its name without `rnnext.`; a package by that of its folder."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def statements(tree: ast.AST, where: str = "top") -> Iterator[tuple[ast.AST, str]]:
    """All nodes of a module, each with where it is."""
    for node in ast.iter_child_nodes(tree):
        yield node, where
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from statements(node, "function")
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from statements(node, "typing")
        else:
            yield from statements(node, where)


def targets(node: ast.AST) -> list[str]:
    """The modules of rnnext that a statement imports, also for type checkers alone."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        names = [f"{node.module}.{alias.name}" for alias in node.names]
        names = [n if n.removeprefix("rnnext.") in MODULES else str(node.module) for n in names]
    else:
        names = []
    return [name.removeprefix("rnnext.") for name in names if name.startswith("rnnext.")]


def imports_of(module: str) -> list[Import]:
    found = [
        Import(module, target, getattr(node, "lineno", 0), where)
        for node, where in statements(ast.parse(MODULES[module].read_text("utf-8")))
        for target in targets(node)
    ]
    stub = MODULES[module].with_suffix(".pyi")  # what rnnext.lazy imports when it is asked for
    if stub.exists():
        tree = ast.parse(stub.read_text("utf-8"))
        found += [Import(module, t, 0, "function") for node in tree.body for t in targets(node)]
    return found


# The package itself hands out names of every floor; what starts it does nothing else.
EVERY_IMPORT = [i for name in MODULES if name not in ("", "__main__") for i in imports_of(name)]


def floor(module: str) -> int:
    return FLOOR_OF[module.partition(".")[0]]


def test_every_module_has_a_floor() -> None:
    assert {name.partition(".")[0] for name in MODULES} - {"", "__main__"} == FLOOR_OF.keys() - {
        "_core"
    }


def test_nothing_imports_upward() -> None:
    up = [i for i in EVERY_IMPORT if floor(i.imported) > floor(i.importer)]
    listed = {(i.importer, i.imported.partition(".")[0]) for i in up}
    assert [str(i) for i in up if (i.importer, i.imported.partition(".")[0]) not in UPWARD] == []
    assert [str(i) for i in up if i.where == "top"] == []
    assert UPWARD.keys() <= listed, "an exception that nothing needs any more"


def test_nothing_is_imported_in_a_circle() -> None:
    edges: dict[str, set[str]] = {}
    for i in EVERY_IMPORT:
        goes_up = floor(i.imported) > floor(i.importer)
        if i.where != "function" and not goes_up and i.imported in MODULES:
            edges.setdefault(i.importer, set()).add(i.imported)
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path[path.index(module) :], module))
        if module not in done:
            for imported in sorted(edges.get(module, ())):
                visit(imported, (*path, module))
            done.add(module)

    for module in sorted(edges):
        visit(module, ())


def test_the_map_names_every_folder() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    named = set(
        re.findall(r"`(?:python/rnnext/|csrc/|)(\w+)(?:/\w+)*/`", text.partition("## Four")[0])
    )
    folders = [path.parent.name for path in PACKAGE.glob("*/*.py")]
    folders += [path.name for path in (ROOT / "csrc").iterdir()]
    assert [folder for folder in sorted(set(folders)) if folder not in named] == []


def test_the_walks_name_files_that_there_are() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    walks = text.partition("## Four walks")[2].partition("\n## ")[0]
    files = set(re.findall(r"`([\w/]+\.(?:py|cpp|h))`", walks))
    assert files
    absent = [f for f in files if not (PACKAGE / f).exists() and not (ROOT / f).exists()]
    assert absent == []
    assert max(map(int, re.findall(r"(?m)^(\d+)\.", walks))) <= 8


@pytest.mark.parametrize("module", ["graph", "ops", "layers", "models"])
def test_the_walk_sees_imports(module: str) -> None:
    assert any(i.importer.startswith(module) for i in EVERY_IMPORT)
