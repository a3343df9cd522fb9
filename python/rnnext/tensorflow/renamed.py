"""Functions of `rnnext.ops` under TensorFlow's and the older Keras's names of their arguments."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any

from rnnext import activations
from rnnext.autodiff.watchable import watchable

__all__ = ["renamed"]


def renamed(path: str, arguments: str) -> Callable[..., Any]:
    """Returns a function that takes its arguments under other names.

    Args:
        path: The function, in a module of `rnnext` that is imported when it is first called:
            `"ops.reductions.mean"`.
        arguments: The other names, in the function's order: `"input_tensor axis keepdims"`. An
            argument `name` is accepted, too, and ignored.

    Returns:
        The function; its results have `numpy()`.

    Example:
        >>> reduce_sum = renamed("ops.reductions.sum", "input_tensor axis keepdims")
        >>> reduce_sum(input_tensor=[[1, 2], [3, 4]], axis=0).numpy()
        array([4, 6], dtype=int32)
    """
    names = arguments.split()
    module, _, original = path.rpartition(".")

    def call(*args: Any, **kwargs: Any) -> Any:
        function = getattr(importlib.import_module(f"rnnext.{module}"), original)
        if kwargs:
            kwargs.pop("name", None)
            kwargs = _original_names(function, names, kwargs)
        return watchable(function(*args, **kwargs))

    call.__name__ = call.__qualname__ = original
    call.__doc__ = f"`rnnext.{path}` with TensorFlow's names of its arguments: {', '.join(names)}."
    if module == "activations":  # `activation=tf.nn.relu` is `activation="relu"`
        call.activation = getattr(activations, original)  # type: ignore[attr-defined]
    return call


def _original_names(
    function: Callable[..., Any], names: list[str], kwargs: dict[str, Any]
) -> dict[str, Any]:
    if isinstance(function, activations.Activation):  # its parameters have TensorFlow's names
        originals = ["x", *names[1:]]
    else:
        originals = list(inspect.signature(function).parameters)
    known = dict(zip(names, originals, strict=False))
    unknown = sorted(kwargs.keys() - known.keys())
    if unknown:
        label = getattr(function, "__name__", "the function")
        raise TypeError(f"{label}: unknown arguments {unknown}; accepted: {names}.")
    return {known[name]: value for name, value in kwargs.items()}
