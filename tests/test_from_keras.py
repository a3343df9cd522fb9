"""rnnext.from_keras: models of Keras 3 and of tf_keras (Keras 2), without a file."""

from __future__ import annotations

import importlib
import importlib.util
import json
import warnings
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from keras_reference import load_keras
from layer_twins import random_array

import rnnext
from rnnext.errors import FileError, UnsupportedError

keras = load_keras()


def load_tf_keras() -> ModuleType | None:
    if importlib.util.find_spec("tf_keras") is None:
        return None
    with warnings.catch_warnings():  # its own imports warn
        warnings.simplefilter("ignore")
        return importlib.import_module("tf_keras")


LIBRARIES = {"keras": keras, "tf_keras": load_tf_keras()}


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> ModuleType:
    if LIBRARIES[request.param] is None:
        pytest.skip(f"{request.param} is not installed")
    return LIBRARIES[request.param]


def randomize(model: Any) -> None:
    """New weights for all layers, zeros in none, variances positive."""
    weights = [random_array(np.shape(w), seed=f"{i}") for i, w in enumerate(model.get_weights())]
    for i, variable in enumerate(model.weights):
        if "variance" in variable.name:
            weights[i] = np.abs(weights[i]) + 0.1
    model.set_weights(weights)


def assert_same_model(theirs: Any, inputs: Any, **kwargs: Any) -> Any:
    randomize(theirs)
    ours = rnnext.from_keras(theirs, **kwargs)
    expected = theirs(inputs)
    several = isinstance(expected, (list, tuple))
    for y, reference in zip(
        ours.predict(inputs) if several else [ours.predict(inputs)],
        expected if several else [expected],
        strict=True,
    ):
        np.testing.assert_allclose(y, reference, rtol=0, atol=1e-5)
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    return ours


X = random_array((3, 5, 4))


def test_sequential(library: ModuleType) -> None:
    of = library.layers
    assert_same_model(
        library.Sequential(
            [
                of.Input((5, 4)),
                of.Conv1D(4, 2, padding="causal"),
                of.Masking(0.0),
                of.Bidirectional(of.LSTM(3, return_sequences=True)),
                of.TimeDistributed(of.Dense(4, activation="relu")),
                of.BatchNormalization(),
                of.GRU(3),
                of.Dropout(0.5),
                of.Dense(2, activation="softmax"),
            ]
        ),
        X,
    )


def test_hard_sigmoid_means_what_it_means_there(library: ModuleType) -> None:
    of = library.layers
    model = library.Sequential([of.Input((5, 4)), of.LSTM(3, recurrent_activation="hard_sigmoid")])
    ours = assert_same_model(model, X)
    name = {"keras": "hard_sigmoid", "tf_keras": "keras2_hard_sigmoid"}[library.__name__]
    assert ours.layers[0].recurrent_activation.name == name


def test_functional_with_states_and_a_shared_layer(library: ModuleType) -> None:
    of = library.layers
    source, target = of.Input((None, 4), name="source"), of.Input((None, 2), name="target")
    _, *states = of.LSTM(3, return_state=True, name="encoder")(source)
    decoder = of.LSTM(3, return_sequences=True, return_state=True, name="decoder")
    y, h, _ = decoder(target, initial_state=states)
    dense = of.Dense(2, name="head")
    model = library.Model([source, target], [dense(y), dense(h)])
    assert_same_model(model, [X, random_array((3, 6, 2))])


def test_nested_models(library: ModuleType) -> None:
    of = library.layers
    x = of.Input((4,))
    y = of.Dense(3, name="b")(of.BatchNormalization(name="norm")(of.Dense(3, name="a")(x)))
    inner = library.Model(x, of.Add(name="sum")([y, of.Dense(3, name="c")(x)]), name="inner")
    stack = library.Sequential([of.Input((3,)), of.Dense(4), of.BatchNormalization()], name="stack")
    outer = of.Input((5, 4))
    z = of.TimeDistributed(stack, name="steps")(
        of.TimeDistributed(inner, name="inner_steps")(outer)
    )
    z = of.GRU(3, name="gru")(z)
    model = library.Model(outer, stack(z), name="outer")
    assert_same_model(model, X)


@pytest.mark.parametrize("frozen", ["lstm", "norm"])
def test_frozen_layers(library: ModuleType, frozen: str) -> None:
    of = library.layers
    model = library.Sequential(
        [of.Input((5, 4)), of.BatchNormalization(name="norm"), of.LSTM(3, name="lstm")]
    )
    model.get_layer(frozen).trainable = False
    ours = assert_same_model(model, X)
    assert not ours.get_layer(frozen).trainable
    assert len(ours.trainable_weights) == len(model.trainable_weights)


