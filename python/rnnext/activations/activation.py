"""Keras's activation functions, by name, as objects the compiled kernels understand.

An activation is a function on arrays that also carries its `spec`: the tuple of a kind and its
parameters that names it to `rnnext._core`. Formulas are those of `keras.activations` (Keras 3).

Example:
    >>> from rnnext import activations
    >>> activations.relu([-1.0, 2.0])
    array([0., 2.], dtype=float32)
    >>> activations.get("leaky_relu").spec
    ('relu', 0.2, inf, 0.0)
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import _core, serialization, settings
from rnnext.arrays import as_array, cast
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.naming import did_you_mean

__all__ = ["Activation", "deserialize", "get", "serialize"]

Spec = tuple[Any, ...]


def _named(kind: str, *values: float) -> Callable[[], Spec]:
    """A formula without parameters."""
    return lambda: (kind, *values)


def _relu(
    negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Spec:
    limit = math.inf if max_value is None else float(max_value)
    return ("relu", float(negative_slope), limit, float(threshold))


def _leaky_relu(negative_slope: float = 0.2) -> Spec:
    return ("relu", float(negative_slope), math.inf, 0.0)


def _elu(alpha: float = 1.0) -> Spec:
    return ("elu", float(alpha))


def _celu(alpha: float = 1.0) -> Spec:
    return ("celu", float(alpha))


def _gelu(approximate: bool = False) -> Spec:
    return ("gelu_tanh",) if approximate else ("gelu",)


def _hard_shrink(threshold: float = 0.5) -> Spec:
    return ("hard_shrink", float(threshold))


def _soft_shrink(threshold: float = 0.5) -> Spec:
    return ("soft_shrink", float(threshold))


def _threshold(threshold: float, default_value: float) -> Spec:
    return ("threshold", float(threshold), float(default_value))


def _squareplus(b: float = 4.0) -> Spec:
    return ("squareplus", float(b))


# Row-wise functions. The kernel works on the last axis; `Activation` sees to other ones.
def _softmax(axis: int = -1) -> Spec:  # noqa: ARG001
    return ("softmax",)


def _log_softmax(axis: int = -1) -> Spec:  # noqa: ARG001
    return ("log_softmax",)


def _sparsemax(axis: int = -1) -> Spec:  # noqa: ARG001
    return ("sparsemax",)


def _glu(axis: int = -1) -> Spec | None:  # noqa: ARG001
    return None  # halves its axis, so no kernel applies it in place


_FORMULAS: dict[str, Callable[..., Spec | None]] = {
    "celu": _celu,
    "elu": _elu,
    "exponential": _named("exponential"),
    "gelu": _gelu,
    "glu": _glu,
    "hard_shrink": _hard_shrink,
    "hard_sigmoid": _named("hard_sigmoid", 1 / 6),
    "hard_silu": _named("hard_silu"),
    "hard_tanh": _named("hard_tanh"),
    # What "hard_sigmoid" means in files that Keras 1 and 2 wrote.
    "keras2_hard_sigmoid": _named("hard_sigmoid", 0.2),
    "leaky_relu": _leaky_relu,
    "linear": _named("linear"),
    "log_sigmoid": _named("log_sigmoid"),
    "log_softmax": _log_softmax,
    "mish": _named("mish"),
    "relu": _relu,
    "relu6": _named("relu", 0.0, 6.0, 0.0),
    "selu": _named("selu"),
    "sigmoid": _named("sigmoid"),
    "silu": _named("silu"),
    "soft_shrink": _soft_shrink,
    "softmax": _softmax,
    "softplus": _named("softplus"),
    "softsign": _named("softsign"),
    "sparse_plus": _named("sparse_plus"),
    "sparse_sigmoid": _named("sparse_sigmoid"),
    "sparsemax": _sparsemax,
    "squareplus": _squareplus,
    "tanh": _named("tanh"),
    "tanh_shrink": _named("tanh_shrink"),
    "threshold": _threshold,
}
# What Keras calls the operation, where it is not the activation's name.
_OPERATIONS = {"exponential": "Exp", "relu": "ReLU"}
_ALIASES = {"swish": "silu", "hard_swish": "hard_silu"}

# Keras layers that may stand where an activation is expected: the activation each one is.
_LAYER_ACTIVATIONS = {
    "ELU": ("elu", ("alpha",)),
    "LeakyReLU": ("leaky_relu", ("negative_slope",)),
    "ReLU": ("relu", ("negative_slope", "max_value", "threshold")),
    "Softmax": ("softmax", ("axis",)),
}


class Activation:
    """An activation function.

    Attributes:
        name: Keras's name of the function, or the name of a custom Python function.
        params: Its parameters, where they differ from the defaults.
        spec: What `rnnext._core` calls it; None if no kernel applies it: glu, a Python function,
            an axis other than the last.

    Raises:
        UnsupportedError: If there is no such activation or it has no such parameter.
    """

    def __init__(self, name: str, **params: Any) -> None:
        self.name = _ALIASES.get(name, name)
        if self.name not in _FORMULAS:
            raise UnsupportedError(
                f"activation {name!r} is not known; accepted: {sorted([*_FORMULAS, *_ALIASES])}."
                + did_you_mean([name], [*_FORMULAS, *_ALIASES])
            )
        self.params = params
        try:
            self._formula = _FORMULAS[self.name](**params)
        except TypeError as error:
            raise UnsupportedError(
                f"activation {name!r} with parameters {params!r}: {error}"
            ) from error
        self.spec = self._formula if params.get("axis", -1) == -1 else None

    def __call__(self, x: Any, *args: Any, **params: Any) -> NDArray[Any]:
        """Applies the function to an array or array-like.

        Args:
            x: Numbers of any shape; integers are computed as the default float type, but by
                functions that need no fractions as they are (`keeps_integers`). Or a symbolic
                tensor, whose graph then records the operation.
            *args: The function's parameters in Keras's order, e.g. `relu(x, 0.1)`.
            **params: The same by name.

        Returns:
            An array of the shape of `x` (`glu`: half as long along its axis).
        """
        if args or params:
            names = _FORMULAS[self.name].__code__.co_varnames
            return Activation(self.name, **{**dict(zip(names, args, strict=False)), **params})(x)
        if getattr(x, "is_symbolic", False):
            recorded: NDArray[Any] = self._record(x)
            return recorded
        array = as_array(x, f"activation {self.name!r}")
        if not hasattr(x, "dtype"):  # Python's numbers have no precision of their own
            array = cast(array, settings.floatx())
        return self._compute(array)

    def _record(self, x: Any) -> Any:
        """Adds the operation to the graph that `x`, a symbolic tensor, belongs to."""
        if self.name == "linear":
            return x
        camel_case = "".join(part.capitalize() for part in self.name.split("_"))
        operation = serialization.operation_class(_OPERATIONS.get(self.name, camel_case))
        if operation is None:
            raise UnsupportedError(
                f"activation {self.name!r} is not an operation that a graph can record, as in "
                f"Keras; use the layer Activation({self.name!r})."
            )
        parameters = inspect.signature(_FORMULAS[self.name]).parameters.values()
        return operation(**{**{p.name: p.default for p in parameters}, **self.params})(x)

    @property
    def __name__(self) -> str:
        """The name, as a Python function has it."""
        return self.name

    @property
    def joined_axes(self) -> tuple[int, ...] | None:
        """The axis that the activation mixes; None: it is not known."""
        elementwise = "axis" not in _FORMULAS[self.name].__code__.co_varnames
        return () if elementwise else (self.params.get("axis", -1),)

    @property
    def keeps_integers(self) -> bool:
        """Whether integers give integers, as in Keras: linear, and relu without a slope."""
        return self.spec is not None and (self.spec == ("linear",) or self.spec[:2] == ("relu", 0))

    def _compute(self, x: NDArray[Any]) -> NDArray[Any]:
        if x.dtype.kind in "iu" and self.keeps_integers:
            return x if self.name == "linear" else self._relu_of_integers(x)
        if "axis" not in _FORMULAS[self.name].__code__.co_varnames:
            return self._elementwise(x)
        axis = self.params.get("axis", -1)
        if not -x.ndim <= axis < x.ndim:
            raise ShapeError(f"activation {self.name!r}: axis {axis} of shape {x.shape}.")
        if self.name == "glu":
            return _halves(x, axis)
        if axis not in (-1, x.ndim - 1):
            moved = self._elementwise(np.moveaxis(x, axis, -1))
            return cast(np.moveaxis(moved, -1, axis), moved.dtype)
        return self._elementwise(x)

    def _elementwise(self, x: NDArray[Any]) -> NDArray[Any]:
        result = x.dtype if x.dtype.kind == "f" else np.dtype(settings.floatx())
        computed = np.float64 if result.itemsize >= 8 else np.float32
        assert self._formula is not None  # only glu has none
        x = cast(x, computed)
        if type(x) is np.ndarray:
            return _core.activate(self._formula, x).astype(result, copy=False)
        from rnnext.autodiff.activate import activate

        return activate(self._formula, x).astype(result, copy=False)  # type: ignore[no-any-return]

    def _relu_of_integers(self, x: NDArray[Any]) -> NDArray[Any]:
        """The limits lose their fractions, as in Keras."""
        assert self.spec is not None
        _, _, limit, threshold = self.spec
        zero = x.dtype.type(0)
        above = np.where(x > int(threshold), x, zero)
        if math.isinf(limit):
            return above
        return np.clip(above, zero, x.dtype.type(min(limit, np.iinfo(x.dtype).max)))

    def get_config(self) -> dict[str, Any]:
        """Returns the parameters, as the config of the function."""
        return dict(self.params)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        params = "".join(f", {key}={value!r}" for key, value in self.params.items())
        return f"<activation {self.name}{params}>"


class CustomActivation(Activation):
    """A Python function or object used as an activation; it is called with NumPy arrays."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.name = getattr(function, "__name__", type(function).__name__)
        self.params = {}
        self.spec = None

    def __call__(self, x: Any, *args: Any, **params: Any) -> Any:
        return self.function(x, *args, **params)

    @property
    def joined_axes(self) -> None:
        """None: what the function does is not known."""
        return


