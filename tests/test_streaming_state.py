"""What a stream takes, returns and remembers: nothing of it is shared, or lost in an error."""

from __future__ import annotations

import re
import threading
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from stream_checks import (
    Failing,
    Leaky,
    assert_streams,
    functional,
    same_bits,
    steps,
    with_weights,
)

import rnnext
from rnnext import layers, nest
from rnnext.layers import GRU, LSTM, RNN, Conv1D, Dense, Input, Masking

Array = NDArray[Any]

# Inputs and outputs -----------------------------------------------------------------------------


def test_inputs_that_do_not_fit_are_refused_and_not_fed() -> None:
    model = with_weights(rnnext.Sequential([Input((None, 4), name="x"), LSTM(3)]))
    stream, x = model.stream(2), steps(2, 3, 4)
    before = stream.step(x[:, 0])
    for bad, expected in [
        (np.zeros((2, 5)), "(2, 4) as a step, received (2, 5)"),
        (np.zeros((1, 4)), "(2, 4) as a step, received (1, 4)"),
        (x, "(2, 4) as a step, received (2, 3, 4)"),
        (1.0, "(2, 4) as a step, received ()"),
    ]:
        with pytest.raises(rnnext.ShapeError, match=re.escape(expected)):
            stream.step(bad)
    with pytest.raises(rnnext.ShapeError, match=re.escape("(2, None, 4) as a chunk, received (2,")):
        stream.chunk(x[:, 0])
    with pytest.raises(rnnext.DataError, match="expected numbers"):
        stream.step([["a"] * 4] * 2)
    assert same_bits(stream.chunk(x[:, :0]), before)
    assert same_bits(stream.chunk(x[:, 1:]), model.predict(x))


def test_array_likes() -> None:
    model = with_weights(rnnext.Sequential([Input((None, 1)), GRU(3, return_sequences=True)]))
    expected = model.predict([[[1.0], [2.0], [3.0]]])
    stream = model.stream()
    assert same_bits(stream.step([[1]]), expected[:, 0])
    assert same_bits(stream.step([2.0]), expected[:, 1])  # as predict accepts (N, T) for (N, T, 1)
    assert same_bits(stream.step(np.array([[3]], ">f8")), expected[:, 2])
    stream.reset()
    assert same_bits(stream.chunk([[1, 2, 3]]), expected)
    odd = np.frombuffer(b"0" + np.float32([1]).tobytes(), "float32", offset=1)
    stream.reset()
    assert same_bits(stream.step(odd.reshape(1, 1)), expected[:, 0])  # not aligned
    wide = with_weights(rnnext.Sequential([Input((None, 4)), GRU(3)]))
    x = np.asfortranarray(steps(3, 5, 4))
    x.flags.writeable = False
    assert_streams(wide, x)


def test_two_sequences_must_be_of_one_length() -> None:
    a, b = Input((None, 3), name="a"), Input((None, 3), name="b")
    stream = rnnext.Model([a, b], [GRU(2)(a), GRU(2)(b)]).stream()
    with pytest.raises(rnnext.ShapeError, match=r"as many steps of every input.*'a': 2, 'b': 1"):
        stream.chunk([steps(1, 2, 3), steps(1, 1, 3)])


def test_an_answer_needs_a_step() -> None:
    stream = rnnext.Sequential([Input((None, 4)), LSTM(3, name="r"), Dense(1)]).stream()
    with pytest.raises(rnnext.ShapeError, match=r"'r' .*needs at least one time step"):
        stream.chunk(np.zeros((1, 0, 4)))
    with pytest.raises(rnnext.ShapeError, match="no last step before the first"):
        functional(lambda x: x[:, -1]).stream().chunk(np.zeros((1, 0, 4)))
    sequences = rnnext.Sequential([Input((None, 4)), LSTM(3, return_sequences=True)]).stream()
    assert sequences.chunk(np.zeros((1, 0, 4))).shape == (1, 0, 3)


def test_outputs_are_the_callers_own() -> None:
    """Neither the input nor anything that the stream goes on from."""
    x = Input((None, 4))
    seen = RNN(layers.StackedRNNCells([layers.GRUCell(3)]), return_state=True)(x)
    model = with_weights(
        rnnext.Model(x, [layers.Dropout(0.5)(x), *seen, x[:, -1], RNN(Leaky())(x), LSTM(3)(x)])
    )
    stream, a = model.stream(), steps(1, 6, 4)  # of one sample steps lie as they are fed
    kept = a.copy()
    for t in range(6):
        expected = nest.flatten(model.predict(a[:, : t + 1]))
        for chunk in (a[:, t : t + 1], a[:, :0], a[:, :0]):
            ys = nest.flatten(stream.chunk(chunk))
            assert all(map(same_bits, ys[1:], expected[1:]))
            for y in ys:
                y[...] = 7
        for leaf in nest.flatten(stream.state):
            leaf[...] = 7
        assert same_bits(a, kept)