def test_stacked_cells_and_conv_lstm(library: ModuleType) -> None:
    of = library.layers
    cells = [of.GRUCell(3), of.LSTMCell(2)]
    model = library.Sequential(
        [
            of.Input((4, 6, 5, 2)),
            of.ConvLSTM2D(3, 2, return_sequences=True),
            of.TimeDistributed(of.Flatten()),
            of.RNN(cells),
        ]
    )
    assert_same_model(model, random_array((2, 4, 6, 5, 2)))


def test_float64(library: ModuleType) -> None:
    of = library.layers
    x = of.Input((5, 4), dtype="float64")
    model = library.Model(x, of.GRU(3, dtype="float64", reset_after=False)(x))
    ours = assert_same_model(model, X.astype("float64"))
    assert ours.predict(X).dtype == np.float64


def custom_layer(library: ModuleType) -> Any:
    class Scale(library.layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.factor = self.add_weight(shape=(input_shape[-1],), name="factor")
            super().build(input_shape)

        def call(self, inputs: Any) -> Any:
            return inputs * self.factor

        def compute_output_shape(self, input_shape: Any) -> Any:
            return input_shape

    return Scale


def test_custom_layer_needs_its_counterpart(library: ModuleType) -> None:
    of = library.layers
    model = library.Sequential([of.Input((5, 4)), custom_layer(library)(name="s"), of.GRU(2)])
    ours = assert_same_model(model, X, custom_objects={"Scale": custom_layer(rnnext)})
    assert len(ours.layers[0].weights) == 1
    with pytest.raises(UnsupportedError, match=r"Keras model .*'Scale'.*custom_objects"):
        rnnext.from_keras(model)


def test_weights_are_copies() -> None:
    model = keras.Sequential([keras.layers.Input((5, 4)), keras.layers.GRU(2)])
    ours = rnnext.from_keras(model)
    before = ours.predict(X)
    randomize(model)
    np.testing.assert_array_equal(ours.predict(X), before)


def test_round_trip_through_json_and_configs() -> None:
    model = keras.Sequential(
        [keras.layers.Input((5, 4)), keras.layers.Bidirectional(keras.layers.GRU(2))]
    )
    ours = rnnext.from_keras(model)
    again = rnnext.models.model_from_json(ours.to_json())
    again.set_weights(ours.get_weights())
    np.testing.assert_array_equal(again.predict(X), ours.predict(X))
    theirs = keras.models.model_from_json(ours.to_json())
    theirs.set_weights(ours.get_weights())
    np.testing.assert_allclose(theirs(X), ours.predict(X), rtol=0, atol=1e-6)
    layer = rnnext.layers.Bidirectional.from_config(ours.layers[0].get_config())
    assert layer.forward_layer.units == 2


@pytest.mark.parametrize("thing", [None, "m.keras", np.zeros(3)])
def test_not_a_model(thing: Any) -> None:
    with pytest.raises(UnsupportedError, match="expected a model of Keras, received"):
        rnnext.from_keras(thing)


def test_a_model_of_rnnext() -> None:
    model = rnnext.Sequential([rnnext.Input((3,)), rnnext.layers.Dense(2)])
    with pytest.raises(UnsupportedError, match="a model of rnnext"):
        rnnext.from_keras(model)


def test_models_that_have_no_config(library: ModuleType) -> None:
    with pytest.raises(FileError, match="was saved before it was built"):
        rnnext.from_keras(library.Sequential([library.layers.Dense(2)]))

    class Own(library.Model):
        def __init__(self, size: Any) -> None:
            super().__init__()
            self.dense, self.size = library.layers.Dense(2), size

        def call(self, x: Any) -> Any:
            return self.dense(x)

    model = Own(object())
    with pytest.raises((UnsupportedError, FileError), match=r"Keras model 'own(_\d+)?'"):
        rnnext.from_keras(model)


@pytest.mark.parametrize("merge", ["Concatenate", "Add", "Average", "Multiply", "Maximum"])
@pytest.mark.parametrize("second_is_masked", [True, False])
def test_masks_of_merged_inputs(library: ModuleType, merge: str, second_is_masked: bool) -> None:
    """Keras 2 keeps the steps that count in every masked input, Keras 3 those that do in any."""
    of = library.layers
    words, letters = of.Input((5,)), of.Input((5,))
    inputs = [
        of.Embedding(7, 3, mask_zero=True)(words),
        of.Embedding(7, 3, mask_zero=second_is_masked)(letters),
    ]
    theirs = library.Model([words, letters], of.LSTM(4)(getattr(of, merge)()(inputs)))
    ids = [[[1, 2, 0, 3, 0], [0, 1, 2, 3, 4]], [[1, 0, 4, 5, 0], [2, 3, 0, 0, 0]]]
    assert_same_model(theirs, [np.array(rows, np.float32) for rows in ids])


def test_masks_of_nested_models(library: ModuleType) -> None:
    """In Keras 2 the mask of a nested model's output counts outside; in Keras 3 it does not."""
    of = library.layers
    words, letters, inner = of.Input((5,)), of.Input((5,)), of.Input((5,))
    nested = library.Model(inner, of.Embedding(7, 3, mask_zero=True)(inner))
    both = of.Concatenate()([nested(words), of.Embedding(7, 2, mask_zero=True)(letters)])
    theirs = library.Model([words, letters], of.LSTM(4)(both))
    ids = [[[1, 2, 0, 3, 0], [0, 1, 2, 3, 4]], [[1, 0, 4, 5, 6], [2, 3, 0, 0, 0]]]
    assert_same_model(theirs, [np.array(rows, np.float32) for rows in ids])


def test_zeros_of_unrolled_steps_that_are_read_backwards(library: ModuleType) -> None:
    """TensorFlow unrolls them with the mask turned around, and puts zeros where it was before."""
    of = library.layers
    options = {"return_sequences": True, "unroll": True}
    x = of.Input((5, 4))
    masked = of.Masking()(x)
    backwards = of.GRU(3, go_backwards=True, zero_output_for_mask=True, **options)(masked)
    both = of.Bidirectional(of.LSTM(2, **options))(masked)
    padded = X.copy()
    padded[0, 3:] = padded[1, :2] = 0
    # Masked or not, the answer is that of the library: without a mask there are no zeros.
    for inputs in (padded, X):
        assert_same_model(library.Model(x, [backwards, both]), inputs)


def test_unrolled_steps_read_backwards_keep_their_states() -> None:
    layer = rnnext.layers.LSTM(
        3,
        return_sequences=True,
        return_state=True,
        go_backwards=True,
        unroll=True,
        zero_output_for_mask=True,
    )
    mask = np.array([[True, True, False, True, False]] * 3)
    output, *states = layer(X, mask=mask)
    np.testing.assert_array_equal(output.any(axis=-1), mask & [False, True, True, True, True])
    layer.unroll = False
    _, *expected = layer(X, mask=mask)
    np.testing.assert_array_equal(states, expected)


@pytest.mark.parametrize("dropout", [0.0, 0.1])
@pytest.mark.parametrize("scores", [True, False])
def test_queries_that_may_look_nowhere(library: ModuleType, dropout: float, scores: bool) -> None:
    """Padding looks at all values alike in Keras 2; in Keras 3 at none, or alike, as it happens."""
    of = library.layers
    ids = of.Input((5,))
    words = of.Embedding(7, 4, mask_zero=True)(ids)
    attention = of.MultiHeadAttention(2, 3, dropout=dropout)
    outputs = attention(words, words, return_attention_scores=scores)
    assert_same_model(library.Model(ids, outputs), np.array([[1, 2, 0, 3, 0]] * 2 + [[0] * 5]))


@pytest.mark.parametrize(("version", "alike"), [("3.9.2", True), ("3.10.0", False)])
def test_queries_that_may_look_nowhere_by_version(version: str, alike: bool) -> None:
    of = rnnext.layers
    ids = of.Input((3,))
    words = of.Embedding(7, 4, mask_zero=True)(ids)
    several = of.MultiHeadAttention(2, 3)(words, words, return_attention_scores=True)
    grouped = of.GroupQueryAttention(2, 2, 1)(words, words, return_attention_scores=True)
    config = rnnext.serialization.serialize(rnnext.Model(ids, [several[1], grouped[1]]))
    model = rnnext.models.model_from_json(json.dumps({**config, "keras_version": version}))
    for weights in model(np.array([[1, 2, 0]])):
        np.testing.assert_allclose(weights[0, :, 2].sum(axis=-1), 1 if alike else 0, atol=1e-6)
