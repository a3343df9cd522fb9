"""A model's program: what it prints, that it is data; and what classes of models run."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import rnnext
from rnnext.graph.program import Action
from rnnext.layers import GRU, LSTM, Add, Bidirectional, Conv1D, Dense, Embedding, Input, Masking

Array = NDArray[Any]


def a_masked_model() -> Any:
    ids = Input((None,), name="ids", dtype="int32")
    x = Embedding(9, 4, mask_zero=True, name="embedding")(ids)
    y = LSTM(3, return_sequences=True, name="lstm")(x)
    return rnnext.Model(ids, Dense(2, name="dense")(GRU(2, name="gru")(y)), name="masked")


def two_inputs() -> Any:
    a, b = Input((5, 3), name="a"), Input((5, 3), name="b", dtype="float64")
    shared = GRU(2, name="shared")
    return rnnext.Model([a, b], Add(name="add")([shared(a), shared(b)]))


def nested() -> Any:
    x = Input((4, 3), name="x")
    return rnnext.Model(x, a_part()(Masking(name="masking")(x)))


def a_part() -> Any:
    return rnnext.Sequential([Input((4, 3)), LSTM(2, name="inner")], name="part")


def samples(model: Any) -> list[Array]:
    rng = np.random.default_rng(0)
    shapes = [(2, *(size or 6 for size in tensor.shape[1:])) for tensor in model.inputs]
    return [rng.integers(0, 9, shape).astype("float32") for shape in shapes]


MODELS = {"masked": a_masked_model, "two inputs": two_inputs, "nested": nested}


def test_a_program_is_printed_as_instructions() -> None:
    assert str(a_masked_model().program).splitlines() == [
        "inputs %0",
        "%1 = embedding(%0)",
        "%2 = embedding.compute_mask(%0)  frees %0",
        "%3 = lstm(%1, mask=%2)  frees %1",
        "%4 = gru(%3, mask=%2)  frees %2 %3",
        "%5 = dense(%4)  frees %4",
        "outputs %5",
    ]


def test_casts_and_shared_layers_are_seen() -> None:
    lines = str(two_inputs().program).splitlines()
    assert "%2 = shared(%0)  frees %0" in lines
    assert "%3 = shared(%1.float32)  frees %1" in lines
    assert lines[-2:] == ["%4 = add([%2, %3])  frees %2 %3", "outputs %4"]


def test_a_model_inside_a_model_computes_its_outputs_and_masks_together() -> None:
    program = nested().program
    assert [i.action for i in program.instructions] == [Action.JOINT, Action.JOINT]
    assert program.instructions[1].reads == {1, 2}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_a_program_is_data(make: Any) -> None:
    model = make()
    again = pickle.loads(pickle.dumps(model.program))
    assert str(again) == str(model.program)
    assert again.instructions[0].operation.get_config() == (
        model.program.instructions[0].operation.get_config()
    )
    assert model.program == model.network.execution.program


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_pickled_and_copied_models_give_the_same_bits(make: Any) -> None:
    model = make()
    x = samples(model)
    expected = model.predict(x)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert np.array_equal(other.predict(x), expected)
        assert str(other.program) == str(model.program)
        assert other.layers[-1] is not model.layers[-1]


def test_a_layer_of_a_model_can_be_pickled_although_its_graph_refers_to_it() -> None:
    model = nested()
    layer = pickle.loads(pickle.dumps(model.layers[1]))
    x = np.ones((2, 4, 3), "float32")
    assert np.array_equal(layer(x), model.layers[1](x))


def streamable() -> Any:
    layers = [Conv1D(4, 2, padding="causal"), GRU(3, return_sequences=True), Dense(2)]
    return rnnext.Sequential([Input((None, 3)), *layers])


@pytest.mark.parametrize("copied", [lambda s: pickle.loads(pickle.dumps(s)), copy.deepcopy])
def test_a_stream_is_copied_with_its_place(copied: Any) -> None:
    model = streamable()
    x = np.random.default_rng(1).standard_normal((2, 6, 3)).astype("float32")
    stream = model.stream(batch_size=2)
    stream.chunk(x[:, :4])
    other = copied(stream)
    for t in (4, 5):
        y = stream.step(x[:, t])
        assert np.array_equal(other.step(x[:, t]), y)
        assert np.array_equal(y, model.predict(x)[:, t])


# Classes of models -----------------------------------------------------------------------------


class HandsTensorsOn(rnnext.Model):
    """A user's class that is functional because it hands tensors to Model."""

    def __init__(self, units: int) -> None:
        x = Input((4, 3))
        super().__init__(x, Bidirectional(LSTM(units))(x))


class CallsToo(rnnext.Model):
    """A model whose `call` runs, as in Keras."""

    def __init__(self) -> None:
        x = Input((4, 3))
        super().__init__(inputs=x, outputs=LSTM(2)(x))

    def call(self, inputs: Array) -> Array:
        return 2 * super().call(inputs)


def test_a_class_that_hands_tensors_to_model_is_functional() -> None:
    model = HandsTensorsOn(2)
    assert isinstance(model, rnnext.models.Functional)
    assert model.output_shape == (None, 4)
    x = np.ones((2, 4, 3), "float32")
    assert np.array_equal(model.predict(x), model(x))
    assert model.stream is not None
    assert not isinstance(rnnext.Model(), rnnext.models.Functional)


def test_the_call_of_a_class_counts_more_than_its_graph(keras: Any) -> None:
    model = CallsToo()
    x = np.random.default_rng(2).standard_normal((2, 4, 3)).astype("float32")
    graph = rnnext.Model(model.input, model.output)
    for answer in (model(x), model.predict(x), model.predict(x, batch_size=1)):
        assert np.array_equal(answer, 2 * graph.predict(x))

    class Theirs(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            a = keras.Input((4, 3))
            super().__init__(inputs=a, outputs=keras.layers.LSTM(2)(a))

        def call(self, inputs: Any) -> Any:
            return 2 * super().call(inputs)

    theirs = Theirs()
    theirs.set_weights(model.get_weights())
    np.testing.assert_allclose(model.predict(x), theirs.predict(x, verbose=0), atol=1e-6)


def test_the_call_of_a_class_counts_inside_another_model() -> None:
    model = CallsToo()
    x = Input((4, 3))
    outer = rnnext.Model(x, model(x))
    values = np.ones((2, 4, 3), "float32")
    assert np.array_equal(outer.predict(values), model.predict(values))
