"""Masks: where they come from, how far they go, and what a masked step does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import textbook

from rnnext import layers
from rnnext.errors import ShapeError
from rnnext.graph.masked_array import attach_mask, mask_of
from rnnext.layers import (
    GRU,
    LSTM,
    Activation,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    Layer,
    Masking,
    SimpleRNN,
)
from rnnext.models import Model, Sequential

IDS = np.array([[1, 2, 0, 0], [0, 3, 4, 0], [0, 0, 0, 0], [4, 3, 2, 1]])


def random(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def close(a: Any, b: Any) -> None:
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def same(a: Any, b: Any) -> None:
    np.testing.assert_array_equal(a, b)


class TestRecurrentLayers:
    @pytest.mark.parametrize("cell", ["SimpleRNN", "LSTM", "GRU"])
    @pytest.mark.parametrize("go_backwards", [False, True])
    def test_a_masked_step_keeps_the_state_and_repeats_the_output(
        self, cell: str, go_backwards: bool
    ) -> None:
        layer = getattr(layers, cell)(
            3, return_sequences=True, return_state=True, go_backwards=go_backwards
        )
        x, mask = random(4, 4, 2), IDS != 0
        sequence, *states = layer(x, mask=mask)
        expected, last = textbook.run(
            cell, x, layer.get_weights(), mask=mask, go_backwards=go_backwards
        )
        close(sequence, expected)
        for state, expected_state in zip(states, last, strict=True):
            close(state, expected_state)
        assert not sequence[2].any()  # nothing but padding: no output yet, so zeros

    def test_zero_output_for_mask(self) -> None:
        x, mask = random(4, 4, 2), IDS != 0
        plain = LSTM(3, return_sequences=True)
        expected = np.where(mask[:, :, None], plain(x, mask=mask), 0)
        layer = LSTM(3, return_sequences=True, zero_output_for_mask=True)
        layer(x)
        layer.set_weights(plain.get_weights())
        same(layer(x, mask=mask), expected)

    def test_nothing_leaks_from_padding(self) -> None:
        x, mask = random(2, 4, 2), np.array([[True, True, False, False], [True] * 4])
        layer = GRU(3)
        expected = layer(x, mask=mask)
        x[0, 2:] = np.nan
        same(layer(x, mask=mask), expected)

    def test_the_generic_loop_treats_masks_alike(self) -> None:
        x, mask = random(4, 4, 2), IDS != 0
        for options in ({}, {"zero_output_for_mask": True}, {"go_backwards": True}):
            layer = GRU(3, return_sequences=True, **options)
            expected = layer(x, mask=mask)
            loop = GRU(3, return_sequences=True, activation=np.tanh, **options)
            loop(x)
            loop.set_weights(layer.get_weights())
            close(loop(x, mask=mask), expected)

    @pytest.mark.parametrize("form", ["integers", "(B, T, 1)", "(1, T)", "list"])
    def test_forms_of_a_mask(self, form: str) -> None:
        layer, x = SimpleRNN(2), random(2, 3, 2)
        mask = np.array([[True, True, False]] * 2)
        given: Any = {
            "integers": mask.astype(int),
            "(B, T, 1)": mask[..., None],
            "(1, T)": mask[:1],
            "list": mask.tolist(),
        }[form]
        same(layer(x, mask=given), layer(x, mask=mask))

    @pytest.mark.parametrize("shape", [(2, 2), (3, 3), (2, 3, 2), (6,)])
    def test_a_mask_of_another_shape(self, shape: Any) -> None:
        with pytest.raises(ShapeError, match=r"mask of layer 'memory'.*\(2, 3\)"):
            LSTM(2, name="memory")(random(2, 3, 2), mask=np.ones(shape, bool))


class TestWhereMasksComeFrom:
    def test_masking_marks_steps_and_zeroes_them(self) -> None:
        x = np.array([[[1, 2], [-1, -1], [-1, 5]]], np.float32)
        y = Masking(mask_value=-1)(x)
        same(mask_of(y), [[True, False, True]])
        same(y, [[[1, 2], [0, 0], [-1, 5]]])

    def test_embedding(self) -> None:
        same(mask_of(Embedding(5, 2, mask_zero=True)(IDS)), IDS != 0)
        assert mask_of(Embedding(5, 2)(IDS)) is None

    def test_compute_mask_can_be_used_in_a_graph(self) -> None:
        ids = Input((4,))
        embedding, rnn = Embedding(5, 2), Embedding(5, 2, mask_zero=True)
        gru = GRU(3)
        model = Model(ids, gru(embedding(ids), mask=rnn.compute_mask(ids)))
        same(model.predict(IDS), gru(embedding(IDS), mask=IDS != 0))


class TestEagerly:
    def test_a_mask_travels_on_the_array(self) -> None:
        embedding, first, second = (
            Embedding(5, 2, mask_zero=True),
            GRU(3, return_sequences=True),
            GRU(2),
        )
        x = embedding(IDS)
        same(first(x), first(np.asarray(x), mask=IDS != 0))
        y = Dropout(0.5)(first(x))
        same(second(y), second(np.asarray(y), mask=IDS != 0))
        assert mask_of(second(y)) is None

    def test_an_explicit_mask_wins(self) -> None:
        x, mask = Embedding(5, 2, mask_zero=True)(IDS), np.ones((4, 4), bool)
        rnn = GRU(3)
        same(rnn(x, mask=mask), rnn(np.asarray(x)))

    def test_computed_arrays_have_no_mask(self) -> None:
        x = Embedding(5, 2, mask_zero=True)(IDS)
        assert mask_of(x * 2) is None
        assert mask_of(x[:2]) is None

    @pytest.mark.parametrize(
        ("layer", "passes"),
        [
            (Dense(2), True),
            (Dropout(0.1), True),
            (Activation("relu"), True),
            (GRU(2, return_sequences=True), True),
            (GRU(2), False),
            (Flatten(), False),
        ],
        ids=lambda value: getattr(value, "name", None),
    )
    def test_which_layers_hand_a_mask_on(self, layer: Any, passes: bool) -> None:
        x = attach_mask(random(4, 4, 2), IDS != 0)
        assert (mask_of(layer(x)) is not None) == passes

    def test_with_return_state_only_the_sequence_has_a_mask(self) -> None:
        x = attach_mask(random(4, 4, 2), IDS != 0)
        sequence, h, c = LSTM(2, return_sequences=True, return_state=True)(x)
        same(mask_of(sequence), IDS != 0)
        assert mask_of(h) is None
        assert mask_of(c) is None

    def test_a_model_hands_masks_in_and_out(self) -> None:
        model = Sequential([Input((4, 2)), GRU(3, return_sequences=True), Dense(2)])
        x = attach_mask(random(4, 4, 2), IDS != 0)
        y = model(x)
        same(mask_of(y), IDS != 0)
        rnn, dense = model.layers
        same(y, dense(rnn(np.asarray(x), mask=IDS != 0)))
        same(model(np.asarray(x), mask=IDS != 0), y)


class TestInModels:
    def test_through_a_stack(self) -> None:
        model = Sequential(
            [
                Input((None,)),
                Embedding(5, 3, mask_zero=True),
                LSTM(4, return_sequences=True),
                Dropout(0.3),
                Dense(3),
                GRU(2),
                Dense(1),
            ]
        )
        embedding, lstm, _, dense, gru, head = model.layers
        mask = IDS != 0
        x = lstm(np.asarray(embedding(IDS)), mask=mask)
        expected = head(gru(np.asarray(dense(x)), mask=mask))
        same(model.predict(IDS), expected)
        same(model(IDS), expected)

    def test_through_nested_models(self) -> None:
        inner = Sequential([Input((None, 3)), LSTM(4, return_sequences=True), Dense(2)])
        front = Sequential([Input((None,)), Embedding(5, 3, mask_zero=True)])
        ids = Input((None,))
        head = GRU(2)
        model = Model(ids, head(inner(front(ids))))
        mask = IDS != 0
        x = front.layers[0](IDS)
        y = inner.layers[1](inner.layers[0](np.asarray(x), mask=mask))
        same(model.predict(IDS), head(np.asarray(y), mask=mask))

    def test_flatten_ends_a_mask(self) -> None:
        ids = Input((4,))
        x = Embedding(5, 3, mask_zero=True)(ids)
        model = Model(ids, Dense(2)(Flatten()(x)))
        assert mask_of(model(IDS)) is None

    def test_an_unused_mask_is_not_computed(self) -> None:
        class Counting(Masking):
            computed = 0

            def call(self, inputs: Any) -> Any:
                return inputs

            def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
                Counting.computed += 1
                return super().compute_mask(inputs, previous_mask)

        x = Input((4, 2))
        Model(x, Dense(1)(Flatten()(Counting()(x)))).predict(random(2, 4, 2))
        assert Counting.computed == 0

    def test_what_a_layer_sees_of_a_mask_that_another_layer_made(self) -> None:
        class Later(Layer):
            """Masks one step more."""

            supports_masking = True

            def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:  # noqa: ARG002
                return previous_mask & (np.arange(previous_mask.shape[1]) > 0)

            def call(self, inputs: Any) -> Any:
                return inputs

        class Seeing(Layer):
            def call(self, inputs: Any, mask: Any = None) -> Any:
                self.seen = inputs.dtype.name, mask
                return inputs

        seeing = Seeing(dtype="float64")
        x = Input((4,))
        model = Model(x, Dense(2)(seeing(Later()(Embedding(5, 3, mask_zero=True)(x)))))
        expected = (IDS != 0) & (np.arange(4) > 0)
        for run in (model.predict, model):
            run(IDS)
            dtype, mask = seeing.seen
            assert dtype == "float64"
            same(mask, expected)

    def test_with_an_initial_state_the_mask_must_be_given(self) -> None:
        """Keras 3's rule: an implicit mask comes along only with a single tensor argument."""
        ids, h = Input((4,)), Input((3,))
        embedding, rnn = Embedding(5, 2, mask_zero=True), GRU(3)
        x = embedding(ids)
        implicit = Model([ids, h], rnn(x, initial_state=h))
        explicit = Model([ids, h], rnn(x, initial_state=h, mask=embedding.compute_mask(ids)))
        state, rows = random(4, 3), np.asarray(embedding(IDS))
        same(implicit.predict([IDS, state]), rnn(rows, initial_state=state))
        same(explicit.predict([IDS, state]), rnn(rows, initial_state=state, mask=IDS != 0))