def _halves(x: NDArray[Any], axis: int) -> NDArray[Any]:
    """Gated linear unit: first half of `axis` times the sigmoid of the second half."""
    if x.shape[axis] % 2:
        raise ShapeError(f"activation 'glu': axis {axis} of shape {x.shape} must be even.")
    values, gates = np.split(x, 2, axis=axis)
    product: NDArray[Any] = values * sigmoid(gates)
    return product


def get(identifier: Any) -> Activation:
    """Returns an activation from what a layer's `activation` argument may be.

    Args:
        identifier: None (linear), a name, an `Activation`, a Python callable, a layer such as
            `LeakyReLU`, or the dictionary a Keras config stores for one of these.

    Raises:
        UnsupportedError: If it names no activation.

    Example:
        >>> get("swish").name, get(None).name
        ('silu', 'linear')
        >>> get({"class_name": "relu", "config": {"negative_slope": 0.1}}).spec
        ('relu', 0.1, inf, 0.0)
    """
    if identifier is None:
        return linear
    if isinstance(identifier, Activation):
        return identifier
    if isinstance(identifier, str):
        custom = serialization.custom_object(identifier)
        return Activation(identifier) if custom is None else get(custom)
    if isinstance(identifier, dict):
        return _from_config(identifier)
    class_name = type(identifier).__name__
    if class_name in _LAYER_ACTIVATIONS and hasattr(identifier, "get_config"):
        return _from_config({"class_name": class_name, "config": identifier.get_config()})
    named = getattr(identifier, "activation", None)  # of tf.nn.relu and its like
    if isinstance(named, Activation):
        return named
    if callable(identifier):
        return CustomActivation(identifier)
    raise UnsupportedError(
        f"activation: expected a name, a function or a config, received {identifier!r}."
    )


