"""Arrays whose computation is noted on a tape."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from rnnext.arrays import asarray, cast
from rnnext.autodiff.rules import FUNCTIONS, UFUNCS, fitted, note, plain
from rnnext.autodiff.tape import Tape
from rnnext.dtypes import FLOAT_KINDS
from rnnext.errors import UnsupportedError
from rnnext.tensor_shape import TensorShape

__all__ = ["Traced", "constants", "tape_of"]

_METHODS_OF_UFUNCS: dict[tuple[np.ufunc, str], Any] = {
    (np.add, "reduce"): np.sum,
    (np.multiply, "reduce"): np.prod,
    (np.maximum, "reduce"): np.max,
    (np.minimum, "reduce"): np.min,
    (np.add, "accumulate"): np.cumsum,
    (np.multiply, "accumulate"): np.cumprod,
}


class Traced(NDArrayOperatorsMixin):
    """An array that NumPy's operators and functions compute with, noting on a tape what they do.

    Comparisons and tests give plain arrays. Integers, and floats whose gradient is zero, stay
    traced, as constants, so that a layer that is called on them is noted, too. `x += y` changes
    `x` as it does an array; an element cannot be assigned.

    Attributes:
        value: The plain array.
        node: Its node on the tape; None for a constant.
        tape: The tape.
    """

    __slots__ = ("_keras_logits", "_keras_mask", "node", "tape", "value")

    # Above that of a NumPy array and of its subclasses, so that theirs gives way to these methods.
    __array_priority__ = 1000

    def __init__(self, value: Any, node: int | None = None, tape: Tape | None = None) -> None:
        self.value: NDArray[Any] = value if type(value) is np.ndarray else np.asarray(value)
        self.node = node
        self.tape = tape
        self._keras_mask: Any = None
        self._keras_logits: Any = None

    @property
    def __traced__(self) -> Traced:
        """Itself; a weight has the traced array that it stands for under this name."""
        return self

    # NumPy's protocols -------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__":
            return _ufunc_method(ufunc, method, inputs, kwargs)
        out = kwargs.pop("out", None)
        result = _apply(ufunc, inputs, kwargs)
        return result if out is None else _stored(result, out[0], ufunc.__name__)

    def __array_function__(self, function: Any, _types: Any, args: Any, kwargs: Any) -> Any:
        rule = FUNCTIONS.get(function)
        if rule is None:
            module = getattr(function, "__module__", "numpy")
            raise UnsupportedError(
                f"{module}.{function.__name__} has no gradient rule; use functions of rnnext.ops, "
                "or NumPy functions that have one, or rnnext.ops.stop_gradient(x) before it."
            )
        return rule(*args, **kwargs)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if self.node is None or not self.tape.is_open:  # type: ignore[union-attr]
            values = self.value if dtype is None else self.value.astype(dtype, copy=False)
            return values.copy() if copy else values
        raise UnsupportedError(
            "a NumPy function that has no gradient rule was applied to an array that has a "
            f"gradient, {_where()}; use functions of rnnext.ops, or "
            "rnnext.ops.convert_to_numpy(x) if no gradient is wanted."
        )

    # What makes it an array --------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """Its sizes."""
        return self.value.shape

    def get_shape(self) -> TensorShape:
        """Returns its sizes."""
        return TensorShape(self.value.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Its dtype."""
        return self.value.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.value.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.value.size

    @property
    def flags(self) -> Any:
        """How the values lie in memory."""
        return self.value.flags

    @property
    def T(self) -> Any:  # noqa: N802
        """The axes in reverse order."""
        return np.transpose(self)

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self.value)))

    def __getitem__(self, index: Any) -> Any:
        value, keys = self.value, plain(index)
        shape, dtype = value.shape, value.dtype
        advanced = _is_advanced(keys)

        def scatter(d: Any) -> Any:
            full = np.zeros(shape, dtype)
            if advanced:
                np.add.at(full, keys, d)
            else:
                full[keys] = d
            return full

        part = value[keys]
        return note(np.asarray(part), [self], scatter)

    def __setitem__(self, index: Any, value: Any) -> None:
        raise UnsupportedError(
            f"an element of an array that has a gradient cannot be assigned, {_where()}; "
            "use rnnext.ops.where or rnnext.ops.concatenate."
        )

    def __bool__(self) -> bool:
        return bool(self.value)

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        return self.value.__index__()

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"<traced {self.value!r}>"

    def __str__(self) -> str:
        return str(self.value)

    def __format__(self, spec: str) -> str:
        return format(self.value[()] if not self.value.ndim else self.value, spec)

    def __round__(self, digits: int | None = None) -> Any:
        return round(self.item(), digits)

    def __deepcopy__(self, _memo: Any) -> Traced:
        return self.copy()

    def __copy__(self) -> Traced:
        return self.copy()

    # Methods of arrays -------------------------------------------------------------------------

    def item(self, *index: Any) -> Any:
        """Returns one element as a Python number, without a gradient."""
        return self.value.item(*index)

    def tolist(self) -> Any:
        """Returns the elements as Python numbers, without gradients."""
        return self.value.tolist()

    def numpy(self) -> NDArray[Any]:
        """Returns a plain copy, without a gradient; a NumPy number if it is only one."""
        copy: NDArray[Any] = self.value.copy()[()]
        return copy

    def copy(self, order: Any = "C") -> Traced:  # noqa: ARG002
        """Returns an array that `+=` on this one does not change."""
        return Traced(self.value, self.node, self.tape)

    def astype(self, dtype: Any, *_order: Any, copy: bool = True, **_options: Any) -> Any:
        """Returns the values as another dtype; of what is no float there is no gradient."""
        if np.dtype(dtype) == self.value.dtype:
            return self.copy() if copy else self
        with np.errstate(over="ignore", invalid="ignore"):
            return note(self.value.astype(dtype), [self], lambda d: d)

    def contiguous(self, dtype: Any) -> Any:
        """Returns the values as `rnnext.arrays.cast` does."""
        return note(cast(self.value, dtype), [self], lambda d: d)

    def reshape(self, *shape: Any, **options: Any) -> Any:
        """See `numpy.ndarray.reshape`."""
        return np.reshape(self, shape[0] if len(shape) == 1 else shape, **options)

    def transpose(self, *axes: Any) -> Any:
        """See `numpy.ndarray.transpose`."""
        several = axes[0] if len(axes) == 1 else axes or None
        return np.transpose(self, several)

    def flatten(self, *_order: Any) -> Any:
        """See `numpy.ndarray.flatten`."""
        return np.ravel(self)

    def view(self, *_dtype: Any) -> Any:
        """Raises, as memory has no gradient."""
        raise UnsupportedError(f"view() has no gradient rule, {_where()}; use astype().")


