"""What rnnext saves as .h5, Keras 3, Keras 2 and rnnext open, and it gives the same answers.

Keras 2 may refuse a file that it would compute differently, with an error, never with an answer.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import random_drawing
import random_models
from numpy.typing import NDArray
from parity_cases import CASES, VIDEO, Case
from test_saving_layer_classes import MORE_CASES, call_arguments, graph_input

import rnnext
from rnnext import layers, nest, saving
from rnnext.layers import (
    GRU,
    LSTM,
    Add,
    BatchNormalization,
    Bidirectional,
    Concatenate,
    Dense,
    Dropout,
    Embedding,
    GRUCell,
    Input,
    LayerNormalization,
    LeakyReLU,
    LSTMCell,
    Masking,
    RMSNormalization,
    SimpleRNNCell,
    Softmax,
    StackedRNNCells,
    TimeDistributed,
)
from rnnext.models import Model, Sequential

pytestmark = pytest.mark.filterwarnings("ignore")  # TensorFlow's and both Kerases' own

Array = NDArray[Any]
Made = tuple[Any, list[Array]]


@pytest.fixture(scope="session")
def keras2() -> ModuleType:
    pytest.importorskip("tf_keras", reason="tf_keras is not installed")
    return importlib.import_module("tf_keras")


def filled(model: Any, seed: int = 0) -> Any:
    """The model with random weights, positive where they are variances."""
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal(w.shape) / 2 for w in model.weights]
    for i, variable in enumerate(model.weights):
        if "variance" in variable.name:
            weights[i] = np.abs(weights[i])
    model.set_weights(weights)
    return model


def sequences(count: int = 1) -> list[Array]:
    rng = np.random.default_rng(1)
    return [rng.standard_normal((2, 5, 3)).astype("f") for _ in range(count)]


def answers(model: Any, x: list[Array]) -> list[Array]:
    """The outputs of a model of any library; predict would trace a function of TensorFlow's."""
    return [np.asarray(y) for y in nest.flatten(model(x if len(x) > 1 else x[0]))]


def assert_close(outputs: list[Array], expected: list[Array]) -> None:
    for output, y in zip(outputs, expected, strict=True):
        scale = max(1.0, float(np.abs(y).max()))
        np.testing.assert_allclose(output, y, rtol=0, atol=2e-5 * scale)


def assert_reads(library: Any, file: Path, x: list[Array], expected: list[Array]) -> None:
    model = library.models.load_model(file, compile=False)
    assert_close(answers(model, x), expected)


def saved(model: Any, x: list[Array], file: Path) -> list[Array]:
    """Saves the model, checks what rnnext itself reads, and returns its answers."""
    model.save(file)
    expected = answers(model, x)
    copy = saving.load_model(file)
    for weight, other in zip(copy.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other, strict=True)
    for output, y in zip(answers(copy, x), expected, strict=True):
        np.testing.assert_array_equal(output, y)
    return expected


# ---- models that both Keras open -----------------------------------------------------------------


def frozen(model: Any, *path: Any) -> Any:
    """The model, one part of which is not trainable: its weights come last in a file."""
    part = model
    for step in path:
        part = part[step] if isinstance(step, int) else getattr(part, step)
    part.trainable = False
    return model


def words() -> Made:
    x = np.random.default_rng(2).integers(0, 4, (3, 5)).astype("int32")
    return Sequential(
        [
            Input((5,), dtype="int32"),
            Embedding(7, 3, mask_zero=True),
            Bidirectional(GRU(4, return_sequences=True)),
            TimeDistributed(Dense(3, "relu")),
            GRU(3, reset_after=False),
        ]
    ), [x]


def stacked_cells() -> Made:
    cells = StackedRNNCells([LSTMCell(3), LSTMCell(3)])
    first = layers.RNN([LSTMCell(3), GRUCell(3)], return_sequences=True)
    both = Bidirectional(layers.RNN(SimpleRNNCell(3), return_sequences=True))
    return Sequential([Input((5, 3)), Masking(), first, both, layers.RNN(cells)]), sequences()


def inner_sequential() -> Sequential:
    return Sequential([Input((3,)), Dense(4), BatchNormalization(), Dense(4)])


