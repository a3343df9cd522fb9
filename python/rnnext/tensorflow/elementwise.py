"""What TensorFlow computes element by element, with its names of the arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rnnext import ops
from rnnext.autodiff.watchable import with_numpy
from rnnext.tensorflow.renamed import renamed

__all__ = ["add_n", "cast", "clip_by_norm", "clip_by_value", "identity", "squared_difference"]


def _pair(path: str, arguments: str = "x y") -> Any:
    return renamed(path, arguments)


def _single(path: str, arguments: str = "x") -> Any:
    return renamed(path, arguments)


add = _pair("ops.elementwise.add")
atan2 = _pair("ops.elementwise.arctan2", "y x")
divide = _pair("ops.elementwise.divide")
divide_no_nan = _pair("ops.elementwise.divide_no_nan")
floordiv = _pair("ops.elementwise.floor_divide")
maximum = _pair("ops.elementwise.maximum")
minimum = _pair("ops.elementwise.minimum")
mod = _pair("ops.elementwise.mod")
multiply = _pair("ops.elementwise.multiply")
pow = _pair("ops.elementwise.power")  # noqa: A001
subtract = _pair("ops.elementwise.subtract")

equal = _pair("ops.comparison.equal")
greater = _pair("ops.comparison.greater")
greater_equal = _pair("ops.comparison.greater_equal")
less = _pair("ops.comparison.less")
less_equal = _pair("ops.comparison.less_equal")
logical_and = _pair("ops.comparison.logical_and")
logical_not = _single("ops.comparison.logical_not")
logical_or = _pair("ops.comparison.logical_or")
logical_xor = _pair("ops.comparison.logical_xor")
not_equal = _pair("ops.comparison.not_equal")

abs = _single("ops.elementwise.abs")  # noqa: A001
acos = _single("ops.elementwise.arccos")
acosh = _single("ops.elementwise.arccosh")
asin = _single("ops.elementwise.arcsin")
asinh = _single("ops.elementwise.arcsinh")
atan = _single("ops.elementwise.arctan")
atanh = _single("ops.elementwise.arctanh")
ceil = _single("ops.elementwise.ceil")
cos = _single("ops.elementwise.cos")
cosh = _single("ops.elementwise.cosh")
erf = _single("ops.error_function.erf")
exp = _single("ops.elementwise.exp")
expm1 = _single("ops.elementwise.expm1")
floor = _single("ops.elementwise.floor")
is_finite = _single("ops.comparison.isfinite")
is_inf = _single("ops.comparison.isinf")
is_nan = _single("ops.comparison.isnan")
log = _single("ops.elementwise.log")
log1p = _single("ops.elementwise.log1p")
log_sigmoid = _single("activations.log_sigmoid")
log_softmax = _single("activations.log_softmax", "logits axis")
negative = _single("ops.elementwise.negative")
reciprocal = _single("ops.elementwise.reciprocal")
round = _single("ops.elementwise.round")  # noqa: A001
rsqrt = _single("ops.elementwise.rsqrt")
sigmoid = _single("activations.sigmoid")
sign = _single("ops.elementwise.sign")
sin = _single("ops.elementwise.sin")
sinh = _single("ops.elementwise.sinh")
softmax = _single("activations.softmax", "logits axis")
softplus = _single("activations.softplus", "features")
softsign = _single("activations.softsign", "features")
sqrt = _single("ops.elementwise.sqrt")
square = _single("ops.elementwise.square")
stop_gradient = _single("ops.core.stop_gradient", "input")
tan = _single("ops.elementwise.tan")
tanh = _single("activations.tanh")

# Activations: a layer takes them for those of Keras.
elu = _single("activations.elu", "features")
gelu = _single("activations.gelu", "features approximate")
relu = _single("activations.relu", "features")
relu6 = _single("activations.relu6", "features")
selu = _single("activations.selu", "features")
silu = _single("activations.silu", "features")

cast = renamed("ops.core.cast", "x dtype")
clip_by_value = renamed("ops.elementwise.clip", "t clip_value_min clip_value_max")


@with_numpy
def identity(input: Any) -> Any:  # noqa: A002
    """Returns an array as it is."""
    return ops.convert_to_tensor(input)


@with_numpy
def add_n(inputs: Sequence[Any]) -> Any:
    """Returns the sum of several arrays.

    Example:
        >>> add_n([[1, 2], [3, 4], [5, 6]]).numpy()
        array([ 9, 12], dtype=int32)
    """
    total = ops.convert_to_tensor(inputs[0])
    for array in inputs[1:]:
        total = ops.add(total, array)
    return total


@with_numpy
def squared_difference(x: Any, y: Any) -> Any:
    """Returns the squares of `x - y`."""
    return ops.square(ops.subtract(x, y))


@with_numpy
def clip_by_norm(t: Any, clip_norm: Any, axes: Any = None) -> Any:
    """Returns an array scaled down so that its Euclidean norm is at most `clip_norm`.

    Args:
        t: Array or symbolic tensor.
        clip_norm: The largest norm.
        axes: Axes of which each norm is taken; None: all.

    Example:
        >>> clip_by_norm([3.0, 4.0], 1.0).numpy()
        array([0.6, 0.8], dtype=float32)
    """
    norm = ops.sqrt(ops.sum(ops.square(t), axis=axes, keepdims=True))
    return ops.divide(ops.multiply(t, clip_norm), ops.maximum(norm, clip_norm))
