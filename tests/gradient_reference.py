"""Gradients by TensorFlow's tape, and by rnnext's, of the same function."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest
from rnnext.autodiff.tracing import trace
from rnnext.graph.recording import Recording

Array = NDArray[Any]


def recording(training: bool = False, seed: int = 0) -> Recording:
    return Recording(training, np.random.default_rng(seed))


def is_float(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def seed_for(y: Any) -> Array:
    """The same gradient of an output each time, a float32 in every dtype."""
    y = np.asarray(y)
    rng = np.random.default_rng(zlib.crc32(str(y.shape).encode()))
    return np.asarray(rng.standard_normal(y.shape)).astype("float32").astype(y.dtype)


def traced_gradients(function: Callable[..., Any], args: Any, kwargs: Any) -> list[Any]:
    """The gradients of the float arrays among the arguments."""
    outputs, pullback = trace(function, args, kwargs, recording())
    seeds = [seed_for(y) if is_float(y) else None for y in nest.flatten(outputs)]
    leaves = nest.flatten((args, kwargs))
    return [
        np.zeros_like(x) if d is None else d
        for x, d in zip(leaves, pullback(seeds), strict=True)
        if is_float(x)
    ]


def tensorflow_gradients(function: Callable[..., Any], args: Any, kwargs: Any) -> list[Any]:
    """The same by tf.GradientTape."""
    import tensorflow as tf

    def tensor(x: Any) -> Any:
        return tf.constant(x) if isinstance(x, np.ndarray) else x

    tensors = nest.map_structure(tensor, (args, kwargs))
    sources = [t for t in nest.flatten(tensors) if tf.is_tensor(t) and t.dtype.is_floating]
    with tf.GradientTape() as tape:
        for source in sources:
            tape.watch(source)
        outputs = [
            y for y in nest.flatten(function(*tensors[0], **tensors[1])) if y.dtype.is_floating
        ]
        total = tf.add_n(
            [tf.cast(tf.reduce_sum(y * seed_for(y.numpy())), tf.float64) for y in outputs]
        )
    gradients = tape.gradient(total, sources)
    return [
        np.zeros(s.shape, s.dtype.as_numpy_dtype) if g is None else tf.convert_to_tensor(g).numpy()
        for s, g in zip(sources, gradients, strict=True)
    ]


def assert_no_worse(received: Any, theirs: Any, exact: Any, what: str = "") -> None:
    """Our mean error against the float64 answer is at most TensorFlow's, up to rounding once."""
    received, theirs, exact = (np.asarray(x) for x in (received, theirs, exact))
    assert received.shape == exact.shape, f"{what}: {received.shape} {exact.shape}"
    finite = np.isfinite(exact)
    np.testing.assert_array_equal(received[~finite], exact[~finite].astype(received.dtype), what)
    if not finite.any():
        return
    size = np.abs(exact[finite])
    ours = np.abs(received[finite].astype(np.float64) - exact[finite]).mean()
    other = np.abs(theirs[finite].astype(np.float64) - exact[finite]).mean()
    # Each element may be rounded a few times on the way.
    rounding = 2 * np.finfo(received.dtype).eps * max(size.mean(), size.max() / 8)
    assert ours <= other + rounding, f"{what}: mean error {ours:.2e}, TensorFlow's {other:.2e}"
