"""Weights stored as bfloat16 and int8: what they compute, and that nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnnext
from rnnext import layers
from rnnext.errors import UnsupportedError

MAKERS: dict[str, Callable[[int], Any]] = {
    "simple_rnn": lambda units: layers.SimpleRNN(units, return_sequences=True),
    "lstm": lambda units: layers.LSTM(units, return_sequences=True),
    "gru": lambda units: layers.GRU(units, return_sequences=True),
    "gru_reset_before": lambda units: layers.GRU(units, reset_after=False, return_sequences=True),
    "dense": lambda units: layers.Dense(units, "tanh"),
}
SIZES = [(1, 1), (7, 9), (70, 67), (130, 140)]


def _rounded_to_bf16(w: np.ndarray) -> np.ndarray:
    """To nearest, ties to even: bfloat16 is the upper half of a float's bits."""
    bits = w.view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


def _layer(cell: str, features: int, units: int) -> tuple[Any, np.ndarray]:
    """A layer with random weights, biases too, and inputs of five samples."""
    rng = np.random.default_rng(features)
    layer = MAKERS[cell](units)
    x = rng.standard_normal((5, 6, features)).astype("float32")
    layer(x)
    layer.set_weights([rng.standard_normal(w.shape) / units**0.5 for w in layer.get_weights()])
    return layer, x


def _with_matrices(layer: Any, change: Callable[[np.ndarray], np.ndarray]) -> list[np.ndarray]:
    """The weights with the kernels changed and the biases as they are."""
    names = [variable.name for variable in layer.weights]
    weights = zip(names, layer.get_weights(), strict=True)
    return [change(w) if "kernel" in name else w for name, w in weights]


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize(("features", "units"), SIZES)
@pytest.mark.parametrize("cell", MAKERS)
def test_bf16_is_the_layer_with_rounded_weights(cell: str, features: int, units: int) -> None:
    """To the last bit: rounding the weights is all that bf16 does."""
    layer, x = _layer(cell, features, units)
    layer.set_precision("bf16")
    narrow = layer(x)
    layer.set_precision("full")
    layer.set_weights(_with_matrices(layer, _rounded_to_bf16))
    np.testing.assert_array_equal(narrow, layer(x))


@pytest.mark.parametrize(("features", "units"), SIZES)
@pytest.mark.parametrize("cell", MAKERS)
def test_int8_is_the_layer_with_quantised_weights(cell: str, features: int, units: int) -> None:
    """One scale a column; the rows that it multiplies are rounded, too, but to 16 bits."""

    def quantised(w: np.ndarray) -> np.ndarray:
        scale = np.abs(w).max(axis=0) / 127
        return np.round(w / scale) * scale

    layer, x = _layer(cell, features, units)
    layer.set_precision("int8")
    narrow = layer(x)
    layer.set_precision("full")
    exact = layer(x)
    layer.set_weights(_with_matrices(layer, quantised))
    # The scales' own rounding may move a weight that is halfway between two integers.
    np.testing.assert_allclose(narrow, layer(x), atol=2e-4)
    if features > 1:
        assert np.abs(narrow - exact).max() > 1e-5


@pytest.mark.parametrize("precision", ["bf16", "int8"])
@pytest.mark.parametrize("cell", MAKERS)
def test_one_answer(cell: str, precision: str) -> None:
    """The bits do not depend on the batch, which decides whether bf16 weights are widened."""
    layer, x = _layer(cell, 70, 67)
    layer.set_precision(precision)
    many = np.concatenate([x] * 12)
    expected = np.concatenate([layer(x[i : i + 1]) for i in range(5)] * 12)
    np.testing.assert_array_equal(layer(many), expected)


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_whole_model(precision: str, tmp_path: Path) -> None:
    """Loaded, changed back and saved: the weights of the model stay exact."""
    model = rnnext.models.Sequential(
        [
            layers.Input((5, 3)),
            layers.Bidirectional(layers.LSTM(8, return_sequences=True)),
            layers.GRU(6),
            layers.Dense(2),
        ]
    )
    x = np.random.default_rng(0).standard_normal((4, 5, 3)).astype("float32")
    exact = model.predict(x)
    path = tmp_path / "model.keras"
    model.save(path)
    narrow = rnnext.load_model(path, precision=precision)
    assert {layer.precision for layer in narrow.layers} == {precision}
    difference = np.abs(narrow.predict(x) - exact).max()
    assert 0 < difference < 0.02
    for mine, theirs in zip(narrow.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    narrow.save(tmp_path / "again.keras")
    np.testing.assert_array_equal(rnnext.load_model(tmp_path / "again.keras").predict(x), exact)
    narrow.set_precision("full")
    np.testing.assert_array_equal(narrow.predict(x), exact)


def test_unknown_precision() -> None:
    with pytest.raises(
        UnsupportedError, match="precision must be 'full', 'bf16' or 'int8', received 'int4'"
    ):
        layers.LSTM(2).set_precision("int4")


def test_float64_is_refused_and_nothing_changes() -> None:
    model = rnnext.models.Sequential(
        [layers.Input((3,)), layers.Dense(2), layers.Dense(2, dtype="float64", name="wide")]
    )
    with pytest.raises(UnsupportedError, match=r"wide.*'int8' is for float32.*float64"):
        model.set_precision("int8")
    assert [layer.precision for layer in model.layers] == ["full", "full"]


def test_int8_needs_finite_weights() -> None:
    layer = layers.Dense(2)
    layer.build((None, 1))
    layer.set_weights([np.array([[np.inf, 1.0]]), np.zeros(2)])
    layer.set_precision("int8")
    with pytest.raises(ValueError, match="int8 weights: received a weight that is not finite"):
        layer(np.ones((1, 1), "float32"))


def test_activation_over_units_is_refused() -> None:
    layer = layers.LSTM(2, activation="softmax")
    layer.set_precision("bf16")
    with pytest.raises(ValueError, match="need an activation of single numbers, not softmax"):
        layer(np.ones((1, 2, 1), "float32"))
