"""Reads TensorFlowOpLayer, in which tf.keras 2.0 to 2.3 recorded nodes of TensorFlow's graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rnnext.errors import FileError, UnsupportedError

__all__ = ["raw_call"]

Config = dict[str, Any]

# Function, the names of its arguments after the first one, and its arguments by attribute.
_CALLS: dict[str, tuple[str, Sequence[str], dict[str, str]]] = {
    **{
        raw: (f"math.{name}", ("y",), {})
        for raw, name in {
            "Add": "add",
            "AddV2": "add",
            "Sub": "subtract",
            "Mul": "multiply",
            "RealDiv": "truediv",
            "FloorDiv": "floordiv",
            "FloorMod": "floormod",
            "Pow": "pow",
            "Maximum": "maximum",
            "Minimum": "minimum",
            "Equal": "equal",
            "NotEqual": "not_equal",
            "Greater": "greater",
            "Less": "less",
            "GreaterEqual": "greater_equal",
            "LessEqual": "less_equal",
            "LogicalAnd": "logical_and",
            "LogicalOr": "logical_or",
        }.items()
    },
    **{
        raw: (f"math.{raw.lower()}", (), {})
        for raw in (
            *("Abs", "Exp", "Log", "Sqrt", "Square", "Tanh", "Sigmoid", "Sin", "Cos", "Sign"),
            *("Rsqrt", "Floor", "Ceil", "Round", "Erf", "Log1p", "Expm1", "Reciprocal"),
            *("Softplus", "Softsign"),
        )
    },
    **{raw: (f"nn.{raw.lower()}", (), {}) for raw in ("Relu", "Relu6", "Elu", "Selu", "Softmax")},
    **{
        raw: (f"math.reduce_{raw.lower()}", ("axis",), {"keep_dims": "keepdims"})
        for raw in ("Mean", "Sum", "Max", "Min", "Prod", "Any", "All")
    },
    "Neg": ("math.negative", (), {}),
    "LogicalNot": ("math.logical_not", (), {}),
    "Identity": ("identity", (), {}),
    "StopGradient": ("stop_gradient", (), {}),
    "ZerosLike": ("zeros_like", (), {}),
    "OnesLike": ("ones_like", (), {}),
    "BiasAdd": ("nn.bias_add", ("bias",), {}),
    "LeakyRelu": ("nn.leaky_relu", (), {"alpha": "alpha"}),
    "Reshape": ("reshape", ("shape",), {}),
    "ExpandDims": ("expand_dims", ("axis",), {}),
    "Squeeze": ("squeeze", (), {"squeeze_dims": "axis"}),
    "Transpose": ("transpose", ("perm",), {}),
    "Tile": ("tile", ("multiples",), {}),
    "ReverseV2": ("reverse", ("axis",), {}),
    "GatherV2": ("gather", ("indices", "axis"), {}),
    "Pad": ("pad", ("paddings",), {}),
    "PadV2": ("pad", ("paddings", "constant_values"), {}),
    "Unpack": ("unstack", (), {"num": "num", "axis": "axis"}),
    "Cast": ("cast", (), {"DstT": "dtype"}),
    "SelectV2": ("where", ("x", "y"), {}),
    "ArgMax": ("math.argmax", ("axis",), {}),
    "MatMul": (
        "linalg.matmul",
        ("b",),
        {"transpose_a": "transpose_a", "transpose_b": "transpose_b"},
    ),
    **dict.fromkeys(
        ("BatchMatMul", "BatchMatMulV2"),
        ("linalg.matmul", ("b",), {"adj_x": "transpose_a", "adj_y": "transpose_b"}),
    ),
}
_DTYPES = {
    "DT_FLOAT": "float32",
    "DT_DOUBLE": "float64",
    "DT_HALF": "float16",
    "DT_INT32": "int32",
    "DT_INT64": "int64",
    "DT_BOOL": "bool",
}


def raw_call(config: Config, tensors: Any, where: str) -> tuple[str, Any, Config]:
    """The TensorFlow function that a node of its graph stands for.

    Args:
        config: Of the TensorFlowOpLayer: ``node_def`` and ``constants`` by position.
        tensors: The inputs that are no constants, in order; one or a list.
        where: How errors call the layer.

    Returns:
        Name of the function, its first argument, and the others by name.

    Raises:
        FileError: Not what tf.keras writes.
        UnsupportedError: An operation that is not known.
    """
    node, constants = config.get("node_def"), config.get("constants")
    if not isinstance(node, dict) or not isinstance(constants, dict):
        raise FileError(
            f"{where}: node_def and constants are expected, received {str(config)[:80]}."
        )
    raw = node.get("op")
    arguments: list[Any] = list(tensors) if isinstance(tensors, list) else [tensors]
    for position in sorted(constants, key=int):
        arguments.insert(int(position), constants[position])
    attributes = node.get("attr", {})
    if raw == "ConcatV2":
        return "concat", arguments[:-1], {"axis": arguments[-1]}
    if raw == "Pack":
        return "stack", arguments, {"axis": _attribute(attributes.get("axis", {"i": 0}))}
    if raw == "StridedSlice":
        key = _key(arguments[1:], attributes, where)
        return "__operators__.getitem", arguments[0], {"slice_spec": key}
    if raw not in _CALLS:
        known = sorted([*_CALLS, "ConcatV2", "Pack", "StridedSlice"])
        raise UnsupportedError(
            f"{where}: the TensorFlow operation {raw!r} is not known to rnnext; known are "
            f"{', '.join(known)}."
        )
    function, names, by_attribute = _CALLS[raw]
    given = dict(zip(names, arguments[1:], strict=True))
    for name, argument in by_attribute.items():
        if name in attributes:
            given[argument] = _attribute(attributes[name])
    return function, arguments[0], given


def _attribute(value: Config) -> Any:
    """The value of a node's attribute, which is written under the letter of its type."""
    if "list" in value:
        return [int(item) for item in value["list"].get("i", [])] or None
    if "type" in value:
        return _DTYPES.get(value["type"], value["type"])
    if "i" in value:
        return int(value["i"])  # JSON has 64-bit integers as text
    return next(iter(value.values()), None)


def _key(bounds: list[Any], attributes: Config, where: str) -> list[Any]:
    """An index from begins, ends, strides and the bits that say what each position is."""
    if len(bounds) != 3 or not all(isinstance(part, list) for part in bounds):
        raise UnsupportedError(f"{where}: a slice with computed bounds is not supported.")
    masks = {name: _attribute(attributes.get(f"{name}_mask", {"i": 0})) for name in
             ("begin", "end", "ellipsis", "new_axis", "shrink_axis")}  # fmt: skip
    key: list[Any] = []
    for position, (begin, end, stride) in enumerate(zip(*bounds, strict=True)):
        is_set = {name: bool(mask >> position & 1) for name, mask in masks.items()}
        if is_set["ellipsis"]:
            key.append({"class_name": "__ellipsis__", "config": {}})
        elif is_set["new_axis"]:
            key.append(None)
        elif is_set["shrink_axis"]:
            key.append(begin)
        else:
            key.append(
                {
                    "start": None if is_set["begin"] else begin,
                    "stop": None if is_set["end"] else end,
                    "step": stride,
                }
            )
    return key
