"""Gradient rules of products of matrices and tensors, and of norms."""

from __future__ import annotations

import string
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.autodiff.rules import (
    FUNCTIONS,
    UFUNCS,
    composed,
    differentiable,
    lifted,
    note,
    value_of,
)
from rnnext.errors import UnsupportedError

Array = NDArray[Any]


def _as_matrices(d: Any, a: Any, b: Any) -> tuple[Array, Array, Array]:
    """`a @ b` and its gradient with the axes that vectors lack."""
    if np.ndim(b) == 1:
        d, b = np.expand_dims(d, -1), np.expand_dims(b, -1)
    if np.ndim(a) == 1:
        d, a = np.expand_dims(d, -2), np.expand_dims(a, 0)
    return d, a, b


def _matmul_left(d: Any, _y: Any, a: Any, b: Any) -> Any:
    d, _, right = _as_matrices(d, a, b)
    if right.ndim == 2:  # one product of matrices, not one for each of a batch
        rows = d.reshape(-1, d.shape[-1])
        gradient = (rows @ right.T).reshape(*d.shape[:-1], len(right))
    else:
        gradient = np.matmul(d, np.swapaxes(right, -1, -2))
    return gradient[..., 0, :] if np.ndim(a) == 1 else gradient


def _matmul_right(d: Any, _y: Any, a: Any, b: Any) -> Any:
    d, left, right = _as_matrices(d, a, b)
    if right.ndim == 2:
        gradient = left.reshape(-1, left.shape[-1]).T @ d.reshape(-1, d.shape[-1])
    else:
        gradient = np.matmul(np.swapaxes(left, -1, -2), d)
    return gradient[..., 0] if np.ndim(b) == 1 else gradient


UFUNCS[np.matmul] = (_matmul_left, _matmul_right)


@differentiable(np.tensordot, arrays=2)
def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    if isinstance(axes, (int, np.integer)):
        pair = [list(range(-axes, 0)), list(range(axes))]
    else:
        pair = [list(x) if isinstance(x, (list, tuple)) else [x] for x in axes]
    first = [i % np.ndim(a) for i in pair[0]]
    second = [i % np.ndim(b) for i in pair[1]]
    free_a = [i for i in range(np.ndim(a)) if i not in first]
    free_b = [i for i in range(np.ndim(b)) if i not in second]

    def pullback(d: Any) -> Any:
        # d has the free axes of `a`, then those of `b`.
        own_a, own_b = list(range(len(free_a))), list(range(len(free_a), np.ndim(d)))
        d_a = np.tensordot(d, b, (own_b, free_b))  # free axes of a, summed ones as b has them
        order = [*free_a, *(first[second.index(i)] for i in sorted(second))]
        d_b = np.tensordot(a, d, (free_a, own_a))  # summed axes as a has them, free ones of b
        places = [*(second[first.index(i)] for i in sorted(first)), *free_b]
        return np.transpose(d_a, np.argsort(order)), np.transpose(d_b, np.argsort(places))

    return np.asarray(np.tensordot(a, b, (first, second))), pullback


@composed(np.dot)
def _dot(a: Any, b: Any, out: Any = None) -> Any:
    assert out is None
    a, b = (lifted(x) if hasattr(x, "shape") else np.asarray(x) for x in (a, b))
    if not a.ndim or not b.ndim:
        return np.multiply(a, b)
    return np.tensordot(a, b, axes=([a.ndim - 1], [max(b.ndim - 2, 0)]))


@composed(np.inner)
def _inner(a: Any, b: Any) -> Any:
    a, b = (lifted(x) if hasattr(x, "shape") else np.asarray(x) for x in (a, b))
    if not a.ndim or not b.ndim:
        return np.multiply(a, b)
    return np.tensordot(a, b, axes=([a.ndim - 1], [b.ndim - 1]))


@composed(np.vdot)
def _vdot(a: Any, b: Any) -> Any:
    return np.dot(np.ravel(a), np.ravel(b))


@composed(np.outer)
def _outer(a: Any, b: Any, out: Any = None) -> Any:
    assert out is None
    return np.multiply(np.reshape(a, (-1, 1)), np.reshape(b, (1, -1)))


# Einstein's sums ---------------------------------------------------------------------------------


def _einsum(*arguments: Any, out: Any = None, optimize: Any = True, **options: Any) -> Any:
    assert out is None
    subscripts, operands = _subscripts(arguments)
    inputs, output = _without_ellipsis(subscripts, [np.ndim(value_of(x)) for x in operands])
    values = [np.asarray(value_of(x)) for x in operands]
    equation = f"{','.join(inputs)}->{output}"
    y = np.asarray(np.einsum(equation, *values, optimize=optimize, **options))

    def pullback(d: Any) -> Any:
        return tuple(
            None
            if getattr(lifted(x), "node", None) is None
            else _of_operand(i, d, inputs, output, values)
            for i, x in enumerate(operands)
        )

    return note(y, [lifted(x) for x in operands], pullback)


