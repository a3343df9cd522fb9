"""Turns a function on arrays into an operation that a functional model can record.

An operation is one function: it computes on arrays and, applied to symbolic tensors, records a
node. What Keras keeps in an operation's config (an axis, a shape) are its options; the other
arguments are what it is called with.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rnnext import nest, serialization
from rnnext.arrays import asarray
from rnnext.dtypes import standard_dtype_name
from rnnext.errors import DataError, RnnextError, ShapeError, UnsupportedError
from rnnext.graph.operation import Operation
from rnnext.graph.shape_inference import probe_output
from rnnext.graph.streaming import Streamed, StreamedCall
from rnnext.graph.tensor import KerasTensor, any_symbolic
from rnnext.naming import did_you_mean, snake_case
from rnnext.ops.promotion import as_tensor
from rnnext.ops.shapes import Shape, broadcast, concatenated, reduced, shape_of
from rnnext.ops.time_axis import concatenation, elementwise, reduction

__all__ = ["ACTIVATIONS", "CORE", "EINOPS", "LINALG", "MATH", "NN", "NUMPY", "operation"]

Function = Callable[..., Any]
TimeRule = Callable[[StreamedCall, dict[str, Any]], Streamed]

_MOST_OF_ONE = 1 << 24  # elements that an operation may make of one, where it is tried out

# Where Keras defines its operations; configs name these modules.
ACTIVATIONS = "keras.src.activations.activations"
CORE = "keras.src.ops.core"
EINOPS = "keras.src.ops.einops"
LINALG = "keras.src.ops.linalg"
MATH = "keras.src.ops.math"
NN = "keras.src.ops.nn"
NUMPY = "keras.src.ops.numpy"


_TIME_RULES: dict[Any, TimeRule] = {
    broadcast: elementwise,
    concatenated: concatenation,
    reduced: reduction,
}


def _no_time_rule(call: StreamedCall, _arguments: dict[str, Any]) -> Streamed:
    call.raise_not_streamable()


def operation(
    module: str,
    class_name: str,
    *,
    options: Sequence[str] = (),
    shape: Callable[..., Shape] | None = None,
    keeps_dtype: bool = False,
    reads_ids: bool = False,
    steps: TimeRule | None = None,
    doc: str | None = None,
) -> Callable[[Function], Function]:
    """Decorator: makes a function on arrays an operation of this name.

    Args:
        module: Keras's module of the operation's class.
        class_name: Keras's name of the class.
        options: The arguments that are kept in the config. Those of `call` are the others.
        shape: Gives the shape of the result from the arguments; see `rnnext.ops.shapes`. By
            default the function is run on arrays of two sizes.
        keeps_dtype: Whether the result has the first argument's dtype. By default the function
            is run on arrays of one element each.
        reads_ids: Whether integer inputs reach it as they are, even if declared as floats.
        steps: How a call on sequences is streamed; see `rnnext.ops.time_axis`. By default
            `shape` tells: what broadcasts works on each element, and with an option `axis` along
            that; what reduces does so along an axis.
        doc: Docstring of a function that has none of its own because another one made it. It is
            named after the class, too.

    Returns:
        A decorator. It returns a function that computes from arrays, or records a node if an
        argument is symbolic.
    """

    def decorate(function: Function) -> Function:
        if doc is not None:
            function.__name__ = function.__qualname__ = snake_case(class_name)
            function.__doc__ = f"`keras.ops.{function.__name__}`: {doc}"
        attributes = {
            "__doc__": function.__doc__,
            "__module__": function.__module__,
            "reads_ids": reads_ids,
            "_function": staticmethod(function),
            "_option_names": tuple(options),
            "_call_names": _call_names(function, options),
            "_shape_rule": None if shape is None else staticmethod(shape),
            "_keeps_dtype": keeps_dtype,
            "_time_rule": staticmethod(steps or _TIME_RULES.get(shape, _no_time_rule)),
        }
        cls: Any = type(class_name, (FunctionOperation,), attributes)
        serialization.builtin(module)(cls)
        return _public_function(cls, function)

    return decorate


@functools.cache  # when first called: 130 signatures would slow the import
def _signature(function: Function) -> inspect.Signature:
    return inspect.signature(function)


def _public_function(cls: Any, function: Function) -> Function:
    label, arguments = f"ops.{function.__name__}", _leading_arguments(function, cls._call_names)

    @functools.wraps(function)
    def apply(*args: Any, **kwargs: Any) -> Any:
        if len(args) == arguments and not kwargs and not _may_be_symbolic(args):
            return cls._compute(label, args, {}, {})  # nothing to bind, which takes half the time
        signature = _signature(function)
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            accepted = list(signature.parameters)
            raise UnsupportedError(
                f"{label}: {error}; accepted: {accepted}."
                + did_you_mean(kwargs.keys() - set(accepted), accepted)
            ) from error
        bound.apply_defaults()
        chosen = {k: v for k, v in bound.arguments.items() if k in cls._option_names}
        called: list[Any] = []
        named: dict[str, Any] = {}
        for name, value in bound.arguments.items():
            kind = signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_POSITIONAL:
                called += value
            elif kind is inspect.Parameter.VAR_KEYWORD:
                named.update(value)
            elif name not in chosen:
                called.append(value)
        if any_symbolic(called):
            return cls(**chosen)(*called, **named)
        return cls._compute(label, called, named, _as_tuples(chosen))

    return apply


class FunctionOperation(Operation):
    """A node without weights. Each operation is a subclass that `operation` makes.

    Args:
        *args: Options, in the order of `_option_names`.
        name: Name of the node.
        **kwargs: Options by name.

    Raises:
        UnsupportedError: For an option that the operation does not have.
    """

    reads_ids = False
    _keras_name: str
    _function: Callable[..., Any]
    _option_names: tuple[str, ...]
    _call_names: tuple[str, ...] | None  # None: any number of arguments
    _shape_rule: Callable[..., Shape] | None
    _keeps_dtype: bool
    _time_rule: TimeRule

    def __init__(self, *args: Any, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name)
        given = {**dict(zip(self._option_names, args, strict=False)), **kwargs}
        unknown = sorted(set(given) - set(self._option_names))
        if unknown or len(args) > len(self._option_names):
            raise UnsupportedError(
                f"{self.label}: unknown options {unknown or args!r}; accepted: "
                f"{list(self._option_names)}.{did_you_mean(unknown, self._option_names)}"
            )
        self.options = _as_tuples(given)

    @property
    def label(self) -> str:
        """How error messages call it."""
        return f"operation {self.name!r} ({type(self).__name__})"

    @classmethod
    def _named(cls, args: Any, kwargs: Any) -> tuple[Any, dict[str, Any]]:
        """Arguments of `call` by name, so that options may come between them."""
        if cls._call_names is None:
            return args, kwargs
        given = {**dict(zip(cls._call_names, args, strict=False)), **kwargs}
        if len(args) > len(cls._call_names) or not given.keys() <= set(cls._call_names):
            raise UnsupportedError(
                f"{cls._keras_name} is called with {list(cls._call_names)}, received {len(args)} "
                f"positional arguments and {sorted(kwargs)}."
            )
        return (), {name: given[name] for name in cls._call_names if name in given}

    @classmethod
    def _compute(cls, label: str, args: Any, kwargs: Any, options: dict[str, Any]) -> Any:
        """Runs the function; where arrays do not fit, the error says what came."""
        args, kwargs = cls._named(args, kwargs)
        named = {**kwargs, **options}
        try:
            if named.get("dtype") is not None:
                named["dtype"] = standard_dtype_name(named["dtype"])
            with np.errstate(all="ignore"):  # infinities and NaN are answers, as in TensorFlow
                result: Any = cls._function(*args, **named)
        except RnnextError as error:
            raise type(error)(f"{label}: {error}") from error
        except np.linalg.LinAlgError as error:
            raise DataError(f"{label}: {str(error).rstrip('.')}.") from error
        except (ValueError, IndexError, OverflowError) as error:
            shapes = [np.shape(x) for x in nest.flatten((args, kwargs)) if hasattr(x, "shape")]
            reason = str(error).rstrip(".")
            raise ShapeError(f"{label}: {reason}; received arrays of shapes {shapes}.") from error
        return asarray(result) if isinstance(result, np.generic) else result

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Computes the result from arrays."""
        return self._compute(self.label, args, kwargs, self.options)

    def streamed(self, call: StreamedCall) -> Streamed:
        """Says how a call on sequences is streamed; see `rnnext.Stream`."""
        _, named = self._named(call.node.args, call.node.kwargs)
        parameters = _signature(type(self)._function).parameters.values()
        defaults = {p.name: p.default for p in parameters if p.name in self._option_names}
        return type(self)._time_rule(call, {**named, **defaults, **self.options})

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Returns symbolic tensors of the result's shape and dtype."""
        if self._shape_rule is None:
            return probe_output(self, args, kwargs)
        args, kwargs = self._named(args, kwargs)
        called = args if self._call_names is None else kwargs.values()
        try:
            shape: Any = self._shape_rule(*called, **self.options)
        except ShapeError as error:
            raise ShapeError(f"{self.label}: {error}") from error
        dtype = self._result_dtype(args, kwargs)
        if shape and isinstance(shape[0], tuple):  # of several results
            return tuple(KerasTensor(each, dtype, self.name) for each in shape)
        return KerasTensor(shape, dtype, self.name)

    def _result_dtype(self, args: Any, kwargs: Any) -> str:
        """The dtype of the result, found on arrays with one element."""

        def single(x: Any) -> Any:
            is_array = isinstance(x, (KerasTensor, np.ndarray))
            return np.ones([1] * len(shape_of(x)), x.dtype) if is_array else x

        if self._keeps_dtype:
            first = args[0] if self._call_names is None else kwargs[self._call_names[0]]
            first = first[0] if isinstance(first, (list, tuple)) else first
            return str(first.dtype if isinstance(first, KerasTensor) else as_tensor(first).dtype)
        args, kwargs = nest.map_structure(single, (args, kwargs))
        self._check_size(args if self._call_names is None else kwargs.values())
        return str(self._compute(self.label, args, kwargs, self.options).dtype)

    def _check_size(self, called: Any) -> None:
        """Rejects options, which may be a file's, that make very much of a single element."""
        assert self._shape_rule is not None
        shape = self._shape_rule(*called, **self.options)
        if math.prod(size or 1 for size in shape) > _MOST_OF_ONE:
            raise ShapeError(
                f"{self.label}: its options {self.options} make an array of shape {tuple(shape)} "
                f"of single elements; at most {_MOST_OF_ONE} elements are accepted."
            )

    def get_config(self) -> dict[str, Any]:
        """Returns the options."""
        return {"name": self.name, **serialization.serialize(self.options)}

    def __reduce__(self) -> Any:  # the class is made by a decorator; its module has no such name
        return _empty_operation, (self._keras_name,), self.__dict__


def _empty_operation(class_name: str) -> Any:
    cls = serialization.operation_class(class_name)
    return cls.__new__(cls)


def _may_be_symbolic(args: Sequence[Any]) -> bool:
    """Whether one of the arguments is a symbolic tensor, or a structure that may hold one."""
    return any(isinstance(argument, (KerasTensor, list, tuple, dict)) for argument in args)


def _leading_arguments(function: Function, call_names: tuple[str, ...] | None) -> int:
    """The number of arguments of a call, if no option stands between them; else -1."""
    if call_names is None or function.__code__.co_varnames[: len(call_names)] != call_names:
        return -1
    return len(call_names)


def _call_names(function: Function, options: Sequence[str]) -> tuple[str, ...] | None:
    """Names of the arguments that are no options; None if there can be any number of them."""
    code = function.__code__
    if code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS):
        return None
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return tuple(name for name in names if name not in options)


def _as_tuples(value: Any) -> Any:
    """JSON has lists where NumPy expects tuples."""
    if isinstance(value, dict):
        return {key: _as_tuples(item) for key, item in value.items()}
    return tuple(map(_as_tuples, value)) if isinstance(value, (list, tuple)) else value
