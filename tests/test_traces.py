"""`layer.trace` and `model.trace`: every step's gates and states, beside the bits of a call."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import rnnext
from rnnext import nest
from rnnext.inspection.formulas import by_hand
from rnnext.layers import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    Dense,
    Embedding,
    GRUCell,
    Input,
    LSTMCell,
    SimpleRNN,
    TimeDistributed,
)

Array = NDArray[Any]

CELLS = {
    "simple_rnn": lambda units, **kw: SimpleRNN(units, **kw),
    "lstm": lambda units, **kw: LSTM(units, bias_initializer="glorot_uniform", **kw),
    "gru": lambda units, **kw: GRU(units, bias_initializer="glorot_uniform", **kw),
    "gru_before": lambda units, **kw: GRU(units, reset_after=False, **kw),
    "lstm_hard": lambda units, **kw: LSTM(
        units, activation="relu", recurrent_activation="hard_sigmoid", use_bias=False, **kw
    ),
}


def inputs(batch: int = 3, steps: int = 6, features: int = 4) -> Array:
    return np.random.default_rng(0).standard_normal((batch, steps, features)).astype("float32")


def mask_of(batch: int = 3, steps: int = 6) -> Array:
    mask = np.random.default_rng(1).random((batch, steps)) > 0.4
    mask[0, 0], mask[1, 0] = False, True
    return mask


def same_bits(one: Any, other: Any) -> bool:
    pairs = zip(nest.flatten(one), nest.flatten(other), strict=True)
    return all(a.tobytes() == b.tobytes() for a, b in pairs)


@pytest.mark.parametrize("units", [1, 5, 16, 33])
@pytest.mark.parametrize("options", [{}, {"go_backwards": True}, {"return_state": True}], ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_every_step_is_the_textbooks(cell: str, options: dict[str, Any], units: int) -> None:
    rnnext.set_random_seed(3)
    layer = CELLS[cell](units, return_sequences=True, **options)
    x = inputs()
    trace = layer.trace(x)
    assert same_bits(trace.outputs, layer(x))
    assert same_bits(trace["h"], nest.flatten(trace.outputs)[0])
    assert trace.steps.tolist() == (list(range(6))[:: -1 if "go_backwards" in options else 1])
    names = [name for name in ("h", "c") if name in trace]
    for sample in range(len(x)):
        for step, time in enumerate(trace.steps):
            zeros = np.zeros(units, "float32")
            before = [trace[n][sample, step - 1] if step else zeros for n in names]
            expected = by_hand(layer.cell, x[sample, time], before)
            assert expected.keys() == trace.keys()
            for name, values in expected.items():
                np.testing.assert_allclose(trace[name][sample, step], values, rtol=0, atol=3e-6)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_masked_steps_have_no_gates_and_keep_the_state(cell: str, backwards: bool) -> None:
    layer = CELLS[cell](5, go_backwards=backwards)
    mask = mask_of()
    states = [np.full((3, 5), 0.5, "float32")] * layer.cell.state_count
    trace = layer.trace(inputs(), initial_state=states, mask=mask)
    in_order = mask[:, ::-1] if backwards else mask
    assert (trace.mask == in_order).all()
    for name, values in trace.items():
        if name in ("h", "c"):
            assert np.isfinite(values).all()
            for b, t in zip(*np.nonzero(~in_order), strict=True):
                before = values[b, t - 1] if t else np.full(5, 0.5)
                assert (values[b, t] == before).all()
        else:
            assert (np.isnan(values).all(-1) == ~in_order).all()
    assert same_bits(trace.outputs, layer(inputs(), initial_state=states, mask=mask))


def test_float64_states_and_a_gate_that_is_shut() -> None:
    layer = LSTM(3, dtype="float64", bias_initializer="zeros")
    layer.build((None, None, 4))
    layer.cell.bias.assign(np.repeat([0.0, 0.0, 0.0, -1e3], 3))
    trace = layer.trace(inputs())
    assert trace["o"].dtype == np.float64
    assert (trace["o"] == 0).all()
    assert (trace["h"] == 0).all()
    assert (trace["c"] != 0).any()


def test_a_stateful_layer_stays_as_it_is() -> None:
    layer = GRU(3, stateful=True)
    layer.build((2, None, 4))
    x = inputs(2)
    layer(x)
    before = [np.array(s) for s in layer.states]
    trace = layer.trace(x)
    assert same_bits(before, layer.states)
    assert same_bits(trace.outputs, layer(x))


@pytest.mark.parametrize("mask", [None, mask_of()], ids=["all", "masked"])
@pytest.mark.parametrize("merge_mode", ["concat", "sum", None])
def test_a_bidirectional_has_two(merge_mode: str | None, mask: Array | None) -> None:
    layer = Bidirectional(LSTM(3, return_sequences=True), merge_mode=merge_mode)
    traces = layer.trace(inputs(), mask=mask)
    assert list(traces) == ["forward", "backward"]
    assert same_bits(traces.outputs, layer(inputs(), mask=mask))
    assert same_bits(traces["forward"]["h"], layer.forward_layer.trace(inputs(), mask=mask)["h"])
    assert traces["backward"].steps.tolist() == [5, 4, 3, 2, 1, 0]


@pytest.mark.parametrize("backwards", [False, True])
def test_stacked_cells_have_one_each(backwards: bool) -> None:
    layer = RNN([LSTMCell(3), GRUCell(2)], return_sequences=True, go_backwards=backwards)
    traces = layer.trace(inputs(), mask=mask_of())
    assert same_bits(traces.outputs, layer(inputs(), mask=mask_of()))
    assert [list(trace) for trace in traces.values()] == [
        ["i", "f", "g", "o", "c", "h"],
        ["z", "r", "g", "h"],
    ]
    first, second = traces.values()
    assert (first.mask == second.mask).all()
    assert (first.steps == second.steps).all()


class Sum:
    state_size = 4

    def call(self, inputs: Any, states: Any) -> Any:
        total = states[0] + inputs
        return 2 * total, [total]


def test_any_cell_shows_outputs_and_states() -> None:
    trace = RNN(Sum()).trace(inputs())
    assert list(trace) == ["output", "state_0"]
    np.testing.assert_allclose(trace["state_0"], np.cumsum(inputs(), axis=1), rtol=1e-6)
    assert same_bits(trace["output"][:, -1], trace.outputs)


def nested_model() -> tuple[Any, Any, Array]:
    ids = np.random.default_rng(0).integers(0, 5, (2, 7))
    tokens = Input((7,))
    first = LSTM(4, return_sequences=True, name="first")
    hidden = first(Embedding(5, 3, mask_zero=True)(tokens))
    inner = rnnext.Sequential([Input((7, 4)), Bidirectional(GRU(2), name="both")], name="inner")
    output = Dense(1, name="dense")(inner(hidden))
    return rnnext.Model(tokens, output), rnnext.Model(tokens, hidden), ids


def test_a_layer_in_a_model_gets_what_the_model_gives_it() -> None:
    model, up_to_first, ids = nested_model()
    trace = model.trace(ids, layer="first")
    assert same_bits(trace.outputs, up_to_first.predict(ids))
    assert (trace.mask == (ids != 0)).all()
    inside = model.trace(ids, layer=model.get_layer("inner").get_layer("both"))
    assert (inside["forward"].mask == (ids != 0)).all()
    assert same_bits(model.get_layer("dense")(inside.outputs), model.predict(ids))


def test_an_initial_state_that_is_an_input() -> None:
    x, h = Input((6, 4)), Input((3,))
    model = rnnext.Model([x, h], GRU(3, return_sequences=True)(x, initial_state=h))
    start = np.ones((3, 3), "float32")
    trace = model.trace([inputs(), start])
    assert same_bits(trace.outputs, model.predict([inputs(), start]))
    assert same_bits(trace["h"], trace.outputs)


def message(call: Any, kind: type[Exception] = rnnext.UnsupportedError) -> str:
    with pytest.raises(kind) as caught:
        call()
    return str(caught.value)


def test_messages() -> None:
    model, _, ids = nested_model()
    assert "give layer=, one of ['first', 'both']" in message(lambda: model.trace(ids))
    assert "Did you mean 'first'?" in message(lambda: model.trace(ids, layer="firts"))
    plain = rnnext.Sequential([Input((3,)), Dense(2)])
    assert "no recurrent layer in it" in message(lambda: plain.trace(np.ones((1, 3))))
    wrapped = rnnext.Sequential([Input((2, 6, 4)), TimeDistributed(LSTM(2))])
    x = np.ones((1, 2, 6, 4))
    assert "no recurrent layer in it" in message(lambda: wrapped.trace(x))
    lstm = LSTM(2)
    assert "or only by a wrapper" in message(lambda: plain.trace(np.ones((1, 3)), layer=lstm))

    class Own(rnnext.Model):
        def call(self, x: Any) -> Any:
            return x

    assert "call trace(x) of the layer" in message(lambda: Own().trace(ids, "lstm"))
    trace = LSTM(2).trace(inputs())
    assert re.search(
        r"no 'z' in its trace; there are \['i', ", message(lambda: trace["z"], KeyError)
    )
    both = Bidirectional(LSTM(2)).trace(inputs())
    assert "there are ['forward', 'backward']" in message(lambda: both["i"], KeyError)
    assert repr(trace) == f"<Trace of {trace.label}: i, f, g, o, c, h (3, 6, 2)>"
    assert "accepted are 0 to 2" in message(lambda: trace.plot(sample=3), rnnext.ShapeError)
