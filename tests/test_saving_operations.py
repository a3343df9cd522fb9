"""TensorFlow's functions in the graphs of tf.keras, as operations."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import golden_files
import numpy as np
import pytest

import rnnext
from rnnext import saving
from rnnext.errors import FileError, UnsupportedError

Config = dict[str, Any]


@pytest.mark.parametrize(
    "name", ["tf23_operations.h5", "tf25_operations.h5", "tfkeras221_operations.keras"]
)
def test_saved_again_for_keras3(name: str, tmp_path: Any, keras: ModuleType) -> None:
    """test_saving_golden.py has the answers of the files themselves."""
    saving.load_model(golden_files.content(name)).save(tmp_path / "new.keras")
    (x,), expected = golden_files.recorded(name)
    outputs = keras.models.load_model(tmp_path / "new.keras").predict(x, verbose=0)
    for output, y in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(output, y, rtol=0, atol=1e-6)


def graph(function: str, node: Any, class_name: str = "TFOpLambda", **config: Any) -> str:
    """A model of the inputs x (5, 4) and h (4,) and one function."""
    inputs = [
        {
            "class_name": "InputLayer",
            "name": name,
            "config": {"batch_input_shape": shape, "dtype": "float32", "name": name},
            "inbound_nodes": [],
        }
        for name, shape in (("x", [None, 5, 4]), ("h", [None, 4]))
    ]
    called = {
        "class_name": class_name,
        "name": "f",
        "config": {"name": "f", "function": function, **config},
        "inbound_nodes": [node],
    }
    body = {
        "name": "m",
        "layers": [*inputs, called],
        "input_layers": [["x", 0, 0], ["h", 0, 0]],
        "output_layers": [["f", 0, 0]],
    }
    return json.dumps({"class_name": "Functional", "config": body, "keras_version": "2.5.0"})


X = np.random.default_rng(4).standard_normal((3, 5, 4)).astype(np.float32)
H = np.random.default_rng(5).standard_normal((3, 4)).astype(np.float32)


@pytest.mark.parametrize(
    ("function", "node", "expected"),
    [
        ("math.abs", ["x", 0, 0, {}], np.abs(X)),
        ("math.subtract", ["_CONSTANT_VALUE", -1, 1.0, {"y": ["x", 0, 0], "name": None}], 1 - X),
        ("__operators__.add", ["x", 0, 0, {"y": [0.0, 1.0, 2.0, 3.0]}], X + np.arange(4)),
        ("math.reduce_mean", ["x", 0, 0, {"axis": 1, "keepdims": True}], X.mean(1, keepdims=True)),
        ("math.argmax", ["h", 0, 0, {"axis": -1}], H.argmax(-1)),
        ("compat.v1.transpose", ["x", 0, 0, {"perm": [0, 2, 1], "conjugate": False}],
         X.transpose(0, 2, 1)),
        ("stack", [["h", 0, 0, {"axis": 1}], ["h", 0, 0, {"axis": 1}]], np.stack([H, H], 1)),
        ("concat", [["h", 0, 0, {"axis": -1}], ["h", 0, 0, {"axis": -1}]], np.hstack([H, H])),
        ("linalg.matmul", ["x", 0, 0, {"b": ["x", 0, 0], "transpose_b": True}],
         X @ X.transpose(0, 2, 1)),
        ("linalg.matmul", ["x", 0, 0, {"b": ["x", 0, 0], "transpose_a": True}],
         X.transpose(0, 2, 1) @ X),
        ("math.l2_normalize", ["h", 0, 0, {"axis": -1}],
         H / np.linalg.norm(H, axis=-1, keepdims=True)),
        ("compat.v1.pad", ["h", 0, 0, {"paddings": [[0, 0], [1, 0]], "mode": "CONSTANT"}],
         np.pad(H, [(0, 0), (1, 0)])),
        ("nn.leaky_relu", ["h", 0, 0, {}], np.where(H > 0, H, 0.2 * H)),
        ("compat.v1.gather", ["x", 0, 0, {"indices": [0, 2], "axis": 1, "batch_dims": 0}],
         X[:, [0, 2]]),
    ],
)  # fmt: skip
def test_functions(function: str, node: Any, expected: np.ndarray) -> None:
    node = node if isinstance(node[0], list) else [node]
    model = saving.model_from_json(graph(function, node))
    np.testing.assert_allclose(model.predict([X, H]), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("spec", "index"),
    [
        ([{"start": None, "stop": None, "step": None}, -1], np.s_[:, -1]),
        ([{"class_name": "__ellipsis__"}, 0], np.s_[..., 0]),
        (
            [{"start": None, "stop": None, "step": None}, {"start": 1, "stop": 4, "step": 2}, None],
            np.s_[:, 1:4:2, None],
        ),
    ],
)
def test_indices(spec: Any, index: Any) -> None:
    text = graph("__operators__.getitem", [["x", 0, 0, {"slice_spec": spec}]], "SlicingOpLambda")
    np.testing.assert_array_equal(saving.model_from_json(text).predict([X, H]), X[index])


@pytest.mark.parametrize(
    ("function", "arguments", "reason"),
    [
        ("linalg.svd", {}, r"function tf\.linalg\.svd is not known to rnnext; known are "),
        ("math.cumsum", {"reverse": True}, r"reverse=True is not known .* are \['axis'\]"),
        ("reshape", {"shape": [["h", 0, 0], 20]}, r"\['newshape'\]: computed by the model"),
        ("where", {}, r"tf\.where without x and y"),
    ],
)
def test_refused(function: str, arguments: Config, reason: str) -> None:
    with pytest.raises(
        UnsupportedError, match=rf"^model JSON: model 'm': layer 'f' \(TFOp.*{reason}"
    ):
        saving.model_from_json(graph(function, [["x", 0, 0, arguments]]))


def raw(op: str, constants: Config, **attributes: Any) -> str:
    node = {"name": op, "op": op, "attr": attributes}
    return graph("", [["x", 0, 0, {}]], "TensorFlowOpLayer", node_def=node, constants=constants)


def test_raw_operations() -> None:
    """As tf.keras 2.0 to 2.3 wrote them; numbers in attributes are text."""
    minus = saving.model_from_json(raw("Sub", {"0": 1.0}))
    np.testing.assert_allclose(minus.predict([X, H]), 1 - X, rtol=0, atol=1e-6)
    masks = {"begin_mask": {"i": "1"}, "end_mask": {"i": "1"}, "shrink_axis_mask": {"i": "2"}}
    last = raw("StridedSlice", {"1": [0, -1], "2": [0, 0], "3": [1, 1]}, **masks)
    np.testing.assert_array_equal(saving.model_from_json(last).predict([X, H]), X[:, -1])
    with pytest.raises(UnsupportedError, match=r"the TensorFlow operation 'Svd' is not known"):
        saving.model_from_json(raw("Svd", {}))
    with pytest.raises(FileError, match="node_def and constants are expected"):
        saving.model_from_json(graph("", [["x", 0, 0, {}]], "TensorFlowOpLayer"))


@pytest.mark.parametrize("attribute", [None, {"i": "x"}, {"i": []}, [1]])
def test_attributes_that_tensorflow_does_not_write(attribute: Any) -> None:
    text = raw("StridedSlice", {"1": [0], "2": [0], "3": [1]}, begin_mask=attribute)
    where = r"^model JSON: model 'm': layer 'f' \(TensorFlowOpLayer\): "
    with pytest.raises(FileError, match=where + r"not a config that Keras writes \("):
        saving.model_from_json(text)


def test_input_that_nothing_uses() -> None:
    """It is an input all the same, of a model that is otherwise one chain of layers."""
    x, h = rnnext.Input((5, 4)), rnnext.Input((4,))
    model = rnnext.Model([x, h], rnnext.ops.exp(x))
    np.testing.assert_allclose(model.predict([X, H]), np.exp(X), rtol=1e-6)
