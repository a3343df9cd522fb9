"""The arguments of one call of a layer: which are tensors, and what shapes build() is told."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from rnnext import nest
from rnnext.arrays import is_traced
from rnnext.errors import UnsupportedError
from rnnext.graph.tensor import KerasTensor
from rnnext.naming import did_you_mean

__all__ = [
    "CallArguments",
    "accepts",
    "default_of",
    "first_argument",
    "positional_arguments",
    "required_arguments",
    "shape_arguments",
    "takes_any_keyword",
]


@functools.cache
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)


def accepts(function: Callable[..., Any], argument: str) -> bool:
    """Tells whether a method written in Python has an argument of this name."""
    return argument in _signature(function).parameters


def default_of(function: Callable[..., Any], argument: str) -> Any:
    """Returns the default of a method's argument; None if there is no such argument."""
    parameter = _signature(function).parameters.get(argument)
    return None if parameter is None else parameter.default


def takes_any_keyword(function: Callable[..., Any]) -> bool:
    """Tells whether a method has **kwargs."""
    parameters = _signature(function).parameters.values()
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)


def positional_arguments(function: Callable[..., Any]) -> list[str]:
    """Returns the names of a method's arguments that can be given by position, without self."""
    parameters = list(_signature(function).parameters.values())[1:]
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def required_arguments(function: Callable[..., Any]) -> list[str]:
    """Returns the names of a method's arguments that have no default, without self."""
    parameters = _signature(function).parameters
    names = positional_arguments(function)
    return [name for name in names if parameters[name].default is inspect.Parameter.empty]


def first_argument(function: Callable[..., Any]) -> str | None:
    """Returns the name of a method's first argument after self, or None."""
    return next(iter(positional_arguments(function)), None)


class CallArguments:
    """What a layer was called with.

    Attributes:
        args: The positional arguments.
        kwargs: The keyword arguments.
        named: Every argument of `call` by name, defaults included; what `*args` and `**kwargs` of
            its signature hold counts one by one.
        tensors: Those that are arrays or symbolic tensors, or nested structures of them.
        first: The first argument.
    """

    def __init__(
        self,
        call: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        label: str,
    ) -> None:
        self.args = args
        self.kwargs = kwargs
        signature = _signature(call)
        try:
            bound = signature.bind(None, *args, **kwargs)
        except TypeError as error:
            accepted = list(signature.parameters)[1:]
            hint = did_you_mean(kwargs.keys() - set(accepted), accepted)
            raise UnsupportedError(f"{label}: {error}; call accepts {accepted}.{hint}") from error
        bound.apply_defaults()
        (_, *arguments) = bound.arguments.items()
        self.named: dict[str, Any] = {}
        for name, value in arguments:
            kind = signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_POSITIONAL:
                self.named.update({f"{name}[{i}]": item for i, item in enumerate(value)})
            elif kind is inspect.Parameter.VAR_KEYWORD:
                self.named.update(value)
            else:
                self.named[name] = value
        self.tensors = {k: value for k, value in self.named.items() if _is_tensor_structure(value)}
        self.first = next(iter(self.named.values()), None)

    def shapes(self) -> dict[str, Any]:
        """Returns `{argument}_shape` for each tensor argument but masks."""
        return {
            f"{name}_shape": nest.map_structure(_shape_or_none, value)
            for name, value in self.tensors.items()
            if name != "mask"
        }


def _shape_or_none(x: Any) -> tuple[int | None, ...] | None:
    return None if x is None else tuple(x.shape)


def _is_tensor(x: Any) -> bool:
    return isinstance(x, (np.ndarray, KerasTensor)) or is_traced(x)


def _is_tensor_structure(value: Any) -> bool:
    if _is_tensor(value):
        return True
    if not nest.is_nested(value):
        return False
    leaves = nest.flatten(value)
    # None counts by identity: comparing it with an array would compare every element.
    given = [leaf for leaf in leaves if leaf is not None]
    return bool(given) and all(map(_is_tensor, given))


def shape_arguments(
    method: Callable[..., Any], shapes: dict[str, Any], label: str
) -> dict[str, Any]:
    """Fits the shapes of a call to the arguments of `build` or `compute_output_shape`.

    A method with one argument gets the shape of the first tensor whatever its name. With more,
    each is named after the call's argument: `build(self, query_shape, value_shape)`; but the first
    one gets the shape of the first tensor where neither name has a counterpart, as in a subclass
    of LSTM with a `call(self, x)`: its `build(self, sequences_shape, ...)` is inherited.

    Raises:
        UnsupportedError: If an argument's name matches none of the call.
    """
    parameters = list(_signature(method).parameters.values())[1:]
    names = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if not names:
        return dict(shapes) if any(p.kind is p.VAR_KEYWORD for p in parameters) else {}
    if len(names) == 1:
        return {names[0]: next(iter(shapes.values()), None)}
    first = next(iter(shapes), None)
    if first is not None and first not in names and names[0] not in shapes:
        shapes = {names[0]: shapes[first], **shapes}
    required = {p.name for p in parameters if p.name in names and p.default is p.empty}
    missing = sorted(required - set(shapes))
    if missing:
        raise UnsupportedError(
            f"{label}: {method.__name__}() has arguments {missing}, which name no tensor argument "
            f"of call() with the suffix _shape; there are {sorted(shapes)}."
        )
    return {name: shapes[name] for name in names if name in shapes}
