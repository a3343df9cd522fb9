"""What TensorFlow computes element by element, with its names of the arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rnnext import ops
from rnnext.autodiff.watchable import with_numpy
from rnnext.tensorflow.renamed import renamed

__all__ = ["add_n", "cast", "clip_by_norm", "clip_by_value", "identity", "squared_difference"]

add = renamed("ops.elementwise.add", "x y")
atan2 = renamed("ops.elementwise.arctan2", "y x")
divide = renamed("ops.elementwise.divide", "x y")
divide_no_nan = renamed("ops.elementwise.divide_no_nan", "x y")
floordiv = renamed("ops.elementwise.floor_divide", "x y")
maximum = renamed("ops.elementwise.maximum", "x y")
minimum = renamed("ops.elementwise.minimum", "x y")
mod = renamed("ops.elementwise.mod", "x y")
multiply = renamed("ops.elementwise.multiply", "x y")
pow = renamed("ops.elementwise.power", "x y")  # noqa: A001
subtract = renamed("ops.elementwise.subtract", "x y")

equal = renamed("ops.comparison.equal", "x y")
greater = renamed("ops.comparison.greater", "x y")
greater_equal = renamed("ops.comparison.greater_equal", "x y")
less = renamed("ops.comparison.less", "x y")
less_equal = renamed("ops.comparison.less_equal", "x y")
logical_and = renamed("ops.comparison.logical_and", "x y")
logical_not = renamed("ops.comparison.logical_not", "x")
logical_or = renamed("ops.comparison.logical_or", "x y")
logical_xor = renamed("ops.comparison.logical_xor", "x y")
not_equal = renamed("ops.comparison.not_equal", "x y")

abs = renamed("ops.elementwise.abs", "x")  # noqa: A001
acos = renamed("ops.elementwise.arccos", "x")
acosh = renamed("ops.elementwise.arccosh", "x")
asin = renamed("ops.elementwise.arcsin", "x")
asinh = renamed("ops.elementwise.arcsinh", "x")
atan = renamed("ops.elementwise.arctan", "x")
atanh = renamed("ops.elementwise.arctanh", "x")
ceil = renamed("ops.elementwise.ceil", "x")
cos = renamed("ops.elementwise.cos", "x")
cosh = renamed("ops.elementwise.cosh", "x")
erf = renamed("ops.error_function.erf", "x")
exp = renamed("ops.elementwise.exp", "x")
expm1 = renamed("ops.elementwise.expm1", "x")
floor = renamed("ops.elementwise.floor", "x")
is_finite = renamed("ops.comparison.isfinite", "x")
is_inf = renamed("ops.comparison.isinf", "x")
is_nan = renamed("ops.comparison.isnan", "x")
log = renamed("ops.elementwise.log", "x")
log1p = renamed("ops.elementwise.log1p", "x")
log_sigmoid = renamed("activations.log_sigmoid", "x")
log_softmax = renamed("activations.log_softmax", "logits axis")
negative = renamed("ops.elementwise.negative", "x")
reciprocal = renamed("ops.elementwise.reciprocal", "x")
round = renamed("ops.elementwise.round", "x")  # noqa: A001
rsqrt = renamed("ops.elementwise.rsqrt", "x")
sigmoid = renamed("activations.sigmoid", "x")
sign = renamed("ops.elementwise.sign", "x")
sin = renamed("ops.elementwise.sin", "x")
sinh = renamed("ops.elementwise.sinh", "x")
softmax = renamed("activations.softmax", "logits axis")
softplus = renamed("activations.softplus", "features")
softsign = renamed("activations.softsign", "features")
sqrt = renamed("ops.elementwise.sqrt", "x")
square = renamed("ops.elementwise.square", "x")
stop_gradient = renamed("ops.core.stop_gradient", "input")
tan = renamed("ops.elementwise.tan", "x")
tanh = renamed("activations.tanh", "x")

# Activations: a layer takes them for those of Keras.
elu = renamed("activations.elu", "features")
gelu = renamed("activations.gelu", "features approximate")
relu = renamed("activations.relu", "features")
relu6 = renamed("activations.relu6", "features")
selu = renamed("activations.selu", "features")
silu = renamed("activations.silu", "features")

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
