"""Subclasses of the library's layers whose call() or build() names its arguments as it likes."""

from __future__ import annotations

import functools
import importlib
import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from keras_reference import load_keras
from numpy.typing import NDArray

import rnnext

load_keras()
BATCH, STEPS, FEATURES = 2, 5, 4
# Layers that take (B, T, D), and their arguments.
LAYERS: dict[str, dict[str, Any]] = {
    "LSTM": {"units": 3, "return_sequences": True},
    "GRU": {"units": 3, "return_sequences": True},
    "SimpleRNN": {"units": 3},
    "Dense": {"units": 3},
    "Conv1D": {"filters": 3, "kernel_size": 2},
    "LayerNormalization": {},
    "BatchNormalization": {},
    "Bidirectional": {"layer": ("GRU", 3)},
    "TimeDistributed": {"layer": ("Dense", 3)},
}


# What the subclasses call their arguments.


def by_inputs(base: Any) -> Any:
    class Own(base):  # type: ignore[misc]
        def call(self, inputs: Any) -> Any:
            return super().call(inputs) * 2

    return Own


def by_x(base: Any) -> Any:
    class Own(base):  # type: ignore[misc]
        def call(self, x: Any, **kwargs: Any) -> Any:
            return super().call(x, **kwargs) * 2

    return Own


def by_anything(base: Any) -> Any:
    class Own(base):  # type: ignore[misc]
        def call(self, *args: Any, **kwargs: Any) -> Any:
            return super().call(*args, **kwargs) * 2

    return Own


def with_a_build(base: Any) -> Any:
    class Own(base):  # type: ignore[misc]
        def build(self, shape: Any) -> None:
            super().build(shape)
            self.factor = self.add_weight(shape=(), initializer="ones", name="factor")

        def call(self, tensor: Any) -> Any:
            return super().call(tensor) * self.factor

    return Own


def with_a_build_of_input_shape(base: Any) -> Any:
    class Own(base):  # type: ignore[misc]
        def build(self, input_shape: Any) -> None:
            super().build(input_shape)

        def call(self, some_tensor: Any, *, scale: float = 2.0) -> Any:
            return super().call(some_tensor) * scale

    return Own


VARIANTS = [by_inputs, by_x, by_anything, with_a_build, with_a_build_of_input_shape]
NAMES = ["keras", "tf_keras"] if importlib.util.find_spec("tf_keras") else ["keras"]


@functools.cache
def library_of(name: str) -> Any:
    k = importlib.import_module(name)
    return SimpleNamespace(k=k, layers=k.layers)


@functools.cache
def own_class(name: str, layer: str, variant: Any) -> Any:
    return variant(getattr(library_of(name).layers, layer))


def options_of(name: str, layer: str) -> dict[str, Any]:
    options = dict(LAYERS[layer])
    if "layer" in options:
        inner, units = options["layer"]
        options["layer"] = getattr(library_of(name).layers, inner)(units)
    return options


def custom_objects(name: str, layer: str, variant: Any) -> dict[str, Any]:
    return {"Own": own_class(name, layer, variant)}


def model_of(name: str, layer: str, variant: Any) -> Any:
    lib = library_of(name)
    x = lib.k.Input((STEPS, FEATURES))
    y = own_class(name, layer, variant)(**options_of(name, layer))(x)
    return lib.k.Model(x, lib.layers.Dense(2)(y))


def draw(*shape: int) -> NDArray[Any]:
    return np.random.default_rng(6).standard_normal(shape).astype("float32")


X = draw(BATCH, STEPS, FEATURES)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("layer", LAYERS)
class TestOneInput:
    def test_runs(self, layer: str, variant: Any) -> None:
        model = model_of("rnnext", layer, variant)
        own = model.layers[1]
        y = own(X)
        base = getattr(rnnext.layers, layer)(**options_of("rnnext", layer))
        base(X)
        values = [w.numpy() for w in own.weights if w.name != "factor"]
        base.set_weights(values)
        factor = 1 if variant is with_a_build else 2
        np.testing.assert_allclose(y, base(X) * factor, atol=1e-6)
        alone = own_class("rnnext", layer, variant)(**options_of("rnnext", layer))
        assert alone(X).shape == y.shape

    @pytest.mark.parametrize("suffix", ["keras", "h5"])
    @pytest.mark.filterwarnings("ignore:You are saving your model:UserWarning")
    def test_from_keras2_files(self, layer: str, variant: Any, suffix: str, tmp_path: Path) -> None:
        pytest.importorskip("tf_keras")
        if variant is by_anything:
            pytest.skip("Keras 2 needs a named first argument")
        if variant is by_x and layer in ("Dense", "Conv1D", "LayerNormalization"):
            pytest.skip("Keras 2 gives it a `training` that the base class does not take")
        reference = model_of("tf_keras", layer, variant)
        reference.save(tmp_path / f"m.{suffix}")
        custom = custom_objects("rnnext", layer, variant)
        model = rnnext.load_model(tmp_path / f"m.{suffix}", custom_objects=custom)
        np.testing.assert_allclose(model.predict(X), reference.predict(X, verbose=0), atol=2e-6)


