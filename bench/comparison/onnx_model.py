"""A case as an ONNX model with one recurrent operator per layer: the best ONNX can do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from comparison.cases import CannotRun, Case, Layer
from comparison.recurrent_weights import Direction, Recurrent, is_recurrent, take_apart

_OPSET = 17
_IR_VERSION = 8
_OPERATORS = {"SimpleRNN": "RNN", "LSTM": "LSTM", "GRU": "GRU"}
_GATE_ORDER = {"SimpleRNN": [0], "LSTM": [0, 3, 1, 2], "GRU": [0, 1, 2]}  # ONNX: iofc, zrh
_ACTIVATIONS = {"relu": "Relu", "sigmoid": "Sigmoid", "softmax": "Softmax", "tanh": "Tanh"}


class _Graph:
    """An ONNX graph under construction: a chain, whose last tensor is `last`.

    ONNX's recurrent operators want (T, B, D). `time_major` says whether `last` is so.
    """

    def __init__(self, time_major: bool) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.last = "x"
        self.time_major = time_major

    def constant(self, array: NDArray[Any]) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def add(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> list[str]:
        """Append a node whose first input is `last`; names of its outputs."""
        names = [f"{operator}_{len(self.nodes)}_{i}" for i in range(outputs)]
        node = helper.make_node(operator, [self.last, *inputs], names, **attributes)
        self.nodes.append(node)
        self.last = names[0]
        return names

    def want_time_major(self, wanted: bool) -> None:
        """Swap batch and time where they are the other way round."""
        if self.time_major != wanted:
            self.add("Transpose", perm=[1, 0, 2])
            self.time_major = wanted


def build_onnx(case: Case) -> tuple[bytes, dict[str, NDArray[Any]]]:
    """The model and what to feed it.

    A model that begins with a recurrent layer takes its input time-major, so that it need not
    transpose. Masking layers are left out: lengths are an input (`sequence_lens`), and without
    them no step of the case is masked.

    Raises:
        CannotRun: A layer that is not known here.
    """
    layers = [layer for layer in case.layers if layer.class_name != "Masking"]
    graph = _Graph(time_major=is_recurrent(layers[0]))
    for layer in layers:
        if is_recurrent(layer):
            _add_recurrent(graph, take_apart(layer), "" if case.lengths is None else "lengths")
        elif layer.class_name in _BUILDERS:
            _BUILDERS[layer.class_name](graph, layer)
        else:
            raise CannotRun(f"no translation of {layer.class_name} to ONNX in bench/")
    if case.expected.ndim == 3:
        graph.want_time_major(False)
    feeds = {"x": case.x}
    if is_recurrent(layers[0]):
        feeds["x"] = np.ascontiguousarray(case.x.swapaxes(0, 1))
    if case.lengths is not None:
        feeds["lengths"] = case.lengths.astype(np.int32)
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
        for name, x in feeds.items()
    ]
    output = helper.make_tensor_value_info(graph.last, TensorProto.FLOAT, case.expected.shape)
    proto = helper.make_model(
        helper.make_graph(graph.nodes, "case", inputs, [output], graph.constants),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
    )
    onnx.checker.check_model(proto)
    return proto.SerializeToString(), feeds


def _add_recurrent(graph: _Graph, layer: Recurrent, lengths: str) -> None:
    """RNN, LSTM or GRU, and the shape of its output as Keras has it."""
    graph.want_time_major(True)
    order = _GATE_ORDER[layer.cell]
    attributes: dict[str, Any] = {"hidden_size": layer.units}
    if layer.cell == "GRU":
        attributes["linear_before_reset"] = 1
    if len(layer.directions) == 2:
        attributes["direction"] = "bidirectional"

    def stacked(part: Callable[[Direction], NDArray[Any]]) -> str:
        return graph.constant(np.stack([part(direction) for direction in layer.directions]))

    def flat(matrix: NDArray[Any]) -> NDArray[Any]:  # (gates, K, H) -> (gates * H, K)
        return matrix[order].swapaxes(1, 2).reshape(-1, matrix.shape[1])

    names = graph.add(
        _OPERATORS[layer.cell],
        stacked(lambda direction: flat(direction.kernel)),
        stacked(lambda direction: flat(direction.recurrent_kernel)),
        stacked(lambda d: np.concatenate([d.bias[order].ravel(), d.recurrent_bias[order].ravel()])),
        lengths,
        outputs=2,
        **attributes,
    )
    width = len(layer.directions) * layer.units
    if layer.return_sequences:  # (T, directions, B, H) -> (T, B, directions * H)
        graph.add("Transpose", perm=[0, 2, 1, 3])
        graph.add("Reshape", graph.constant(np.array([0, 0, width])))
    else:  # (directions, B, H) -> (B, directions * H)
        graph.last = names[1]
        graph.add("Transpose", perm=[1, 0, 2])
        graph.add("Reshape", graph.constant(np.array([-1, width])))


def _add_activation(graph: _Graph, layer: Layer) -> None:
    name = layer.config["activation"]
    if name == "linear":
        return
    if name not in _ACTIVATIONS:
        raise CannotRun(f"no translation of activation {name!r} to ONNX in bench/")
    graph.add(_ACTIVATIONS[name])


def _add_dense(graph: _Graph, layer: Layer) -> None:
    kernel, bias = layer.weights
    graph.add("MatMul", graph.constant(kernel))
    graph.add("Add", graph.constant(bias))
    _add_activation(graph, layer)


def _add_embedding(graph: _Graph, layer: Layer) -> None:
    ids = graph.last
    graph.last = graph.constant(layer.weights[0])
    graph.add("Gather", ids)


def _add_convolution(graph: _Graph, layer: Layer) -> None:
    kernel, bias = layer.weights  # (width, in, out)
    _check_same_padding(layer)
    graph.add("Transpose", perm=[0, 2, 1])
    weights = graph.constant(kernel.transpose(2, 1, 0))
    graph.add("Conv", weights, graph.constant(bias), auto_pad="SAME_UPPER")
    _add_activation(graph, layer)
    graph.add("Transpose", perm=[0, 2, 1])


def _add_max_pooling(graph: _Graph, layer: Layer) -> None:
    _check_same_padding(layer)
    graph.add("Transpose", perm=[0, 2, 1])
    size, strides = list(layer.config["pool_size"]), list(layer.config["strides"])
    graph.add("MaxPool", kernel_shape=size, strides=strides, auto_pad="SAME_UPPER")
    graph.add("Transpose", perm=[0, 2, 1])


def _check_same_padding(layer: Layer) -> None:
    if layer.config["padding"] != "same":
        raise CannotRun(f"{layer.class_name} with padding {layer.config['padding']!r}")


def _add_batch_normalization(graph: _Graph, layer: Layer) -> None:
    """As the scale and shift that it is at inference."""
    gamma, beta, mean, variance = layer.weights
    scale = gamma / np.sqrt(variance + layer.config["epsilon"])
    graph.add("Mul", graph.constant(scale))
    graph.add("Add", graph.constant(beta - mean * scale))


def _add_relu(graph: _Graph, layer: Layer) -> None:
    plain = {"max_value": None, "negative_slope": 0.0, "threshold": 0.0}
    if any(layer.config[option] != value for option, value in plain.items()):
        raise CannotRun("ReLU with options")
    graph.add("Relu")


_BUILDERS: dict[str, Callable[[_Graph, Layer], None]] = {
    "Dense": _add_dense,
    "Embedding": _add_embedding,
    "Conv1D": _add_convolution,
    "MaxPooling1D": _add_max_pooling,
    "BatchNormalization": _add_batch_normalization,
    "ReLU": _add_relu,
}