def test_a_single_output_is_not_the_input() -> None:
    """Models of one input and one output have a short way of their own."""
    stream, x = rnnext.Sequential([Input((None, 4)), layers.Dropout(0.5)]).stream(), steps(1, 1, 4)
    for y in (stream.step(x[:, 0]), stream.chunk(x)):
        assert np.array_equal(y.ravel(), x.ravel())
        assert not np.may_share_memory(y, x)


def test_inputs_stay_the_callers() -> None:
    stream = functional(lambda x: [x[:, -1], Conv1D(2, 2, padding="causal")(x)]).stream()
    buffer, x = np.empty((1, 4), "float32"), steps(1, 3, 4)
    for t in range(3):
        buffer[...] = x[:, t]
        stream.step(buffer)
        buffer[...] = 7
    assert same_bits(stream.chunk(x[:, :0])[0], x[:, 2])
    (state,) = (part["inputs"] for part in stream.state.values() if "inputs" in part)
    assert same_bits(state, x[:, 2:])


@pytest.mark.parametrize("return_sequences", [False, True])
def test_outputs_that_masked_steps_repeat_are_not_the_callers(return_sequences: bool) -> None:
    model = with_weights(
        functional(lambda x: RNN(Leaky(), return_sequences=return_sequences)(Masking()(x)))
    )
    x = steps(1, 4, 4)
    x[:, 2:] = 0
    stream = model.stream()
    stream.chunk(x[:, :2])[...] = 7
    stream.step(x[:, 2])[...] = 7
    expected = model.predict(x)
    assert same_bits(stream.step(x[:, 3]), expected[:, -1] if return_sequences else expected)


def test_a_step_that_fails_was_not_fed() -> None:
    failing = Failing()
    model = with_weights(functional(lambda x: GRU(3)(failing(Conv1D(4, 2, padding="causal")(x)))))
    stream, x = model.stream(2), steps(2, 3, 4)
    stream.step(x[:, 0])
    failing.fails = True
    with pytest.raises(RuntimeError, match="as told"):
        stream.step(x[:, 1])
    failing.fails = False
    assert same_bits(stream.chunk(x[:, 1:]), model.predict(x))


def test_a_stream_says_what_it_is() -> None:
    flat, x = Input((3,), name="flat"), Input((None, 4), name="x")
    model = rnnext.Model([flat, x], GRU(3, name="gru")(x, initial_state=flat), name="m")
    assert repr(model.stream(2)) == (
        "<Stream of layer 'm' (Functional), batch_size=2, inputs in steps: x; remembers: gru>"
    )
    nothing = functional(Dense(2)).stream()
    assert repr(nothing).endswith("remembers: nothing>")


# States -----------------------------------------------------------------------------------------


def many_states() -> Any:
    x, flat = Input((None, 4)), Input((3,), name="flat")
    h = Conv1D(4, 3, padding="causal", name="conv")(Masking()(x))
    inner = rnnext.Sequential(
        [Input((None, 4)), LSTM(3, return_sequences=True, name="in")], name="m"
    )
    cells = [layers.LSTMCell(2), layers.GRUCell(3)]
    stacked = RNN(cells, name="stacked", return_sequences=True)(inner(h))
    last = GRU(3, name="gru")(stacked, initial_state=flat)
    return with_weights(rnnext.Model([x, flat], [last, stacked[:, -1]]))


def test_state_before_the_first_step_and_after() -> None:
    stream = many_states().stream(2)
    a, flat = steps(2, 6, 4, "padding"), steps(2, 1, 3)[:, 0]
    state = stream.state
    assert sorted(state) == ["conv", "flat", "get_item", "gru", "m", "stacked"] or len(state) == 6
    assert state["conv"]["inputs"].shape == (2, 2, 4)
    assert state["gru"] == {"states": None, "output": None}
    assert state["flat"] == {"value": None}
    assert [array.shape for array in nest.flatten(state["stacked"]["states"])] == [(2, 2)] * 2 + [
        (2, 3)
    ]
    assert not any(array.any() for array in state["m"]["in"]["states"])
    stream.step([a[:, 2], flat])
    assert all(isinstance(leaf, np.ndarray) for leaf in nest.flatten(stream.state))
    assert all(array.any() for array in stream.state["m"]["in"]["states"])


