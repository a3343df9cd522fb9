"""Arrays that a GradientTape can watch, with TensorFlow's `numpy()`."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest
from rnnext.autodiff.tape import active
from rnnext.tensor_shape import TensorShape

__all__ = [
    "VIEWS",
    "OutputArray",
    "WatchableArray",
    "as_outputs",
    "plain",
    "watchable",
    "with_numpy",
]


class OutputArray(np.ndarray[Any, Any]):
    """An array that a model's call returned: one of NumPy's, with TensorFlow's `numpy()`."""

    def numpy(self) -> NDArray[Any]:
        """Returns a plain copy; a NumPy number if it is only one, bytes if it is a string."""
        copy: NDArray[Any] = self.view(np.ndarray).copy()[()]
        return _as_bytes(copy) if self.dtype.kind in "OU" else copy

    def get_shape(self) -> TensorShape:
        """Returns its sizes."""
        return TensorShape(self.shape)

    def __hash__(self) -> int:  # type: ignore[override]
        # A loop over an array of NumPy's gives numbers, which can be in a set.
        if self.ndim:
            raise TypeError(f"unhashable: an array of shape {self.shape}.")
        return hash(self.item())

    def __repr__(self) -> str:
        return repr(self.view(np.ndarray))


class WatchableArray(OutputArray):
    """An array that is a traced one while a tape watches it, and has TensorFlow's `numpy()`.

    What the functions of `import rnnext as tf` return: `tf.constant`, `tf.reduce_mean`, ... What is
    computed from it with NumPy or by its elements has `numpy()`, too; inside a tape that watches
    it, a traced array is computed.
    """

    @property
    def __traced__(self) -> Any:
        """The traced array that it stands for while a tape watches it, else None."""
        tape = active.tape
        known = None if tape is None else tape.watched.get(id(self))
        if known is None:
            return None
        from rnnext.autodiff.traced import Traced

        return Traced(self.view(np.ndarray), known[1], tape)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        into = kwargs.get("out", ())
        if into:
            kwargs["out"] = tuple(_plain(x) for x in into)
        result = getattr(ufunc, method)(*map(_computed_with, inputs), **kwargs)
        if not into:
            return watchable(result)
        return into[0] if len(into) == 1 else into

    def __array_function__(self, function: Any, _types: Any, args: Any, kwargs: Any) -> Any:
        args, kwargs = nest.map_structure(_computed_with, (args, kwargs))
        return watchable(function(*args, **kwargs))

    def __getitem__(self, index: Any) -> Any:
        return watchable(_computed_with(self)[_computed_with(index)])

    def __iter__(self) -> Any:
        return map(watchable, iter(_computed_with(self)))

    def __str__(self) -> str:
        return str(self.view(np.ndarray))


# Arrays that hold no more than NumPy's do; those with masks are a subclass of their own.
VIEWS = frozenset({OutputArray, WatchableArray})


def watchable(result: Any) -> Any:
    """Returns an array, a number of NumPy, or a tuple or list of them, with `numpy()`.

    Example:
        >>> print(watchable(np.float32(2)).numpy())
        2.0
    """
    kind = type(result)
    if kind is np.ndarray:
        return result.view(WatchableArray)
    if isinstance(result, np.generic):
        return np.asarray(result).view(WatchableArray)
    if kind is tuple or kind is list:
        return kind(map(watchable, result))
    return result


def as_outputs(outputs: Any) -> Any:
    """Returns what a model computed, its plain arrays as OutputArrays.

    Example:
        >>> as_outputs([np.ones(1), None])[0].numpy()
        array([1.])
    """
    if type(outputs) is np.ndarray:
        return outputs.view(OutputArray)
    if isinstance(outputs, (list, tuple, dict)):
        return nest.map_structure(as_outputs, outputs)
    return outputs


def plain(inputs: list[Any]) -> list[Any]:
    """Returns a list with OutputArrays as NumPy's own arrays, which have short paths.

    Example:
        >>> type(plain([as_outputs(np.ones(1))])[0]) is np.ndarray
        True
    """
    return [x.view(np.ndarray) if type(x) in VIEWS else x for x in inputs]


def with_numpy(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: the results of a function have `numpy()`, and it ignores an argument `name`."""

    @functools.wraps(function)
    def call(*args: Any, name: Any = None, **kwargs: Any) -> Any:  # noqa: ARG001
        return watchable(function(*args, **kwargs))

    return call


def _plain(x: Any) -> Any:
    return x.view(np.ndarray) if isinstance(x, WatchableArray) else x


def _computed_with(x: Any) -> Any:
    if not isinstance(x, WatchableArray):
        return x
    traced = None if active.tape is None else x.__traced__
    return x.view(np.ndarray) if traced is None else traced


def _as_bytes(texts: Any) -> Any:
    """Strings in UTF-8, as TensorFlow's are."""
    if not isinstance(texts, np.ndarray):
        return texts.encode() if isinstance(texts, str) else texts
    encoded = np.empty(texts.shape, object)
    for index, text in np.ndenumerate(texts):
        encoded[index] = text.encode() if isinstance(text, str) else text
    return encoded


def _method(name: str) -> Any:
    def method(self: WatchableArray, *args: Any, **kwargs: Any) -> Any:
        return watchable(getattr(_computed_with(self), name)(*args, **kwargs))

    method.__name__ = name
    method.__doc__ = f"See `numpy.ndarray.{name}`."
    return method


for _name in (
    *("all", "any", "argmax", "argmin", "argsort", "astype", "clip", "cumprod", "cumsum"),
    *("diagonal", "dot", "flatten", "max", "mean", "min", "prod", "ravel", "repeat", "reshape"),
    *("round", "squeeze", "std", "sum", "swapaxes", "take", "trace", "transpose", "var"),
):
    setattr(WatchableArray, _name, _method(_name))


def _renewing(operation: Callable[[Any, Any], Any]) -> Any:
    """`x += y` gives `x` another array, as in TensorFlow: who else holds the old one keeps it."""
    return lambda self, other: operation(self, other)


for _name, _operation in (
    *(("__iadd__", operator.add), ("__isub__", operator.sub), ("__imul__", operator.mul)),
    *(("__itruediv__", operator.truediv), ("__ifloordiv__", operator.floordiv)),
    *(("__imod__", operator.mod), ("__ipow__", operator.pow)),
):
    setattr(WatchableArray, _name, _renewing(_operation))
