"""How far gradients are from float64 truth: a row of the gradient table, measured."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from layer_twins import random_array
from numpy.typing import NDArray
from parity_cases import CASES, Case
from test_layer_gradients import (
    is_float,
    keras,
    our_gradients,
    seed_for,
    their_gradients,
    weights_of,
)

from rnnext import layers, nest
from rnnext.errors import UnsupportedError

Array = NDArray[Any]
Row = tuple[str, str]

# A single draw of weights and inputs may favour either library.
DRAWS = 2
# TensorFlow has no gradient of these in float64: a textbook's formula takes its place.
_BY_TEXTBOOK = (
    *("MaxPooling3D", "AveragePooling3D", "AdaptiveMaxPooling3D", "AdaptiveAveragePooling3D"),
    *("lanczos3", "lanczos5"),
)
# What only looks numbers up has no gradient.
_WITHOUT_GRADIENT = ("CategoryEncoding", "Discretization", "IntegerLookup", "Hashing")
# A power of two, so that it is added without rounding. What the textbooks compute is piecewise
# linear, so a quotient of differences is exact but for the rounding of float64.
_STEP = 2.0**-20


@dataclasses.dataclass(frozen=True)
class Errors:
    """Of one row; relative to the largest element of each gradient.

    Attributes:
        apart: The largest difference of rnnext from TensorFlow.
        largest: Of rnnext and of TensorFlow, from the truth.
        means: The mean differences of both.
    """

    apart: float
    largest: tuple[float, float]
    means: tuple[float, float]

    def figures(self) -> tuple[float, ...]:
        """In the order of the table's columns."""
        return (self.apart, *self.largest, *self.means)


def gradient_cases() -> dict[Row, Case]:
    """The layers that have gradients; batch normalization in training, too."""
    found = {row: case for row, case in CASES.items() if row[0] not in _WITHOUT_GRADIENT}
    for (layer, option), case in CASES.items():
        if layer == "BatchNormalization" and case.shapes[0][0] > 2:
            row = layer, f"{option}, training".lstrip(", ")
            found[row] = dataclasses.replace(
                case, option=row[1], call={**case.call, "training": True}
            )
    return found


def drawn(case: Case, draw: int) -> tuple[Any, dict[str, Any]]:
    """Inputs and further arguments of a call, all floats float32."""
    if case.integers:
        rng = np.random.default_rng(draw)
        inputs = [rng.integers(0, case.integers, s).astype("int32") for s in case.shapes]
    else:
        inputs = [random_array(s, seed=f"{draw} {i}") for i, s in enumerate(case.shapes)]
    call: dict[str, Any] = {}
    for name, value in case.call.items():
        if name == "initial_state":
            call[name] = [random_array(s, seed=f"{draw} state {i}") for i, s in enumerate(value)]
        else:
            shape = isinstance(value, tuple)
            call[name] = random_array(value, seed=f"{draw} {name}") if shape else value
    return inputs if len(inputs) > 1 else inputs[0], call


def scaled_weights(layer: Any, factor: float) -> list[Array]:
    """Those of the parity table times a factor, variances as they are."""
    pairs = zip(weights_of(layer), layer.weights, strict=True)
    return [w if "variance" in v.name else factor * w for w, v in pairs]


def gradients(case: Case, library: Any, dtype: str, weights: list[Any]) -> list[list[Array]]:
    """Those of each draw. `weights` has the weights of each draw; the first call fills it."""
    layer = case.make(library, dtype=dtype)
    found = []
    for draw in range(DRAWS):
        x, call = nest.map_structure(
            lambda leaf: leaf.astype(dtype) if is_float(leaf) else leaf, drawn(case, draw)
        )
        layer(x, **call)
        if len(weights) == draw:
            weights.append(scaled_weights(layer, 1 + draw / DRAWS))
        layer.set_weights(weights[draw])
        if getattr(layer, "stateful", False):
            layer.reset_states()
            layer(x, **call)
        if library is layers:
            options = {"training": call.pop("training")} if "training" in call else {}
            found.append([np.asarray(d) for d in our_gradients(layer, x, call, **options)])
        else:
            found.append(their_gradients(layer, x, call))
    return found


def textbook_gradients(case: Case) -> list[list[Array]]:
    """The gradient of the input, of each draw, by differences of the textbook's formula."""
    assert case.textbook is not None
    found = []
    for draw in range(DRAWS):
        x = drawn(case, draw)[0].astype("float64")
        y = case.textbook(x)
        seed = seed_for(y)
        gradient = np.empty_like(x)
        for place in np.ndindex(x.shape[1:]):
            moved = x.copy()
            moved[(slice(None), *place)] += _STEP
            change = (case.textbook(moved) - y) * seed / _STEP
            gradient[(slice(None), *place)] = change.reshape(len(x), -1).sum(axis=1)
        found.append([gradient])
    return found


def errors(received: list[Array], truth: list[Array]) -> tuple[float, float]:
    """The largest and the mean difference, relative to the largest element of each gradient.

    A gradient that is zero but for rounding, as that of a bias before a softmax over time, is
    compared with the largest of all.
    """
    largest = max(float(np.abs(exact).max(initial=0)) for exact in truth) or 1.0
    differences = []
    for gradient, exact in zip(received, truth, strict=True):
        assert gradient.shape == exact.shape
        size = float(np.abs(exact).max(initial=0))
        differences.append(np.abs(gradient - exact) / (size if size > 1e-9 * largest else largest))
    return max(float(d.max(initial=0)) for d in differences), float(
        np.mean([d.mean() for d in differences])
    )


def measured(row: Row, case: Case) -> Errors | None:
    """The errors of a row; None if rnnext does not train the layer."""
    weights: list[Any] = []
    theirs = gradients(case, keras.layers, "float32", weights)
    try:
        ours = gradients(case, layers, "float32", weights)
    except UnsupportedError:
        return None
    if any(name in row for name in _BY_TEXTBOOK):
        truth = textbook_gradients(case)
    else:
        truth = gradients(case, keras.layers, "float64", weights)
    of_both = [
        np.array([errors(found, exact) for found, exact in zip(library, truth, strict=True)])
        for library in (ours, theirs)
    ]
    apart = max(errors(mine, other)[0] for mine, other in zip(ours, theirs, strict=True))
    largest, means = ([float(reduce(e[:, i])) for e in of_both] for i, reduce in
                      enumerate((np.max, np.mean)))  # fmt: skip
    return Errors(apart, (largest[0], largest[1]), (means[0], means[1]))
