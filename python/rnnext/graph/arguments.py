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

__all__ = [
    "CallArguments",
    "accepts",
    "first_argument",
    "positional_arguments",
    "shape_arguments",
]


@functools.cache
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)


def accepts(function: Callable[..., Any], argument: str) -> bool:
    """Tells whether a method written in Python has an argument of this name."""
    return argument in _signature(function).parameters


def positional_arguments(function: Callable[..., Any]) -> list[str]:
    """Returns the names of a method's arguments that can be given by position, without self."""
    parameters = list(_signature(function).parameters.values())[1:]
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def first_argument(function: Callable[..., Any]) -> str | None:
    """Returns the name of a method's first argument after self, or None."""
    return next(iter(positional_arguments(function)), None)


class CallArguments:
    """What a layer was called with.

    Attributes:
        args: The positional arguments.
        kwargs: The keyword arguments.
        named: Every argument of `call` by name, defaults included.
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
            raise UnsupportedError(f"{label}: {error}; call accepts {accepted}.") from error
        bound.apply_defaults()
        (_, *named) = bound.arguments.items()
        self.named = dict(named)
        self.tensors = {key: value for key, value in named if _is_tensor_structure(value)}
        self.first = named[0][1] if named else None

    def shapes(self) -> dict[str, Any]:
        """Returns `{argument}_shape` for each tensor argument but masks."""
        return {
            f"{name}_shape": nest.map_structure(_shape_or_none, value)
            for name, value in self.tensors.items()
            if name not in ("mask", "args", "kwargs")
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

    A method with one argument gets the shape of the first tensor whatever its name; with more,
    each is named after the call's argument: `build(self, query_shape, value_shape)`.

    Raises:
        UnsupportedError: If an argument's name matches none of the call.
    """
    parameters = list(_signature(method).parameters.values())[1:]
    names = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if not names:
        return dict(shapes) if any(p.kind is p.VAR_KEYWORD for p in parameters) else {}
    if len(names) == 1:
        return {names[0]: next(iter(shapes.values()), None)}
    required = {p.name for p in parameters if p.name in names and p.default is p.empty}
    missing = sorted(required - set(shapes))
    if missing:
        raise UnsupportedError(
            f"{label}: {method.__name__}() has arguments {missing}, which name no tensor argument "
            f"of call() with the suffix _shape; there are {sorted(shapes)}."
        )
    return {name: shapes[name] for name in names if name in shapes}
