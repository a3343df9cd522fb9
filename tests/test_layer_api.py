"""Layers as objects: names, weights, configs, subclasses, and that a call gives the formula."""

from __future__ import annotations

import copy
import pickle
import threading
from typing import Any

import numpy as np
import pytest
import textbook

import rnnext
from rnnext import layers, serialization
from rnnext.errors import RnnextError, ShapeError, UnsupportedError
from rnnext.layers import GRU, LSTM, RNN, Dense, Embedding, Input, Layer, LSTMCell, SimpleRNN

RECURRENT = ["SimpleRNN", "LSTM", "GRU"]


def random(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def close(a: Any, b: Any) -> None:
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.fixture(autouse=True)
def fresh_names() -> None:
    rnnext.clear_session()


class TestNames:
    def test_default_names_are_numbered_by_class(self) -> None:
        names = [LSTM(1).name, LSTM(1).name, SimpleRNN(1).name, layers.StackedRNNCells([]).name]
        assert names == ["lstm", "lstm_1", "simple_rnn", "stacked_rnn_cells"]

    def test_given_names_do_not_count(self) -> None:
        assert [Dense(1, name="dense").name, Dense(1).name, Dense(1).name] == [
            "dense",
            "dense",
            "dense_1",
        ]

    def test_clear_session_starts_again(self) -> None:
        Dense(1)
        rnnext.clear_session()
        assert Dense(1).name == "dense"

    def test_a_name_may_hold_a_slash(self) -> None:
        assert Dense(1, name="block/dense").name == "block/dense"


class TestFormulas:
    @pytest.mark.parametrize("cell", RECURRENT)
    @pytest.mark.parametrize("go_backwards", [False, True])
    def test_recurrent_layer(self, cell: str, go_backwards: bool) -> None:
        options = {"return_sequences": True, "return_state": True, "go_backwards": go_backwards}
        layer = getattr(layers, cell)(4, bias_initializer="random_normal", **options)
        x = random(3, 5, 2)
        sequence, *states = layer(x)
        expected, last = textbook.run(cell, x, layer.get_weights(), go_backwards=go_backwards)
        close(sequence, expected)
        for state, expected_state in zip(states, last, strict=True):
            close(state, expected_state)

    @pytest.mark.parametrize("cell", RECURRENT)
    def test_initial_state(self, cell: str) -> None:
        layer = getattr(layers, cell)(4)
        x = random(3, 5, 2)
        state = [random(3, 4, seed=i) for i in range(2 if cell == "LSTM" else 1)]
        output = layer(x, initial_state=state)
        close(output, textbook.run(cell, x, layer.get_weights(), initial_state=state)[0][:, -1])

    def test_dense(self) -> None:
        layer = Dense(3, activation="relu", bias_initializer="ones")
        x = random(2, 4, 5)
        output = layer(x)
        kernel, bias = layer.get_weights()
        close(output, np.maximum(x @ kernel + bias, 0))

    def test_embedding(self) -> None:
        layer = Embedding(7, 3)
        ids = np.array([[1, 6], [0, 3]])
        np.testing.assert_array_equal(layer(ids), layer.get_weights()[0][ids])

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_dtype(self, dtype: str) -> None:
        layer = LSTM(3, dtype=dtype)
        output = layer(random(2, 4, 3))
        assert output.dtype == dtype
        assert {w.dtype.name for w in layer.get_weights()} == {dtype}

    def test_a_custom_activation_runs_step_by_step(self) -> None:
        x = random(3, 5, 2)
        for cell in RECURRENT:
            plain = getattr(layers, cell)(4, return_sequences=True)
            custom = getattr(layers, cell)(4, return_sequences=True, activation=np.tanh)
            expected = plain(x)
            custom(x)
            custom.set_weights(plain.get_weights())
            close(custom(x), expected)


class TestGenericRNN:
    def test_a_cell_gives_the_layers_bits(self) -> None:
        x = random(4, 6, 3)
        layer, rnn = LSTM(5, return_sequences=True), RNN(LSTMCell(5), return_sequences=True)
        expected = layer(x)
        rnn(x)
        rnn.set_weights(layer.get_weights())
        np.testing.assert_array_equal(rnn(x), expected)

    def test_a_users_cell(self) -> None:
        class Decay:
            state_size = 2

            def call(self, inputs: Any, states: Any) -> Any:
                state = 0.5 * states[0] + inputs
                return 10 * state, [state]

        x = np.array([[[1.0, 2.0], [1.0, 0.0]]], np.float32)
        output, state = RNN(Decay(), return_state=True)(x)
        np.testing.assert_array_equal(output, [[15.0, 10.0]])
        np.testing.assert_array_equal(state, [[1.5, 1.0]])

    def test_stacked_cells_are_stacked_layers(self) -> None:
        x = random(2, 6, 3)
        first, second = GRU(4, return_sequences=True), LSTM(5)
        expected = second(first(x))
        stacked = RNN([layers.GRUCell(4), LSTMCell(5)])
        stacked(x)
        stacked.set_weights(first.get_weights() + second.get_weights())
        np.testing.assert_array_equal(stacked(x), expected)
        assert list(stacked._children) == ["cell"]
        assert [c.name for c in stacked.cell._children["cells"]] == ["gru_cell", "lstm_cell"]

    def test_a_cell_alone_makes_one_step(self) -> None:
        cell = LSTMCell(3)
        x, h, c = random(2, 4), random(2, 3, seed=1), random(2, 3, seed=2)
        output, states = cell(x, [h, c])
        expected = textbook.lstm_step(x, (h, c), cell.get_weights())
        close(output, expected[0])
        close(states[1], expected[1])

    def test_an_object_that_is_no_cell(self) -> None:
        with pytest.raises(UnsupportedError, match="state_size"):
            RNN(object())


class TestStateful:
    def test_chunks_continue_the_sequence(self) -> None:
        x = random(2, 6, 3)
        whole = LSTM(4, return_sequences=True)
        expected = whole(x)
        stateful = LSTM(4, return_sequences=True, stateful=True)
        stateful.build((2, None, 3))
        stateful.set_weights(whole.get_weights())
        chunks = [stateful(x[:, :2]), stateful(x[:, 2:5]), stateful(x[:, 5:])]
        np.testing.assert_array_equal(np.concatenate(chunks, axis=1), expected)
        stateful.reset_states()
        np.testing.assert_array_equal(stateful(x), expected)

    def test_the_batch_size_must_be_known_and_stay(self) -> None:
        with pytest.raises(ShapeError, match="stateful"):
            LSTM(2, stateful=True)(Input((None, 3)))
        layer = GRU(2, stateful=True)
        layer(random(3, 4, 3))
        with pytest.raises(ShapeError, match=r"3 samples .* received a batch of 2"):
            layer(random(2, 4, 3))


class TestWeights:
    def test_keras_names_shapes_and_order(self) -> None:
        layer = GRU(4)
        layer.build((None, None, 3))
        assert [(w.name, w.shape) for w in layer.weights] == [
            ("kernel", (3, 12)),
            ("recurrent_kernel", (4, 12)),
            ("bias", (2, 12)),
        ]
        assert layer.count_params() == 36 + 48 + 24

    def test_set_weights_takes_effect_on_the_next_call(self) -> None:
        layer, x = Dense(2), random(1, 3)
        layer(x)
        layer.set_weights([np.ones((3, 2)), np.zeros(2)])
        close(layer(x), np.repeat(x.sum(keepdims=True), 2, axis=1))
        layer.kernel.assign(np.zeros((3, 2)))
        np.testing.assert_array_equal(layer(x), np.zeros((1, 2)))

    def test_changing_an_option_takes_effect_on_the_next_call(self) -> None:
        layer, x = Dense(2), random(4, 3)
        before = layer(x)
        layer.activation = rnnext.activations.relu
        np.testing.assert_array_equal(layer(x), np.maximum(before, 0))

    @pytest.mark.parametrize("change", ["too few", "too many", "wrong shape"])
    def test_nothing_is_half_set(self, change: str) -> None:
        layer = LSTM(2, name="memory")
        layer(random(1, 2, 3))
        before = layer.get_weights()
        new = [w + 1 for w in before]
        if change == "too few":
            new.pop()
        elif change == "too many":
            new.append(new[0])
        else:
            new[2] = new[2][:-1]
        with pytest.raises(ShapeError, match=r"'memory'.*\(3, 8\).*\(8,\).*received"):
            layer.set_weights(new)
        for old, now in zip(before, layer.get_weights(), strict=True):
            np.testing.assert_array_equal(old, now)

    def test_values_cannot_be_changed_in_place(self) -> None:
        layer = Dense(2)
        layer.build((None, 2))
        with pytest.raises(ValueError, match="read-only"):
            layer.kernel.value[0, 0] = 1
        layer.get_weights()[0][:] = 9  # a copy
        assert not (layer.get_weights()[0] == 9).any()

    def test_the_callers_array_is_not_kept(self) -> None:
        layer, kernel = Dense(2, use_bias=False), np.ones((2, 2), np.float32)
        layer.build((None, 2))
        layer.set_weights([kernel])
        kernel[:] = 5
        np.testing.assert_array_equal(layer.get_weights()[0], np.ones((2, 2)))

    def test_a_build_that_fails_leaves_nothing(self) -> None:
        class Broken(Layer):
            def build(self, input_shape: Any) -> None:
                self.add_weight(input_shape[1:], name="first")
                raise RuntimeError("no second weight")

        layer = Broken()
        with pytest.raises(RuntimeError):
            layer.build((None, 2))
        assert not layer.built
        assert layer.weights == []

    def test_trainable(self) -> None:
        layer = LSTM(2)
        layer.build((None, None, 3))
        assert len(layer.trainable_weights) == 3
        layer.trainable = False
        assert layer.trainable_weights == []
        assert len(layer.non_trainable_weights) == 3
        assert not layer.cell.trainable

    def test_count_params_of_an_unbuilt_layer(self) -> None:
        with pytest.raises(RnnextError, match="'dense'"):
            Dense(2).count_params()


class TestInitialWeights:
    def test_set_random_seed_makes_layers_repeatable(self) -> None:
        def make() -> list[Any]:
            rnnext.set_random_seed(3)
            layer = LSTM(4)
            layer.build((None, None, 5))
            return layer.get_weights()

        for a, b in zip(make(), make(), strict=True):
            np.testing.assert_array_equal(a, b)

    def test_glorot_uniform_range(self) -> None:
        layer = Dense(50)
        layer.build((None, 100))
        kernel, bias = layer.get_weights()
        limit = np.sqrt(6 / 150)
        assert 0.95 * limit < np.abs(kernel).max() <= limit
        assert not bias.any()

    def test_the_recurrent_kernel_is_orthogonal(self) -> None:
        layer = GRU(6)
        layer.build((None, None, 2))
        recurrent = layer.get_weights()[1].astype(np.float64)
        np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(6), atol=1e-6)

    def test_unit_forget_bias(self) -> None:
        layer = LSTM(2)
        layer.build((None, None, 1))
        assert layer.get_weights()[2].tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
        plain = LSTM(2, unit_forget_bias=False)
        plain.build((None, None, 1))
        assert not plain.get_weights()[2].any()


