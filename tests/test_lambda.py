"""Lambda: functions come from the caller, never from a file."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from layer_twins import assert_same_output, random_array

import rnnext
from rnnext import Model, layers, ops, serialization
from rnnext.errors import UnsupportedError
from rnnext.layers import Input, Lambda

X = random_array((2, 3, 4))


def scaled(x: Any, factor: float = 1.0) -> Any:
    return x * factor


def last_step(x: Any) -> Any:
    return x[:, -1]


class TestFunctions:
    def test_called_directly(self) -> None:
        np.testing.assert_array_equal(Lambda(last_step)(X), X[:, -1])
        layer = Lambda(scaled, arguments={"factor": 3.0})
        np.testing.assert_array_equal(layer(X), X * np.float32(3))

    def test_floats_have_the_layers_dtype(self) -> None:
        y = Lambda(lambda x: x * np.ones(4))(X)
        assert y.dtype == np.float32
        assert Lambda(lambda x: x > 0)(X).dtype == bool
        assert Lambda(scaled, dtype="float64")(X).dtype == np.float64

    def test_output_shapes(self) -> None:
        x = Input((None, 4))
        assert Lambda(last_step)(x).shape == (None, 4)
        assert Lambda(lambda t: ops.sum(t, axis=-1))(x).shape == (None, None)
        assert Lambda(last_step, output_shape=(4,))(x).shape == (None, 4)
        assert Lambda(last_step, output_shape=lambda s: (s[0], s[2]))(x).shape == (None, 4)
        a, b = Lambda(lambda t: [t[:, 0], t])(x)
        assert (a.shape, b.shape) == ((None, 4), (None, None, 4))

    def test_in_a_model(self) -> None:
        x = Input((3, 4))
        first, rest = Lambda(lambda t: [t[:, :1], t[:, 1:]])(x)
        model = Model(x, [Lambda(scaled, arguments={"factor": 2.0})(rest), first])
        rest_twice, first_step = model(X)
        np.testing.assert_array_equal(rest_twice, X[:, 1:] * np.float32(2))
        np.testing.assert_array_equal(first_step, X[:, :1])

    def test_masks(self) -> None:
        masked = layers.Masking()(np.array([[[1.0], [0.0]]], "float32"))
        assert getattr(Lambda(scaled)(masked), "_keras_mask", None) is None
        kept = Lambda(scaled, mask=lambda _inputs, mask: mask)(masked)
        np.testing.assert_array_equal(kept._keras_mask, [[True, False]])
        given = Lambda(lambda x, mask: np.where(mask[..., None], x, -1))(masked)
        np.testing.assert_array_equal(given, [[[1.0], [-1.0]]])
        fixed = Lambda(scaled, mask=np.array([[False, True]]))(masked)
        np.testing.assert_array_equal(fixed._keras_mask, [[False, True]])


class TestFiles:
    @pytest.fixture
    def file(self, keras: ModuleType, tmp_path: Path) -> Path:
        x = keras.Input((3, 4))
        y = keras.layers.Lambda(scaled, arguments={"factor": 3.0}, name="named")(x)
        y = keras.layers.Lambda(lambda t: t[:, -1], name="last", output_shape=(4,))(y)
        keras.Model(x, keras.layers.Dense(2)(y)).save(tmp_path / "m.keras")
        return tmp_path / "m.keras"

    def test_functions_by_name(self, keras: ModuleType, file: Path) -> None:
        functions = {"scaled": scaled, "last": last_step}
        received = rnnext.load_model(file, custom_objects=functions)(X)
        reference = keras.models.load_model(
            file, custom_objects={"scaled": scaled}, safe_mode=False
        )
        assert_same_output(received, np.asarray(reference(X)))

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({}, r"layer 'named' .* function 'scaled'.*custom_objects=\{'scaled': function\}"),
            (
                {"scaled": scaled},
                r"layer 'last' .*lambda; rnnext runs no code.*\{'last': function\}",
            ),
        ],
    )
    def test_nothing_of_a_file_is_run(
        self, file: Path, given: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(UnsupportedError, match=message):
            rnnext.load_model(file, custom_objects=given)

    def test_a_class_may_stand_for_lambda(self, file: Path) -> None:
        class Recorded(layers.Layer):
            def __init__(self, function: Any, arguments: Any, output_shape: Any = None, **kw: Any):
                super().__init__(**kw)
                self.config = (function, arguments, output_shape)

            def call(self, inputs: Any, mask: Any = None) -> Any:  # noqa: ARG002
                return inputs if self.name == "named" else inputs[:, 0]

        model = rnnext.load_model(file, custom_objects={"Lambda": Recorded})
        assert model.get_layer("named").config[1] == {"factor": 3.0}

    @pytest.mark.parametrize(
        "stored",
        [
            "scaled",
            {"class_name": "function", "config": "scaled", "registered_name": "mine>scaled"},
            {"class_name": "function", "config": "scaled", "module": "builtins"},
            {"class_name": "function", "config": "Custom>scaled", "registered_name": "function"},
        ],
    )
    def test_stored_forms(self, stored: Any) -> None:
        config = {"name": "f", "function": stored, "arguments": {}, "function_type": "function"}
        with serialization.custom_object_scope({"scaled": scaled}):
            assert Lambda.from_config(config).function is scaled

    def test_keras2_lambdas(self) -> None:
        config = {
            "name": "f",
            "function": ["4wEAAAA=", None, None],
            "function_type": "lambda",
            "module": "m",
            "output_shape": None,
            "output_shape_type": "raw",
            "arguments": {},
        }
        with pytest.raises(UnsupportedError, match=r"custom_objects=\{'f': function\}"):
            Lambda.from_config(config)
        with serialization.custom_object_scope({"f": last_step}):
            assert Lambda.from_config(config).function is last_step

    def test_functions_of_shape_and_mask(self) -> None:
        code = {"class_name": "__lambda__", "config": {"code": "4wEAAAA="}}
        config = {"name": "f", "function": code, "output_shape": code, "mask": code}
        given = {"f": last_step, "f.output_shape": lambda s: s[1:], "f.mask": lambda _x, m: m}
        with serialization.custom_object_scope(given):
            layer = Lambda.from_config(config)
        assert layer.compute_output_shape((2, 3)) == (3,)
        del given["f.mask"]
        with (
            serialization.custom_object_scope(given),
            pytest.raises(UnsupportedError, match=r"its mask is .*\{'f.mask': function\}"),
        ):
            Lambda.from_config(config)

    def test_configs(self, keras: ModuleType) -> None:
        layer = Lambda(scaled, output_shape=(4,), arguments={"factor": 2.0}, name="f")
        theirs = keras.layers.Lambda(scaled, output_shape=(4,), arguments={"factor": 2.0}, name="f")
        assert set(layer.get_config()) == set(theirs.get_config())
        with serialization.custom_object_scope({"scaled": scaled}):
            again = serialization.deserialize(serialization.serialize(layer))
        np.testing.assert_array_equal(again(X), layer(X))
        with pytest.raises(UnsupportedError, match="a lambda cannot be stored"):
            Lambda(lambda x: x).get_config()


def test_a_function_is_needed() -> None:
    with pytest.raises(UnsupportedError, match="expected a function, received 3"):
        Lambda(3)  # type: ignore[arg-type]
