"""A stream returns what predict returns for the steps it was fed, however they come.

What is compared is `model.predict` of the steps so far, bit by bit: recurrent layers and Dense
promise that, and the other layers tested here happen to keep it.
"""

from __future__ import annotations

from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray
from published_models import fetched, load, recorded
from random_drawing import draw
from random_models import BATCH, build, sample_inputs, sample_weights
from stream_checks import (
    Doubled,
    DoubledSteps,
    Leaky,
    NotRecurrent,
    assert_streams,
    functional,
    part,
    same_bits,
    steps,
    with_weights,
)

import rnnext
from rnnext import layers, nest, ops
from rnnext.layers import GRU, LSTM, RNN, Conv1D, Dense, Input, Masking, SimpleRNN
from rnnext.layers.rnn.step_loop import StepLoop
from rnnext.ops.operation import FunctionOperation
from rnnext.ops.time_axis import elementwise

Array = NDArray[Any]

bounded = hypothesis.settings(max_examples=40, derandomize=True, deadline=None, database=None)

# Recurrent layers -------------------------------------------------------------------------------

CELLS = {
    "simple": lambda **o: SimpleRNN(5, **o),
    "lstm": lambda **o: LSTM(5, **o),
    "gru": lambda **o: GRU(5, **o),
    "gru reset before": lambda **o: GRU(5, reset_after=False, **o),
    "no bias": lambda **o: LSTM(5, use_bias=False, **o),
    "hard_sigmoid": lambda **o: LSTM(5, recurrent_activation="hard_sigmoid", **o),
    "mixing units": lambda **o: GRU(5, activation="softmax", **o),
    "python's activation": lambda **o: LSTM(5, activation=lambda x: np.tanh(x) / 2, **o),
    "stacked cells": lambda **o: RNN([layers.LSTMCell(4), layers.GRUCell(3)], **o),
    "own cell": lambda **o: RNN(Leaky(), **o),
    "float64": lambda **o: LSTM(5, dtype="float64", **o),
    "mixed": lambda **o: LSTM(5, dtype="mixed_float16", **o),
    "wide": lambda **o: GRU(70, **o),
}


@pytest.mark.parametrize("padding", ["", "padding"])
@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_recurrent_layers(cell: str, return_sequences: bool, padding: str) -> None:
    stack: list[Any] = [Input((None, 4)), *([Masking()] if padding else [])]
    stack += [CELLS[cell](return_sequences=True), CELLS[cell](return_sequences=return_sequences)]
    if cell == "own cell":
        stack.insert(-1, Dense(3))
    model = with_weights(rnnext.Sequential([*stack, Dense(2)]))
    assert_streams(model, steps(3, 7, 4, padding))


@pytest.mark.parametrize("batch_size", [1, 2, 17])
@pytest.mark.parametrize("cell", ["simple", "lstm", "gru", "gru reset before"])
def test_batch_sizes(cell: str, batch_size: int) -> None:
    model = with_weights(rnnext.Sequential([Input((None, 4)), CELLS[cell](), Dense(2)]))
    assert_streams(model, steps(batch_size, 5, 4))


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("zero_output_for_mask", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "own cell", "stacked cells"])
def test_masked_steps(cell: str, zero_output_for_mask: bool, return_sequences: bool) -> None:
    """Masked steps at the beginning, within, and at the ends of chunks; all of one sample."""
    options = {"return_sequences": return_sequences, "zero_output_for_mask": zero_output_for_mask}
    model = rnnext.Sequential([Input((None, 4)), Masking(), CELLS[cell](**options)])
    x = steps(3, 8, 4, "padding")
    x[1] = 0
    x[2, 3:6] = 0
    for cuts in [(1, 1, 1), (2, 4), (3, 1), (6,)]:
        assert_streams(with_weights(model), x, cuts)


def test_ids_with_a_mask() -> None:
    embedding = layers.Embedding(9, 4, mask_zero=True)
    model = rnnext.Sequential([Input((None,)), embedding, GRU(5, return_sequences=True), LSTM(3)])
    ids = np.array([[0, 0, 3, 0, 8], [1, 2, 0, 0, 0]])
    assert_streams(with_weights(model), ids)