def inner_graph() -> Model:
    x = Input((3,))
    y = Dense(4)(x)
    return Model(x, Add()([y, Dense(4)(y)]))


def distributed_models() -> Made:
    parts = [TimeDistributed(inner_sequential()), TimeDistributed(Sequential([inner_graph_of_4()]))]
    return Sequential([Input((5, 3)), *parts, LSTM(4)]), sequences()


def inner_graph_of_4() -> Model:
    x = Input((4,))
    return Model(x, Add()([x, Dense(4)(x)]))


def sequential_in_sequential() -> Made:
    first, second = (LSTM(4, return_sequences=True) for _ in range(2))
    inner = Sequential([Input((5, 3)), first, second])
    return Sequential([inner, LSTM(4)]), sequences()


def nested_several_times() -> Made:
    x, y, z = Input((5, 3)), Input((5, 3)), Input((5, 3))
    inner = Model(z, LSTM(3, return_sequences=True)(z))
    a, b = inner(x), inner(y)
    c = inner(a)
    return Model([x, y], [Concatenate()([a, b, c]), c, b]), sequences(2)


def nested_with_two_outputs() -> Made:
    x, z = Input((5, 3)), Input((5, 3))
    first, second = Model(z, [LSTM(3, return_sequences=True)(z), GRU(2)(z)])(x)
    return Model(x, [Dense(2)(first), second, first]), sequences()


def nested_sequential_as_output() -> Made:
    x = Input((5, 3))
    return Model(x, Sequential([Input((5, 3)), LSTM(3)])(x)), sequences()


def layer_in_a_nested_model_and_outside() -> Made:
    x, z = Input((5, 3)), Input((3,))
    shared = Dense(3)
    return Model(x, [LSTM(3)(shared(x)), Model(z, shared(z))(GRU(3)(x))]), sequences()


def dictionaries() -> Made:
    x, y = Input((5, 3), name="a"), Input((5, 3), name="b")
    return Model([x, y], {"u": LSTM(2)(x), "v": GRU(2)(y)}), sequences(2)


def options() -> Made:
    lstm = LSTM(
        3,
        kernel_regularizer="l2",
        recurrent_constraint="max_norm",
        kernel_initializer="he_normal",
        seed=3,
        dropout=0.1,
        return_sequences=True,
    )
    both_axes = [LayerNormalization(axis=[1, 2]), BatchNormalization(axis=1), Softmax(axis=[1, 2])]
    rest = [
        Dropout(0.2, seed=4),
        LeakyReLU(0.2),
        layers.PReLU(),
        layers.Activation("gelu"),
        GRU(3),
        Dense(3, "leaky_relu"),
    ]
    return Sequential([Input((5, 3)), *both_axes, lstm, *rest]), sequences()


def stateful() -> Made:
    return Sequential([Input(batch_shape=(2, 5, 3)), LSTM(3, stateful=True)]), sequences()


def never_given_a_shape() -> Made:
    model = Sequential([LSTM(4), Dense(2)])
    model(sequences()[0])
    return model, sequences()


def both_directions_out() -> Made:
    return Sequential([Input((5, 3)), Bidirectional(LSTM(3, return_sequences=True))]), sequences()


def merged_after_masks() -> Made:
    x = Input((5, 3))
    masked = Masking()(x)
    return Model(x, Concatenate()([LSTM(2)(masked), GRU(2)(masked)])), sequences()


MODELS: dict[str, Callable[[], Made]] = {
    make.__name__: make
    for make in (
        words,
        stacked_cells,
        distributed_models,
        sequential_in_sequential,
        nested_several_times,
        nested_with_two_outputs,
        nested_sequential_as_output,
        dictionaries,
        options,
        stateful,
        never_given_a_shape,
        merged_after_masks,
    )
}
FROZEN: dict[str, tuple[Callable[[], Made], tuple[Any, ...]]] = {
    "forward": (both_directions_out, ("layers", 0, "forward_layer")),
    "backward": (both_directions_out, ("layers", 0, "backward_layer")),
    "cell": (stacked_cells, ("layers", 3, "cell", "cells", 0)),
    "layer in TimeDistributed": (distributed_models, ("layers", 0, "layer", "layers", 0)),
    "layer in Sequential": (sequential_in_sequential, ("layers", 0, "layers", 0)),
}


