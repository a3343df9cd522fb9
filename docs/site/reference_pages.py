"""Pages of the API reference in reStructuredText: which names they show, in which sections.

The stub `__init__.pyi` of a package lists its names, and from which module each comes. Layers have
a page for each folder of theirs and operations a section for each module; other packages have one
section for classes and one for functions.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["write_pages"]

PACKAGE = Path(__file__).parents[2] / "python" / "rnnext"

# What `import rnnext` itself has, by section.
TOP = {
    "Streams": ["rnnext.Stream", "rnnext.StreamPool", "rnnext.PooledStream"],
    "Traces": ["rnnext.Trace", "rnnext.Traces", "rnnext.explain"],
    "Models of other libraries": ["rnnext.from_keras", "rnnext.from_torch"],
    "Dask": ["rnnext.dask.predict"],
    "Ray": ["rnnext.ray.predict"],
    "Spark": ["rnnext.spark.predict"],
    "Keras 2's estimators of scikit-learn": [
        "rnnext.wrappers.scikit_learn.KerasClassifier",
        "rnnext.wrappers.scikit_learn.KerasRegressor",
    ],
    "Settings": [
        "rnnext.set_num_threads",
        "rnnext.get_num_threads",
        "rnnext.set_random_seed",
        "rnnext.isa",
    ],
    "Errors": [
        "rnnext.errors.RnnextError",
        "rnnext.errors.UnsupportedError",
        "rnnext.errors.ShapeError",
        "rnnext.errors.DataError",
        "rnnext.errors.FileError",
    ],
}

# Packages with one page, and its title.
PACKAGES = {
    "models": "Models",
    "saving": "Files",
    "activations": "Activations",
    "optimizers": "Optimizers",
    "losses": "Losses",
    "metrics": "Metrics",
    "callbacks": "Callbacks",
    "initializers": "Initializers",
    "regularizers": "Regularizers",
    "constraints": "Constraints",
    "utils": "Utilities",
    "wrappers": "Estimators of scikit-learn",
}

# Folders of layers, and the titles of their pages; "" is the package itself.
LAYERS = {
    "rnn": "Recurrent layers",
    "core": "Core layers",
    "convolutional": "Convolutional layers",
    "pooling": "Pooling layers",
    "merging": "Merging layers",
    "normalization": "Normalization layers",
    "attention": "Attention layers",
    "activations": "Activation layers",
    "reshaping": "Reshaping layers",
    "regularization": "Regularization layers",
    "preprocessing": "Preprocessing layers",
    "": "The base class",
}

# Classes that Keras exports under another name than that of their definition.
RENAMED = {
    "GroupedQueryAttention": "rnnext.layers.attention.grouped_query_attention.GroupedQueryAttention"
}

# Classes whose methods people call or override; for the others the arguments are enough.
WITH_METHODS = {
    *("Layer", "Model", "Functional", "Sequential", "Stream", "StreamPool", "PooledStream"),
    *("Trace", "Traces", "RNN", "Bidirectional", "StackedRNNCells", "TextVectorization"),
    *("Optimizer", "LossScaleOptimizer", "Loss", "Metric", "Callback", "CallbackList", "History"),
    *("Initializer", "Regularizer", "Constraint", "KerasClassifier", "KerasRegressor"),
}


@dataclass(frozen=True)
class Name:
    """A class or function that a package exports."""

    path: str  # such as rnnext.layers.LSTM
    module: str  # the one that defines it
    is_class: bool


@dataclass
class Page:
    """A page of the reference."""

    title: str
    sections: dict[str, list[Name]] = field(default_factory=dict)
    introductions: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [self.title, "=" * len(self.title), ""]
        for title, names in self.sections.items():
            if title:
                lines += [title, "-" * len(title), ""]
            if title in self.introductions:
                lines += [self.introductions[title], ""]
            for name in names:
                lines += [*_directive(name), ""]
        return "\n".join(lines)


def write_pages(folder: Path) -> None:
    """Writes all pages of the reference into a folder."""
    (folder / "layers").mkdir(parents=True)
    pages = {"rnnext": _top_page(), "ops": _operations_page()}
    pages |= {package: _package_page(package, title) for package, title in PACKAGES.items()}
    layers = _layer_pages()
    pages |= {f"layers/{name}": page for name, page in layers.items()}
    for name, page in pages.items():
        (folder / f"{name}.rst").write_text(str(page), "utf-8")
    (folder / "layers.rst").write_text(_list_of_layers(layers), "utf-8")


def _top_page() -> Page:
    return Page(
        "rnnext",
        {
            title: [Name(path, "", path.rpartition(".")[2][0].isupper()) for path in paths]
            for title, paths in TOP.items()
        },
    )


def _package_page(package: str, title: str) -> Page:
    names = list(_exported(package))
    classes = [name for name in names if name.is_class]
    functions = [name for name in names if not name.is_class]
    if not classes or not functions:
        return Page(title, {"": names})
    return Page(title, {"Classes": classes, "Functions": functions})


def _operations_page() -> Page:
    page = Page("Operations")
    for name in sorted(_exported("ops"), key=lambda name: _subject(name.module)):
        title = _subject(name.module)
        page.sections.setdefault(title, []).append(name)
        page.introductions[title] = _first_line(name.module)
    return page


def _layer_pages() -> dict[str, Page]:
    pages = {folder or "base": Page(title) for folder, title in LAYERS.items()}
    for name in _exported("layers"):
        folder = name.module.split(".")[2] if name.module.count(".") == 3 else "base"
        pages[folder].sections.setdefault("", []).append(name)
    return pages


def _list_of_layers(pages: dict[str, Page]) -> str:
    """The page from which a reader finds a layer: every name, by folder."""
    lines = ["Layers", "======", "", ".. toctree::", "   :hidden:", ""]
    lines += [f"   layers/{name}" for name in pages] + [""]
    for name, page in pages.items():
        links = [f":class:`~{it.path}`" for it in page.sections[""] if it.is_class]
        links += [f":func:`~{it.path}`" for it in page.sections[""] if not it.is_class]
        lines += [f":doc:`layers/{name}`", f"   {', '.join(links)}", ""]
    return "\n".join(lines)


def _directive(name: Name) -> list[str]:
    kind = "autoclass" if name.is_class else "autofunction"
    shows_methods = name.is_class and name.path.rpartition(".")[2] in WITH_METHODS
    return [f".. {kind}:: {name.path}", *(["   :members:"] if shows_methods else [])]


def _exported(package: str) -> Iterator[Name]:
    """The classes and functions that a package exports, in the order of its stub."""
    folder = PACKAGE / package
    stub = folder / "__init__.pyi"
    tree = ast.parse((stub if stub.exists() else folder / "__init__.py").read_text("utf-8"))
    seen = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rnnext."):
            module = str(node.module)
            for alias in node.names:
                if stub.exists() and alias.asname != alias.name and alias.name not in RENAMED:
                    continue  # what an alias stands for
                kind = _kind_of(module, alias.name)
                if kind is None or alias.name.startswith("_") or alias.name in seen:
                    continue
                seen.add(alias.name)
                path = RENAMED.get(alias.name, f"rnnext.{package}.{alias.name}")
                yield Name(path, module, kind is ast.ClassDef)


def _source(module: str) -> ast.Module:
    path = PACKAGE.parent / module.replace(".", "/")
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(path.read_text("utf-8"))


def _kind_of(module: str, name: str) -> type[ast.AST] | None:
    """Whether a module defines a name as a class or a function; None: it is another name of one."""
    for node in _source(module).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == name:
            return type(node)
    return None


def _subject(module: str) -> str:
    """What a module of operations is about: rnnext.ops.linear_algebra is "Linear algebra"."""
    parts = [part for part in module.split(".") if part != "operations"]
    return parts[-1].replace("_", " ").capitalize()


def _first_line(module: str) -> str:
    return (ast.get_docstring(_source(module)) or "").partition("\n")[0]
