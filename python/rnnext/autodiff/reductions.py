"""Gradient rules of sums, means, extremes and the like along axes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.autodiff.rules import composed, differentiable, without_gradient

Array = NDArray[Any]


def _axes(axis: Any, rank: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(rank))
    return tuple(a % rank for a in (axis if isinstance(axis, (list, tuple)) else (axis,)))


def _kept(reduced: Any, axis: Any, rank: int, keepdims: bool) -> Any:
    """A reduced array with the reduced axes, of size 1."""
    reduced = np.asarray(reduced)
    return reduced if keepdims or not rank else np.expand_dims(reduced, _axes(axis, rank))


def _is_set(keepdims: Any) -> bool:
    return keepdims is not np._NoValue and bool(keepdims)


@differentiable(np.sum)
def _sum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
         **options: Any) -> Any:  # fmt: skip
    keepdims = _is_set(keepdims)
    y = np.asarray(np.sum(a, axis, dtype, out, keepdims=keepdims, **options))
    where = options.get("where", True)

    def pullback(d: Any) -> Any:
        spread = np.broadcast_to(_kept(d, axis, np.ndim(a), keepdims), np.shape(a))
        return spread if where is True else spread * where

    return y, pullback


@differentiable(np.mean)
def _mean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
          **options: Any) -> Any:  # fmt: skip
    keepdims = _is_set(keepdims)
    y = np.asarray(np.mean(a, axis, dtype, out, keepdims=keepdims, **options))
    where = options.get("where", True)
    count = math.prod(np.shape(a)[i] for i in _axes(axis, np.ndim(a)))
    if where is not True:
        count = np.sum(np.broadcast_to(where, np.shape(a)), axis=axis, keepdims=True)

    def pullback(d: Any) -> Any:
        spread = np.broadcast_to(_kept(d, axis, np.ndim(a), keepdims) / count, np.shape(a))
        return spread if where is True else spread * where

    return y, pullback


@differentiable(np.prod)
def _prod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
          **options: Any) -> Any:  # fmt: skip
    keepdims = _is_set(keepdims)
    y = np.asarray(np.prod(a, axis, dtype, out, keepdims=keepdims, **options))

    def pullback(d: Any) -> Any:
        return _kept(d, axis, np.ndim(a), keepdims) * _product_of_others(np.asarray(a), axis)

    return y, pullback


def _product_of_others(a: Array, axis: Any) -> Array:
    """For every element the product of the others along the axes, zeros among them or not."""
    axes = _axes(axis, a.ndim)
    ends = tuple(range(-len(axes), 0))
    moved = np.moveaxis(a, axes, ends)
    rows = moved.reshape(*moved.shape[: a.ndim - len(axes)], -1)
    before, after = np.ones_like(rows), np.ones_like(rows)
    np.cumprod(rows[..., :-1], axis=-1, out=before[..., 1:])
    after[..., :-1] = np.cumprod(rows[..., :0:-1], axis=-1)[..., ::-1]
    return np.moveaxis((before * after).reshape(moved.shape), ends, axes)


def _extreme(function: Any) -> Any:
    def forward(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False,
                **options: Any) -> Any:  # fmt: skip
        """Equal extremes share the gradient; `initial` keeps it where it is the extreme."""
        keepdims = _is_set(keepdims)
        y = np.asarray(function(a, axis, out, keepdims=keepdims, **options))

        def pullback(d: Any) -> Any:
            rank = np.ndim(a)
            hits = np.equal(a, _kept(y, axis, rank, keepdims))
            with np.errstate(all="ignore"):
                shares = _kept(d, axis, rank, keepdims) / np.maximum(
                    hits.sum(axis=axis if axis is None else _axes(axis, rank), keepdims=True), 1
                )
            return hits * shares

        return y, pullback

    return forward


differentiable(np.max, np.amax)(_extreme(np.max))
differentiable(np.min, np.amin)(_extreme(np.min))


@differentiable(np.cumsum)
def _cumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    def pullback(d: Any) -> Any:
        along = 0 if axis is None else axis
        sums = np.flip(np.cumsum(np.flip(d, along), along), along)
        return sums.reshape(np.shape(a))

    return np.cumsum(a, axis, dtype, out), pullback


@differentiable(np.cumprod)
def _cumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """The derivative of product k by element i is the product of the others up to k."""
    y = np.cumprod(a, axis, dtype, out)

    def pullback(d: Any) -> Any:
        rows = np.moveaxis(np.ravel(a) if axis is None else a, 0 if axis is None else axis, -1)
        d = np.moveaxis(d, 0 if axis is None else axis, -1)
        size = rows.shape[-1]
        gradient = np.zeros(rows.shape, np.result_type(rows, d))
        for i in range(size):
            others = np.concatenate(
                [rows[..., :i].prod(-1, keepdims=True), rows[..., i + 1 :]], axis=-1
            )
            gradient[..., i] = (np.cumprod(others, axis=-1) * d[..., i:]).sum(-1)
        return np.moveaxis(gradient, -1, 0 if axis is None else axis).reshape(np.shape(a))

    return y, pullback


@composed(np.var)
def _var(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0,
         keepdims: Any = False, **_options: Any) -> Any:  # fmt: skip
    assert out is None
    axes = _axes(axis, a.ndim)
    centred = a - np.mean(a, axis=axes, dtype=dtype, keepdims=True)
    total = np.sum(np.square(centred), axis=axes, keepdims=_is_set(keepdims))
    result = total / (math.prod(a.shape[i] for i in axes) - ddof)
    return result.astype(dtype or a.dtype, copy=False)


@composed(np.std)
def _std(a: Any, *args: Any, **kwargs: Any) -> Any:
    return np.sqrt(np.var(a, *args, **kwargs))


@composed(np.ptp)
def _ptp(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    assert out is None
    keepdims = _is_set(keepdims)
    return np.max(a, axis, keepdims=keepdims) - np.min(a, axis, keepdims=keepdims)


@composed(np.average)
def _average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False,
             **options: Any) -> Any:  # fmt: skip
    keepdims = _is_set(options.get("keepdims", False))
    if weights is None:
        mean = np.mean(a, axis=axis, keepdims=keepdims)
        return (mean, a.size / max(mean.size, 1)) if returned else mean
    if np.ndim(weights) == 1 and np.ndim(a) > 1:
        (along,) = _axes(axis, np.ndim(a))
        weights = np.reshape(weights, [-1 if i == along else 1 for i in range(np.ndim(a))])
    total = np.sum(weights + np.zeros_like(a), axis=axis, keepdims=keepdims)
    mean = np.sum(a * weights, axis=axis, keepdims=keepdims) / total
    return (mean, total) if returned else mean


@differentiable(np.median)
def _median(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,  # noqa: ARG001
            keepdims: bool = False) -> Any:  # fmt: skip
    y = np.asarray(np.median(a, axis, out, keepdims=keepdims))

    def pullback(d: Any) -> Any:
        axes = _axes(axis, np.ndim(a))
        ends = tuple(range(-len(axes), 0))
        moved = np.moveaxis(a, axes, ends)
        rows = moved.reshape(*moved.shape[: np.ndim(a) - len(axes)], -1)
        order, size = np.argsort(rows, -1, kind="stable"), rows.shape[-1]
        gradient = np.zeros(rows.shape, d.dtype)
        share = np.moveaxis(_kept(d, axis, np.ndim(a), keepdims), axes, ends)
        share = share.reshape(*rows.shape[:-1], 1) / 2
        for place in ((size - 1) // 2, size // 2):
            at = order[..., place : place + 1]
            known = np.take_along_axis(gradient, at, -1)
            np.put_along_axis(gradient, at, known + share, -1)
        return np.moveaxis(gradient.reshape(moved.shape), ends, axes)

    return y, pullback


# Of the elements that are no NaN -----------------------------------------------------------------


def _without_nan(a: Any, neutral: float) -> Any:
    return np.where(np.isnan(a), a.dtype.type(neutral), a)


@composed(np.nansum)
def _nansum(a: Any, *args: Any, **kwargs: Any) -> Any:
    return np.sum(_without_nan(a, 0), *args, **kwargs)


@composed(np.nanprod)
def _nanprod(a: Any, *args: Any, **kwargs: Any) -> Any:
    return np.prod(_without_nan(a, 1), *args, **kwargs)


@composed(np.nanmax)
def _nanmax(a: Any, *args: Any, **kwargs: Any) -> Any:
    return np.max(_without_nan(a, -np.inf), *args, **kwargs)


@composed(np.nanmin)
def _nanmin(a: Any, *args: Any, **kwargs: Any) -> Any:
    return np.min(_without_nan(a, np.inf), *args, **kwargs)


@composed(np.nanmean)
def _nanmean(a: Any, axis: Any = None, keepdims: Any = False) -> Any:
    keepdims = _is_set(keepdims)
    count = np.sum(~np.isnan(a), axis=axis, keepdims=keepdims)
    return np.nansum(a, axis=axis, keepdims=keepdims) / count.astype(a.dtype)


@composed(np.nanvar)
def _nanvar(a: Any, axis: Any = None, keepdims: Any = False) -> Any:
    is_number = ~np.isnan(a)
    # NaN in the differences would be in their gradient, too.
    centred = np.where(is_number, a - np.nanmean(a, axis=axis, keepdims=True), a.dtype.type(0))
    total = np.sum(np.square(centred), axis=axis, keepdims=_is_set(keepdims))
    return total / np.sum(is_number, axis=axis, keepdims=_is_set(keepdims)).astype(a.dtype)


@composed(np.nanstd)
def _nanstd(a: Any, axis: Any = None, keepdims: Any = False) -> Any:
    return np.sqrt(np.nanvar(a, axis=axis, keepdims=keepdims))


without_gradient(
    *(np.argmax, np.argmin, np.argsort, np.argwhere, np.nonzero, np.flatnonzero, np.any, np.all),
    *(np.count_nonzero, np.searchsorted, np.digitize, np.bincount, np.unique, np.nanargmax),
    *(np.nanargmin, np.argpartition, np.histogram, np.lexsort),
)
