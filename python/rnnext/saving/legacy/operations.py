"""Turns TensorFlow functions in a tf.keras graph into the operations of a Keras 3 graph.

tf.keras 2.4 to 2.15 records a call such as ``tf.concat([a, b], axis=1)`` as a layer of class
TFOpLambda with the function's name, and an index as SlicingOpLambda. tf.keras 2.0 to 2.3 wrote
TensorFlowOpLayer with the node of TensorFlow's own graph; see `raw_call`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from rnnext import serialization
from rnnext.errors import FileError, UnsupportedError
from rnnext.saving.legacy.raw_operations import raw_call

__all__ = ["OPERATION_LAYERS", "operation_layer"]

Config = dict[str, Any]

OPERATION_LAYERS = ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer")

_AXIS = {"axis": "axis"}
_REDUCTION = {"axis": "axis", "keepdims": "keepdims", "keep_dims": "keepdims"}
_SECOND = {"y": "x2"}
_UNARY = {
    **{f"math.{name}": name.capitalize() for name in (
        *("abs", "exp", "log", "sqrt", "square", "tanh", "sigmoid", "sin", "cos", "tan", "sign"),
        *("negative", "rsqrt", "floor", "ceil", "round", "erf", "log1p", "expm1", "reciprocal"),
        *("softplus", "softsign", "sinh", "cosh"),
    )},
    **{f"nn.{name}": name.capitalize() for name in (
        *("relu", "relu6", "selu", "silu", "softplus", "softsign", "sigmoid", "tanh"),
    )},
    "nn.swish": "Silu",
    "math.is_nan": "Isnan",
    "math.logical_not": "LogicalNot",
    "math.log_sigmoid": "LogSigmoid",
    "identity": "Copy",
    "zeros_like": "ZerosLike",
    "ones_like": "OnesLike",
}  # fmt: skip
_BINARY = {
    "__operators__.add": "Add",
    "math.add": "Add",
    "math.subtract": "Subtract",
    "math.multiply": "Multiply",
    "math.truediv": "TrueDivide",
    "math.divide": "TrueDivide",
    "math.divide_no_nan": "DivideNoNan",
    "math.floordiv": "FloorDivide",
    "math.floormod": "Mod",
    "math.mod": "Mod",
    "math.pow": "Power",
    "math.maximum": "Maximum",
    "math.minimum": "Minimum",
    "math.equal": "Equal",
    "__operators__.eq": "Equal",
    "math.not_equal": "NotEqual",
    "__operators__.ne": "NotEqual",
    "math.greater": "Greater",
    "math.greater_equal": "GreaterEqual",
    "math.less": "Less",
    "math.less_equal": "LessEqual",
    "math.logical_and": "LogicalAnd",
    "math.logical_or": "LogicalOr",
    "math.logical_xor": "LogicalXor",
}
_REDUCTIONS = {
    "math.reduce_mean": "Mean",
    "math.reduce_sum": "Sum",
    "math.reduce_max": "Max",
    "math.reduce_min": "Min",
    "math.reduce_prod": "Prod",
    "math.reduce_any": "Any",
    "math.reduce_all": "All",
    "math.reduce_std": "Std",
    "math.reduce_variance": "Var",
    "math.reduce_logsumexp": "Logsumexp",
}
# Operation, its arguments by TensorFlow's names for them, and TensorFlow's defaults where the
# operation has others.
_Rule = tuple[str, Mapping[str, str], Mapping[str, Any]]
_RULES: dict[str, _Rule] = {
    **{name: (target, {}, {}) for name, target in _UNARY.items()},
    **{name: (target, _SECOND, {}) for name, target in _BINARY.items()},
    **{name: (target, _REDUCTION, {}) for name, target in _REDUCTIONS.items()},
    "nn.bias_add": ("Add", {"bias": "x2"}, {}),
    "nn.softmax": ("Softmax", _AXIS, {"axis": -1}),
    "nn.log_softmax": ("LogSoftmax", _AXIS, {"axis": -1}),
    "nn.elu": ("Elu", {}, {"alpha": 1.0}),
    "nn.leaky_relu": ("LeakyRelu", {"alpha": "negative_slope"}, {"negative_slope": 0.2}),
    "nn.gelu": ("Gelu", {"approximate": "approximate"}, {"approximate": False}),
    "clip_by_value": ("Clip", {"clip_value_min": "x_min", "clip_value_max": "x_max"}, {}),
    "concat": ("Concatenate", _AXIS, {}),
    "stack": ("Stack", _AXIS, {"axis": 0}),
    "unstack": ("Unstack", {"num": "num", "axis": "axis"}, {"axis": 0}),
    "split": ("Split", {"num_or_size_splits": "indices_or_sections", "axis": "axis"}, {"axis": 0}),
    "expand_dims": ("ExpandDims", _AXIS, {}),
    "squeeze": ("Squeeze", _AXIS, {}),
    "transpose": ("Transpose", {"perm": "axes"}, {}),
    "reshape": ("Reshape", {"shape": "newshape"}, {}),
    "tile": ("Tile", {"multiples": "repeats"}, {}),
    "repeat": ("Repeat", {"repeats": "repeats", "axis": "axis"}, {}),
    "reverse": ("Flip", _AXIS, {}),
    "gather": ("Take", {"indices": "indices", "axis": "axis"}, {"axis": 0}),
    "one_hot": (
        "OneHot",
        {"depth": "num_classes", "axis": "axis", "dtype": "dtype"},
        {"axis": -1, "dtype": "float32"},
    ),
    "pad": (
        "Pad",
        {"paddings": "pad_width", "mode": "mode", "constant_values": "constant_values"},
        {"mode": "constant"},
    ),
    "cast": ("Cast", {"dtype": "dtype"}, {}),
    "where": ("Where", {"x": "x1", "y": "x2"}, {}),
    "stop_gradient": ("StopGradient", {}, {}),
    "math.argmax": ("Argmax", _AXIS, {"axis": 0}),
    "math.argmin": ("Argmin", _AXIS, {"axis": 0}),
    "math.cumsum": ("Cumsum", _AXIS, {"axis": 0}),
    # TensorFlow bounds the sum of squares by 1e-12, Keras its root.
    "math.l2_normalize": ("Normalize", _AXIS, {"order": 2, "epsilon": 1e-6}),
    "linalg.matmul": ("Matmul", {"b": "x2", "transpose_a": "", "transpose_b": ""}, {}),
}


def operation_layer(layer: Config, nodes: list[Config], where: str) -> tuple[Config, list[Config]]:
    """A TensorFlow function in the Keras 3 form.

    Args:
        layer: The layer's dict in the file.
        nodes: Its calls in the Keras 3 form, with TensorFlow's arguments.
        where: How errors call the model.

    Returns:
        The object dict of the operation, and its calls.

    Raises:
        FileError: Not what tf.keras writes.
        UnsupportedError: A function or an argument that no operation of rnnext has, named.
    """
    where = f"{where}: layer {layer['name']!r} ({layer.get('class_name')})"
    config = layer.get("config")
    if not isinstance(config, dict) or len(nodes) != 1:
        raise FileError(
            f"{where}: a function and one call are expected, received {len(nodes)} calls."
        )
    inputs, given = nodes[0]["args"][0], nodes[0]["kwargs"]
    if layer["class_name"] == "TensorFlowOpLayer":
        function, inputs, given = raw_call(config, inputs, where)
    else:
        function = str(config.get("function")).removeprefix("compat.v1.")
    target, options, arguments = _translated(function, given, where)
    cls = serialization.operation_class(target)
    operation = {
        "module": cls._keras_module,
        "class_name": target,
        "config": {"name": layer["name"], **options},
        "registered_name": target,
    }
    args = [_constant(inputs)]
    if cls._call_names is None:  # any number of inputs, which have no names
        args, arguments = [*args, *arguments.values()], {}
    return operation, [{"args": args, "kwargs": arguments}]


def _translated(function: str, given: Config, where: str) -> tuple[str, Config, Config]:
    """Operation, options and further arguments of a function's call."""
    if function == "__operators__.getitem":
        return "GetItem", {}, {"key": _key(given.get("slice_spec"))}
    if function not in _RULES:
        raise UnsupportedError(
            f"{where}: the TensorFlow function tf.{function} is not known to rnnext; known are "
            f"{', '.join(sorted(_RULES))}."
        )
    target, names, defaults = _RULES[function]
    values = dict(defaults)
    for name, value in given.items():
        if name in names and value is not None:
            values[names[name] or name] = value
        elif name not in names and name != "name" and value not in (None, False, 0):
            raise UnsupportedError(
                f"{where}: tf.{function}: argument {name}={str(value)[:40]} is not known to "
                f"rnnext; accepted are {sorted(names)}."
            )
    target, values = _SPECIAL.get(function, _unchanged)(target, values, where)
    option_names = serialization.operation_class(target)._option_names
    options = {key: value for key, value in values.items() if key in option_names}
    if _holds_tensor(options):
        raise UnsupportedError(
            f"{where}: tf.{function}: {sorted(options)}: computed by the model; only values that "
            "the file holds are read."
        )
    arguments = {key: _constant(value) for key, value in values.items() if key not in options}
    return target, options, arguments


