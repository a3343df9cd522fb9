"""How far the gradients of functions of rnnext.ops are from float64 truth: rows of a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow
from gradient_errors import Errors, errors
from keras_reference import load_keras
from layer_twins import Array, random_array
from test_linear_algebra import CASES as MATRIX_CASES
from test_ops import BINARY, CASES, POSITIVE, REDUCTIONS, UNARY, UNARY_FLOAT, X, Y

import rnnext
from rnnext import nest
from rnnext.errors import UnsupportedError

__all__ = ["CALLS", "measured", "names_of_functions"]

# What is computed by the functions of `keras.ops` or `rnnext.ops`, and its arguments.
Call = tuple[Callable[..., Any], Any]
keras = load_keras()

NONE = "none"
OURS_ALONE = "has one; TensorFlow has none"
THEIRS_ALONE = "none; TensorFlow has one"
ERROR = "an error that names it"


def names_of_functions() -> list[str]:
    """The functions of rnnext.ops."""
    names = [name for name in dir(rnnext.ops) if not name.startswith("_")]
    return [name for name in names if callable(getattr(rnnext.ops, name))]


def _of(name: str, *args: Any, **kwargs: Any) -> Call:
    return lambda o, args, kwargs: getattr(o, name)(*args, **kwargs), (args, kwargs)


# Those that are given functions, which are differentiated through what they compute.
OF_FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "associative_scan": lambda o, x: o.associative_scan(o.multiply, x),
    "cond": lambda o, x: o.cond(o.sum(x) > 0, lambda: o.tanh(x), lambda: o.sin(x)),
    "custom_gradient": lambda o, x: o.custom_gradient(
        lambda x: (o.tanh(x), lambda *args, upstream=None: 2 * (upstream or args[0]))
    )(x),
    "fori_loop": lambda o, x: o.fori_loop(0, 3, lambda _, y: o.tanh(y + x), x),
    "get_item": lambda o, x: o.get_item(x, (slice(None), 1)),
    "map": lambda o, x: o.map(lambda row: o.tanh(row) * row, x),
    "scan": lambda o, x: o.scan(lambda s, row: (s * row, s + row), x[0], x)[1],
    "switch": lambda o, x: o.switch(1, [o.sin, o.tanh], x),
    "vectorized_map": lambda o, x: o.vectorized_map(lambda row: o.tanh(row) * 2, x),
    "while_loop": lambda o, x: o.while_loop(
        lambda i, _: i < 3, lambda i, y: (i + 1, o.tanh(y * x)), (0, x)
    )[1],
}


def _calls() -> dict[str, list[Call]]:
    """The calls that test_ops.py and test_linear_algebra.py compare with Keras, by function."""
    found: dict[str, list[Call]] = {}
    for name in (*UNARY, *UNARY_FLOAT):
        x = np.clip(X, -0.9, 0.9) if name.startswith("arc") else X
        found[name] = [_of(name, x)]
    for name in POSITIVE:
        found[name] = [_of(name, np.abs(X) + np.float32(1))]
    for name in BINARY:
        found[name] = [_of(name, X, np.where(np.abs(Y) < 0.1, np.float32(0.5), Y))]
    for name in REDUCTIONS:
        found[name] = [_of(name, X), _of(name, X, 1)]
    for name, args, kwargs in CASES:
        found.setdefault(name, []).append(_of(name, *args, **kwargs))
    for case, (function, args) in MATRIX_CASES.items():
        joined = case.replace(" ", "_")
        fitting = [name for name in names_of_functions() if joined.startswith(name)]
        name = "solve_triangular" if "triangle" in case else max(fitting, key=len)
        found.setdefault(name, []).append((lambda o, *args, f=function: f(o, *args), args))
    found["cast"].append(_of("cast", X, "float32"))
    for name, function in OF_FUNCTIONS.items():
        found[name] = [(lambda o, x, f=function: f(o, x), (X,))]
    return dict(sorted(found.items()))


CALLS = _calls()


def _is_source(leaf: Any) -> bool:
    return isinstance(leaf, np.ndarray) and leaf.dtype == np.float32 and leaf.ndim > 0


def _is_float(y: Any) -> bool:
    return getattr(y, "dtype", None) is not None and "float" in str(y.dtype)


def _gradients(tf: Any, ops: Any, call: Call, dtype: str) -> list[Array] | None:
    """The gradients of all arrays of floats, from random ones of the outputs.

    None if there is none, or all are zeros; zeros for an array that has none.
    """
    function, arguments = call
    leaves = nest.flatten(arguments)
    given = [tf.constant(x.astype(dtype)) if _is_source(x) else x for x in leaves]
    sources = [y for y, x in zip(given, leaves, strict=True) if _is_source(x)]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        results = function(ops, *nest.pack_like(arguments, given))
        outputs = [y for y in nest.flatten(results) if _is_float(y)]
    seeds = [random_array(tuple(y.shape), seed=f"seed {i}") for i, y in enumerate(outputs)]
    factors = [tf.cast(seed, y.dtype) for seed, y in zip(seeds, outputs, strict=True)]
    found = tape.gradient(outputs, sources, factors) if outputs and sources else []
    arrays = [
        np.zeros(x.shape, dtype) if d is None else np.asarray(tf.convert_to_tensor(d))
        for d, x in zip(found, sources, strict=bool(found))
    ]
    return arrays if any(np.any(d) for d in arrays) else None


def _theirs(call: Call, dtype: str) -> list[Array] | None:
    """TensorFlow's, None also where it cannot compute them."""
    try:
        return _gradients(tensorflow, keras.ops, call, dtype)
    except (LookupError, tensorflow.errors.OpError):
        return None


def _measured_call(call: Call) -> Errors | str:
    try:
        ours = _gradients(rnnext, rnnext.ops, call, "float32")
    except UnsupportedError:
        return ERROR
    theirs, truth = _theirs(call, "float32"), _theirs(call, "float64")
    if ours is None:
        return NONE if theirs is None else THEIRS_ALONE
    if theirs is None or truth is None:
        return OURS_ALONE
    for one, two, exact in zip(ours, theirs, truth, strict=True):
        assert (np.isnan(one) == np.isnan(exact)).all()
        assert (np.isnan(two) == np.isnan(exact)).all()
    ours, theirs, truth = ([np.nan_to_num(d) for d in each] for each in (ours, theirs, truth))
    first, mean = errors(ours, truth)
    second, other = errors(theirs, truth)
    return Errors(errors(ours, theirs)[0], (first, second), (mean, other))


def measured(name: str) -> Errors | str:
    """The largest errors and the mean ones of all calls of a function; or why there are none."""
    found = [_measured_call(call) for call in CALLS.get(name, [])]
    figures = np.array([each.figures() for each in found if isinstance(each, Errors)])
    if not len(figures):
        reasons = [each for each in found if isinstance(each, str)]
        return next((each for each in reasons if each != NONE), NONE)
    apart, first, second = figures[:, :3].max(axis=0)
    return Errors(apart, (first, second), tuple(figures[:, 3:].mean(axis=0)))  # type: ignore[arg-type]
