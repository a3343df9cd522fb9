"""One object at several places, renamed classes, and constants, in files of Keras 2 and 3."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import golden_files
import numpy as np
import pytest

import rnnext
from rnnext import saving
from rnnext.layers import GRUCell, Layer

SEQUENCES = {"return_sequences": True}


@pytest.fixture(params=["keras", "tf_keras"])
def library(request: pytest.FixtureRequest, keras: ModuleType) -> Any:
    return keras if request.param == "keras" else pytest.importorskip("tf_keras")


def filled(k: Any, *layers: Any) -> Any:
    model = k.Sequential([k.Input((5, 3)), *layers])
    values = np.random.default_rng(0)
    shapes = [weight.shape for weight in model.get_weights()]
    model.set_weights([values.uniform(0.1, 0.9, shape).astype("f4") for shape in shapes])
    return model


def assert_same(ours: Any, model: Any) -> None:
    x = np.random.default_rng(1).normal(size=(2, 5, 3)).astype("f4")
    expected = np.asarray(model(x))
    np.testing.assert_allclose(ours.predict(x), expected, atol=2e-5 * abs(expected).max())


def one_cell_twice(k: Any) -> list[Any]:
    cell = k.layers.LSTMCell(3)
    return [k.layers.RNN([cell, cell])]


def one_cell_around_another(k: Any) -> list[Any]:
    cell = k.layers.GRUCell(3)
    return [k.layers.RNN(k.layers.StackedRNNCells([cell, k.layers.LSTMCell(3), cell]))]


def one_cell_in_two_layers(k: Any) -> list[Any]:
    cell = k.layers.GRUCell(3)
    return [k.layers.RNN(cell, **SEQUENCES), k.layers.RNN(cell)]


def one_layer_wrapped_and_bare(k: Any) -> list[Any]:
    dense = k.layers.Dense(3)
    return [k.layers.TimeDistributed(dense), dense]


def one_layer_inside_and_outside(k: Any) -> list[Any]:
    dense = k.layers.Dense(3)
    return [k.Sequential([k.Input((5, 3)), dense, k.layers.Dense(3)]), dense]


def one_cell_twice_in_directions(k: Any) -> list[Any]:
    """A Bidirectional makes its layers from the config: four cells, not two."""
    cell = k.layers.GRUCell(3)
    return [k.layers.Bidirectional(k.layers.RNN([cell, cell]))]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "make",
    [
        one_cell_twice,
        one_cell_around_another,
        one_cell_in_two_layers,
        one_layer_wrapped_and_bare,
        one_layer_inside_and_outside,
        one_cell_twice_in_directions,
    ],
)
def test_one_object_at_several_places(library: Any, make: Any, tmp_path: Path) -> None:
    model = filled(library, *make(library))
    suffixes = [".keras", ".h5"][: 1 if make is one_cell_twice_in_directions else 2]
    for suffix in suffixes:
        model.save(tmp_path / f"m{suffix}")
        assert_same(saving.load_model(tmp_path / f"m{suffix}"), model)
    assert_same(rnnext.from_keras(model), model)


def test_a_cell_twice_is_one_cell_after_saving(keras: ModuleType, tmp_path: Path) -> None:
    model = filled(rnnext, *one_cell_twice(rnnext))
    model.save(tmp_path / "m.keras")
    for opened in (
        saving.load_model(tmp_path / "m.keras"),
        keras.models.load_model(tmp_path / "m.keras"),
    ):
        assert len(opened.weights) == 3
        x = np.ones((2, 5, 3), "f4")
        np.testing.assert_allclose(opened.predict(x, verbose=0), model(x), atol=1e-6)


# Classes whose name in Python is not the file's ----------------------------------------------


class OtherScale(Layer):
    def build(self, input_shape: Any) -> None:
        self.s = self.add_weight(shape=(input_shape[-1],), name="s", initializer="ones")

    def call(self, inputs: Any) -> Any:
        return inputs * self.s


class OtherCell(GRUCell):
    pass


class OtherLSTM(rnnext.layers.LSTM):
    pass


def registered(k: Any) -> tuple[Any, Any]:
    class MyScale(k.layers.Layer):
        def build(self, shape: Any) -> None:
            self.s = self.add_weight(shape=(shape[-1],), name="s", initializer="ones")

        def call(self, x: Any) -> Any:
            return x * self.s

        def compute_output_shape(self, shape: Any) -> Any:
            return shape

    class Cell(k.layers.GRUCell):
        pass

    register: Callable[..., Any] = k.saving.register_keras_serializable
    return register("shop", "Scale")(MyScale), register("shop", "Unit")(Cell)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("prefix", ["shop>", ""])
@pytest.mark.parametrize("suffix", [".keras", ".h5", "live"])
def test_classes_of_other_names(library: Any, prefix: str, suffix: str, tmp_path: Path) -> None:
    scale, cell = registered(library)
    layers = library.layers
    model = filled(
        library,
        layers.TimeDistributed(scale()),
        layers.LSTM(3, **SEQUENCES),
        layers.RNN([cell(3), layers.GRUCell(3), cell(3)], **SEQUENCES),
        library.Sequential([library.Input((5, 3)), scale(), layers.Dense(3)]),
        layers.Bidirectional(layers.LSTM(3)),
    )
    objects = {prefix + "Scale": OtherScale, prefix + "Unit": OtherCell, "LSTM": OtherLSTM}
    if suffix == "live":
        ours = rnnext.from_keras(model, custom_objects=objects)
    else:
        model.save(tmp_path / f"m{suffix}")
        ours = saving.load_model(tmp_path / f"m{suffix}", custom_objects=objects)
    assert isinstance(ours.layers[1], OtherLSTM)
    assert_same(ours, model)


def test_weights_of_the_one_class_that_has_another_name(tmp_path: Path) -> None:
    class Renamed(OtherScale):
        pass

    one = rnnext.Sequential([rnnext.Input((3,)), OtherScale(), rnnext.layers.Dense(2)])
    two = rnnext.Sequential([rnnext.Input((3,)), Renamed(), rnnext.layers.Dense(2)])
    one.save_weights(tmp_path / "m.weights.h5")
    two.load_weights(tmp_path / "m.weights.h5")
    x = np.ones((1, 3), "f4")
    np.testing.assert_array_equal(one(x), two(x))


# Constants -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", golden_files.names("tfkeras221_constants*"))
def test_constants_that_keras_2_saved(name: str) -> None:
    golden_files.assert_gives_recorded_outputs(saving.load_model(golden_files.content(name)), name)


@pytest.mark.filterwarnings("ignore")
def test_constant_states_of_several_cells(library: Any, tmp_path: Path) -> None:
    import tensorflow

    def state(*shape: int) -> Any:
        return tensorflow.constant(np.random.default_rng(2).normal(size=shape).astype("f4"))

    layers = library.layers
    x = library.Input((5, 3), batch_size=2)
    cells = [layers.LSTMCell(2), layers.GRUCell(2)]
    y = layers.RNN(cells, **SEQUENCES)(x, initial_state=[[state(2, 2), state(2, 2)], state(2, 2)])
    folded = layers.Reshape((5, 2, 1))(y)
    film = layers.ConvLSTM1D(2, 1)(folded, initial_state=[state(2, 2, 2), state(2, 2, 2)])
    model = library.Model(x, film)
    for suffix in (".h5", ".keras"):
        model.save(tmp_path / f"m{suffix}")
        assert_same(saving.load_model(tmp_path / f"m{suffix}"), model)
    assert_same(rnnext.from_keras(model), model)