def _unchanged(target: str, values: Config, _where: str) -> tuple[str, Config]:
    return target, values


def _matmul(target: str, values: Config, _where: str) -> tuple[str, Config]:
    """A product with transposed matrices is an einsum."""
    first = "ji" if values.pop("transpose_a", False) else "ij"
    second = "kj" if values.pop("transpose_b", False) else "jk"
    if (first, second) == ("ij", "jk"):
        return target, values
    return "Einsum", {"subscripts": f"...{first},...{second}->...ik", **values}


def _split(target: str, values: Config, _where: str) -> tuple[str, Config]:
    """TensorFlow takes sizes, Keras where to cut."""
    sizes = values["indices_or_sections"]
    if isinstance(sizes, list):
        values["indices_or_sections"] = list(itertools.accumulate(sizes[:-1]))
    return target, values


def _pad(target: str, values: Config, _where: str) -> tuple[str, Config]:
    values["mode"] = str(values["mode"]).lower()
    if values["mode"] != "constant":
        values.pop("constant_values", None)
    return target, values


def _where(target: str, values: Config, where: str) -> tuple[str, Config]:
    """Without x and y, tf.where gives indices: as many as there are."""
    if not {"x1", "x2"} <= values.keys():
        raise UnsupportedError(f"{where}: tf.where without x and y is not supported.")
    return target, values


