"""`StreamPool`: each stream has the bits of a `Stream` of its own, whoever steps beside it."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from stream_checks import same_bits, with_weights

import rnnext
from rnnext import nest
from rnnext.layers import (
    GRU,
    LSTM,
    RNN,
    Activation,
    Bidirectional,
    Conv1D,
    Dense,
    Embedding,
    GRUCell,
    Input,
    LSTMCell,
    Masking,
    SimpleRNN,
)

Array = NDArray[Any]


class Sum:
    state_size = 3

    def call(self, inputs: Any, states: Any) -> Any:
        total = states[0] + inputs
        return total, [total]


def two_outputs() -> Any:
    x = Input((None, 3), name="x")
    h, *states = LSTM(4, return_sequences=True, return_state=True)(x)
    return rnnext.Model(x, {"all": Dense(2)(h), "last": GRU(3)(h), "state": states[1]})


def nested() -> Any:
    inner = rnnext.Sequential([Input((None, 4)), SimpleRNN(5, return_sequences=True)])
    x = Input((None, 3))
    return rnnext.Model(x, inner(GRU(4, return_sequences=True)(x)))


def last_step() -> Any:
    x = Input((6, 3))
    return rnnext.Model(x, Dense(2)(LSTM(4, return_sequences=True)(x)[:, -1]))


MODELS = {
    "lstm": lambda: rnnext.Sequential([Input((None, 3)), LSTM(5), Dense(2)]),
    "stack": lambda: rnnext.Sequential(
        [Input((None, 3)), GRU(20, return_sequences=True), LSTM(17), Dense(1)]
    ),
    "masking": lambda: rnnext.Sequential(
        [Input((None, 3)), Masking(), LSTM(4, return_sequences=True), GRU(3), Dense(1)]
    ),
    "zero_output": lambda: rnnext.Sequential(
        [Input((None, 3)), Masking(), GRU(4, return_sequences=True, zero_output_for_mask=True)]
    ),
    "conv": lambda: rnnext.Sequential(
        [Input((None, 3)), Conv1D(4, 3, padding="causal"), Activation("relu"), GRU(3)]
    ),
    "cells": lambda: rnnext.Sequential([Input((None, 3)), RNN([LSTMCell(4), GRUCell(2)])]),
    "custom cell": lambda: rnnext.Sequential([Input((None, 3)), RNN(Sum()), Dense(2)]),
    "two outputs": two_outputs,
    "nested": nested,
    "last step": last_step,
    "float64": lambda: rnnext.Sequential(
        [Input((None, 3), dtype="float64"), LSTM(4, dtype="float64")]
    ),
}


def assert_same(one: Any, other: Any) -> None:
    """One answer of a pool beside one of a stream of one sample."""
    flat = zip(nest.flatten(one), nest.flatten(other), strict=True)
    assert all(same_bits(np.asarray(a), np.asarray(b)[0]) for a, b in flat)


def step_of(rng: np.random.Generator) -> Array:
    """A step, sometimes one that Masking masks."""
    x = rng.standard_normal(3).astype("float32")
    return x if rng.random() < 0.7 else np.zeros(3, "float32")


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_a_stream_in_a_pool_has_the_bits_of_a_stream(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    model = with_weights(MODELS[name]())
    pool = rnnext.StreamPool(model)
    pairs = [(pool.join(), model.stream()) for _ in range(3)]
    for _ in range(12):
        event = rng.random()
        if event < 0.3:
            pairs += [(pool.join(), model.stream()) for _ in range(rng.integers(1, 9))]
        elif event < 0.45 and pairs:
            pool.leave(pairs.pop(rng.integers(len(pairs)))[0])
        elif event < 0.6 and pairs:
            for each in pairs[rng.integers(len(pairs))]:
                each.reset()
        chosen = [pair for pair in pairs if rng.random() < 0.6]
        rng.shuffle(chosen)
        steps = {pooled: step_of(rng) for pooled, _ in chosen}
        answers = pool.step(steps)
        assert list(answers) == list(steps)
        for pooled, stream in chosen:
            assert_same(answers[pooled], stream.step(steps[pooled][None]))
    assert len(pool) == len(pairs)


def test_a_batch_is_the_same_as_a_dictionary() -> None:
    model = with_weights(MODELS["two outputs"]())
    x = np.random.default_rng(0).standard_normal((40, 3)).astype("float32")
    one, other = rnnext.StreamPool(model), rnnext.StreamPool(model)
    ones, others = [one.join() for _ in x], [other.join() for _ in x]
    for order in (np.arange(40), np.arange(20), np.random.default_rng(1).permutation(40)):
        answers = one.step({ones[i]: x[i] for i in order})
        whole = other.step_batch([others[i] for i in order], x[order])
        for name, values in whole.items():
            together = np.stack([answer[name] for answer in answers.values()])
            assert same_bits(together, values)


def test_ids_and_an_initial_state_that_is_given() -> None:
    ids, h = Input((None,), name="ids"), Input((4,), name="h")
    sequence = GRU(4)(Embedding(7, 3, mask_zero=True)(ids), initial_state=h, mask=None)
    model = with_weights(rnnext.Model([ids, h], Dense(2)(sequence)))
    pool = rnnext.StreamPool(model)
    rng = np.random.default_rng(0)
    pairs = [(pool.join(), model.stream(), rng.standard_normal(4)) for _ in range(5)]
    for t in range(4):
        chosen = pairs[: 2 + t]
        given_now = {pooled: [rng.integers(0, 7), start] for pooled, _, start in chosen}
        answers = pool.step(given_now)
        for pooled, stream, start in chosen:
            token = np.array([given_now[pooled][0]])
            assert_same(answers[pooled], stream.step([token, start[None]]))
    before = pairs[0][0].state
    with pytest.raises(rnnext.DataError, match=r"input 'h' of <StreamPool .* changed since"):
        pool.step({pairs[0][0]: {"ids": 1, "h": np.ones(4)}})
    assert_states(before, pairs[0][0].state)


def assert_states(one: Any, other: Any) -> None:
    flat = zip(nest.flatten(one), nest.flatten(other), strict=True)
    assert all((a is None and b is None) or same_bits(a, b) for a, b in flat)


@pytest.mark.parametrize("name", ["masking", "conv", "nested", "cells", "last step"])
def test_states_go_from_pools_to_streams_and_back(name: str) -> None:
    model = with_weights(MODELS[name]())
    rng = np.random.default_rng(2)
    pool, stream = rnnext.StreamPool(model), model.stream()
    member, other = pool.join(), pool.join()
    assert_states(member.state, stream.state)
    for _ in range(3):
        x = rng.standard_normal(3).astype("float32")
        pool.step({member: x})
        stream.step(x[None])
    assert_states(member.state, stream.state)
    x = rng.standard_normal(3).astype("float32")
    other.state = pickle.loads(pickle.dumps(stream.state))
    assert_same(pool.step({other: x})[other], stream.step(x[None]))
    member.reset()
    stream.reset()
    assert_states(member.state, stream.state)


def test_a_step_that_fails_changes_nothing() -> None:
    class Picky(rnnext.Layer):
        works_on_each_step = True

        def call(self, x: Any) -> Any:
            if (x > 99).any():
                raise ValueError("too large")
            return x

    # The layer that remembers comes first: what it computed must not be kept.
    model = with_weights(
        rnnext.Sequential([Input((None, 3)), GRU(3, return_sequences=True), Dense(2), Picky()])
    )
    model.layers[1].set_weights([np.full((3, 2), 1e3, "float32"), np.zeros(2, "float32")])
    pool = rnnext.StreamPool(model)
    a, b = pool.join(), pool.join()
    pool.step({a: np.zeros(3)})
    before = a.state, b.state
    with pytest.raises(ValueError, match="too large"):
        pool.step({a: np.ones(3), b: 5 * np.ones(3)})
    assert_states(before, (a.state, b.state))


def test_new_weights_take_effect() -> None:
    model = with_weights(MODELS["lstm"]())
    pool = rnnext.StreamPool(model)
    member, stream = pool.join(), model.stream()
    x = np.ones(3, "float32")
    pool.step({member: x})
    stream.step(x[None])
    with_weights(model, seed=9)
    assert_same(pool.step({member: x})[member], stream.step(x[None]))


def error(call: Any, kind: type[Exception]) -> str:
    with pytest.raises(kind) as caught:
        call()
    return str(caught.value)


def test_messages() -> None:
    model = MODELS["lstm"]()
    pool = rnnext.StreamPool(model)
    member, gone = pool.join(), pool.join()
    pool.leave(gone)
    foreign = rnnext.StreamPool(model).join()
    unsupported, shape = rnnext.UnsupportedError, rnnext.ShapeError
    assert pool.step({}) == {}
    for wrong in (gone, foreign, 3):
        text = error(lambda wrong=wrong: pool.step({wrong: np.ones(3)}), unsupported)
        assert "no stream of this pool; accepted is what its join() returned" in text
    assert "no stream of this pool" in error(lambda: pool.leave(gone), unsupported)
    text = error(lambda: pool.step([np.ones(3)]), unsupported)
    assert "step() takes a dictionary {stream: its step}, received list" in text
    assert "has left its pool" in error(lambda: gone.state, unsupported)
    assert repr(gone) == "<PooledStream that has left its pool>"
    assert "expected shape (None, 3) as a step, received (1, 1, 3)." in error(
        lambda: pool.step({member: np.ones((1, 3))}), shape
    )
    other = pool.join()
    assert "different shapes [(2,), (3,)]" in error(
        lambda: pool.step({member: np.ones(3), other: np.ones(2)}), shape
    )
    assert "2 streams received steps of {" in error(
        lambda: pool.step_batch([member, other], np.ones((3, 3))), shape
    )
    assert "a stream comes twice" in error(
        lambda: pool.step_batch([member, member], np.ones((2, 3))), unsupported
    )
    both = rnnext.Sequential([Input((None, 3)), Bidirectional(LSTM(2))])
    assert "reads from the end" in error(lambda: rnnext.StreamPool(both), unsupported)
    assert repr(pool) == f"<StreamPool of {model.label}: 2 streams>"