# Calls with more than the sequences, as subclasses of recurrent layers have them.


def reversed_outputs(base: Any) -> Any:
    class Own(base):  # type: ignore[misc]
        def __init__(self, units: int, **kwargs: Any) -> None:
            super().__init__(units, **{**kwargs, "go_backwards": True, "return_sequences": True})

        def call(
            self, inputs: Any, mask: Any = None, training: Any = None, initial_state: Any = None
        ) -> Any:
            y = super().call(inputs, mask=mask, training=training, initial_state=initial_state)
            return y[:, ::-1]

    return Own


def reversed_by_keyword(base: Any) -> Any:
    class Own(base):  # type: ignore[misc]
        def __init__(self, units: int, **kwargs: Any) -> None:
            super().__init__(units, **{**kwargs, "go_backwards": True, "return_sequences": True})

        def call(self, x: Any, **kwargs: Any) -> Any:
            return super().call(x, **kwargs)[:, ::-1]

    return Own


def with_the_mean(base: Any) -> Any:
    """Outputs of another shape than the base class's."""

    class Own(base):  # type: ignore[misc]
        def call(self, x: Any, **kwargs: Any) -> Any:
            y = super().call(x, **kwargs)
            return y[:, :, None] * x[:, -1:, :1]

    return Own


@pytest.mark.parametrize("layer", ["LSTM", "GRU", "SimpleRNN"])
@pytest.mark.parametrize("suffix", ["keras", "h5", "live"])
@pytest.mark.filterwarnings("ignore:You are saving your model:UserWarning")
class TestRecurrent:
    def load(self, reference: Any, suffix: str, custom: dict[str, Any], tmp_path: Path) -> Any:
        if suffix == "live":
            return rnnext.from_keras(reference, custom_objects=custom)
        reference.save(tmp_path / f"m.{suffix}")
        return rnnext.load_model(tmp_path / f"m.{suffix}", custom_objects=custom)

    @pytest.mark.parametrize("variant", [reversed_outputs, reversed_by_keyword])
    @pytest.mark.parametrize("masked", [False, True])
    def test_masks(
        self, layer: str, suffix: str, variant: Any, masked: bool, tmp_path: Path
    ) -> None:
        tf_keras = pytest.importorskip("tf_keras")
        inputs = tf_keras.Input((STEPS, FEATURES))
        steps = tf_keras.layers.Masking()(inputs) if masked else inputs
        y = own_class("tf_keras", layer, variant)(3)(steps)
        reference = tf_keras.Model(inputs, tf_keras.layers.Dense(2)(y))
        model = self.load(reference, suffix, custom_objects("rnnext", layer, variant), tmp_path)
        x = X * np.array([[0, 1, 1, 0, 1], [1, 1, 0, 0, 0]], "float32")[..., None]
        np.testing.assert_allclose(model.predict(x), reference.predict(x, verbose=0), atol=2e-6)

    def test_another_shape(self, layer: str, suffix: str, tmp_path: Path) -> None:
        tf_keras = pytest.importorskip("tf_keras")
        inputs = tf_keras.Input((STEPS, FEATURES))
        y = own_class("tf_keras", layer, with_the_mean)(3)(inputs)
        reference = tf_keras.Model(inputs, tf_keras.layers.Dense(2)(y))
        custom = custom_objects("rnnext", layer, with_the_mean)
        model = self.load(reference, suffix, custom, tmp_path)
        assert model.output_shape == reference.output_shape
        np.testing.assert_allclose(model.predict(X), reference.predict(X, verbose=0), atol=2e-6)


def test_embedding() -> None:
    class Own(rnnext.layers.Embedding):
        def call(self, tokens: Any) -> Any:
            return super().call(tokens) * 2

    layer = Own(5, 2)
    tokens = np.array([[1, 4]])
    model = rnnext.Sequential([rnnext.Input((2,)), layer])
    np.testing.assert_array_equal(model.predict(tokens), layer.get_weights()[0][tokens] * 2)


def test_attributes_named_like_what_keras_does_not_have() -> None:
    """A user's class may keep anything under a name that only rnnext's own classes use."""

    class Own(rnnext.Model):
        def __init__(self) -> None:
            super().__init__()
            self.network = rnnext.layers.Dense(2)
            self.precision = rnnext.metrics.Precision()
            self.label, self.program, self.inputs, self.outputs = "a", "b", [1], [2]
            self.input_names, self.output_names, self.operations = ["x"], ["y"], []

        def call(self, x: Any) -> Any:
            return self.network(x)

    model = Own()
    y = model(np.ones((2, 3), "float32"))
    assert y.shape == (2, 2)
    assert len(model.weights) == 2
    model.compile("sgd", "mse", metrics=["mae"])
    assert len(model.fit(np.ones((2, 3)), np.ones((2, 2)), verbose=0).history["loss"]) == 1
    assert (model.label, model.program, model.inputs) == ("a", "b", [1])
    graph = rnnext.Sequential([rnnext.layers.Input((3,)), rnnext.layers.Dense(1)])
    assert graph.precision == "full"
    assert len(graph.inputs) == 1