@pytest.mark.parametrize("name", MODELS)
def test_both_keras_open_it(
    name: str, tmp_path: Path, keras: ModuleType, keras2: ModuleType
) -> None:
    model, x = MODELS[name]()
    expected = saved(filled(model), x, tmp_path / "m.h5")
    for library in (keras, keras2):
        assert_reads(library, tmp_path / "m.h5", x, expected)


@pytest.mark.parametrize("name", FROZEN)
def test_frozen_parts(name: str, tmp_path: Path, keras: ModuleType, keras2: ModuleType) -> None:
    make, path = FROZEN[name]
    model, x = make()
    expected = saved(frozen(filled(model), *path), x, tmp_path / "m.h5")
    for library in (keras, keras2):
        assert_reads(library, tmp_path / "m.h5", x, expected)


def test_a_layer_in_a_nested_model_and_outside(
    tmp_path: Path, keras: ModuleType, keras2: ModuleType
) -> None:
    """Each place has the layer's weights, so readers, which make two layers of it, are right."""
    model, x = layer_in_a_nested_model_and_outside()
    filled(model).save(tmp_path / "m.h5")
    expected = answers(model, x)
    assert_close(answers(saving.load_model(tmp_path / "m.h5"), x), expected)
    for library in (keras, keras2):
        assert_reads(library, tmp_path / "m.h5", x, expected)


def all_classes() -> Made:
    """One model with a layer of every class that Keras 2 has, each as a branch of its own."""
    of_keras3 = ("GroupQueryAttention", "MultiHeadAttention", "RMSNormalization", "Activation")
    of_keras3 += ("STFTSpectrogram", "MelSpectrogram")
    of_keras3 += tuple(name for name in dir(layers) if name.startswith("Adaptive"))
    of_keras3 += ("Hashing",)  # one_hot of several values; see test_preprocessing
    inputs: list[Any] = []
    values: list[Array] = []
    outputs: list[Any] = []
    seen: set[str] = set()
    case: Case
    for case in CASES.values():
        plain = not case.call and case.layer not in seen and case.shapes[0] != VIDEO
        if not plain or case.layer in of_keras3 or len(case.inputs()[0]) != 24:
            continue
        seen.add(case.layer)
        arrays = case.inputs()
        values += arrays
        tensors = [graph_input(array) for array in arrays]
        inputs += tensors
        assert not call_arguments(case)
        outputs += nest.flatten(case.make(layers)(tensors if len(tensors) > 1 else tensors[0]))
    assert len(seen) > 50
    return Model(inputs, outputs), values


def test_every_class(tmp_path: Path, keras: ModuleType, keras2: ModuleType) -> None:
    model, x = all_classes()
    expected = saved(filled(model), x, tmp_path / "m.h5")
    for library in (keras, keras2):
        assert_reads(library, tmp_path / "m.h5", x, expected)


PREPROCESSING = {
    f"{case.layer}, {case.option}": case
    for case in (*CASES.values(), *MORE_CASES)
    if case.layer
    in (
        *("Discretization", "HashedCrossing", "Hashing", "IntegerLookup", "StringLookup"),
        "TextVectorization",
    )
}


REFUSED_BY_KERAS2 = {
    "Hashing, one_hot": "maximum supported output rank is 2",
    "TextVectorization, tf_idf, character": "Layer count mismatch",  # counts idf_weights
}


@pytest.mark.parametrize("name", PREPROCESSING)
def test_preprocessing(name: str, tmp_path: Path, keras: ModuleType, keras2: ModuleType) -> None:
    case = PREPROCESSING[name]
    x = case.inputs()
    tensors = [graph_input(array) for array in x]
    model = Model(tensors, case.make(layers)(tensors if len(tensors) > 1 else tensors[0]))
    expected = saved(model, x, tmp_path / "m.h5")
    for library in (keras, keras2):
        if library is keras2 and name in REFUSED_BY_KERAS2:
            with pytest.raises(ValueError, match=REFUSED_BY_KERAS2[name]):
                library.models.load_model(tmp_path / "m.h5", compile=False)
            continue
        read = library.models.load_model(tmp_path / "m.h5", compile=False)
        for output, y in zip(answers(read, x), expected, strict=True):
            np.testing.assert_array_equal(output, y)