@pytest.mark.parametrize("masked", [False, True])
def test_files_of_old_keras_output_the_initial_state_of_masked_steps(masked: bool) -> None:
    x, h = Input((None, 4)), Input((5,))
    options = {"outputs_initial_state": True, "masked_with_states": True}
    layer = GRU(5, return_sequences=True, **options)
    model = rnnext.Model([x, h], layer(Masking()(x) if masked else x, initial_state=h))
    assert_streams(with_weights(model), [steps(3, 6, 4, "padding"), steps(3, 1, 5)[:, 0]])


def test_files_of_old_keras_do_so_only_if_it_is_given() -> None:
    class Ones(Leaky):
        def get_initial_state(self, batch_size: int) -> list[Array]:
            return [np.ones((batch_size, 3), "float32")]

    layer = RNN(Ones(), return_sequences=True, outputs_initial_state=True)
    assert_streams(functional(lambda x: layer(Masking()(x))), steps(3, 6, 4, "padding"))


def test_returned_states() -> None:
    x = Input((None, 4))
    outputs = LSTM(5, return_state=True, return_sequences=True)(x)
    assert_streams(with_weights(rnnext.Model(x, list(outputs))), steps(2, 5, 4))


@pytest.mark.parametrize("return_sequences", [False, True])
def test_convolutional_lstm(return_sequences: bool) -> None:
    layer = layers.ConvLSTM1D(2, 3, padding="same", return_sequences=return_sequences)
    model = rnnext.Sequential([Input((None, 6, 1)), layer])
    assert_streams(with_weights(model), steps(2, 5, 6)[..., np.newaxis])


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_narrow_weights(precision: str) -> None:
    model = with_weights(rnnext.Sequential([Input((None, 8)), LSTM(32), Dense(2)]))
    model.set_precision(precision)
    assert_streams(model, steps(2, 5, 8))


@bounded
@hypothesis.given(
    cell=st.sampled_from(["simple", "lstm", "gru", "gru reset before", "stacked cells"]),
    batch_size=st.integers(1, 4),
    cuts=st.lists(st.integers(0, 9), max_size=6),
    padding=st.sampled_from(["", "padding"]),
    return_sequences=st.booleans(),
)
def test_any_cut_into_chunks(
    cell: str, batch_size: int, cuts: list[int], padding: str, return_sequences: bool
) -> None:
    stack = [CELLS[cell](return_sequences=True), Conv1D(4, 3, padding="causal", dilation_rate=2)]
    stack.append(CELLS[cell](return_sequences=return_sequences))
    stack = [Input((None, 4)), *([Masking()] if padding else []), *stack]
    model = with_weights(rnnext.Sequential(stack))
    assert_streams(model, steps(batch_size, 9, 4, padding), cuts)


def test_a_chunk_is_one_call_of_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    model = with_weights(rnnext.Sequential([Input((None, 4)), RNN(Leaky())]))
    calls: list[tuple[int, ...]] = []
    run = StepLoop.run

    def counting(self: StepLoop, x: Array, *rest: Any) -> Any:
        calls.append(x.shape)
        return run(self, x, *rest)

    monkeypatch.setattr(StepLoop, "run", counting)
    model.stream(2).chunk(steps(2, 6, 4))
    assert calls == [(2, 6, 4)]


# Other layers -----------------------------------------------------------------------------------

