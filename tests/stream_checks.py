"""What the tests of streams share: models and data for them, and the comparison with predict."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import rnnext
from rnnext import layers, nest
from rnnext.layers import LSTM, Dense, Input

Array = NDArray[Any]


def same_bits(a: Array, b: Array) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def with_weights(model: Any, seed: int = 0) -> Any:
    """The model with weights none of which is zero."""
    rng = np.random.default_rng(seed)
    variances = ["variance" in weight.name for weight in model.weights]
    drawn = [0.5 * rng.standard_normal(w.shape) for w in model.get_weights()]
    model.set_weights([abs(w) + 0.1 if v else w for w, v in zip(drawn, variances, strict=True)])
    return model


def steps(B: int, T: int, D: int, padding: str = "") -> Array:
    """Random numbers; "padding" zeroes whole steps, at the beginning of some samples, too."""
    x = np.random.default_rng(5).standard_normal((B, T, D)).astype("float32")
    if padding:
        x[np.random.default_rng(6).random((B, T)) < 0.4] = 0
        x[0, :2] = 0
    return x


def prefix(x: Any, n: int, sequences: list[bool]) -> Any:
    """The first n steps of every input that is a sequence."""
    given = x if isinstance(x, list) else [x]
    cut = [a[:, :n] if s else a for a, s in zip(given, sequences, strict=True)]
    return cut if isinstance(x, list) else cut[0]


def part(x: Any, start: int, stop: int | None, sequences: list[bool]) -> Any:
    """A chunk, or the step at `start` if there is no stop."""
    given = x if isinstance(x, list) else [x]
    where = start if stop is None else slice(start, stop)
    cut = [a[:, where] if s else a for a, s in zip(given, sequences, strict=True)]
    return cut if isinstance(x, list) else cut[0]


def assert_streams(model: Any, x: Any, cuts: Iterable[int] = (0, 1, 1, 3)) -> None:
    """Feeds x step by step, then in chunks, and compares with predict of every prefix."""
    first = x[0] if isinstance(x, list) else x
    stream = model.stream(batch_size=len(first))
    sequences = [name in stream.sequence_inputs for name in model.input_names]
    T = max(a.shape[1] for a, s in zip(nest.flatten(x), sequences, strict=True) if s)
    expected = [nest.flatten(model.predict(prefix(x, t + 1, sequences))) for t in range(T)]
    in_time = stream._in_steps

    for t in range(T):
        ys = nest.flatten(stream.step(part(x, t, None, sequences)))
        for y, want, is_sequence in zip(ys, expected[t], in_time, strict=True):
            assert same_bits(y, want[:, -1] if is_sequence else want)
    stream.reset()
    start = 0  # where only sequences are returned, a chunk of none may come before the first step
    ends = [end for end in np.cumsum(list(cuts)) if end < T and (end or all(in_time))]
    for end in [*ends, T, T]:
        ys = nest.flatten(stream.chunk(part(x, start, end, sequences)))
        for y, want, is_sequence in zip(ys, expected[max(end, 1) - 1], in_time, strict=True):
            assert same_bits(y, want[:, start:end] if is_sequence else want)
        start = end


def functional(make: Any) -> Any:
    x = Input((None, 4))
    return rnnext.Model(x, make(x))


class Leaky:
    """A user's cell, whose output is not its state."""

    state_size = 3
    output_size = 2

    def call(self, x: Array, states: Any) -> tuple[Array, list[Array]]:
        h = 0.5 * states[0] + x[:, :3]
        return h[:, :2] - 1, [h]


class Doubled(layers.Layer):
    def call(self, inputs: Array) -> Array:
        return 2 * inputs


class DoubledSteps(Doubled):
    works_on_each_step = True


class NotRecurrent(LSTM):
    """What it inherits is of no use to what it does."""

    works_on_each_step = True

    def call(self, sequences: Array) -> Array:
        return 2 * sequences

    def compute_output_shape(self, sequences_shape: Any) -> Any:
        return sequences_shape


class DoubledDense(Dense):
    def call(self, inputs: Array) -> Array:
        return 2 * super().call(inputs)


class Failing(layers.Layer):
    works_on_each_step = True
    fails = False

    def call(self, inputs: Array) -> Array:
        if self.fails:
            raise RuntimeError("as told")
        return 2 * inputs
