"""How the gradient rules of NumPy's functions are written down, and looked up.

A ufunc has one rule for each argument, `rule(d, y, *x)`: from the gradient `d` of its result `y`
to that of the argument. Any other function has one that computes the result, too. What arrays
are broadcast to is undone here, for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.dtypes import FLOAT_KINDS
from rnnext.errors import UnsupportedError

__all__ = [
    "FUNCTIONS",
    "UFUNCS",
    "composed",
    "computed",
    "differentiable",
    "fitted",
    "lifted",
    "note",
    "plain",
    "value_of",
    "without_gradient",
]

Array = NDArray[Any]
Rule = Callable[..., Any]

# For each argument of a ufunc its rule, None where the gradient is zero. An empty tuple: the
# result, such as that of a comparison, has no gradient and is a plain array.
UFUNCS: dict[np.ufunc, tuple[Rule | None, ...]] = {}
# What is called in place of a NumPy function when an argument belongs to a trace.
FUNCTIONS: dict[Any, Callable[..., Any]] = {}


def lifted(x: Any) -> Any:
    """Returns the traced array that `x` stands for, be it a weight, or `x` itself."""
    traced = getattr(x, "__traced__", None)
    return x if traced is None else traced


def value_of(x: Any) -> Any:
    """Returns the plain array of a traced one, whose gradient is then lost; else `x`."""
    traced = getattr(x, "__traced__", None)
    return x if traced is None else traced.value


def plain(x: Any) -> Any:
    """Returns the plain array of an argument that has no rule.

    Raises:
        UnsupportedError: If it has a gradient.
    """
    if isinstance(x, (list, tuple)):
        return type(x)(map(plain, x))
    traced = getattr(x, "__traced__", None)
    if traced is None:
        return x
    if traced.node is not None:
        raise UnsupportedError(
            "an argument of a NumPy function has a gradient and no rule for it; "
            "rnnext.ops.stop_gradient(x) says that none is wanted."
        )
    return traced.value


def fitted(gradient: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Returns a gradient in the shape and dtype of what it belongs to.

    Axes that were broadcast are summed.
    """
    if gradient is None:
        return None
    if gradient.shape != shape:
        extra = gradient.ndim - len(shape)
        axes = tuple(
            i for i, size in enumerate(gradient.shape) if i < extra or size != shape[i - extra]
        )
        if axes and all(i < extra or shape[i - extra] == 1 for i in axes):
            gradient = gradient.sum(axis=axes, keepdims=True)
            gradient = gradient.reshape(shape)
        else:  # a rule may return what is to be broadcast
            gradient = np.broadcast_to(gradient, shape)
    return gradient if gradient.dtype == dtype else gradient.astype(dtype)


def note(value: Any, sources: Sequence[Any], pullback: Callable[[Any], Any]) -> Any:
    """Notes a computation, and returns its result as a traced array.

    Args:
        value: The result. What is no float has no gradient.
        sources: What it was computed from, traced arrays among it.
        pullback: From the gradient of the result to those of the sources: a tuple, or if there is
            one source, an array.
    """
    from rnnext.autodiff.traced import Traced, tape_of

    kept = [i for i, x in enumerate(sources) if type(x) is Traced and x.node is not None]
    if not kept or value.dtype.kind not in FLOAT_KINDS:
        return value if value.dtype.kind == "b" else Traced(value)
    forms = [(sources[i].value.shape, sources[i].value.dtype) for i in kept]
    tape = tape_of([sources[i] for i in kept])
    if not tape.is_open:
        return value

    def reverse(d: Any) -> list[Any]:
        gradients = pullback(d)
        if type(gradients) is not tuple:
            gradients = (gradients,)
        return [fitted(gradients[i], *form) for i, form in zip(kept, forms, strict=True)]

    node = tape.new_node()
    tape.entries.append((node, [sources[i].node for i in kept], reverse))
    return Traced(value, node, tape)


def computed(forward: Rule, *arrays: Any) -> Any:
    """Returns what a function computes from arrays, noted if one of them is traced.

    Args:
        forward: Takes plain arrays, and returns the result and its pullback; see `note`.
        *arrays: Plain or traced arrays.
    """
    values = [value_of(x) for x in arrays]
    value, pullback = forward(*values)
    if all(v is x for v, x in zip(values, arrays, strict=True)):
        return value
    return note(value, arrays, pullback)


def differentiable(*functions: Any, arrays: int = 1) -> Callable[[Rule], Rule]:
    """Decorator: makes a function the rule of NumPy functions.

    The function is given plain arrays and returns the result and its pullback; see `note`.

    Args:
        *functions: The NumPy functions; the rule has arguments of the same names.
        arrays: How many of the first arguments may have a gradient.
    """

    def decorate(forward: Rule) -> Rule:
        names = forward.__code__.co_varnames[:arrays]

        def apply(*args: Any, **kwargs: Any) -> Any:
            sources = [lifted(x) for x in args[:arrays]]
            sources += [lifted(kwargs[name]) for name in names[len(sources) :] if name in kwargs]
            first = [value_of(x) for x in args[:arrays]]
            others = {k: value_of(v) if k in names else plain(v) for k, v in kwargs.items()}
            value, pullback = forward(*first, *map(plain, args[arrays:]), **others)
            return note(value, sources, pullback)

        for function in functions:
            FUNCTIONS[function] = apply
        return forward

    return decorate


def composed(*functions: Any) -> Callable[[Rule], Rule]:
    """Decorator: what computes these NumPy functions by others that have rules."""

    def decorate(function: Rule) -> Rule:
        for replaced in functions:
            FUNCTIONS[replaced] = function
        return function

    return decorate


def without_gradient(*functions: Any) -> None:
    """Says that the results of these functions have no gradient."""

    def register(function: Any) -> None:
        def apply(*args: Any, **kwargs: Any) -> Any:
            from rnnext.autodiff.traced import constants

            return constants(
                function(*map(_values, args), **{k: _values(v) for k, v in kwargs.items()})
            )

        FUNCTIONS[function] = apply

    for function in functions:
        register(function)


def _values(x: Any) -> Any:
    if isinstance(x, (list, tuple)):
        return type(x)(map(_values, x))
    return value_of(x)
