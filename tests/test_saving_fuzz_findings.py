"""What fuzzing found: each once went past rnnext's own errors or bounds."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from rnnext import layers, ops
from rnnext.errors import RnnextError, ShapeError, UnsupportedError
from rnnext.initializers import RandomNormal
from rnnext.models import Model, Sequential
from rnnext.saving import Limits, model_from_json


def architecture(units: int) -> str:
    model = Sequential([layers.Input((4, 3)), layers.LSTM(2, name="lstm")])
    config = json.loads(model.to_json())
    config["config"]["layers"][1]["config"]["units"] = units
    return json.dumps(config)


@pytest.mark.parametrize("units", [30_000, 10**9, 2**63, 10**40])
def test_an_architecture_without_weights_is_bounded_too(units: int) -> None:
    with pytest.raises(
        ShapeError, match=r"^model JSON: .*LSTM.* bytes of weights; at most 16777216"
    ):
        model_from_json(architecture(units), limits=Limits(weights_bytes=1 << 24))


def test_a_bounded_architecture_still_has_drawn_weights() -> None:
    model = model_from_json(architecture(5))
    assert np.ptp(model.get_weights()[0]) > 0


def with_change(model: Model, path: list[Any], value: Any) -> str:
    """The model's JSON with another value at a place of its config."""
    config = json.loads(model.to_json())
    parent = config
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    return json.dumps(config)


def test_states_are_bounded_too() -> None:
    x = layers.Input(batch_shape=(2, 5, 3))
    model = Model(x, layers.GRU(4, stateful=True)(x))
    text = with_change(model, ["config", "layers", 1, "build_config", "input_shape"], [10**9, 5, 3])
    with pytest.raises(ShapeError, match=r"^model JSON: .*GRU.* shape \(1000000000, 4\) brings"):
        model_from_json(text, limits=Limits(weights_bytes=1 << 24))


def test_an_operation_is_not_tried_out_on_much() -> None:
    x = layers.Input((5,), dtype="int32")
    text = with_change(
        Model(x, ops.one_hot(x, 3)), ["config", "layers", 1, "config", "num_classes"], 10**9
    )
    with pytest.raises(
        ShapeError, match=r"^model JSON: .*OneHot.*'num_classes': 1000000000.* at most"
    ):
        model_from_json(text)


@pytest.mark.parametrize("class_name", ["__tensor__", "__slice__", "__bytes__"])
def test_values_that_lack_their_parts(class_name: str) -> None:
    model = Sequential([layers.Input((3,)), layers.Dense(2)])
    with pytest.raises(
        RnnextError, match=rf"^model JSON: config of a '{class_name}': it cannot be"
    ):
        model_from_json(with_change(model, ["class_name"], class_name))


# NumPy reads the first as a literal, the others as types of several elements or fields.
EVALUATED = ["9" * 5000, "(2,)f4", "3f4", "f4,f4", "<f4", {"names": ["a"], "formats": ["f4"]}]


@pytest.mark.parametrize("dtype", EVALUATED, ids=lambda dtype: str(dtype)[:12])
def test_dtypes_are_names(dtype: Any) -> None:
    with pytest.raises(UnsupportedError, match=r"dtype .* is not supported; accepted: "):
        layers.Input((3,), dtype=dtype)
    x = layers.Input((3,))
    config = json.loads(Model(x, ops.prod(x, axis=1)).to_json())
    (node,) = [layer for layer in config["config"]["layers"] if layer["class_name"] == "Prod"]
    node["config"]["dtype"] = dtype
    with pytest.raises(UnsupportedError, match=r"^model JSON: .*dtype .* is not supported"):
        model_from_json(json.dumps(config))(np.ones((2, 3)))


def test_dtypes_by_type_and_short_name() -> None:
    for dtype in ("float64", "f8", float, np.float64, np.dtype("f8")):
        assert layers.Input((3,), dtype=dtype).dtype == "float64"
    assert ops.prod(np.ones(3, "int32"), dtype="float64").dtype == np.float64


def test_initializers_out_of_range_make_infinities_without_a_warning() -> None:
    layer = layers.Dense(2, kernel_initializer=RandomNormal(stddev=1e300))
    layer.build((None, 3))
    assert np.isinf(layer.get_weights()[0]).all()