@pytest.mark.parametrize("seed", range(4))
def test_random_models(seed: int, tmp_path: Path, keras: ModuleType, keras2: ModuleType) -> None:
    """Keras 3 opens them all; Keras 2 gives the same answers or opens none."""
    drawn = random_drawing.draw(f"legacy {seed}")
    model = random_models.build(rnnext, drawn)
    rng = np.random.default_rng(seed)
    x = random_models.sample_inputs(drawn, rng)
    names = [weight.name for weight in model.weights]
    model.set_weights(random_models.sample_weights(model.get_weights(), names, rng))
    expected = saved(model, x, tmp_path / "m.h5")
    if drawn.dtype != "float32":  # rounds differently in each library
        keras.models.load_model(tmp_path / "m.h5", compile=False)
        return
    assert_reads(keras, tmp_path / "m.h5", x, expected)
    try:
        loaded = keras2.models.load_model(tmp_path / "m.h5", compile=False)
    except Exception:  # Keras 2 has no class of its own for what it does not know
        return
    assert_close(answers(loaded, x), expected)


# ---- what only Keras 3 opens ---------------------------------------------------------------------


def hard_sigmoid() -> Made:
    return Sequential([Input((5, 3)), LSTM(2, recurrent_activation="hard_sigmoid")]), sequences()


def inner_hard_sigmoid() -> Made:
    both = Bidirectional(GRU(2, activation="hard_sigmoid"))
    return Sequential([Input((5, 3)), both, layers.Activation("hard_sigmoid")]), sequences()


def masks_of_two() -> Made:
    x = Input((5, 3))
    masked = Masking()(x)
    return Model(x, LSTM(2)(Add()([masked, LSTM(3, return_sequences=True)(masked)]))), sequences()


def masks_passed_on() -> Made:
    parts = [Masking(), layers.Identity(), layers.Rescaling(2.0), LSTM(2)]
    return Sequential([Input((5, 3)), *parts]), sequences()


def initial_state() -> Made:
    x, y = Input((5, 3)), Input((5, 3))
    _, h, c = LSTM(4, return_state=True)(x)
    return Model([x, y], LSTM(4)(y, initial_state=[h, c])), sequences(2)


def operations_on_a_nested_model() -> Made:
    x = Input((5, 3))
    inner = Sequential([Input((5, 3)), LSTM(3)])
    return Model(x, [inner(x) * 2.0, inner(x) + inner(x)]), sequences()


def attention() -> Made:
    x = Input((5, 4))
    return Model(x, layers.MultiHeadAttention(2, 2)(x, x)), [sequences()[0][..., [0, 1, 2, 0]]]


def class_of_keras3() -> Made:
    return Sequential([Input((5, 3)), RMSNormalization(), LSTM(2)]), sequences()


@pytest.mark.parametrize(
    "make",
    [
        hard_sigmoid,
        inner_hard_sigmoid,
        masks_of_two,
        masks_passed_on,
        initial_state,
        operations_on_a_nested_model,
        attention,
        class_of_keras3,
    ],
)
def test_keras2_does_not_open_what_it_would_compute_differently(
    make: Callable[[], Made], tmp_path: Path, keras: ModuleType, keras2: ModuleType
) -> None:
    model, x = make()
    expected = saved(filled(model), x, tmp_path / "m.h5")
    assert_reads(keras, tmp_path / "m.h5", x, expected)
    with pytest.raises(Exception, match=r"\w"):
        keras2.models.load_model(tmp_path / "m.h5", compile=False)


# ---- the user's own classes ----------------------------------------------------------------------