class TestConfig:
    @pytest.mark.parametrize(
        "layer",
        [
            SimpleRNN(2, dropout=0.1, seed=3),
            LSTM(2, kernel_regularizer="l2", zero_output_for_mask=True),
            GRU(2, reset_after=False, activation="hard_sigmoid", trainable=False),
            RNN([LSTMCell(2), layers.GRUCell(3)], return_sequences=True, dtype="float64"),
            Dense(2, activation="softmax"),
            Embedding(3, 2, mask_zero=True),
            layers.Masking(mask_value=-1.0),
            layers.Dropout(0.5),
            layers.Activation("swish"),
            layers.Flatten(),
            layers.InputLayer(batch_shape=(None, 3)),
        ],
        ids=lambda layer: type(layer).__name__,
    )
    def test_round_trip(self, layer: Layer) -> None:
        config = serialization.serialize(layer)
        again = serialization.deserialize(config)
        assert type(again) is type(layer)
        assert serialization.serialize(again) == config

    def test_an_activation_layer_as_activation(self) -> None:
        config = {
            "module": "keras.layers",
            "class_name": "LeakyReLU",
            "config": {"name": "leaky_re_lu", "negative_slope": 0.3},
            "registered_name": None,
        }
        layer = Dense(1, activation=config, use_bias=False)
        layer.build((None, 1))
        layer.set_weights([[[1.0]]])
        close(layer([[-1.0]]), [[-0.3]])
        assert layer.get_config()["activation"]["config"] == {"negative_slope": 0.3}

    def test_a_users_layer_without_get_config(self) -> None:
        class Power(Layer):
            def __init__(self, exponent: float, base: str = "e", **kwargs: Any) -> None:
                super().__init__(**kwargs)
                self.exponent, self.base = exponent, base

            def call(self, inputs: Any) -> Any:
                return inputs**self.exponent

        config = Power(2.0, name="square").get_config()
        assert config["exponent"] == 2.0
        assert config["base"] == "e"
        assert Power.from_config(config).name == "square"


