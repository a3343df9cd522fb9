"""Gradient rules of functions that move, repeat, pick or pad elements, and that join arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.autodiff.rules import FUNCTIONS, composed, differentiable, lifted, note, plain, value_of

Array = NDArray[Any]


# Shapes and axes ---------------------------------------------------------------------------------


def _reshaping(*functions: Any) -> None:
    """What only changes the shape."""

    def register(function: Any) -> None:
        def forward(a: Any, *args: Any, **kwargs: Any) -> Any:
            return function(a, *args, **kwargs), lambda d: np.reshape(d, np.shape(a))

        differentiable(function)(forward)

    for function in functions:
        register(function)


_reshaping(np.reshape, np.ravel, np.expand_dims, np.squeeze)


@differentiable(np.transpose)
def _transpose(a: Any, axes: Any = None) -> Any:
    back = None if axes is None else np.argsort([axis % np.ndim(a) for axis in axes])
    return np.transpose(a, axes), lambda d: np.transpose(d, back)


@differentiable(np.swapaxes)
def _swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    return np.swapaxes(a, axis1, axis2), lambda d: np.swapaxes(d, axis1, axis2)


@differentiable(np.moveaxis)
def _moveaxis(a: Any, source: Any, destination: Any) -> Any:
    return np.moveaxis(a, source, destination), lambda d: np.moveaxis(d, destination, source)


@composed(np.rollaxis)
def _rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    axis, start = axis % a.ndim, start + a.ndim if start < 0 else start
    return np.moveaxis(a, axis, start - 1 if axis < start else start)


@differentiable(np.broadcast_to)
def _broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:  # noqa: ARG001
    return np.broadcast_to(array, shape), lambda d: d  # the sum is `fitted`'s


@composed(np.broadcast_arrays)
def _broadcast_arrays(*args: Any, subok: bool = False) -> Any:  # noqa: ARG001
    shape = np.broadcast_shapes(*(np.shape(value_of(x)) for x in args))
    return tuple(np.broadcast_to(x, shape) for x in args)


@composed(np.atleast_1d)
def _atleast_1d(*arrays: Any) -> Any:
    found = tuple(x if x.ndim else x.reshape(1) for x in map(_array, arrays))
    return found[0] if len(found) == 1 else found


@composed(np.atleast_2d)
def _atleast_2d(*arrays: Any) -> Any:
    found = tuple(x if x.ndim > 1 else x.reshape(1, -1) for x in map(_array, arrays))
    return found[0] if len(found) == 1 else found


def _array(x: Any) -> Any:
    x = lifted(x)
    return x if hasattr(x, "reshape") else np.asarray(x)


# The same elements in other places ---------------------------------------------------------------


@differentiable(np.flip)
def _flip(m: Any, axis: Any = None) -> Any:
    return np.flip(m, axis), lambda d: np.flip(d, axis)


@differentiable(np.roll)
def _roll(a: Any, shift: Any, axis: Any = None) -> Any:
    back = tuple(-s for s in shift) if isinstance(shift, (list, tuple)) else -shift
    return np.roll(a, shift, axis), lambda d: np.roll(d, back, axis)


@differentiable(np.tril)
def _tril(m: Any, k: int = 0) -> Any:
    return np.tril(m, k), lambda d: np.tril(d, k)


@differentiable(np.triu)
def _triu(m: Any, k: int = 0) -> Any:
    return np.triu(m, k), lambda d: np.triu(d, k)


def _by_places(places: Array, d: Array, shape: tuple[int, ...]) -> Array:
    """The sums of `d` by the place of the element that each was; -1: it was none."""
    size = int(np.prod(shape))
    sums = np.bincount(places.ravel() + 1, np.ravel(d), size + 1)[1:]
    return sums.reshape(shape)


def _places(shape: tuple[int, ...]) -> Array:
    return np.arange(int(np.prod(shape))).reshape(shape)


def _picking(*functions: Any) -> None:
    """What picks elements, some several times: found by giving it their places."""

    def register(function: Any) -> None:
        def forward(a: Any, *args: Any, **kwargs: Any) -> Any:
            def pullback(d: Any) -> Any:
                shape = np.shape(a)
                # What a function puts in itself, as np.diag does zeros, is at no place: -1.
                return _by_places(function(_places(shape) + 1, *args, **kwargs) - 1, d, shape)

            return np.asarray(function(a, *args, **kwargs)), pullback

        # Named as the array is in most of them; NumPy's own names differ.
        differentiable(function)(forward)

    for function in functions:
        register(function)


_picking(np.tile, np.repeat, np.diagonal, np.diag, np.fliplr, np.flipud, np.rot90, np.resize)
_picking(np.take_along_axis, np.compress, np.extract)


@differentiable(np.take)
def _take(a: Any, indices: Any, axis: Any = None, out: Any = None, mode: Any = "raise") -> Any:
    shape, along = np.shape(a), 0 if axis is None else axis

    def pullback(d: Any) -> Any:
        if axis is None or along % len(shape):
            return _by_places(np.take(_places(shape), indices, axis, mode=mode), d, shape)
        full = np.zeros(shape, d.dtype)
        rows = np.take(np.arange(shape[0]), indices, mode=mode)
        np.add.at(full, rows, d)
        return full

    return np.asarray(np.take(a, indices, axis, out, mode)), pullback


@differentiable(np.pad)
def _pad(array: Any, pad_width: Any, mode: Any = "constant", **options: Any) -> Any:
    def pullback(d: Any) -> Any:
        shape = np.shape(array)
        if mode == "constant":
            pairs = np.broadcast_to(pad_width, (len(shape), 2))
            inner = zip(pairs, shape, strict=True)
            return d[tuple(slice(int(before), int(before) + n) for (before, _), n in inner)]
        return _by_places(np.pad(_places(shape), pad_width, mode, **options), d, shape)

    return np.pad(array, pad_width, mode, **options), pullback


@differentiable(np.sort)
def _sort(a: Any, axis: Any = -1, *args: Any, **options: Any) -> Any:
    def pullback(d: Any) -> Any:
        shape = np.shape(a)
        flat, along = (np.ravel(a), 0) if axis is None else (a, axis)
        order = np.argsort(flat, along, kind="stable")
        places = np.take_along_axis(_places(shape).reshape(flat.shape), order, along)
        return _by_places(places, d, shape)

    return np.sort(a, axis, *args, **options), pullback


@composed(np.diff)
def _diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    for _ in range(n):
        rest = [slice(None)] * a.ndim
        first, last = list(rest), list(rest)
        first[axis], last[axis] = slice(None, -1), slice(1, None)
        a = a[tuple(last)] - a[tuple(first)]
    return a


@composed(np.trace)
def _trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return np.sum(np.diagonal(a, offset, axis1, axis2), axis=-1)


# Joining and splitting ---------------------------------------------------------------------------


def _joined(function: Callable[..., Array], arrays: Any, **options: Any) -> Any:
    """Joins arrays; each gets back its part of the gradient."""
    sources = [lifted(x) for x in arrays]
    values = [np.asarray(value_of(x)) for x in arrays]
    axis = options.get("axis", 0)

    def pullback(d: Any) -> Any:
        if function is np.stack:
            return tuple(np.moveaxis(d, axis, 0))
        if axis is None:
            ends = np.cumsum([value.size for value in values])[:-1]
            parts = np.split(d, ends)
            return tuple(p.reshape(v.shape) for p, v in zip(parts, values, strict=True))
        ends = np.cumsum([value.shape[axis] for value in values])[:-1]
        return tuple(np.split(d, ends, axis))

    return note(function(values, **options), sources, pullback)


@composed(np.concatenate)
def _concatenate(arrays: Any, axis: Any = 0, out: Any = None, **options: Any) -> Any:
    plain(out)
    return _joined(np.concatenate, arrays, axis=axis, **options)


@composed(np.stack)
def _stack(arrays: Any, axis: int = 0, out: Any = None, **options: Any) -> Any:
    plain(out)
    return _joined(np.stack, arrays, axis=axis, **options)


@composed(np.hstack)
def _hstack(tup: Any, **options: Any) -> Any:
    arrays = [np.atleast_1d(_array(x)) for x in tup]
    return _joined(np.concatenate, arrays, axis=0 if arrays[0].ndim == 1 else 1, **options)


@composed(np.vstack)
def _vstack(tup: Any, **options: Any) -> Any:
    return _joined(np.concatenate, [np.atleast_2d(_array(x)) for x in tup], axis=0, **options)


@composed(np.column_stack)
def _column_stack(tup: Any) -> Any:
    columns = [x.reshape(-1, 1) if x.ndim < 2 else x for x in map(_array, tup)]
    return _joined(np.concatenate, columns, axis=1)


@composed(np.dstack)
def _dstack(tup: Any) -> Any:
    arrays = [np.atleast_2d(_array(x)) for x in tup]
    deep = [x if x.ndim > 2 else x.reshape(*x.shape, 1) for x in arrays]
    return _joined(np.concatenate, deep, axis=2)


@composed(np.append)
def _append(arr: Any, values: Any, axis: Any = None) -> Any:
    return _joined(np.concatenate, [_array(arr), _array(values)], axis=axis)


def _splitting(split: Any) -> Any:
    def apply(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
        array = lifted(ary)
        ranges = split(np.arange(array.shape[axis]), indices_or_sections)
        parts = []
        for places in ranges:
            key: list[Any] = [slice(None)] * array.ndim
            start = int(places[0]) if len(places) else 0
            key[axis] = slice(start, start + len(places))
            parts.append(array[tuple(key)])
        return parts

    return apply


FUNCTIONS[np.split] = _splitting(np.split)
FUNCTIONS[np.array_split] = _splitting(np.array_split)
FUNCTIONS[np.hsplit] = lambda ary, parts: np.split(ary, parts, 1 if ary.ndim > 1 else 0)
FUNCTIONS[np.vsplit] = lambda ary, parts: np.split(ary, parts, 0)
