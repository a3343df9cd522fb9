"""What a `forward` calls besides modules, on symbolic tensors: torch's functions and methods."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rnnext import ops
from rnnext.errors import UnsupportedError
from rnnext.graph.tensor import KerasTensor

__all__ = ["FUNCTIONS", "Size", "States", "Zeros", "whole"]


class Size:
    """The size of an axis that is not known before the model runs, as of `x.size(0)`."""


class Zeros:
    """What `torch.zeros` of sizes that are not known returns: states to start from."""


class States:
    """`h_n` or `c_n` (layers * directions, B, units), kept run by run.

    Args:
        runs: The state of each run, (B, units).
    """

    def __init__(self, runs: Sequence[Any]) -> None:
        self.runs = list(runs)


def whole(x: Any) -> Any:
    """A tensor in place of states that are kept run by run."""
    return ops.stack(x.runs, axis=0) if isinstance(x, States) else x


# Sizes and shapes --------------------------------------------------------------------------------


def _sizes(x: Any) -> tuple[Any, ...]:
    return tuple(Size() if size is None else size for size in x.shape)


def _size(x: Any, dim: int | None = None) -> Any:
    return _sizes(x) if dim is None else _sizes(x)[dim]


def _attribute(x: Any, name: str) -> Any:
    if name == "shape":
        return _sizes(x)
    if name in ("device", "dtype"):
        return None  # of arguments that say where, and in which precision, zeros are made
    if name == "T":
        return _transposed(x, 0, 1)
    raise UnsupportedError(f"the attribute {name!r} of a tensor.")


def _as_sizes(sizes: Sequence[Any]) -> list[Any]:
    first = sizes[0] if len(sizes) == 1 else sizes
    return list(first) if isinstance(first, (tuple, list)) else list(sizes)


def _reshaped(x: Any, *sizes: Any) -> Any:
    wanted = _as_sizes(sizes)
    unknown = [i for i, size in enumerate(wanted) if isinstance(size, Size)]
    if unknown and -1 in wanted and None not in x.shape[1:] and unknown == [0]:
        known = math.prod(size for size in wanted[1:] if size != -1)
        wanted[wanted.index(-1)] = math.prod(x.shape[1:]) // known
    elif len(unknown) + wanted.count(-1) > 1:
        raise UnsupportedError(
            "a reshape to several sizes that are not known; pass input_shape= with the sizes of "
            "one sample."
        )
    return ops.reshape(x, [-1 if isinstance(size, Size) else size for size in wanted])


def _flattened(x: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    rank = len(x.shape)
    start, end = start_dim % rank, end_dim % rank
    middle = x.shape[start : end + 1]
    size = -1 if None in middle else math.prod(middle)
    before = [Size() if size is None else size for size in x.shape[:start]]
    after = [Size() if size is None else size for size in x.shape[end + 1 :]]
    return _reshaped(x, *before, size, *after)


def _transposed(x: Any, dim0: int, dim1: int) -> Any:
    axes = list(range(len(x.shape)))
    axes[dim0], axes[dim1] = axes[dim1], axes[dim0]
    return ops.transpose(x, axes)


def _permuted(x: Any, *dims: Any) -> Any:
    return ops.transpose(x, [axis % len(x.shape) for axis in _as_sizes(dims)])


def _squeezed(x: Any, dim: int | None = None) -> Any:
    if dim is None:
        axes = [axis for axis, size in enumerate(x.shape) if size == 1]
        return ops.squeeze(x, axis=axes) if axes else x
    return ops.squeeze(x, axis=dim) if x.shape[dim] == 1 else x


def _repeated(x: Any, *counts: Any) -> Any:
    repeats = _as_sizes(counts)
    if any(isinstance(count, Size) for count in repeats):
        raise UnsupportedError(
            "a number of repeats that is not known; pass input_shape= with the sizes of one sample."
        )
    return ops.tile(x, repeats)


def _item(x: Any, index: Any) -> Any:
    if isinstance(x, States):
        first, *rest = index if isinstance(index, tuple) else (index,)
        if isinstance(first, int):
            run = x.runs[first]
            return run if all(part == slice(None) for part in rest) else run[tuple(rest)]
    return whole(x)[index]


# Sums and the like -------------------------------------------------------------------------------


def _reduced(function: Callable[..., Any]) -> Callable[..., Any]:
    def reduced(x: Any, dim: Any = None, keepdim: bool = False, **_options: Any) -> Any:
        return function(x, axis=dim, keepdims=keepdim)

    return reduced


def _extreme(function: Callable[..., Any], place: Callable[..., Any]) -> Callable[..., Any]:
    def extreme(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
        if isinstance(dim, KerasTensor):
            raise UnsupportedError("a maximum or minimum of two tensors.")
        values = function(x, axis=dim, keepdims=keepdim)
        return values if dim is None else (values, place(x, axis=dim, keepdims=keepdim))

    return extreme


def _clamped(x: Any, min: float | None = None, max: float | None = None) -> Any:  # noqa: A002
    x = x if min is None else ops.maximum(x, min)
    return x if max is None else ops.minimum(x, max)


def _joined(tensors: Any, dim: int = 0) -> Any:
    return ops.concatenate([whole(x) for x in tensors], axis=dim)


def _stacked(tensors: Any, dim: int = 0) -> Any:
    return ops.stack([whole(x) for x in tensors], axis=dim)


def _softmax(x: Any, dim: int | None = None, **_options: Any) -> Any:
    return ops.softmax(x, axis=-1 if dim is None else dim)


def _log_softmax(x: Any, dim: int | None = None, **_options: Any) -> Any:
    return ops.log_softmax(x, axis=-1 if dim is None else dim)


def _same(x: Any, *_args: Any, **_options: Any) -> Any:
    """Dropout at inference, and what says where and how a tensor is kept."""
    return x


def _zeros(*_sizes: Any, **_options: Any) -> Zeros:
    return Zeros()


def _unsqueezed(x: Any, dim: int) -> Any:
    return ops.expand_dims(x, dim)


def _gelu(x: Any, approximate: str = "none") -> Any:
    return ops.gelu(x, approximate=approximate == "tanh")


def _leaky_relu(x: Any, negative_slope: float = 0.01, inplace: bool = False) -> Any:  # noqa: ARG001
    return ops.leaky_relu(x, negative_slope=negative_slope)


def _elu(x: Any, alpha: float = 1.0, inplace: bool = False) -> Any:  # noqa: ARG001
    return ops.elu(x, alpha=alpha)


def _elementwise(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, *_args, **_options: function(x)


def _names() -> Iterator[tuple[str, Callable[..., Any]]]:
    for name in ("relu", "sigmoid", "tanh", "softplus", "selu", "silu", "softsign", "relu6"):
        yield name, _elementwise(getattr(ops, name))
    for name in ("exp", "log", "log1p", "sqrt", "abs", "square", "sin", "cos", "sign"):
        yield name, _elementwise(getattr(ops, name))
    yield from {
        "add": ops.add,
        "sub": ops.subtract,
        "mul": ops.multiply,
        "truediv": ops.divide,
        "div": ops.divide,
        "pow": ops.power,
        "neg": ops.negative,
        "matmul": ops.matmul,
        "bmm": ops.matmul,
        "mm": ops.matmul,
        "maximum": ops.maximum,
        "minimum": ops.minimum,
    }.items()
    yield from (("mean", _reduced(ops.mean)), ("sum", _reduced(ops.sum)))
    yield from (("max", _extreme(ops.max, ops.argmax)), ("min", _extreme(ops.min, ops.argmin)))
    yield "amax", _reduced(ops.max)
    yield "argmax", _reduced(ops.argmax)
    yield from (("cat", _joined), ("concat", _joined), ("stack", _stacked))
    yield from (("size", _size), ("getattr", _attribute), ("getitem", _item))
    yield from (("reshape", _reshaped), ("view", _reshaped), ("flatten", _flattened))
    yield from (("transpose", _transposed), ("permute", _permuted), ("swapaxes", _transposed))
    yield from (("squeeze", _squeezed), ("unsqueeze", _unsqueezed), ("repeat", _repeated))
    yield from (("softmax", _softmax), ("log_softmax", _log_softmax), ("clamp", _clamped))
    yield from (("gelu", _gelu), ("leaky_relu", _leaky_relu), ("elu", _elu))
    for name in ("zeros", "new_zeros", "zeros_like"):
        yield name, _zeros
    for name in ("dropout", "contiguous", "detach", "clone", "requires_grad_", "to", "cpu", "cuda"):
        yield name, _same
    for name in ("float", "long", "flatten_parameters"):
        yield name, _same


# By the names that torch gives them, functions and methods alike. An option that a function drops
# changes nothing at inference, or the answers of the model would differ from the module's, which
# `torch_graph` compares.
FUNCTIONS: dict[str, Callable[..., Any]] = dict(_names())