_SPECIAL: dict[str, Callable[[str, Config, str], tuple[str, Config]]] = {
    "linalg.matmul": _matmul,
    "split": _split,
    "pad": _pad,
    "where": _where,
}


def _key(spec: Any) -> Any:
    """An index in the Keras 3 form."""
    if isinstance(spec, list):
        return [_key(part) for part in spec]
    if isinstance(spec, dict) and spec.keys() == {"start", "stop", "step"}:
        return {"class_name": "__slice__", "config": spec}
    if isinstance(spec, dict) and spec.get("class_name") == "__ellipsis__":
        return {"class_name": "__ellipsis__", "config": {}}
    return spec


def _constant(value: Any) -> Any:
    """A list of numbers is an array, not a list of inputs."""
    if isinstance(value, list) and value and not _holds_tensor(value):
        dtype = "float32" if _holds_float(value) else "int32"
        return {"class_name": "__numpy__", "config": {"value": value, "dtype": dtype}}
    return value


def _holds_float(value: Any) -> bool:
    return isinstance(value, float) or (isinstance(value, list) and any(map(_holds_float, value)))


def _holds_tensor(value: Any) -> bool:
    if isinstance(value, dict):
        return value.get("class_name") == "__keras_tensor__" or any(
            map(_holds_tensor, value.values())
        )
    return isinstance(value, list) and any(map(_holds_tensor, value))
