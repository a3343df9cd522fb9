"""Constants that a GradientTape can watch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest
from rnnext.autodiff.tape import active

__all__ = ["WatchableArray", "watchable"]


class WatchableArray(np.ndarray[Any, Any]):
    """An array that is a traced one while a tape watches it, and has TensorFlow's `numpy()`.

    What `tf.constant`, `tf.convert_to_tensor` and `tape.gradient` return. What is computed from it
    with NumPy is a plain array, or inside a tape that watches it a traced one.
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

    def numpy(self) -> NDArray[Any]:
        """Returns a plain copy; a NumPy number if it is only one."""
        copy: NDArray[Any] = self.view(np.ndarray).copy()[()]
        return copy

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        given = nest.map_structure(_computed_with, (inputs, kwargs))
        inputs, kwargs = given
        return getattr(ufunc, method)(*inputs, **kwargs)

    def __array_function__(self, function: Any, _types: Any, args: Any, kwargs: Any) -> Any:
        args, kwargs = nest.map_structure(_computed_with, (args, kwargs))
        return function(*args, **kwargs)

    def __getitem__(self, index: Any) -> Any:
        return _computed_with(self)[index]

    def __repr__(self) -> str:
        return repr(self.view(np.ndarray))


def watchable(array: Any) -> Any:
    """Returns an array as one that a tape can watch; what is no plain array as it is."""
    return array.view(WatchableArray) if type(array) is np.ndarray else array


def _computed_with(x: Any) -> Any:
    if not isinstance(x, WatchableArray):
        return x
    traced = x.__traced__
    return x.view(np.ndarray) if traced is None else traced


def _method(name: str) -> Any:
    def method(self: WatchableArray, *args: Any, **kwargs: Any) -> Any:
        return getattr(_computed_with(self), name)(*args, **kwargs)

    method.__name__ = name
    method.__doc__ = f"See `numpy.ndarray.{name}`."
    return method


for _name in (
    *("all", "any", "argmax", "argmin", "argsort", "astype", "clip", "cumprod", "cumsum"),
    *("diagonal", "dot", "flatten", "max", "mean", "min", "prod", "ravel", "repeat", "reshape"),
    *("round", "squeeze", "std", "sum", "swapaxes", "take", "trace", "transpose", "var"),
):
    setattr(WatchableArray, _name, _method(_name))