def _from_config(config: dict[str, Any]) -> Activation:
    class_name, inner = config.get("class_name"), config.get("config")
    custom = serialization.custom_object(config.get("registered_name") or class_name)
    if custom is None and class_name == "function":
        custom = serialization.custom_object(inner)
    if isinstance(custom, type):
        return CustomActivation(serialization.deserialize(config))
    if custom is not None:
        return get(custom)
    if class_name == "function" and isinstance(inner, str):
        return Activation(inner)
    if class_name in _LAYER_ACTIVATIONS:
        name, keys = _LAYER_ACTIVATIONS[class_name]
        given = inner or {}
        return Activation(name, **{key: given[key] for key in keys if key in given})
    if config.get("module") == "keras.layers":  # a layer with weights, such as PReLU
        return CustomActivation(serialization.deserialize(config))
    if isinstance(class_name, str) and isinstance(inner, dict):
        return Activation(class_name, **inner)
    raise UnsupportedError(f"activation: cannot read the config {config!r}.")


def serialize(activation: Activation) -> Any:
    """Returns the form of an activation that Keras stores in a layer's config.

    A name for a function with default parameters; otherwise the config of the Keras layer that
    has these parameters, or of the custom function.

    Raises:
        UnsupportedError: If Keras has no form for it.
    """
    if isinstance(activation, CustomActivation):
        return serialization.serialize(activation.function)
    if not activation.params:
        return activation.name
    for class_name, (name, keys) in _LAYER_ACTIVATIONS.items():
        if name == activation.name and set(activation.params) <= set(keys):
            return {
                "module": "keras.layers",
                "class_name": class_name,
                "config": dict(activation.params),
                "registered_name": None,
            }
    raise UnsupportedError(f"{activation!r} has no form that a Keras config could store.")


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Activation:
    """Returns the activation of a config; the inverse of `serialize`.

    Args:
        config: What `serialize` returned.
        custom_objects: Classes and functions by the name the config uses for them.
    """
    with serialization.custom_object_scope(custom_objects):
        return get(config)