def own_objects(library: Any) -> dict[str, Any]:
    """A layer, a subclass and a cell, made of a library's classes."""

    class Scale(library.layers.Layer):  # type: ignore[name-defined,misc]
        def __init__(self, factor: float = 2.0, **options: Any) -> None:
            super().__init__(**options)
            self.factor = factor

        def build(self, shape: Any) -> None:
            self.scale = self.add_weight(shape=(shape[-1],), initializer="ones", name="scale")
            super().build(shape)

        def call(self, x: Any) -> Any:
            return x * self.factor * self.scale

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "factor": self.factor}

    class MyLSTM(library.layers.LSTM):  # type: ignore[name-defined,misc]
        pass

    class Cell(library.layers.Layer):  # type: ignore[name-defined,misc]
        def __init__(self, units: int, **options: Any) -> None:
            super().__init__(**options)
            self.units = self.state_size = units

        def build(self, shape: Any) -> None:
            shape = (shape[-1], self.units)
            self.kernel = self.add_weight(shape=shape, initializer="ones", name="kernel")
            self.built = True

        def call(self, x: Any, states: Any) -> Any:
            kernel = np.asarray(self.kernel) if library is rnnext else self.kernel
            h = states[0] + x @ kernel
            return h, [h]

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "units": self.units}

    return {"Scale": Scale, "MyLSTM": MyLSTM, "Cell": Cell}


def test_own_classes(tmp_path: Path, keras: ModuleType, keras2: ModuleType) -> None:
    own = own_objects(rnnext)
    both = Bidirectional(own["MyLSTM"](2, return_sequences=True))
    parts = [own["Scale"](3.0), own["MyLSTM"](4, return_sequences=True), both]
    model = filled(Sequential([Input((5, 3)), *parts, layers.RNN(own["Cell"](3)), Dense(2)]))
    file, x = tmp_path / "m.h5", sequences()
    model.save(file)
    expected = answers(model, x)
    copy = saving.load_model(file, custom_objects=own)
    np.testing.assert_array_equal(answers(copy, x)[0], expected[0])
    for library in (keras, keras2):
        with library.utils.custom_object_scope(own_objects(library)):
            assert_reads(library, file, x, expected)


def test_registered_classes(tmp_path: Path, keras: ModuleType, keras2: ModuleType) -> None:
    registers = (
        (rnnext, rnnext.serialization.register_keras_serializable),
        (keras, keras.utils.register_keras_serializable),
        (keras2, keras2.utils.register_keras_serializable),
    )
    for library, register in registers:
        register("legacy_test", name="Scale")(own_objects(library)["Scale"])
    own = rnnext.serialization.custom_object("legacy_test>Scale")
    model = filled(Sequential([Input((5, 3)), own(3.0), LSTM(2)]))
    expected = saved(model, sequences(), tmp_path / "m.h5")
    for library in (keras, keras2):
        assert_reads(library, tmp_path / "m.h5", sequences(), expected)


# ---- weights alone -------------------------------------------------------------------------------


def network(library: Any) -> Any:
    module = library.layers
    x = module.Input((5, 3), name="x")
    y = module.Bidirectional(module.LSTM(3, return_sequences=True), name="both")(x)
    y = module.BatchNormalization(name="norm")(y)
    inner = library.Sequential([module.Dense(3), module.BatchNormalization()])
    y = module.TimeDistributed(inner, name="inner")(y)
    cells = [module.LSTMCell(2), module.GRUCell(2)]
    return library.Model(x, module.RNN(cells, name="cells")(y))


@pytest.mark.parametrize("by_name", [False, True])
def test_weights(by_name: bool, tmp_path: Path, keras: ModuleType, keras2: ModuleType) -> None:
    model, file, x = filled(network(rnnext)), tmp_path / "w.h5", sequences()
    model.save_weights(file)
    expected = answers(model, x)
    for library in (rnnext, keras, keras2):
        copy = network(library)
        copy.load_weights(file, by_name=by_name)
        assert_close(answers(copy, x), expected)


def test_long_lists_of_names(tmp_path: Path, keras: ModuleType) -> None:
    """HDF5 has room for 64 KiB in an attribute; lists of names that are longer are cut."""
    parts = [Dense(1, name=letter * 25_000) for letter in "abc"]
    model = Sequential([Input((1,)), *parts])
    model.save(tmp_path / "m.h5")
    loaded = keras.models.load_model(tmp_path / "m.h5", compile=False)
    for copy in (saving.load_model(tmp_path / "m.h5"), loaded):
        for weight, expected in zip(copy.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(weight, expected)