class TestSubclassing:
    def test_build_and_add_weight(self) -> None:
        class Scale(Layer):
            def build(self, input_shape: Any) -> None:
                self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones")

            def call(self, inputs: Any) -> Any:
                return self.factor * inputs

        layer = Scale()
        symbolic = layer(Input((None, 3)))
        assert symbolic.shape == (None, None, 3)
        layer.set_weights([[1.0, 2.0, 3.0]])
        np.testing.assert_array_equal(layer(np.ones((1, 1, 3), np.float32)), [[[1, 2, 3]]])

    def test_children_in_lists_are_found(self) -> None:
        class Stack(Layer):
            def __init__(self) -> None:
                super().__init__()
                self.head = Dense(1)
                self.blocks: list[Layer] = []
                for _ in range(2):
                    self.blocks.append(Dense(3))

            def call(self, inputs: Any) -> Any:
                for block in self.blocks:
                    inputs = block(inputs)
                return self.head(inputs)

        layer = Stack()
        assert layer(Input((4,))).shape == (None, 1)
        assert list(layer._children) == ["head", "blocks"]
        assert [w.shape for w in layer.weights] == [(3, 1), (1,), (4, 3), (3,), (3, 3), (3,)]

    def test_a_subclass_of_a_built_in_layer(self) -> None:
        class ReversedLSTM(LSTM):
            def call(self, sequences: Any, **kwargs: Any) -> Any:
                return super().call(sequences[:, ::-1], **kwargs)

        x = random(2, 5, 3)
        backwards = LSTM(4, go_backwards=True)
        expected = backwards(x)
        layer = ReversedLSTM(4)
        layer(x)
        layer.set_weights(backwards.get_weights())
        np.testing.assert_array_equal(layer(x), expected)
        model = rnnext.Sequential([Input((5, 3)), layer])
        np.testing.assert_array_equal(model.predict(x), expected)

    def test_a_layer_whose_shape_cannot_be_found(self) -> None:
        class Picky(Layer):
            def call(self, inputs: Any) -> Any:
                raise RuntimeError(f"not with {inputs}")

        with pytest.raises(UnsupportedError, match="compute_output_shape"):
            Picky()(Input((3,)))

    def test_a_mask_argument_is_filled_in(self) -> None:
        seen = []

        class Look(Layer):
            def call(self, inputs: Any, mask: Any = None) -> Any:
                seen.append(mask)
                return inputs

        Look()(Embedding(3, 2, mask_zero=True)(np.array([[1, 0]])))
        assert seen[0].tolist() == [[True, False]]