def threshold(x: Any, threshold: float, default_value: float) -> NDArray[Any]:
    """Returns `x` where it is above `threshold`, and `default_value` elsewhere."""
    return Activation("threshold", threshold=threshold, default_value=default_value)(x)


celu = Activation("celu")
elu = Activation("elu")
exponential = Activation("exponential")
gelu = Activation("gelu")
glu = Activation("glu")
hard_shrink = Activation("hard_shrink")
hard_sigmoid = Activation("hard_sigmoid")
hard_silu = hard_swish = Activation("hard_silu")
hard_tanh = Activation("hard_tanh")
leaky_relu = Activation("leaky_relu")
linear = Activation("linear")
log_sigmoid = Activation("log_sigmoid")
log_softmax = Activation("log_softmax")
mish = Activation("mish")
relu = Activation("relu")
relu6 = Activation("relu6")
selu = Activation("selu")
sigmoid = Activation("sigmoid")
silu = swish = Activation("silu")
soft_shrink = Activation("soft_shrink")
softmax = Activation("softmax")
softplus = Activation("softplus")
softsign = Activation("softsign")
sparse_plus = Activation("sparse_plus")
sparse_sigmoid = Activation("sparse_sigmoid")
sparsemax = Activation("sparsemax")
squareplus = Activation("squareplus")
tanh = Activation("tanh")
tanh_shrink = Activation("tanh_shrink")
