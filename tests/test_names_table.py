"""docs/names.md: every public name of Keras, there or not in rnnext, and why not.

    RNNEXT_WRITE_NAMES=1 python3 -m pytest tests/test_names_table.py

writes the page. A run without it fails where the page is no longer what it would write, where a
name is absent without a reason, and where a reason is given for a name that is there.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from keras_reference import load_keras

import rnnext
from rnnext import absent
from rnnext.absent_names import ABSENT, REASONS

keras = load_keras()

PAGE = Path(__file__).parents[1] / "docs" / "names.md"
# Keras has a second tree of names: what `tensorflow.keras` is.
_TF_KERAS = "_tf_keras/keras"
_NO_API = ("src", "_tf_keras", "__pycache__")


def modules_of_keras() -> list[str]:
    """The modules of the public API, `keras` first: the folders beside Keras's sources."""
    root = Path(str(keras.__file__)).parent
    found = {"keras"}
    for tree in (root, root / _TF_KERAS):
        for file in tree.rglob("__init__.py"):
            parts = file.parent.relative_to(tree).parts
            if parts and parts[0] not in _NO_API:
                found.add(".".join(("keras", *parts)))
    return sorted(found)


def keras_module(name: str) -> list[ModuleType]:
    """The module of this name in both trees."""
    spelled = (name, name.replace("keras", "keras._tf_keras.keras", 1))
    return [importlib.import_module(s) for s in spelled if importlib.util.find_spec(s)]


def public_names(module: str) -> list[str]:
    names = {n for tree in keras_module(module) for n in dir(tree) if not n.startswith("_")}
    return sorted(names - {"src"}, key=lambda name: (name.lower(), name))


def module_of_rnnext(module: str) -> Any:
    """The module that stands for Keras's; None if it is absent."""
    try:
        return importlib.import_module(module.replace("keras", "rnnext.keras", 1))
    except absent.AbsentImportError:
        return None


NAMES = {module: public_names(module) for module in modules_of_keras()}


def is_there(module: str, name: str) -> bool:
    ours = module_of_rnnext(module)
    return ours is not None and hasattr(ours, name)


def why_not(module: str, name: str) -> str | None:
    return absent.reason(f"{module}.{name}".removeprefix("keras."))


@pytest.mark.parametrize("module", NAMES)
def test_a_name_is_there_or_has_a_reason(module: str) -> None:
    without = [n for n in NAMES[module] if not is_there(module, n) and why_not(module, n) is None]
    assert without == []


@pytest.mark.parametrize("module", ABSENT)
def test_no_reason_for_a_name_that_is_there(module: str) -> None:
    """Delete the name from rnnext/absent_names.py when it has come."""
    names = [name for by_reason in ABSENT[module].values() for name in by_reason.split()]
    assert sorted(names) == sorted(set(names))
    assert [name for name in names if is_there(module, name)] == []
    assert ABSENT[module].keys() <= REASONS.keys()


def test_every_reason_is_used() -> None:
    assert {reason for by_reason in ABSENT.values() for reason in by_reason} == REASONS.keys()


# The page -----------------------------------------------------------------------------------------


def listed(names: list[str]) -> str:
    text = ", ".join(f"`{name}`" for name in names)
    return "\n".join(textwrap.wrap(text, 100, break_long_words=False, break_on_hyphens=False))


def section(module: str) -> list[str]:
    names = NAMES[module]
    there = [name for name in names if is_there(module, name)]
    lines = [f"## {module}: {len(there)} of {len(names)}", ""]
    if there:
        lines += [listed(there), ""]
    reasons: dict[str, list[str]] = {}
    for name in names:
        if name not in there:
            reasons.setdefault(str(why_not(module, name)), []).append(name)
    for reason, absent_ones in reasons.items():
        lines += [f"Not there; {reason}:", "", listed(absent_ones), ""]
    return lines


def page() -> str:
    there = sum(is_there(module, name) for module, names in NAMES.items() for name in names)
    version = ".".join(keras.__version__.split(".")[:2])
    lines = [
        "# Names of Keras",
        "",
        "Written by `tests/test_names_table.py`; no line is written by hand. The reasons are those",
        "of `rnnext/absent_names.py`, which errors give, too:",
        "`from rnnext.keras.layers import RandomFlip` raises an ImportError that says why, and",
        "`rnnext.keras.layers.RandomFlip` an AttributeError.",
        "",
        f"Of the {sum(map(len, NAMES.values())):,} public names of Keras {version}, those of",
        f"`tensorflow.keras` among them, {there:,} are in rnnext.",
        "",
    ]
    for module in NAMES:
        lines += section(module)
    return "\n".join(lines)


def test_page() -> None:
    if os.environ.get("RNNEXT_WRITE_NAMES"):
        PAGE.write_text(page(), "utf-8")
    assert PAGE.read_text("utf-8") == page()


# What an error says -------------------------------------------------------------------------------


@pytest.mark.parametrize("module", [m for m in NAMES if module_of_rnnext(m) is not None])
def test_both_errors_name_it_and_say_why(module: str) -> None:
    for name in NAMES[module]:
        if is_there(module, name):
            continue
        for error, statement in (
            (AttributeError, f"import {ours(module)}; {ours(module)}.{name}"),
            (ImportError, f"from {ours(module)} import {name}"),
        ):
            with pytest.raises(error) as caught:
                exec(statement, {})
            assert isinstance(caught.value, rnnext.UnsupportedError)
            assert f".{name} is not there: {why_not(module, name)}" in str(caught.value)


def ours(module: str) -> str:
    return module.replace("keras", "rnnext.keras", 1)