@pytest.mark.parametrize("at", [0, 1, 4])
def test_a_stream_goes_on_from_the_state_of_another(at: int) -> None:
    model = many_states()
    a, flat = steps(2, 6, 4, "padding"), steps(2, 1, 3)[:, 0]
    one, other = model.stream(2), model.stream(2)
    other.chunk([-a, flat])
    for t in range(at):
        one.step([a[:, t], flat])
    saved = one.state
    other.state = saved
    rest = [one.step([a[:, t], flat]) for t in range(at, 6)]
    for leaf in nest.flatten(saved):  # what was set is the stream's own
        if leaf is not None:
            leaf[...] = 7
    for t, expected in zip(range(at, 6), rest, strict=True):
        assert all(map(same_bits, other.step([a[:, t], flat]), expected))
    one.reset()
    other.reset()
    assert all(map(same_bits, one.chunk([a, flat]), model.predict([a, flat])))


def test_states_that_do_not_fit_are_refused_and_nothing_is_set() -> None:
    model = with_weights(
        rnnext.Sequential(
            [Input((None, 4)), LSTM(3, name="a", return_sequences=True), GRU(2, name="b")]
        )
    )
    stream, x = model.stream(), steps(1, 3, 4)
    stream.chunk(x[:, :2])
    good, zeros = stream.state, np.zeros((1, 3))
    output = good["a"]["output"]
    changed = {"states": [zeros, zeros], "output": output}

    def of_a(**parts: Any) -> dict[str, Any]:
        return {**good, "a": {**good["a"], **parts}}

    for bad, error, message in [
        (None, rnnext.ShapeError, "state: expected a dictionary with the keys ['a', 'b']"),
        ({"a": changed}, rnnext.ShapeError, "keys ['a', 'b'], received ['a']"),
        ({**good, "c": 1}, rnnext.ShapeError, "received ['a', 'b', 'c']"),
        (
            of_a(states=[zeros]),
            rnnext.ShapeError,
            "state['a']['states']: expected a list of 2, rec",
        ),
        (of_a(states=[zeros, None]), rnnext.ShapeError, "state['a']['states'][1]: expected an arr"),
        (of_a(states=None), rnnext.ShapeError, "state['a']['states']: expected a list of 2"),
        (
            {"a": changed, "b": {**good["b"], "output": np.zeros((1, 3))}},
            rnnext.ShapeError,
            "state['b']['output']: expected an array of shape (1, 2), received shape (1, 3)",
        ),
        (of_a(states=[zeros, [["x"] * 3]]), rnnext.DataError, "state['a']['states'][1]: expected"),
    ]:
        with pytest.raises(error, match=re.escape(message)):
            stream.state = bad
    assert same_bits(stream.step(x[:, 2]), model.predict(x))
    stream.state = of_a(states=[zeros.tolist(), zeros.astype("float64")])  # array-likes fit
    assert stream.state["a"]["states"][0].dtype == np.float32


def test_layers_states_are_left_alone() -> None:
    layer = LSTM(3, stateful=True)
    model = with_weights(rnnext.Sequential([Input(batch_shape=(2, None, 4)), layer]))
    x = steps(2, 4, 4)
    model.predict(x)
    before = [state.copy() for state in layer.states]
    stream = model.stream(2)
    got = stream.chunk(x)
    assert all(map(same_bits, layer.states, before))
    layer.reset_states()
    assert same_bits(got, model.predict(x))


def test_a_stateful_layer_that_would_be_called_anew_is_refused() -> None:
    x = Input(batch_shape=(2, None, 4))
    code = layers.RepeatVector(3)(GRU(3)(x))
    model = rnnext.Model(x, LSTM(2, stateful=True, name="again")(code))
    with pytest.raises(
        rnnext.UnsupportedError, match=r"'again' \(LSTM\).*accepted is stateful=Fal"
    ):
        model.stream(2)


def test_new_weights_hold_from_the_next_step() -> None:
    model = with_weights(rnnext.Sequential([Input((None, 4)), LSTM(3), Dense(2)]))
    stream, x = model.stream(), steps(1, 2, 4)
    stream.step(x[:, 0])
    state = stream.state
    with_weights(model, seed=1)
    new = model.stream()
    new.state = state
    expected = new.step(x[:, 1])
    assert same_bits(stream.step(x[:, 1]), expected)
    with_weights(model, seed=0)
    assert not np.array_equal(model.predict(x), expected)


def test_many_streams_in_many_threads() -> None:
    stack = [Masking(), LSTM(8, return_sequences=True), Conv1D(4, 2, padding="causal"), GRU(5)]
    model = with_weights(rnnext.Sequential([Input((None, 4)), *stack]))
    inputs = [i + steps(1, 40, 4, "padding") for i in range(4)]
    expected = [model.predict(x) for x in inputs]
    last: dict[int, Array] = {}

    def run(i: int) -> None:
        stream = model.stream()
        for t in range(40):
            last[i] = stream.step(inputs[i][:, t])

    threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(same_bits(last[i], expected[i]) for i in range(4))