def _of_operand(i: int, d: Any, inputs: list[str], output: str, values: list[Array]) -> Any:
    """The gradient of one operand: the sum with the result's gradient in its place."""
    own, others = inputs[i], [labels for k, labels in enumerate(inputs) if k != i]
    arrays = [value for k, value in enumerate(values) if k != i]
    known = set(output).union(*others)
    sizes = dict(zip(own, values[i].shape, strict=True))
    distinct = "".join(dict.fromkeys(own))
    reachable = "".join(label for label in distinct if label in known)
    equation = f"{','.join([output, *others])}->{reachable}"
    gradient = np.asarray(np.einsum(equation, d, *arrays, optimize=True))
    # Labels of this operand alone were summed: their gradient is the same everywhere.
    gradient = gradient.reshape([sizes[c] if c in known else 1 for c in distinct])
    gradient = np.broadcast_to(gradient, [sizes[c] for c in distinct])
    if len(distinct) == len(own):
        return gradient
    full = np.zeros(values[i].shape, gradient.dtype)  # a diagonal
    diagonal = np.lib.stride_tricks.as_strided(
        full,
        [sizes[c] for c in distinct],
        [
            sum(s for s, label in zip(full.strides, own, strict=True) if label == c)
            for c in distinct
        ],
    )
    diagonal[...] = gradient
    return full


def _subscripts(arguments: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """The form `einsum(x, [0, 1], y, [1], [0])` as `einsum("ab,b->a", x, y)`."""
    if isinstance(arguments[0], str):
        return arguments[0].replace(" ", ""), list(arguments[1:])
    pairs = arguments[: len(arguments) // 2 * 2]

    def letters(labels: Any) -> str:
        return "".join("..." if i is Ellipsis else string.ascii_letters[i] for i in labels)

    left = ",".join(letters(labels) for labels in pairs[1::2])
    right = f"->{letters(arguments[-1])}" if len(arguments) % 2 else ""
    return left + right, list(pairs[::2])


def _without_ellipsis(subscripts: str, ranks: list[int]) -> tuple[list[str], str]:
    """The labels of operands and result, with letters in place of an ellipsis."""
    left, arrow, output = subscripts.partition("->")
    inputs = left.split(",")
    spare = [c for c in string.ascii_letters if c not in subscripts]
    elided = [
        rank - len(labels.replace("...", "")) if "..." in labels else 0
        for labels, rank in zip(inputs, ranks, strict=True)
    ]
    letters = "".join(spare[: max(elided, default=0)])
    named = [
        labels.replace("...", letters[len(letters) - n :])
        for labels, n in zip(inputs, elided, strict=True)
    ]
    if not arrow:
        counts = left.replace(",", "").replace(".", "")
        output = "..." + "".join(sorted(c for c in set(counts) if counts.count(c) == 1))
    return named, output.replace("...", letters)


FUNCTIONS[np.einsum] = _einsum


@differentiable(np.linalg.inv)
def _inv(a: Any) -> Any:
    y = np.linalg.inv(a)
    turned = np.swapaxes(y, -1, -2)
    return y, lambda d: -turned @ d @ turned


@composed(np.linalg.solve)
def _solve(a: Any, b: Any) -> Any:
    return np.linalg.inv(a) @ b


@differentiable(np.linalg.det)
def _det(a: Any) -> Any:
    y = np.asarray(np.linalg.det(a))

    def pullback(d: Any) -> Any:
        return (d * y)[..., np.newaxis, np.newaxis] * np.swapaxes(np.linalg.inv(a), -1, -2)

    return y, pullback


@composed(np.linalg.norm)
def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A002
    if axis is None and ord is None:
        axis = tuple(range(x.ndim))
    axes = axis if isinstance(axis, tuple) else (x.ndim - 1 if axis is None else axis,)
    if axis is None and x.ndim == 2:
        axes = (0, 1)
    if ord in (None, "fro") or (ord == 2 and len(axes) == 1):
        return np.sqrt(np.sum(np.square(x), axis=axes, keepdims=keepdims))
    size = np.absolute(x)
    if len(axes) == 2:
        return _matrix_norm(size, ord, axes, keepdims)
    if ord in (np.inf, -np.inf):
        return (np.max if ord > 0 else np.min)(size, axis=axes, keepdims=keepdims)
    if ord == 0:
        return np.sum((x != 0).astype(x.dtype), axis=axes, keepdims=keepdims)
    return np.sum(size**ord, axis=axes, keepdims=keepdims) ** (1.0 / ord)


def _matrix_norm(size: Any, order: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    if order not in (1, -1, np.inf, -np.inf):
        raise UnsupportedError(f"numpy.linalg.norm with ord={order!r} has no gradient rule.")
    summed, other = axes if order in (1, -1) else axes[::-1]
    sums = np.sum(size, axis=summed, keepdims=True)
    norms = (np.max if order > 0 else np.min)(sums, axis=other, keepdims=True)
    return norms if keepdims else np.squeeze(norms, axis=axes)
