"""docs/gradients.md: layer x option, how far gradients are from float64 truth.

    RNNEXT_WRITE_PARITY=1 python3 -m pytest tests/test_gradient_table.py

measures every row and writes the page. A run without it measures every row again and fails where
rnnext's error is above TensorFlow's or the page is not what was measured, by the rules of
`test_parity_table.py`.
"""

from __future__ import annotations

import functools
import importlib
import os
from pathlib import Path

import numpy as np
import pytest
from gradient_errors import DRAWS, Errors, Row, gradient_cases, measured
from parity_cases import RECURRENT_LAYERS
from parity_page import COLUMNS, rows_of, tables
from test_layer_gradients import keras

import rnnext

tensorflow = importlib.import_module("tensorflow")

pytestmark = pytest.mark.filterwarnings("ignore:You passed `rms_scaling=True`")

PAGE = Path(__file__).parents[1] / "docs" / "gradients.md"
CASES = gradient_cases()
LAYERS = list(dict.fromkeys(layer for layer, _ in CASES))
# A quarter of one rounding to float32. Where a layer's gradient is hardly more than rounded, either
# library may be the luckier by that.
ROUNDED = 2.0**-26
# Roundings that are no property of a layer; below this all figures count as the same.
SAME = 8 * 2.0**-23
NONE = "not trained"


@functools.cache
def errors(row: Row) -> Errors | None:
    return measured(row, CASES[row])


@pytest.mark.parametrize("layer", LAYERS)
def test_mean_error_is_at_most_that_of_tensorflow(layer: str) -> None:
    """Over a layer's rows: in a single one either library may be the luckier."""
    found = [errors(row) for row in CASES if row[0] == layer]
    # Without a row of figures the page says that the layer is not trained.
    means = [e.means for e in found if e is not None] or [(0.0, 0.0)]
    ours, theirs = np.mean(means, axis=0)
    allowed = theirs if layer in RECURRENT_LAYERS else theirs + ROUNDED
    assert ours <= allowed, f"{ours:.2e}, TensorFlow's {theirs:.2e}"


# The page -----------------------------------------------------------------------------------------


def cells(row: Row) -> list[str]:
    found = errors(row)
    if found is None:
        return [NONE, "", "", "", ""]
    return [f"{figure:.1e}" if figure else "0" for figure in found.figures()]


def page() -> str:
    """The whole page, newly measured."""
    lines = [
        "# Gradients beside TensorFlow's",
        "",
        "Written by `tests/test_gradient_table.py`; no row is written by hand. Each row is a layer",
        "of [parity.md](parity.md), reversed: the gradients of all its inputs, initial states and",
        f"weights, from random gradients of its outputs, {DRAWS} draws of all of them. The first",
        "three figures are the largest difference of any element: of rnnext and TensorFlow from",
        "each other, and of each from the truth. The last two are the mean differences from the",
        "truth. All are relative to the largest element of a gradient. One rounding to float32 is",
        "up to 6.0e-08.",
        "",
        "The truth is `tf.GradientTape` on Keras's layer in float64, with the same float32",
        "weights, inputs and gradients of outputs. TensorFlow cannot reverse some layers in",
        "float64: there it is a textbook's formula. The steps of rnnext's compiled layers are",
        "tested against `csrc/core/reference_gradient.h`, too.",
        "",
        "The functions of `rnnext.ops` are in [operation-gradients.md](operation-gradients.md).",
        "",
        f"Keras {keras.__version__}, TensorFlow {tensorflow.__version__}; {rnnext.isa()} kernels.",
        "",
        "The mean error of the recurrent layers is at most TensorFlow's (each layer's rows",
        "together), that of any other layer at most a quarter of a rounding, 1.5e-08, above it.",
    ]
    return "\n".join([*lines, *tables(CASES, cells)]) + "\n"


def test_page() -> None:
    if os.environ.get("RNNEXT_WRITE_PARITY"):
        PAGE.write_text(page(), "utf-8")
    rows = rows_of(PAGE)
    assert list(rows) == list(CASES)
    for row, recorded in rows.items():
        found = errors(row)
        assert (recorded[0] == NONE) == (found is None), f"{row}: the page has {recorded[0]}"
        if found is None:
            continue
        for column, cell, new in zip(COLUMNS, recorded, found.figures(), strict=True):
            low, high = sorted((max(float(cell), SAME), max(new, SAME)))
            assert high <= 10 * low, f"{row}, {column}: the page has {cell}, measured is {new}"
