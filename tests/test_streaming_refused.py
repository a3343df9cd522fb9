"""What cannot be streamed raises an error that names the layer, the option and what is accepted."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from stream_checks import Doubled, DoubledDense, functional

import rnnext
from rnnext import layers, ops
from rnnext.layers import GRU, LSTM, Conv1D, Dense, Input, Masking

Array = NDArray[Any]


def encoder_decoder(x: Any) -> Any:
    _, h = GRU(3, return_state=True)(x)
    return GRU(3, name="decoder")(x, initial_state=h)


FIXED = (5, 4)
REFUSED = {
    "'r' (LSTM)": (LSTM(3, go_backwards=True, name="r"), "go_backwards=True reads from the end"),
    "'b' (Bidirectional)": (layers.Bidirectional(LSTM(3), name="b"), "backward layer reads from"),
    "'c' (Conv1D)": (
        Conv1D(3, 3, padding="same", name="c"),
        "padding='same' with kernel_size=(3,)",
    ),
    "'v' (Conv1D)": (Conv1D(3, 2, name="v"), "accepted are a Conv1D with padding='causal'"),
    "'s' (Conv1D)": (Conv1D(3, 2, 2, "causal", name="s"), "strides=(2,) needs steps to come"),
    "'f' (Conv1D)": (
        Conv1D(3, 2, padding="causal", data_format="channels_first", name="f"),
        "data_format='channels_first' has channels where a sequence has its steps",
    ),
    "'t' (Conv1DTranspose)": (layers.Conv1DTranspose(3, 2, name="t"), "does not work on each"),
    "'p' (GlobalMaxPooling1D)": (layers.GlobalMaxPooling1D(name="p"), "does not work on each step"),
    "'l' (Flatten)": (layers.Flatten(name="l"), "does not work on each step alone. Accepted are"),
    "'h' (Reshape)": (layers.Reshape((10, 2), name="h"), "does not work on each step alone"),
    "'x' (Softmax)": (layers.Softmax(axis=1, name="x"), "axis=1 includes the time axis"),
    "'n' (LayerNormalization)": (
        layers.LayerNormalization(axis=[1, 2], name="n"),
        "axis=[1, 2] includes the time axis of inputs of shape (None, 5, 4)",
    ),
    "'bn' (BatchNormalization)": (layers.BatchNormalization(1, name="bn"), "axis=1 includes the"),
    "'g' (GroupNormalization)": (layers.GroupNormalization(2, name="g"), "those of all steps"),
    "'a' (PReLU)": (layers.PReLU(name="a"), "shared_axes=[] gives every step an alpha of its own"),
    "'e' (EinsumDense)": (
        layers.EinsumDense("abc,bd->adc", (3, 4), name="e"),
        "joins elements along the time axis",
    ),
    "'em' (EinsumDense)": (
        layers.EinsumDense("abcd,de->acbe", (5, 5, 3), name="em"),
        "joins elements along the time axis",
    ),
    "'ee' (EinsumDense)": (
        layers.EinsumDense("...tb,tc->...cb", (5, 4), name="ee"),
        "joins elements along the time axis",
    ),
    "'ea' (EinsumDense)": (
        layers.EinsumDense("abc,c->ab", (5,), activation="softmax", name="ea"),
        "activation='softmax' includes the time axis",
    ),
    "'da' (Dense)": (
        Dense(3, activation=layers.Softmax(axis=1), name="da"),
        "activation='softmax' includes the time axis",
    ),
    "'one' (Conv1D)": (Conv1D(3, 1, 2, name="one"), "strides=(2,) needs steps to come or leaves"),
    "'k' (Lambda)": (layers.Lambda(lambda x: x[:, ::-1], name="k"), "what its function does"),
    "'d' (Dense)": (Dense(3, activation=lambda x: x, name="d"), "what its activation '<lambda>'"),
    "'o' (Doubled)": (Doubled(name="o"), "is not known to work on each step alone"),
    "'dd' (DoubledDense)": (DoubledDense(3, name="dd"), "works_on_each_step = True"),
    "'w' (Rescaling)": (layers.Rescaling(np.ones((5, 1)), name="w"), "joins elements along"),
    "'td' (TimeDistributed)": (
        layers.TimeDistributed(LSTM(2, stateful=True), name="td"),
        "stateful=True would change the layer's own states",
    ),
}


@pytest.mark.parametrize("label", REFUSED)
def test_refused_layers(label: str) -> None:
    layer, reason = REFUSED[label]
    batched = label == "'td' (TimeDistributed)"
    first = Input(batch_shape=(2, 5, 4, 1)) if batched else Input(FIXED)
    if label == "'em' (EinsumDense)":
        first = Input((5, 5, 4))
    model = rnnext.Sequential([first, layer])
    with pytest.raises(rnnext.UnsupportedError) as caught:
        model.stream(batch_size=2)
    assert str(caught.value).startswith(f"layer {label} cannot be streamed: ")
    assert reason in str(caught.value)


GRAPHS = {
    "decoder": (encoder_decoder, "layer 'decoder' (GRU) cannot be streamed: its initial_state"),
    "backwards": (lambda x: x[:, ::-1], "operation 'get_item"),
    "first step": (lambda x: x[:, 0], "accepted are x[:, :, ...] and, for the last step, x[:, -1"),
    "mean over time": (lambda x: ops.mean(x, axis=1), "axis=1 includes the time axis"),
    "mean of all": (lambda x: ops.mean(x), "axis=None includes the batch"),
    "sums so far": (lambda x: ops.cumsum(x, axis=1), "does not work on each step alone"),
    "an array for every step": (lambda x: x + np.ones((5, 1), "float32"), "for every step"),
    "a new axis": (lambda x: ops.expand_dims(x, 1), "axis=1 moves the time axis"),
    "joined in time": (lambda x: layers.Concatenate(1)([x, x]), "axis=1 includes the time axis"),
    "attention": (lambda x: layers.Attention()([x, x]), "(Attention) cannot be streamed"),
    "with the last output": (
        lambda x: layers.Add()([x, GRU(4)(x)]),
        "which is what the steps so far have led to: earlier steps would have to be computed again",
    ),
    "two rules for masked steps": (
        lambda x: GRU(3, zero_output_for_mask=True, outputs_initial_state=True)(x),
        "zero_output_for_mask=True with outputs_initial_state=True",
    ),
    "masked softmax": (lambda x: layers.Softmax()(Masking()(x)), "it would take for one of elem"),
    "inside": (
        lambda x: rnnext.Sequential([Input((None, 4)), layers.MaxPooling1D(2, name="in")])(x),
        "layer 'in' (MaxPooling1D) cannot be streamed",
    ),
}


def two_ranks(given: Any) -> Any:
    h = GRU(5, return_sequences=True)(given.x)
    return [layers.Add()([h, given.ids]), GRU(2)(layers.Embedding(9, 2)(given.ids))]


def mask_that_is_given(given: Any) -> Any:
    h = GRU(4, return_sequences=True)(given.x)
    return layers.TimeDistributed(Dense(2))(h, mask=given.flat > 0)


def mask_of_what_is_repeated(given: Any) -> Any:
    mask = ops.any(given.x > 0, axis=-1)
    return [GRU(2)(layers.RepeatVector(5)(given.flat), mask=mask), GRU(2)(given.x)]


def repeated(given: Any) -> Any:
    h = GRU(5, return_sequences=True)(given.x)
    return layers.Add()([h, layers.RepeatVector(5)(given.flat)])


# Of a sequence x (5, 4), of ids (5,), and of `flat` (5,), which is given whole.
SEVERAL_INPUTS = {
    "two ranks": (two_ranks, "it joins sequences of 2 and 3 axes"),
    "a mask of steps taken for one of elements": (
        lambda given: layers.Softmax()(given.x, mask=ops.any(given.x > 0, axis=-1)),
        "it joins sequences of 2 and 3 axes",
    ),
    "a mask that is no sequence": (mask_that_is_given, "accepted is a mask for each step of a"),
    "a recurrent layer's mask that is none": (
        lambda given: [GRU(2)(given.x, mask=given.flat > 0), GRU(2)(given.x)],
        "is no sequence; accepted is one",
    ),
    "only the mask is one": (mask_of_what_is_repeated, "is no sequence, but its mask or state is"),
    "repeated for every step": (repeated, "has no time axis but would lie along that of a sequ"),
    "an operand of fewer axes, whose samples NumPy would put beside the steps": (
        lambda given: GRU(5, return_sequences=True)(given.x) + given.flat,
        "has no time axis but would lie along that of a sequence of 3 axes",
    ),
    "an array": (
        lambda given: ops.concatenate([given.x, np.ones((2, 5, 1), "float32")], axis=-1),
        "it joins a sequence with an array of shape (2, 5, 1)",
    ),
}


@pytest.mark.parametrize("name", SEVERAL_INPUTS)
def test_refused_graphs_of_several_inputs(name: str) -> None:
    make, reason = SEVERAL_INPUTS[name]
    given = SimpleNamespace(x=Input((5, 4)), ids=Input((5,)), flat=Input((5,)))
    model = rnnext.Model(list(vars(given).values()), make(given))
    with pytest.raises(rnnext.UnsupportedError, match=re.escape(reason)):
        model.stream()


@pytest.mark.parametrize("name", GRAPHS)
def test_refused_graphs(name: str) -> None:
    make, reason = GRAPHS[name]
    with pytest.raises(rnnext.UnsupportedError, match=re.escape(reason)):
        functional(make).stream()


def test_a_convolution_before_a_recurrent_layer_is_refused_though_its_steps_are_counted() -> None:
    model = rnnext.Sequential([Input((5, 4)), Conv1D(3, 3, padding="same", name="c"), LSTM(2)])
    with pytest.raises(rnnext.UnsupportedError, match=r"layer 'c' \(Conv1D\) cannot be streamed"):
        model.stream()


def test_models_that_have_nothing_to_stream() -> None:
    class Own(rnnext.Model):
        def call(self, inputs: Array) -> Array:
            return inputs

    with pytest.raises(rnnext.UnsupportedError, match=r"\(Own\) cannot be streamed: it is a class"):
        Own().stream()
    with pytest.raises(rnnext.UnsupportedError, match="Sequentials that know their input's shape"):
        rnnext.Sequential([LSTM(3)]).stream()
    with pytest.raises(rnnext.UnsupportedError, match="have no time axis"):
        rnnext.Sequential([Input((4,)), Dense(2)]).stream()
    moved = rnnext.Model(x := Input((3, None)), ops.transpose(x, (1, 2, 0)))
    with pytest.raises(rnnext.UnsupportedError, match="are not on the first axis"):
        moved.stream()
    model = rnnext.Sequential([Input((None, 4)), LSTM(2)])
    for batch_size in (0, -1, 1.5, True, "2", None):
        with pytest.raises(rnnext.UnsupportedError, match=r"batch_size=.*accepted is an integer"):
            model.stream(batch_size)


def test_layers_of_ones_own_that_change_the_number_of_steps_are_refused() -> None:
    class Cut(layers.Layer):
        works_on_each_step = True

        def call(self, inputs: Array) -> Array:
            return inputs[:, 1:]

    model = rnnext.Sequential([Input((5, 4)), Cut(name="cut"), LSTM(2)])
    with pytest.raises(rnnext.UnsupportedError, match=r"'cut' \(Cut\).*has shape \(None, 4, 4\)"):
        model.stream()