class TestCalling:
    def test_the_first_argument_by_name(self) -> None:
        layer = SimpleRNN(2)
        x = random(1, 3, 2)
        np.testing.assert_array_equal(layer(sequences=x), layer(x))

    def test_arguments_of_training_are_accepted(self) -> None:
        layer = GRU(2, dropout=0.5, recurrent_dropout=0.5)
        x = random(1, 3, 2)
        np.testing.assert_array_equal(layer(x, training=False), layer(x))

    def test_symbolic_and_eager_shapes_agree(self) -> None:
        for layer in (
            LSTM(4, return_state=True),
            GRU(4, return_sequences=True),
            Dense(3),
            layers.Flatten(),
            layers.Masking(),
        ):
            symbolic = layer(Input(batch_shape=(2, 5, 3)))
            eager = layer(random(2, 5, 3))
            if not isinstance(symbolic, tuple):
                symbolic, eager = (symbolic,), (eager,)
            assert [s.shape for s in symbolic] == [e.shape for e in eager]

    def test_deepcopy_and_pickle(self) -> None:
        layer, x = LSTM(3), random(2, 4, 2)
        expected = layer(x)
        for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
            np.testing.assert_array_equal(twin(x), expected)
            twin.set_weights([w * 0 for w in twin.get_weights()])
        np.testing.assert_array_equal(layer(x), expected)

    def test_many_threads_and_changing_weights(self) -> None:
        """Every call sees the weights before or after a change, and later calls the new ones."""
        layer, x = Dense(1, use_bias=False), np.ones((1, 1), np.float32)
        layer(x)
        layer.set_weights([[[0.0]]])
        wrong: list[float] = []
        stop = threading.Event()

        def call() -> None:
            last = 0.0
            while not stop.is_set():
                value = float(layer(x)[0, 0])
                if value < last:
                    wrong.append(value)
                last = value

        threads = [threading.Thread(target=call) for _ in range(4)]
        for thread in threads:
            thread.start()
        for i in range(1, 200):
            layer.set_weights([[[float(i)]]])
            assert layer(x)[0, 0] == i
        stop.set()
        for thread in threads:
            thread.join()
        assert wrong == []