EACH_STEP_ALONE = {
    "Dense": lambda: Dense(3, activation="softmax"),
    "Activation": lambda: layers.Activation("gelu"),
    "Activation of rows": lambda: layers.Activation("log_softmax"),
    "ReLU": lambda: layers.ReLU(negative_slope=0.1),
    "LeakyReLU": lambda: layers.LeakyReLU(),
    "ELU": lambda: layers.ELU(),
    "PReLU": lambda: layers.PReLU(shared_axes=[1]),
    "Softmax": lambda: layers.Softmax(),
    "BatchNormalization": lambda: layers.BatchNormalization(),
    "LayerNormalization": lambda: layers.LayerNormalization(),
    "RMSNormalization": lambda: layers.RMSNormalization(),
    "UnitNormalization": lambda: layers.UnitNormalization(),
    "Normalization": lambda: layers.Normalization(),
    "Rescaling": lambda: layers.Rescaling(0.3, offset=[1.0, 2.0, 3.0, 4.0]),
    "Dropout": lambda: layers.Dropout(0.5),
    "AlphaDropout": lambda: layers.AlphaDropout(0.5),
    "GaussianDropout": lambda: layers.GaussianDropout(0.5),
    "SpatialDropout1D": lambda: layers.SpatialDropout1D(0.5),
    "GaussianNoise": lambda: layers.GaussianNoise(0.5),
    "ActivityRegularization": lambda: layers.ActivityRegularization(0.1),
    "Identity": lambda: layers.Identity(),
    "Masking": lambda: Masking(),
    "EinsumDense": lambda: layers.EinsumDense("abc,cd->abd", (None, 3), bias_axes="d"),
    "TimeDistributed": lambda: layers.TimeDistributed(Dense(3)),
    "pointwise Conv1D": lambda: Conv1D(3, 1, padding="same", activation="softmax"),
    "pointwise SeparableConv1D": lambda: layers.SeparableConv1D(3, 1),
    "causal Conv1D": lambda: Conv1D(3, 3, padding="causal", activation="relu"),
    "dilated Conv1D": lambda: Conv1D(3, 2, padding="causal", dilation_rate=3),
    "grouped Conv1D": lambda: Conv1D(4, 3, padding="causal", groups=2, use_bias=False),
    "causal Conv1D of one step": lambda: Conv1D(3, 1, padding="causal"),
    "causal Conv1D, rows": lambda: Conv1D(3, 2, padding="causal", activation="softmax"),
}


@pytest.mark.parametrize("name", EACH_STEP_ALONE)
def test_layers_on_sequences(name: str) -> None:
    model = rnnext.Sequential([Input((None, 4)), EACH_STEP_ALONE[name](), GRU(3)])
    assert_streams(with_weights(model), steps(3, 7, 4, "padding"))
    if name != "Identity":
        model = rnnext.Sequential([Input((None, 4)), EACH_STEP_ALONE[name]()])
        assert_streams(with_weights(model), steps(3, 7, 4, "padding"))


def test_masks_pass_layers_on_their_way() -> None:
    stack = [Masking(), layers.TimeDistributed(Dense(4)), layers.BatchNormalization(), GRU(3)]
    model = rnnext.Sequential([Input((None, 4)), *stack])
    assert_streams(with_weights(model), steps(3, 7, 4, "padding"))


def test_layers_over_images() -> None:
    """Every step an image: windows within one step, and layers under TimeDistributed."""
    stack = [layers.Conv2D(2, (1, 3), padding="same"), layers.TimeDistributed(layers.Flatten())]
    model = rnnext.Sequential([Input((None, 6, 1)), *stack, LSTM(3)])
    assert_streams(with_weights(model), steps(2, 5, 6)[..., np.newaxis])


def test_a_declared_number_of_steps_is_no_limit() -> None:
    declared = with_weights(rnnext.Sequential([Input((3, 4)), LSTM(5), Dense(1)]))
    free = with_weights(rnnext.Sequential([Input((None, 4)), LSTM(5), Dense(1)]))
    stream, x = declared.stream(2), steps(2, 8, 4)
    for t in range(8):
        assert same_bits(stream.step(x[:, t]), free.predict(x[:, : t + 1]))


def test_layers_of_ones_own_that_work_on_each_step() -> None:
    assert_streams(functional(lambda x: GRU(3)(DoubledSteps()(x))), steps(2, 5, 4))
    told = Doubled()
    told.works_on_each_step = True
    assert_streams(functional(lambda x: GRU(3)(told(x))), steps(2, 5, 4))
    function = layers.Lambda(lambda x: 2 * x)
    function.works_on_each_step = True
    assert_streams(functional(lambda x: GRU(3)(function(x))), steps(2, 5, 4))
    assert_streams(functional(lambda x: GRU(3)(NotRecurrent(2)(x))), steps(2, 5, 4))
    wrapped = layers.TimeDistributed(Doubled())
    assert_streams(functional(lambda x: GRU(3)(wrapped(x))), steps(2, 5, 4))


# Operations of graphs ---------------------------------------------------------------------------