def _method(name: str, function: Any) -> Any:
    def method(self: Traced, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    method.__name__ = name
    method.__doc__ = f"See `numpy.ndarray.{name}`."
    return method


for _name in (
    *("all", "any", "argmax", "argmin", "argsort", "clip", "cumprod", "cumsum", "diagonal"),
    *("dot", "max", "mean", "min", "nonzero", "prod", "ravel", "repeat", "round"),
    *("squeeze", "std", "sum", "swapaxes", "take", "trace", "var"),
):
    setattr(Traced, _name, _method(_name, getattr(np, _name)))


def _operators(name: str, ufunc: np.ufunc) -> None:
    """The mixin's operators without the way through NumPy, which takes as long as all the rest."""

    def forward(self: Traced, other: Any) -> Any:
        return _apply(ufunc, (self, other), {})

    def reflected(self: Traced, other: Any) -> Any:
        return _apply(ufunc, (other, self), {})

    setattr(Traced, f"__{name}__", forward)
    setattr(Traced, f"__r{name}__", reflected)


for _name, _ufunc in (
    *(("add", np.add), ("sub", np.subtract), ("mul", np.multiply), ("truediv", np.true_divide)),
    *(("pow", np.power), ("matmul", np.matmul)),
):
    _operators(_name, _ufunc)


def tape_of(arrays: Sequence[Traced]) -> Tape:
    """Returns the tape of arrays with gradients.

    Raises:
        UnsupportedError: If they belong to different traces.
    """
    tape = arrays[0].tape
    assert tape is not None
    if any(x.tape is not tape for x in arrays):
        raise UnsupportedError(
            "an array of one layer's call was used inside the call of another one; pass it as an "
            "argument of the call."
        )
    return tape


def constants(results: Any) -> Any:
    """Returns results without gradients: booleans plain, numbers as constants of a trace."""
    if isinstance(results, (list, tuple)):
        return type(results)(map(constants, results))
    if (
        not isinstance(results, (np.ndarray, np.generic))
        or results.dtype.kind not in "iu" + FLOAT_KINDS
    ):
        return results
    return Traced(results)


def _apply(ufunc: np.ufunc, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Calls a ufunc, and notes it."""
    rules = UFUNCS.get(ufunc)
    if rules is None or "where" in kwargs:
        option = " with where=" if "where" in kwargs else ""
        raise UnsupportedError(
            f"numpy.{ufunc.__name__}{option} has no gradient rule; use functions of rnnext.ops."
        )
    values: list[Any] = []
    noted: list[tuple[Any, Any, Any]] = []  # rule, shape, dtype
    sources: list[Traced] = []
    for i, x in enumerate(inputs):
        traced = x if type(x) is Traced else getattr(x, "__traced__", None)
        if traced is None:
            values.append(x)
            continue
        value = traced.value
        values.append(value)
        if traced.node is not None and rules and rules[i] is not None:
            noted.append((rules[i], value.shape, value.dtype))
            sources.append(traced)
    y = ufunc(*values, **kwargs)
    if not sources or y.dtype.kind not in FLOAT_KINDS:
        return constants(y)
    tape = sources[0].tape if len(sources) == 1 else tape_of(sources)
    assert tape is not None
    if not tape.is_open:
        return y

    def reverse(d: Any) -> list[Any]:
        return [fitted(rule(d, y, *values), shape, dtype) for rule, shape, dtype in noted]

    node = tape.node_count
    tape.node_count = node + 1
    tape.entries.append((node, [x.node for x in sources], reverse))  # type: ignore[misc]
    return Traced(y, node, tape)


def _ufunc_method(ufunc: np.ufunc, method: str, inputs: Any, kwargs: dict[str, Any]) -> Any:
    if method == "outer":
        a, b = map(asarray, inputs)
        return ufunc(a.reshape(*a.shape, *[1] * b.ndim), b, **kwargs)
    function = _METHODS_OF_UFUNCS.get((ufunc, method))
    if function is None:
        raise UnsupportedError(
            f"numpy.{ufunc.__name__}.{method} has no gradient rule; use functions of rnnext.ops."
        )
    kwargs = {key: value for key, value in kwargs.items() if value is not None or key == "axis"}
    return function(*inputs, **{"axis": 0, **kwargs})


def _stored(result: Any, target: Any, name: str) -> Any:
    """Puts a result where `out` says, as `x += y` does."""
    if type(target) is not Traced:
        raise UnsupportedError(
            f"numpy.{name} of an array that has a gradient cannot be stored in a plain array, "
            f"{_where()}; use the array that it returns."
        )
    if result.shape != target.shape:
        raise ValueError(
            f"non-broadcastable output operand with shape {target.shape} doesn't match the "
            f"broadcast shape {result.shape}."
        )
    stored = Traced(result) if type(result) is np.ndarray else result
    stored = stored.astype(target.dtype, copy=False)
    target.value, target.node, target.tape = stored.value, stored.node, stored.tape
    return target


def _is_advanced(keys: Any) -> bool:
    """Whether an index may name an element twice."""
    parts = keys if isinstance(keys, tuple) else (keys,)
    return any(isinstance(part, (list, np.ndarray)) and _may_repeat(part) for part in parts)


def _may_repeat(part: Any) -> bool:
    return np.asarray(part).dtype.kind != "b"


def _where() -> str:
    """The line of code, outside this package and NumPy, that is running."""
    import linecache

    frame: Any = sys._getframe(1)
    while frame is not None:
        path = frame.f_code.co_filename.replace("\\", "/")
        if "/rnnext/" not in path and "/numpy/" not in path:
            line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
            return f"in line {frame.f_lineno} of {path}" + (f": {line}" if line else "")
        frame = frame.f_back
    return "in rnnext"
