"""Functions of NumPy and TensorFlow that compute the same, for the rules of `rnnext.autodiff`."""

from __future__ import annotations

from typing import Any

import numpy as np
from layer_twins import random_array

X = random_array((2, 3, 4), seed="x")
Y = random_array((2, 3, 4), seed="y")
ROW = random_array((4,), seed="row")
COLUMN = random_array((3, 1), seed="column")
MATRIX = random_array((4, 5), seed="matrix")
SQUARE = random_array((4, 4), seed="square")
POSITIVE = np.abs(X) + 0.5
TIES = np.array([[1.0, 3.0, 3.0, 2.0], [0.0, 0.0, 0.0, 0.0], [-1.0, -2.0, -1.0, 5.0]], np.float32)
IDS = np.array([[1, 0, 1], [2, 2, 1]])


def cases(tf: Any) -> dict[str, tuple[Any, Any, tuple[Any, ...]]]:
    """By name: NumPy's function, TensorFlow's, and the arguments."""
    t, m, tn = tf.math, tf.linalg, tf.experimental.numpy
    axes = {"sum": t.reduce_sum, "mean": t.reduce_mean, "max": t.reduce_max, "min": t.reduce_min}
    found: dict[str, tuple[Any, Any, tuple[Any, ...]]] = {
        # Operators
        "x + row": (lambda x, y: x + y, lambda x, y: x + y, (X, ROW)),
        "column * x": (lambda x, y: y * x, lambda x, y: y * x, (X, COLUMN)),
        "2 - x": (lambda x: 2 - x, lambda x: 2 - x, (X,)),
        "1 / x": (lambda x: 1 / x, lambda x: 1 / x, (POSITIVE,)),
        "x / row": (lambda x, y: x / y, lambda x, y: x / y, (X, ROW)),
        "x ** 2": (lambda x: x**2, lambda x: x**2, (X,)),
        "x ** 3": (lambda x: x**3, lambda x: x**3, (X,)),
        "x ** y": (lambda x, y: x**y, lambda x, y: x**y, (POSITIVE, Y)),
        "2 ** x": (lambda x: 2.0**x, lambda x: 2.0**x, (X,)),
        "x % y": (lambda x, y: x % y, lambda x, y: x % y, (X, POSITIVE)),
        "abs(-x)": (lambda x: abs(-x), lambda x: abs(-x), (X,)),
        "x @ matrix": (lambda x, y: x @ y, lambda x, y: x @ y, (X, MATRIX)),
        "fan out": (lambda x: x * x + x * np.exp(x), lambda x: x * x + x * t.exp(x), (X,)),
        # Corners, where TensorFlow's conventions count
        "maximum, ties": (np.maximum, t.maximum, (TIES, TIES[:, ::-1].copy())),
        "minimum, ties": (np.minimum, t.minimum, (TIES, TIES[:, ::-1].copy())),
        "abs at 0": (np.abs, t.abs, (TIES,)),
        "sqrt at 0": (np.sqrt, t.sqrt, (np.abs(TIES),)),
        "clip at the limits": (lambda x: np.clip(x, 0.0, 2.0),
                               lambda x: tf.clip_by_value(x, 0.0, 2.0), (TIES,)),
        "sign": (np.sign, t.sign, (X,)),
        "prod with zeros": (lambda x: np.prod(x, axis=1), lambda x: t.reduce_prod(x, 1), (TIES,)),
        "cumprod": (lambda x: np.cumprod(x, axis=1), lambda x: t.cumprod(x, 1), (X,)),
        # Elements
        "hypot": (np.hypot, tn.hypot, (X, Y)),
        "logaddexp": (np.logaddexp, tn.logaddexp, (X, Y)),
        "where": (lambda x, y: np.where(x > 0, x, y), lambda x, y: tf.where(x > 0, x, y), (X, Y)),
        "where, broadcast": (lambda x, y: np.where(x > 0, x, y),
                             lambda x, y: tf.where(x > 0, x, y), (X, ROW)),
        "sinc": (np.sinc, tn.sinc, (X,)),
        "nan_to_num": (np.nan_to_num, lambda x: tf.where(t.is_finite(x), x, tf.zeros_like(x)),
                       (X,)),
        "select": (lambda x: np.select([x > 1, x > 0], [x * 2, x * 3], 0),
                   lambda x: tf.where(x > 1, x * 2, tf.where(x > 0, x * 3, 0 * x)), (X,)),
        # Products
        "dot": (np.dot, tn.dot, (X, MATRIX)),
        "dot of vectors": (np.dot, tn.dot, (ROW, ROW[::-1].copy())),
        "vector @ matrix": (np.matmul, tn.matmul, (ROW, MATRIX)),
        "matrix @ vector": (np.matmul, tn.matmul, (MATRIX.T.copy(), ROW)),
        "batches": (lambda x, y: x @ np.swapaxes(y, -1, -2),
                    lambda x, y: m.matmul(x, y, transpose_b=True), (X, Y)),
        "outer": (np.outer, tn.outer, (ROW, COLUMN)),
        "inner": (np.inner, tn.inner, (X, MATRIX.T.copy())),
        "tensordot": (lambda x, y: np.tensordot(x, y, ([2, 1], [2, 1])),
                      lambda x, y: tf.tensordot(x, y, ([2, 1], [2, 1])), (X, Y)),
        "einsum": (lambda x, y: np.einsum("abc,cd->adb", x, y),
                   lambda x, y: tf.einsum("abc,cd->adb", x, y), (X, MATRIX)),
        "einsum, ...": (lambda x, y: np.einsum("...c,cd", x, y),
                        lambda x, y: tf.einsum("...c,cd->...d", x, y), (X, MATRIX)),
        "einsum, a label alone": (lambda x, y: np.einsum("abc,cd->ad", x, y),
                                  lambda x, y: tf.einsum("abc,cd->ad", x, y), (X, MATRIX)),
        "einsum, diagonal": (lambda x: np.einsum("ii->i", x), m.diag_part, (SQUARE,)),
        "einsum, trace": (lambda x: np.einsum("ii", x), m.trace, (SQUARE,)),
        "norm": (lambda x: np.linalg.norm(x, axis=-1), lambda x: tf.norm(x, axis=-1), (X,)),
        "norm, ord=1": (lambda x: np.linalg.norm(x, 1, -1), lambda x: tf.norm(x, 1, -1), (X,)),
        "norm, all": (np.linalg.norm, tf.norm, (SQUARE,)),
        "inv": (np.linalg.inv, m.inv, (SQUARE,)),
        "solve": (np.linalg.solve, m.solve, (SQUARE, MATRIX)),
        "det": (np.linalg.det, m.det, (SQUARE,)),
        # Shapes and places
        "dstack": (lambda x, y: np.dstack([x, y]), lambda x, y: tf.concat([x, y], 2), (X, Y)),
        "rollaxis": (lambda x: np.rollaxis(x, 2), lambda x: tf.transpose(x, (2, 0, 1)), (X,)),
        "reshape": (lambda x: x.reshape(6, -1), lambda x: tf.reshape(x, (6, -1)), (X,)),
        "T": (lambda x: x.T, tf.transpose, (X,)),
        "transpose": (lambda x: x.transpose(2, 0, 1), lambda x: tf.transpose(x, (2, 0, 1)), (X,)),
        "flip": (lambda x: np.flip(x, 1), lambda x: tf.reverse(x, [1]), (X,)),
        "roll": (lambda x: np.roll(x, 2, 1), lambda x: tf.roll(x, 2, 1), (X,)),
        "repeat": (lambda x: np.repeat(x, 3, 1), lambda x: tf.repeat(x, 3, 1), (X,)),
        "tile": (lambda x: np.tile(x, (2, 1, 3)), lambda x: tf.tile(x, (2, 1, 3)), (X,)),
        "pad": (lambda x: np.pad(x, ((0, 0), (1, 2), (0, 0))),
                lambda x: tf.pad(x, ((0, 0), (1, 2), (0, 0))), (X,)),
        "pad, reflect": (lambda x: np.pad(x, ((0, 0), (1, 2), (0, 0)), "reflect"),
                         lambda x: tf.pad(x, ((0, 0), (1, 2), (0, 0)), "REFLECT"), (X,)),
        "sort": (lambda x: np.sort(x, 1), lambda x: tf.sort(x, 1), (X,)),
        "diff": (lambda x: np.diff(x, axis=1), lambda x: x[:, 1:] - x[:, :-1], (X,)),
        "tril": (np.tril, lambda x: m.band_part(x, -1, 0), (SQUARE,)),
        "concatenate": (lambda x, y: np.concatenate([x, y, x], 1),
                        lambda x, y: tf.concat([x, y, x], 1), (X, Y)),
        "stack": (lambda x, y: np.stack([x, y], -1), lambda x, y: tf.stack([x, y], -1), (X, Y)),
        "hstack": (lambda x, y: np.hstack([x, y]), lambda x, y: tf.concat([x, y], 1), (X, Y)),
        "split": (lambda x: np.split(x, 2, -1)[1], lambda x: tf.split(x, 2, -1)[1], (X,)),
        "take": (lambda x: np.take(x, IDS, 1), lambda x: tf.gather(x, IDS, axis=1), (X,)),
        "take of rows": (lambda x: np.take(x, IDS, 0), lambda x: tf.gather(x, IDS), (MATRIX,)),
        "x[ids]": (lambda x: x[IDS], lambda x: tf.gather(x, IDS), (MATRIX,)),
        "x[:, -1]": (lambda x: x[:, -1], lambda x: x[:, -1], (X,)),
        "x[..., ::2, None]": (lambda x: x[..., ::2, None], lambda x: x[..., ::2, None], (X,)),
        "x[x > 0]": (lambda x: x[x > 0], lambda x: tf.boolean_mask(x, x > 0), (X,)),
        "take_along_axis": (lambda x: np.take_along_axis(x, np.argsort(x, 1), 1),
                            lambda x: tn.take_along_axis(x, tf.argsort(x, 1), 1), (X,)),
        "broadcast_to": (lambda x: np.broadcast_to(x, (2, 3, 4)),
                         lambda x: tf.broadcast_to(x, (2, 3, 4)), (ROW,)),
        "iteration": (lambda x: sum(row * i for i, row in enumerate(x[0])),
                      lambda x: sum(row * i for i, row in enumerate(tf.unstack(x[0]))), (X,)),
    }  # fmt: skip
    for name in ("exp", "log", "log1p", "expm1", "tanh", "sin", "cos", "tan", "sinh", "cosh"):
        found[name] = getattr(np, name), getattr(t, name), (POSITIVE,)
    for ours, theirs in (("arctan", "atan"), ("arcsinh", "asinh"), ("square", "square")):
        found[ours] = getattr(np, ours), getattr(t, theirs), (X,)
    for ours, theirs in (("arcsin", "asin"), ("arccos", "acos"), ("arctanh", "atanh")):
        found[ours] = getattr(np, ours), getattr(t, theirs), (X / 4,)
    for name, reduce in {**axes, "std": t.reduce_std, "var": t.reduce_variance}.items():
        for axis in (None, 1, (0, 2)):
            found[f"{name}, axis={axis}"] = (
                lambda x, name=name, axis=axis: getattr(x, name)(axis=axis),
                lambda x, reduce=reduce, axis=axis: reduce(x, axis=axis),
                (X,),
            )
        found[f"{name}, keepdims"] = (
            lambda x, name=name: getattr(np, name)(x, -1, keepdims=True),
            lambda x, reduce=reduce: reduce(x, -1, keepdims=True),
            (X,),
        )
    for name in ("max", "min"):
        found[f"{name}, ties"] = (
            lambda x, name=name: getattr(np, name)(x, axis=1),
            lambda x, name=name: axes[name](x, 1),
            (TIES,),
        )
    return found