OPERATIONS = {
    "arithmetic": lambda x: 0.5 * x + 1 - x / 4,
    "where": lambda x: ops.where(x > 0, x, 0.25 * x),
    "an array": lambda x: x * np.arange(4, dtype="float32"),
    "softmax": lambda x: ops.softmax(x, axis=-1),
    "mean over features": lambda x: ops.mean(x, axis=-1, keepdims=True),
    "concatenate": lambda x: ops.concatenate([x, ops.tanh(x)], axis=-1),
    "stack": lambda x: ops.max(ops.stack([x, ops.tanh(x)], axis=-1), axis=-1),
    "features": lambda x: x[:, :, 1:3],
    "features, elided": lambda x: x[..., :2],
    "a new axis": lambda x: ops.max(ops.expand_dims(x, -1), axis=-1),
    "last step": lambda x: x[:, -1],
    "features of the last step": lambda x: x[:, -1, :2],
    "one step at the end": lambda x: x[:, -1:],
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations(name: str) -> None:
    x = Input((None, 4))
    model = rnnext.Model(x, OPERATIONS[name](GRU(4, return_sequences=True)(x)))
    assert_streams(with_weights(model), steps(2, 6, 4))


NEEDED_OPTIONS = {
    "Cast": {"dtype": "float32"},
    "Clip": {"x_min": 0.2, "x_max": 0.6},
    "SaturateCast": {"dtype": "float32"},
    "Threshold": {"threshold": 0.4, "default_value": -1.0},
}


def test_what_broadcasts_works_on_each_element() -> None:
    """That is what a graph's operations are taken for, by the rule for their shapes."""
    for name in ops.__all__:
        getattr(ops, name)  # all modules are imported then
    rng = np.random.default_rng(0)
    tested = 0
    for cls in FunctionOperation.__subclasses__():
        if cls._time_rule is not elementwise:
            continue
        operation = cls(**NEEDED_OPTIONS.get(cls.__name__, {}))
        arrays: list[Any] = [rng.random((2, 5, 3)) for _ in cls._call_names]
        if cls.__name__.startswith(("Bitwise", "Left", "Right", "Gcd", "Lcm", "Ldexp")):
            arrays = [rng.integers(0, 5, (2, 5, 3)) for _ in cls._call_names]
        whole = operation.call(*arrays)
        each = [operation.call(*(a[:, t : t + 1] for a in arrays)) for t in range(5)]
        np.testing.assert_allclose(np.concatenate(each, axis=1), whole, rtol=1e-6)
        tested += 1
    assert tested > 60


# Graphs -----------------------------------------------------------------------------------------


def test_residual_connections() -> None:
    x = Input((None, 4))
    h = LSTM(4, return_sequences=True)(x)
    y = layers.Add()([x, h])
    z = layers.Concatenate()([y, layers.Multiply()([h, x])])
    model = rnnext.Model(x, [Dense(2)(z), GRU(3)(z), layers.maximum([x, h])])
    assert_streams(with_weights(model), steps(2, 6, 4))


@pytest.mark.parametrize("merge", ["Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract"])
def test_merged_masks(merge: str) -> None:
    a, b = Input((None, 3)), Input((None, 3))
    merged = getattr(layers, merge)()([Masking()(a), Masking(-9.0)(b)])
    model = rnnext.Model([a, b], GRU(4, return_sequences=True)(merged))
    assert_streams(with_weights(model), [steps(2, 6, 3, "padding"), steps(2, 6, 3)])


def test_concatenated_masks_and_those_that_are_tensors() -> None:
    """As graphs of Keras 3 files have them: operations that compute the mask."""
    x = Input((None, 3))
    mask = ops.any(ops.not_equal(x, 0.0), axis=-1)
    joined = layers.Concatenate()([Masking()(x), Dense(2)(x)])
    outputs = [GRU(4)(x, mask=mask), LSTM(4, return_sequences=True)(joined)]
    assert_streams(with_weights(rnnext.Model(x, outputs)), steps(3, 6, 3, "padding"))


def test_two_sequences_and_a_shared_layer() -> None:
    a, b = Input((None, 3), name="a"), Input((None, 3), name="b")
    shared = GRU(4, name="shared")
    model = with_weights(rnnext.Model([a, b], Dense(1)(layers.concatenate([shared(a), shared(b)]))))
    assert_streams(model, [steps(2, 5, 3), -steps(2, 5, 3)])
    stream = model.stream(2)
    stream.step({"a": steps(2, 1, 3)[:, 0], "b": -steps(2, 1, 3)[:, 0]})
    assert sorted(stream.state) == ["shared", "shared#2"]
    assert not np.array_equal(*(state["output"] for state in stream.state.values()))


def test_models_inside_models() -> None:
    inner_x = Input((None, 3))
    inner_h = LSTM(4, return_sequences=True)(inner_x)
    inner = rnnext.Model(inner_x, [inner_h, layers.Add()([inner_h, Dense(4)(inner_x)])])
    stack = rnnext.Sequential([Input((None, 4)), Masking(), GRU(3, return_sequences=True)])
    x = Input((None, 3))
    h, y = inner(x)
    model = rnnext.Model(x, [stack(y), h, LSTM(2)(stack(h))])
    assert_streams(with_weights(model), steps(2, 6, 3))


def test_a_model_inside_that_is_given_something() -> None:
    a, b = Input((None, 3), name="a"), Input((4,), name="b")
    outputs = {"y": GRU(4)(a, initial_state=b), "z": Dense(2)(a)}
    inner = rnnext.Model({"b": b, "a": a}, outputs)
    x, given = Input((None, 3)), Input((4,))
    found = inner({"a": x, "b": Dense(4)(given)})
    model = rnnext.Model([x, given], [found["y"], LSTM(3)(found["z"])])
    assert_streams(with_weights(model), [steps(2, 5, 3), steps(2, 1, 4)[:, 0]])


def test_what_follows_a_last_output_is_run_by_ordinary_means() -> None:
    """An autoencoder: the decoder reads the repeated code anew after every step."""
    x = Input((None, 3))
    code = LSTM(4)(x)
    decoded = layers.Bidirectional(GRU(3, return_sequences=True))(layers.RepeatVector(5)(code))
    model = rnnext.Model(x, [layers.Flatten()(decoded), code])
    assert_streams(with_weights(model), steps(2, 6, 3))


def test_an_input_without_a_time_axis() -> None:
    x, extra = Input((None, 3), name="x"), Input((2,), name="extra")
    last = layers.concatenate([LSTM(4)(x), Dense(3)(extra)])
    model = with_weights(rnnext.Model({"x": x, "extra": extra}, {"y": Dense(1)(last)}))
    stream, a, b = model.stream(2), steps(2, 4, 3), steps(2, 4, 2)
    assert stream.sequence_inputs == ["x"]
    for t in range(4):  # it may change: no layer remembers it
        y = stream.step({"x": a[:, t], "extra": b[:, t]})
        assert same_bits(y["y"], model.predict({"x": a[:, : t + 1], "extra": b[:, t]})["y"])


def conditioned() -> Any:
    """A decoder that starts from what an encoder made of an input that is given whole."""
    source, x = Input((6, 2), name="source"), Input((None, 3), name="x")
    _, h, c = LSTM(4, return_state=True)(layers.Conv1D(2, 3, padding="same")(source)[:, ::-1])
    decoded = LSTM(4, return_sequences=True, name="decoder")(x, initial_state=[h, c])
    return with_weights(rnnext.Model([source, x], Dense(2)(decoded)))


def test_an_initial_state_that_stays_the_same() -> None:
    flat, x = Input((5,)), Input((None, 3))
    state = Dense(4, activation="tanh")(flat)
    model = rnnext.Model([flat, x], GRU(4)(x, initial_state=state))
    assert_streams(with_weights(model), [steps(2, 1, 5)[:, 0], steps(2, 6, 3)])


def test_what_a_layer_remembers_must_not_change() -> None:
    flat, x = Input((4,), name="flat"), Input((None, 3), name="x")
    model = rnnext.Model([flat, x], GRU(4)(x, initial_state=flat))
    stream, a, b = with_weights(model).stream(2), steps(2, 1, 4)[:, 0], steps(2, 3, 3)
    first = stream.step([a, b[:, 0]])
    with pytest.raises(rnnext.DataError, match="'flat' of a stream changed since the first step"):
        stream.step([a + 1, b[:, 1]])
    kept = a.copy()
    a += 1  # what was given is not what the stream compares with
    with pytest.raises(rnnext.DataError, match="'flat'"):
        stream.step([a, b[:, 1]])
    a = kept
    second = stream.step([a, b[:, 1]])
    assert same_bits(second, model.predict([a, b[:, :2]]))
    state = stream.state
    assert same_bits(state["flat"]["value"], a)
    stream.reset()
    assert not np.array_equal(stream.step([a + 1, b[:, 0]]), first)
    stream.state = state
    with pytest.raises(rnnext.DataError, match="'flat'"):
        stream.step([a + 1, b[:, 2]])
    assert same_bits(stream.step([a, b[:, 2]]), model.predict([a, b]))


def test_what_stays_the_same_may_be_nan_and_counts_from_the_first_step_on() -> None:
    flat, x = Input((3,), name="flat"), Input((None, 3), name="x")
    h = GRU(3, return_sequences=True)(x, initial_state=flat)
    stream, a, b = rnnext.Model([flat, x], h).stream(), np.full((1, 3), np.nan), steps(1, 2, 3)
    assert stream.chunk([a + 1, b[:, :0]]).shape == (1, 0, 3)  # no step yet
    assert stream.state["flat"] == {"value": None}
    stream.step([np.zeros((1, 3)), b[:, 0]])
    stream.reset()
    assert np.isnan(stream.step([a, b[:, 0]])).all()
    assert np.isnan(stream.step([a, b[:, 1]])).all()


def test_a_size_of_one_is_the_same_at_every_step() -> None:
    x, extra = Input((None, 3), name="x"), Input((1, 3), name="extra")
    model = rnnext.Model([x, extra], GRU(4)(layers.Add()([x, extra])))
    assert model.stream().sequence_inputs == ["x"]
    assert_streams(with_weights(model), [steps(2, 5, 3), steps(2, 1, 3)])


def test_an_input_of_unknown_size_is_a_sequence_whatever_reads_it() -> None:
    model = with_weights(rnnext.Sequential([Input((None,)), layers.Embedding(9, 3), Dense(2)]))
    assert_streams(model, np.array([[1, 5, 0, 8]]))
    x, other = Input((None, 4), name="x"), Input((None, 2), name="other")
    assert rnnext.Model([x, other], [GRU(3)(x), Dense(1)(other)]).stream().sequence_inputs == [
        "x",
        "other",
    ]


def test_an_input_that_no_recurrent_layer_reads_is_given_whole() -> None:
    x, image = Input((5, 4), name="x"), Input((6, 2), name="image")
    seen = layers.GlobalMaxPooling1D()(Conv1D(3, 3, padding="same")(image))
    model = rnnext.Model([x, image], layers.concatenate([GRU(3)(Dense(2)(x)), seen]))
    assert model.stream().sequence_inputs == ["x"]


def test_inputs_along_a_sequence_are_sequences() -> None:
    x, along = Input((5, 3), name="x"), Input((5, 4), name="along")
    model = rnnext.Model(
        [x, along], Dense(1)(layers.Add()([GRU(4, return_sequences=True)(x), along]))
    )
    assert model.stream().sequence_inputs == ["x", "along"]


# Whole models -----------------------------------------------------------------------------------


def test_random_models() -> None:
    """Those of the differential tests that can be streamed."""

    streamed = 0
    for i in range(250):
        description = draw(f"stream {i}")
        try:
            model = build(rnnext, description)
        except rnnext.RnnextError:  # what is drawn may be no model at all
            continue
        names = [weight.name for weight in model.weights]
        rng = np.random.default_rng(0)
        model.set_weights(sample_weights(model.get_weights(), names, rng))
        inputs = sample_inputs(description, rng)
        try:
            stream = model.stream(BATCH)
        except rnnext.UnsupportedError:
            continue
        sequences = [name in stream.sequence_inputs for name in model.input_names]
        expected = nest.flatten(model.predict(inputs))
        T = max(x.shape[1] for x, s in zip(inputs, sequences, strict=True) if s)
        newest = [nest.flatten(stream.step(part(inputs, t, None, sequences))) for t in range(T)][-1]
        stream.reset()
        whole = nest.flatten(stream.chunk(part(inputs, 0, T, sequences)))
        for y, chunk, want in zip(newest, whole, expected, strict=True):
            assert same_bits(chunk, want), description
            assert same_bits(y, want[:, -1] if y.ndim < want.ndim else want), description
        streamed += 1
    assert streamed > 40


@pytest.mark.parametrize("name", ["chars2vec", "ethnicolr", "reactionrnn"])
def test_published_models(name: str, request: pytest.FixtureRequest, tmp_path: Any) -> None:
    model, (x, answers) = load(name, fetched(name, request, tmp_path)), recorded(name)
    stream = model.stream(len(x))
    for t in range(x.shape[1] - 2):
        stream.step(x[:, t])
    y = stream.chunk(x[:, -2:])
    assert same_bits(y, model.predict(x))
    np.testing.assert_allclose(y, answers[0], rtol=0, atol=2e-5)
