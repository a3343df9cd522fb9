"""float16, bfloat16 and the mixed policies: kept and returned narrow, computed in float32.

So an output is the float64 answer, rounded once, which Keras's own, rounded at every operation,
is not.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from layer_twins import random_array

import rnnext
from rnnext import layers
from rnnext.errors import UnsupportedError

pytest.importorskip("ml_dtypes", reason="NumPy's bfloat16 comes from this package")

POLICIES = ("float16", "bfloat16", "mixed_float16", "mixed_bfloat16")
# Half a unit in the last place, relative; float32's own rounding comes to less than a tenth more.
ROUNDING = {"float16": 1.1 * 2.0**-11, "bfloat16": 1.1 * 2.0**-8}
# Below float16's normal numbers the steps are of one size.
SMALLEST = {"float16": 2.0**-24, "bfloat16": 1e-30}

B, T, D = 3, 6, 4
# TensorFlow cannot draw Keras's default, an orthogonal matrix, in bfloat16.
FIXED = {"recurrent_initializer": "glorot_uniform"}
LAYERS: dict[str, Any] = {
    "Dense": lambda m, **o: m.Dense(5, activation="tanh", **o),
    "SimpleRNN": lambda m, **o: m.SimpleRNN(5, **FIXED, return_sequences=True, **o),
    "LSTM": lambda m, **o: m.LSTM(5, **FIXED, return_sequences=True, **o),
    "GRU": lambda m, **o: m.GRU(5, **FIXED, **o),
    "RNN": lambda m, **o: m.RNN(m.GRUCell(5, **FIXED, **o), **o),
    "Bidirectional": lambda m, **o: m.Bidirectional(m.LSTM(3, **FIXED, **o), **o),
    "TimeDistributed": lambda m, **o: m.TimeDistributed(m.Dense(3, **o), **o),
    "Conv1D": lambda m, **o: m.Conv1D(5, 2, **o),
    "BatchNormalization": lambda m, **o: m.BatchNormalization(**o),
    "LayerNormalization": lambda m, **o: m.LayerNormalization(epsilon=0.1, **o),
    "Activation": lambda m, **o: m.Activation("gelu", **o),
    "Softmax": lambda m, **o: m.Softmax(**o),
    "Reshape": lambda m, **o: m.Reshape((T * D,), **o),
}


def inputs(policy: str) -> Any:
    """Numbers that the policy's type has exactly."""
    return random_array((B, T, D)).astype(half(policy)).astype("float32")


def half(policy: str) -> np.dtype[Any]:
    return np.dtype(policy.removeprefix("mixed_"))


def with_weights(layer: Any, x: Any) -> Any:
    """The layer, built, with weights that are not zero."""
    layer(x)
    weights = [0.5 * random_array(w.shape, seed=f"{i}") for i, w in enumerate(layer.weights)]
    for i, weight in enumerate(layer.weights):
        if "variance" in weight.name:
            weights[i] = np.abs(weights[i]) + 0.1
    layer.set_weights(weights)
    return layer


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", LAYERS)
def test_rounded_once(policy: str, name: str) -> None:
    x = inputs(policy)
    layer = with_weights(LAYERS[name](layers, dtype=policy), x)
    exact = LAYERS[name](layers, dtype="float64")
    exact(x)
    exact.set_weights([w.astype("float64") for w in layer.get_weights()])
    y, truth = layer(x), exact(x)
    assert y.dtype == half(policy)
    bound = ROUNDING[half(policy).name] * np.abs(truth) + SMALLEST[half(policy).name] + 1e-7
    assert (np.abs(y.astype("float64") - truth) <= bound).all()


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", LAYERS)
def test_types_are_those_of_keras(policy: str, name: str, keras: ModuleType) -> None:
    x = inputs(policy)
    ours = LAYERS[name](layers, dtype=policy)
    theirs = LAYERS[name](keras.layers, dtype=policy)
    symbolic = ours(layers.Input(x.shape[1:]))
    expected = theirs(x)
    assert symbolic.dtype == np.asarray(expected).dtype.name
    assert ours(x).dtype == symbolic.dtype
    assert [w.dtype for w in ours.weights] == [w.dtype for w in theirs.weights]
    assert [w.dtype.name for w in ours.get_weights()] == [w.dtype for w in ours.weights]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("how", ["file", "live"])
def test_model_of_keras(policy: str, how: str, keras: ModuleType, tmp_path: Path) -> None:
    of = keras.layers
    ids = of.Input((T,), dtype="int32")
    x = of.Embedding(9, D, mask_zero=True, dtype=policy)(ids)
    x = of.Bidirectional(of.GRU(3, **FIXED, return_sequences=True, dtype=policy), dtype=policy)(x)
    y = of.TimeDistributed(of.Dense(6, dtype=policy), dtype=policy)(x)
    x = of.LSTM(4, **FIXED, dtype=policy)(of.Add(dtype=policy)([x, y]))
    model = keras.Model(ids, of.Dense(2, activation="softmax", dtype="float32")(x))
    model.save(tmp_path / "m.keras")
    ours = rnnext.load_model(tmp_path / "m.keras") if how == "file" else rnnext.from_keras(model)
    given = np.arange(B * T).reshape(B, T) % 9
    expected = np.asarray(model(given))
    assert ours.predict(given).dtype == expected.dtype == np.float32
    # Keras rounds every product and every state.
    np.testing.assert_allclose(ours.predict(given), expected, rtol=0, atol=0.03)
    for weight, theirs in zip(ours.weights, model.weights, strict=True):
        assert weight.dtype == theirs.dtype
        np.testing.assert_array_equal(weight.numpy(), theirs.numpy())


def test_a_model_that_returns_half_precision(tmp_path: Path) -> None:
    x = layers.Input((T, D), dtype="float16")
    model = rnnext.Model(x, layers.LSTM(3, dtype="float16")(x))
    assert model.output.dtype == "float16"
    y = model.predict(inputs("float16"))
    assert y.dtype == np.float16
    model.save(tmp_path / "m.keras")
    np.testing.assert_array_equal(
        rnnext.load_model(tmp_path / "m.keras").predict(inputs("float16")), y
    )


def test_half_the_memory() -> None:
    dense = layers.Dense(2, dtype="bfloat16")
    dense.build((None, 3))
    assert dense.kernel.stored.nbytes == 12
    assert dense.kernel.value.dtype == np.float32
    assert dense.compute_dtype == "float32"
    assert dense.output_dtype == "bfloat16"


def test_bfloat16_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.raises(UnsupportedError, match="pip install ml_dtypes"):
        layers.Dense(2, dtype="mixed_bfloat16")
    with pytest.raises(UnsupportedError, match="pip install ml_dtypes"):
        layers.Input((3,), dtype="bfloat16")
    layers.Dense(2, dtype="mixed_float16")


def test_unknown_policy() -> None:
    with pytest.raises(UnsupportedError, match=r"dtype policy 'float8'.*'mixed_float16'"):
        layers.Dense(2, dtype="float8")