@pytest.mark.parametrize("activation", ["tanh", np.tanh])
def test_a_state_outside_a_list_gives_a_state_outside_a_list(activation: Any) -> None:
    cell = layers.GRUCell(3, activation=activation)
    x, h = np.ones((2, 4), np.float32), np.zeros((2, 3), np.float32)
    output, state = cell(x, h)
    listed = cell(x, [h])[1]
    assert isinstance(listed, list)
    np.testing.assert_array_equal(state, output)
    np.testing.assert_array_equal(state, listed[0])


def test_names_of_weights_without_a_name() -> None:
    class Unnamed(Layer):
        def build(self, input_shape: Any) -> None:  # noqa: ARG002
            self.first = self.add_weight((2,))
            self.second = self.add_weight((2,), name="second")
            self.third = self.add_weight((2,))

    rnnext.clear_session()
    pair = [Unnamed(), Unnamed()]
    for layer in pair:
        layer.build((None, 2))
    names = [weight.name for layer in pair for weight in layer.weights]
    assert names == ["variable", "second", "variable_1", "variable_2", "second", "variable_3"]


def test_names_of_tensorflow_for_weights() -> None:
    layer = layers.BatchNormalization()
    layer.build((None, 2))
    assert layer.trainable_variables == layer.trainable_weights
    assert layer.non_trainable_variables == layer.non_trainable_weights
    assert len(layer.non_trainable_variables) == 2
