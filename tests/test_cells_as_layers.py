"""Cells called as layers: in functional models built here, live, and from files, and on arrays."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from keras_reference import arrays, load_keras
from numpy.typing import NDArray

import rnnext
from rnnext.errors import RnnextError

keras = load_keras()
UNITS, FEATURES, BATCH = 3, 4, 2


def libraries() -> list[Any]:
    names = ["keras", "tf_keras"] if importlib.util.find_spec("tf_keras") else ["keras"]
    return [pytest.param(name, id=name) for name in names]


@pytest.fixture(params=libraries())
def library(request: pytest.FixtureRequest) -> ModuleType:
    """Keras 3 and Keras 2."""
    return importlib.import_module(request.param)


def draw(*shapes: tuple[int, ...]) -> list[NDArray[Any]]:
    rng = np.random.default_rng(3)
    return [rng.standard_normal(shape).astype("float32") for shape in shapes]


# Each takes a library and returns a functional model.


def lstm(k: Any) -> Any:
    x, h, c = k.Input((FEATURES,)), k.Input((UNITS,)), k.Input((UNITS,))
    y, (h1, c1) = k.layers.LSTMCell(UNITS)(x, [h, c])
    return k.Model([x, h, c], [y, h1, c1])


def lstm_by_keyword(k: Any) -> Any:
    x, h, c = k.Input((FEATURES,)), k.Input((UNITS,)), k.Input((UNITS,))
    y, _ = k.layers.LSTMCell(UNITS, use_bias=False)(x, states=[h, c])
    return k.Model([x, h, c], k.layers.Dense(2)(y))


def lstm_with_a_tuple(k: Any) -> Any:
    x, h, c = k.Input((FEATURES,)), k.Input((UNITS,)), k.Input((UNITS,))
    _, states = k.layers.LSTMCell(UNITS, activation="relu")(x, (h, c))
    return k.Model([x, h, c], states[1])


def simple(k: Any) -> Any:
    x, h = k.Input((FEATURES,)), k.Input((UNITS,))
    y, (state,) = k.layers.SimpleRNNCell(UNITS)(x, [h])
    return k.Model([x, h], [y, state])


def simple_with_a_tensor(k: Any) -> Any:
    x, h = k.Input((FEATURES,)), k.Input((UNITS,))
    y, state = k.layers.SimpleRNNCell(UNITS)(x, h)
    return k.Model([x, h], [y, k.layers.Dense(2)(state)])


def gru(k: Any) -> Any:
    x, h = k.Input((FEATURES,)), k.Input((UNITS,))
    y, states = k.layers.GRUCell(UNITS)(x, [h])
    return k.Model([x, h], [y, states[0]])


def gru_before(k: Any) -> Any:
    x, h = k.Input((FEATURES,)), k.Input((UNITS,))
    y, state = k.layers.GRUCell(UNITS, reset_after=False)(x, h)
    return k.Model([x, h], [state, y])


def unrolled(k: Any) -> Any:
    steps = k.Input((3, FEATURES))
    h, c = k.Input((UNITS,)), k.Input((UNITS,))
    cell = k.layers.LSTMCell(UNITS, name="shared")
    outputs, states = [], [h, c]
    for t in range(3):
        y, states = cell(steps[:, t], states)
        outputs.append(y)
    return k.Model([steps, h, c], [k.layers.Concatenate()(outputs), *states])


def stacked(k: Any) -> Any:
    x, h, c, g = (k.Input((size,)) for size in (FEATURES, UNITS, UNITS, 2))
    cells = k.layers.StackedRNNCells([k.layers.LSTMCell(UNITS), k.layers.GRUCell(2)])
    y, ((h1, c1), _) = cells(x, [[h, c], [g]])
    return k.Model([x, h, c, g], [y, h1, c1])


MODELS = [
    lstm,
    lstm_by_keyword,
    lstm_with_a_tuple,
    simple,
    simple_with_a_tensor,
    gru,
    gru_before,
    unrolled,
    stacked,
]


def inputs_of(model: Any) -> list[NDArray[Any]]:
    return draw(*[(BATCH, *tensor.shape[1:]) for tensor in model.inputs])


def assert_same(model: Any, reference: Any) -> None:
    x = inputs_of(reference)
    expected = arrays(reference.predict(x, verbose=0))
    got = arrays(model.predict(x))
    assert [tuple(y.shape[1:]) for y in expected] == [y.shape[1:] for y in model.outputs]
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("make", MODELS)
class TestFunctional:
    def test_built_here(self, make: Any, library: ModuleType) -> None:
        reference, model = make(library), make(rnnext)
        model.set_weights(reference.get_weights())
        assert_same(model, reference)

    def test_live(self, make: Any, library: ModuleType) -> None:
        reference = make(library)
        assert_same(rnnext.from_keras(reference), reference)

    @pytest.mark.parametrize("suffix", ["keras", "h5"])
    @pytest.mark.filterwarnings("ignore:You are saving your model:UserWarning")
    def test_from_files(self, make: Any, suffix: str, library: ModuleType, tmp_path: Path) -> None:
        reference = make(library)
        reference.save(tmp_path / f"m.{suffix}")
        assert_same(rnnext.load_model(tmp_path / f"m.{suffix}"), reference)

    def test_saved_here(self, make: Any, tmp_path: Path) -> None:
        model = make(rnnext)
        model.save(tmp_path / "m.keras")
        reference = keras.saving.load_model(tmp_path / "m.keras")
        assert_same(model, reference)
        assert_same(rnnext.load_model(tmp_path / "m.keras"), reference)

    def test_summary_and_config(self, make: Any) -> None:
        model = make(rnnext)
        lines: list[str] = []
        model.summary(print_fn=lines.append)
        assert "Cell" in "\n".join(lines)
        twin = rnnext.Model.from_config(model.get_config())
        twin.set_weights(model.get_weights())
        x = inputs_of(model)
        for one, other in zip(arrays(twin.predict(x)), arrays(model.predict(x)), strict=True):
            np.testing.assert_array_equal(one, other)


class TestOnArrays:
    @pytest.mark.parametrize("name", ["SimpleRNNCell", "GRUCell", "LSTMCell"])
    @pytest.mark.parametrize("nested", [list, tuple, None])
    def test_as_keras(self, name: str, nested: Any) -> None:
        count = 2 if name == "LSTMCell" else 1
        if nested is None and count == 2:
            pytest.skip("an LSTM has two states")
        x, *states = draw((BATCH, FEATURES), *[(BATCH, UNITS)] * count)
        given = states[0] if nested is None else nested(states)
        cell, reference = (getattr(k.layers, name)(UNITS) for k in (rnnext, keras))
        expected = reference(x, given)
        cell.build(x.shape)
        cell.set_weights(reference.get_weights())
        got = cell(x, given)
        assert isinstance(got[1], list) == isinstance(expected[1], list)
        leaves = [part for each in got for part in (each if isinstance(each, list) else [each])]
        for one, other in zip(leaves, keras.tree.flatten(expected), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)

    def test_a_mask_ends_at_a_cell(self) -> None:
        x, h = rnnext.Input((FEATURES,)), rnnext.Input((UNITS,))
        y, _ = rnnext.layers.GRUCell(UNITS)(rnnext.layers.Masking()(x), [h])
        model = rnnext.Model([x, h], y)
        assert not model.makes_mask

    def test_wrong_states_are_refused_at_once(self) -> None:
        x, h = rnnext.Input((FEATURES,)), rnnext.Input((UNITS + 1,))
        for states in ([h, h], [h], h):
            with pytest.raises(RnnextError, match=r"'lstm_cell.*expected states of shapes"):
                rnnext.layers.LSTMCell(UNITS)(x, states)
        with pytest.raises(RnnextError, match=r"LSTMCell.*'states'"):
            rnnext.layers.LSTMCell(UNITS)(x)

    def test_time_distributed_has_no_states_to_give(self) -> None:
        with pytest.raises(RnnextError, match=r"LSTMCell.*states"):
            rnnext.layers.TimeDistributed(rnnext.layers.LSTMCell(UNITS))(rnnext.Input((5, 4)))
