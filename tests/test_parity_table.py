"""docs/parity.md: layer x option, how far rnnext and TensorFlow are from each other and from truth.

    RNNEXT_WRITE_PARITY=1 python3 -m pytest tests/test_parity_table.py

measures every row and writes the page. A run without it measures every row again and fails where
an error is above its bound, where the page lacks a row, has one too many or has them in another
order, and where a figure of the page is no longer the measured one: other processors and other
builds of TensorFlow round otherwise, so a figure may be ten times the other, and all below
ROUNDING count as the same.
"""

from __future__ import annotations

import functools
import importlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_reference import arrays, load_keras
from layer_twins import random_array
from numpy.typing import NDArray
from parity_cases import CASES, RECURRENT_LAYERS, Case
from parity_page import COLUMNS, Row, rows_of, tables

import rnnext
from rnnext import layers, nest

keras = load_keras()
tensorflow = importlib.import_module("tensorflow")

pytestmark = pytest.mark.filterwarnings("ignore:You passed `rms_scaling=True`")

Array = NDArray[Any]

PAGE = Path(__file__).parents[1] / "docs" / "parity.md"
LIMIT = 1e-5
# Eight roundings to float32: which of them happen is no property of a layer.
ROUNDING = 8 * 2.0**-23


def weights_of(layer: Any) -> list[Array]:
    """Random ones that keep the inputs' scale; variances are positive."""
    drawn = []
    for i, weight in enumerate(layer.weights):
        values = random_array(tuple(weight.shape), seed=f"weight {i}")
        values /= np.sqrt(np.prod(weight.shape[:-1]) if len(weight.shape) > 1 else 4)
        drawn.append(np.abs(values) + 0.1 if "variance" in weight.name else values)
    return drawn


def call_of(case: Case, dtype: str) -> tuple[Any, dict[str, Any]]:
    """Inputs and further arguments of the call, floats in this dtype."""

    def wide(x: Array) -> Array:
        return x.astype(dtype) if x.dtype.kind == "f" else x

    call = {}
    for name, value in case.call.items():
        if name == "initial_state":
            states = [random_array(shape, seed=f"state {i}") for i, shape in enumerate(value)]
            call[name] = list(map(wide, states))
        else:
            call[name] = wide(random_array(value, seed=name)) if isinstance(value, tuple) else value
    inputs = list(map(wide, case.inputs()))
    return inputs if len(inputs) > 1 else inputs[0], call


def outputs_of(case: Case, library: Any, dtype: str, weights: list[Array] | None) -> Any:
    """The outputs, a stateful layer's of its second call, and the weights."""
    layer = case.make(library, dtype=dtype)
    x, call = call_of(case, dtype)
    layer(x, **call)
    if weights is None:
        weights = weights_of(layer)
    layer.set_weights(weights)
    if getattr(layer, "stateful", False):
        layer.reset_states()
        layer(x, **call)
    return [np.asarray(y, np.float64) for y in arrays(nest.flatten(layer(x, **call)))], weights


def errors(outputs: list[Array], truth: list[Array]) -> tuple[float, float]:
    """Largest and mean difference, relative to the largest element of each output."""
    found = []
    for y, exact in zip(outputs, truth, strict=True):
        difference = np.abs(y - exact) / (np.abs(exact).max() or 1.0)
        found.append((difference.max(), difference.mean()))
    largest, means = zip(*found, strict=True)
    return float(max(largest)), float(np.mean(means))


@functools.cache
def measured(row: Row) -> tuple[float, ...]:
    """The figures of a row, in the order of COLUMNS."""
    case = CASES[row]
    theirs, weights = outputs_of(case, keras.layers, "float32", None)
    ours, _ = outputs_of(case, layers, "float32", weights)
    if case.textbook is not None:
        truth = [case.textbook(x.astype("float64")) for x in case.inputs()]
    else:
        truth, _ = outputs_of(case, keras.layers, "float64", weights)
    apart, _ = errors(ours, theirs)
    our_largest, our_mean = errors(ours, truth)
    their_largest, their_mean = errors(theirs, truth)
    return apart, our_largest, their_largest, our_mean, their_mean


@pytest.mark.parametrize("row", CASES, ids=": ".join)
def test_within_the_limit(row: Row) -> None:
    from_tensorflow, ours, *_ = measured(row)
    assert from_tensorflow <= LIMIT
    assert ours <= LIMIT


@pytest.mark.parametrize("layer", RECURRENT_LAYERS)
def test_mean_error_is_at_most_that_of_tensorflow(layer: str) -> None:
    """Over a layer's rows: in a single one either library may be the luckier."""
    means = np.array([measured(row)[3:] for row in CASES if row[0] == layer]).mean(axis=0)
    assert means[0] <= means[1], f"{means[0] / means[1]:.2f} times TensorFlow's"


# The page -----------------------------------------------------------------------------------------


def page() -> str:
    """The whole page, newly measured."""
    lines = [
        "# Parity with TensorFlow",
        "",
        "Written by `tests/test_parity_table.py`; no row is written by hand. Random layers on",
        "random input in float32. The first three figures are the largest difference of any",
        "element: of rnnext and TensorFlow from each other, and of each from the truth. The last",
        "two are the mean differences from the truth. All are relative to the largest element of",
        "the output. One rounding to float32 is up to 6.0e-08.",
        "",
        "The truth is Keras's layer in float64 on the same float32 weights and inputs. TensorFlow",
        "has no float64 for some pooling and for interpolation: there it is a textbook's formula.",
        "For sparsemax it is Keras's formula, too, which up to 3.15 is not the published one.",
        "",
        f"Keras {keras.__version__}, TensorFlow {tensorflow.__version__}; {rnnext.isa()} kernels.",
        "",
        "The recurrent layers' mean error is at most TensorFlow's (each layer's rows together);",
        f"no difference is above {LIMIT:.0e}.",
    ]
    return "\n".join([*lines, *tables(CASES, cells)]) + "\n"


def cells(row: Row) -> list[str]:
    return [f"{figure:.1e}" if figure else "0" for figure in measured(row)]


def test_page() -> None:
    if os.environ.get("RNNEXT_WRITE_PARITY"):
        PAGE.write_text(page(), "utf-8")
    rows = rows_of(PAGE)
    assert list(rows) == list(CASES)
    for row, recorded in rows.items():
        for column, old, new in zip(COLUMNS, map(float, recorded), measured(row), strict=True):
            low, high = sorted((max(old, ROUNDING), max(new, ROUNDING)))
            assert high <= 10 * low, f"{row}, {column}: the page has {old}, measured is {new}"
