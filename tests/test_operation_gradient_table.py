"""docs/operation-gradients.md: which functions of rnnext.ops have a gradient, and how exact it is.

    RNNEXT_WRITE_PARITY=1 python3 -m pytest tests/test_operation_gradient_table.py

measures every row and writes the page. A run without it measures every row again and fails where
rnnext's error is above TensorFlow's or the page is not what was measured.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path

import pytest
from gradient_errors import Errors
from op_gradients import CALLS, NONE, THEIRS_ALONE, keras, measured, names_of_functions, tensorflow

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

PAGE = Path(__file__).parents[1] / "docs" / "operation-gradients.md"
COLUMNS = ("rnnext - TensorFlow", "rnnext", "TensorFlow", "rnnext, mean", "TensorFlow, mean")
# One rounding to float32, beside twice TensorFlow's error: for a function, there are few draws.
ROUNDED = 2.0**-24
SAME = 8 * 2.0**-23


@functools.cache
def errors(name: str) -> Errors | str:
    return measured(name)


def rows() -> list[str]:
    """The functions with a row of their own."""
    return [name for name in names_of_functions() if errors(name) != NONE]


def test_mean_error_is_not_above_that_of_tensorflow() -> None:
    found = {name: errors(name) for name in CALLS}
    means = {name: e.means for name, e in found.items() if isinstance(e, Errors)}
    above = {n: m for n, m in means.items() if m[0] > 2 * m[1] + ROUNDED}
    assert not above
    assert len(means) > 180


def test_what_tensorflow_alone_has() -> None:
    """The edges of bins are functions of the smallest and the largest number."""
    assert [name for name in CALLS if errors(name) == THEIRS_ALONE] == ["histogram"]


# The page -----------------------------------------------------------------------------------------


def cells(name: str) -> list[str]:
    found = errors(name)
    if isinstance(found, str):
        return [found, "", "", "", ""]
    return [f"{figure:.1e}" if figure else "0" for figure in found.figures()]


def page() -> str:
    """The whole page, newly measured."""
    others = [f"`{name}`" for name in names_of_functions() if errors(name) == NONE]
    lines = [
        "# Gradients of operations",
        "",
        "Written by `tests/test_operation_gradient_table.py`; no row is written by hand. Each row",
        "is a function of `rnnext.ops`: the gradients of all its arrays of floats, from random",
        "gradients of its results, in all the calls that the tests compare with Keras. The columns",
        "are those of [gradients.md](gradients.md): the largest difference of any element between",
        "rnnext and TensorFlow, of each from the truth, and the mean differences from the truth,",
        "all relative to the largest element of a gradient. The truth is TensorFlow in float64.",
        "One rounding to float32 is up to 6.0e-08. Where both are far from the truth, a limit in",
        "float32 is another one in float64, such as that of a probability below 1.",
        "",
        f"Keras {keras.__version__}, TensorFlow {tensorflow.__version__}.",
        "",
        "| function | " + " | ".join(COLUMNS) + " |",
        "| --- |" + " --- |" * len(COLUMNS),
        *("| " + " | ".join([f"`{name}`", *cells(name)]) + " |" for name in rows()),
        "",
        "These make arrays, return integers, booleans or a form, or are steps, and have no",
        "gradient, or one of zeros, in either library: " + ", ".join(others) + ".",
    ]
    return "\n".join(lines) + "\n"


def test_page() -> None:
    if os.environ.get("RNNEXT_WRITE_PARITY"):
        PAGE.write_text(page(), "utf-8")
    text = PAGE.read_text("utf-8")
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    recorded = {line.split("`")[1]: line for line in lines}
    assert list(recorded) == rows()
    assert set(names_of_functions()) - set(recorded) <= set(text.split("`"))
    for name, line in recorded.items():
        found, figures = errors(name), [cell.strip() for cell in line[1:-1].split("|")][1:]
        if isinstance(found, str):
            assert figures[0] == found
            continue
        for column, cell, new in zip(COLUMNS, figures, found.figures(), strict=True):
            low, high = sorted((max(float(cell), SAME), max(new, SAME)))
            assert high <= 10 * low, f"{name}, {column}: the page has {cell}, measured is {new}"
