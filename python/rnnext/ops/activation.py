"""Activation functions as operations."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.activations.activation import Activation
from rnnext.ops.operation import ACTIVATIONS, NN, NUMPY, operation
from rnnext.ops.promotion import as_float
from rnnext.ops.shapes import Shape, axes_of, broadcast, shape_of

Array = NDArray[Any]


def _activation(class_name: str, name: str, module: str = NN) -> Any:
    """An activation without parameters."""
    compute = Activation(name)

    def function(x: Any) -> Array:
        return compute(x)

    return operation(module, class_name, shape=broadcast, doc="the activation.")(function)


relu = _activation("Relu", "relu")
relu6 = _activation("Relu6", "relu6")
sigmoid = _activation("Sigmoid", "sigmoid")
tanh = _activation("Tanh", "tanh", NUMPY)
silu = _activation("Silu", "silu")
selu = _activation("Selu", "selu")
softplus = _activation("Softplus", "softplus")
softsign = _activation("Softsign", "softsign")
log_sigmoid = _activation("LogSigmoid", "log_sigmoid")
hard_sigmoid = _activation("HardSigmoid", "hard_sigmoid")
hard_silu = _activation("HardSilu", "hard_silu")
hard_tanh = _activation("HardTanh", "hard_tanh")
tanh_shrink = _activation("TanhShrink", "tanh_shrink")
sparse_plus = _activation("SparsePlus", "sparse_plus")
sparse_sigmoid = _activation("SparseSigmoid", "sparse_sigmoid")


@operation(
    ACTIVATIONS, "ReLU", options=("negative_slope", "max_value", "threshold"), shape=broadcast
)
def relu_with_arguments(
    x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Array:
    """`keras.activations.relu` called with arguments."""
    params = {"negative_slope": negative_slope, "max_value": max_value, "threshold": threshold}
    return Activation("relu", **params)(x)


@operation(NN, "LeakyRelu", options=("negative_slope",), shape=broadcast)
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Array:
    """Returns `x`, times `negative_slope` where it is negative."""
    return Activation("leaky_relu", negative_slope=negative_slope)(x)


@operation(NN, "Elu", options=("alpha",), shape=broadcast)
def elu(x: Any, alpha: float = 1.0) -> Array:
    """Returns `x`, and `alpha * (exp(x) - 1)` where it is negative."""
    return Activation("elu", alpha=alpha)(x)


@operation(NN, "Celu", options=("alpha",), shape=broadcast)
def celu(x: Any, alpha: float = 1.0) -> Array:
    """Returns `x`, and `alpha * (exp(x / alpha) - 1)` where it is negative."""
    return Activation("celu", alpha=alpha)(x)


@operation(NN, "Gelu", options=("approximate",), shape=broadcast)
def gelu(x: Any, approximate: bool = True) -> Array:
    """Returns `x * P(X <= x)` of a standard normal X; `approximate` by a tanh."""
    return Activation("gelu", approximate=approximate)(x)


@operation(NN, "Squareplus", options=("b",), shape=broadcast)
def squareplus(x: Any, b: float = 4) -> Array:
    """Returns `(x + sqrt(x**2 + b)) / 2`."""
    return Activation("squareplus", b=b)(x)


@operation(NN, "HardShrink", options=("threshold",), shape=broadcast)
def hard_shrink(x: Any, threshold: float = 0.5) -> Array:
    """Returns `x`, and 0 where its absolute value is at most `threshold`."""
    return Activation("hard_shrink", threshold=threshold)(x)


@operation(NN, "SoftShrink", options=("threshold",), shape=broadcast)
def soft_shrink(x: Any, threshold: float = 0.5) -> Array:
    """Returns `x` nearer to 0 by `threshold`, and 0 where it is nearer than that."""
    return Activation("soft_shrink", threshold=threshold)(x)


@operation(NN, "Threshold", options=("threshold", "default_value"), shape=broadcast)
def threshold(x: Any, threshold: float, default_value: float) -> Array:
    """Returns `x` where it is above `threshold`, and `default_value` elsewhere."""
    return Activation("threshold", threshold=threshold, default_value=default_value)(x)


def _halved(x: Any, axis: int = -1) -> Shape:
    shape = list(shape_of(x))
    (along,) = axes_of(axis, len(shape))
    size = shape[along]
    shape[along] = None if size is None else size // 2
    return tuple(shape)


@operation(NN, "Glu", options=("axis",), shape=_halved, keeps_dtype=True)
def glu(x: Any, axis: int = -1) -> Array:
    """Returns the first half of an axis times the sigmoid of its second half."""
    return Activation("glu", axis=axis)(x)


def over_axes(name: str, x: Any, axis: Any) -> Array:
    """A row-wise activation over one axis, several together, or all (None)."""
    array = as_float(x)
    axes = axes_of(axis, array.ndim)
    if len(axes) == 1:
        return Activation(name, axis=axes[0] - array.ndim)(array)
    ends = tuple(range(-len(axes), 0))
    rows = np.moveaxis(array, axes, ends)
    flat = rows.reshape(*rows.shape[: -len(axes)], -1)
    return np.moveaxis(Activation(name)(flat).reshape(rows.shape), ends, axes)


@operation(NN, "Softmax", options=("axis",), shape=broadcast)
def softmax(x: Any, axis: Any = -1) -> Array:
    """Returns `exp(x) / sum(exp(x))` over an axis, several together, or all (None)."""
    return over_axes("softmax", x, axis)


@operation(NN, "LogSoftmax", options=("axis",), shape=broadcast)
def log_softmax(x: Any, axis: Any = -1) -> Array:
    """Returns the logarithm of `softmax`, without overflow."""
    return over_axes("log_softmax", x, axis)


@operation(NN, "Sparsemax", options=("axis",), shape=broadcast)
def sparsemax(x: Any, axis: int = -1) -> Array:
    """Returns what Keras up to 3.15 returns, on TensorFlow, for sparsemax.

    That is the point of the probability simplex nearest to `x` where the point has one element
    that is not 0. Where it has several, Keras sums sums of them for the threshold, and the result
    is too small: it does not add up to 1. A model was trained with what its Keras computed.
    """
    return over_axes("sparsemax", x, axis)
