"""Models: how layers are connected, run, printed and described, without TensorFlow."""

from __future__ import annotations

import copy
import json
import pickle
import re
import threading
import tracemalloc
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import textbook

import rnnext
from rnnext import nest, serialization
from rnnext.errors import FileError, RnnextError, ShapeError, UnsupportedError
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
    SimpleRNN,
)
from rnnext.models import Functional, Model, Sequential, clone_model, model_from_json


def random(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def same(a: Any, b: Any) -> None:
    np.testing.assert_array_equal(a, b)


@pytest.fixture(autouse=True)
def fresh_names() -> None:
    rnnext.clear_session()


def small_model() -> Sequential:
    return Sequential([Input((10, 3)), SimpleRNN(5), Dense(2)])


class TestSequential:
    def test_it_computes_its_layers_one_after_the_other(self) -> None:
        model, x = small_model(), random(4, 10, 3)
        rnn, dense = model.layers
        same(model.predict(x), dense(rnn(x)))
        expected = textbook.run("SimpleRNN", x, rnn.get_weights())[0][:, -1]
        kernel, bias = dense.get_weights()
        np.testing.assert_allclose(model(x), expected @ kernel + bias, rtol=1e-5, atol=1e-6)

    def test_shapes_and_counts(self) -> None:
        model = small_model()
        assert model.input_shape == (None, 10, 3)
        assert model.output_shape == (None, 2)
        assert model.count_params() == (3 * 5 + 5 * 5 + 5) + (5 * 2 + 2)
        assert [layer.name for layer in model.layers] == ["simple_rnn", "dense"]
        assert model.input_names == ["input_layer"]

    def test_without_input_it_is_connected_at_the_first_call(self) -> None:
        model = Sequential([LSTM(4), Dense(1)])
        assert not model.built
        assert model.weights == []
        with pytest.raises(AttributeError, match="not built"):
            model.input_shape  # noqa: B018
        assert model.predict(random(3, 5, 2)).shape == (3, 1)
        assert model.input_shape == (None, 5, 2)
        assert model.predict(random(7, 5, 2)).shape == (7, 1)

    def test_build(self) -> None:
        model = Sequential([Dense(1)])
        model.build((None, 3))
        assert model.count_params() == 4
        with pytest.raises(ShapeError, match=r"\(None, 3\)"):
            model.build((None, 4))

    @pytest.mark.parametrize(
        ("option", "expected"),
        [
            ({"input_shape": (4, 2)}, (None, 4, 2)),
            ({"batch_input_shape": (3, None, 2)}, (3, None, 2)),
        ],
    )
    def test_the_first_layer_may_say_the_shape(self, option: Any, expected: Any) -> None:
        assert Sequential([LSTM(2, **option)]).input_shape == expected

    def test_add_and_pop(self) -> None:
        model = Sequential()
        model.add(Input((4,)))
        model.add(Dense(3))
        model.add(Dense(2))
        assert model.output_shape == (None, 2)
        top = model.pop()
        assert top.name == "dense_1"
        assert model.output_shape == (None, 3)
        model.add(top)
        assert model.predict(random(2, 4)).shape == (2, 2)

    def test_names_must_differ(self) -> None:
        with pytest.raises(RnnextError, match="'a'"):
            Sequential([Dense(1, name="a"), Dense(1, name="a")])

    def test_only_layers(self) -> None:
        with pytest.raises(RnnextError, match="expected a layer"):
            Sequential([Dense])

    def test_a_model_as_a_layer(self) -> None:
        inner = small_model()
        outer = Sequential([inner, Dense(1)])
        x = random(2, 10, 3)
        same(outer.predict(x), outer.layers[1](inner(x)))


class TestFunctional:
    def test_shapes_are_a_flat_list(self) -> None:
        a, b = Input((4,), name="a"), Input((3,), name="b")
        model = Model({"b": b, "a": a}, {"low": Dense(1)(a), "high": [Dense(2)(b)]})
        assert model.input_shape == [(None, 4), (None, 3)]
        assert model.output_shape == [(None, 2), (None, 1)]
        assert Model({"a": a}, {"low": Dense(1)(a)}).output_shape == (None, 1)

    def test_several_inputs_and_outputs(self) -> None:
        a, b = Input((4,), name="a"), Input((4,), name="b")
        shared, head = Dense(3), Dense(1)
        model = Model([a, b], {"low": head(shared(a)), "high": shared(b)})
        x, y = random(5, 4), random(5, 4, seed=1)
        result = model.predict([x, y])
        assert list(result) == ["low", "high"]
        same(result["low"], head(shared(x)))
        same(result["high"], shared(y))
        by_name = model.predict({"b": y, "a": x})
        same(by_name["low"], result["low"])
        assert isinstance(model, Functional)
        assert model.count_params() == 15 + 4

    def test_dictionary_of_inputs(self) -> None:
        inputs = {"x": Input((2,), name="x"), "w": Input((3,), name="w")}
        model = Model(inputs, [Dense(1)(inputs["w"]), Dense(2)(inputs["x"])])
        first, second = model.predict({"w": random(4, 3), "x": random(4, 2)})
        assert (first.shape, second.shape) == ((4, 1), (4, 2))

    def test_encoder_and_decoder(self) -> None:
        source, target = Input((None, 3)), Input((None, 2))
        encoder, decoder = LSTM(4, return_state=True), LSTM(4, return_sequences=True)
        _, h, c = encoder(source)
        model = Model([source, target], decoder(target, initial_state=[h, c]))
        x, y = random(2, 6, 3), random(2, 5, 2, seed=1)
        states = encoder(x)[1:]
        same(model.predict([x, y]), decoder(y, initial_state=states))

    def test_a_layer_shared_at_two_depths(self) -> None:
        x = Input((4,))
        dense = Dense(4)
        model = Model(x, dense(dense(x)))
        value = random(2, 4)
        same(model(value), dense(dense(value)))
        assert [layer.name for layer in model.layers] == ["input_layer", "dense"]

    def test_an_inner_tensor_as_input(self) -> None:
        x = Input((4,))
        middle = Dense(3)(x)
        head = Dense(2)
        full = Model(x, head(middle))
        tail = Model(middle, full.output)
        value = random(2, 3)
        same(tail(value), head(value))

    def test_features_of_an_inner_layer(self) -> None:
        model = small_model()
        features = Model(model.inputs, model.get_layer("simple_rnn").output)
        x = random(2, 10, 3)
        same(features.predict(x), model.layers[0](x))

    def test_nested_models_share_weights(self) -> None:
        inner = small_model()
        a, b = Input((10, 3)), Input((10, 3))
        model = Model([a, b], [inner(a), inner(b)])
        x = random(2, 10, 3)
        first, second = model([x, x])
        same(first, second)
        assert len(model.weights) == len(inner.weights)
        inner.set_weights([w * 0 for w in inner.get_weights()])
        assert not model([x, x])[0].any()

    def test_a_long_chain(self) -> None:
        x = y = Input((2,))
        for _ in range(1500):  # longer than Python's recursion limit
            y = Dropout(0.1)(y)
        same(Model(x, y)(np.ones((1, 2), np.float32)), np.ones((1, 2)))

    def test_the_output_must_depend_on_the_inputs(self) -> None:
        a, b = Input((2,), name="a"), Input((2,), name="b")
        with pytest.raises(RnnextError, match=r"'b'.*\['a'\]"):
            Model(a, Dense(1)(b))

    def test_inputs_must_be_tensors(self) -> None:
        with pytest.raises(RnnextError, match="inputs must be tensors"):
            Model(np.ones(3), Dense(1)(Input((3,))))

    def test_two_layers_of_one_name(self) -> None:
        x = Input((2,))
        with pytest.raises(RnnextError, match="'twin'"):
            Model(x, Dense(2, name="twin")(Dense(2, name="twin")(x)))

    def test_float64_after_float32(self) -> None:
        x = Input((3, 2))
        model = Model(x, LSTM(2, dtype="float64")(SimpleRNN(2, return_sequences=True)(x)))
        assert model.predict(random(1, 3, 2)).dtype == np.float64

    def test_compute_output_shape(self) -> None:
        x = Input((None, 3))
        model = Model(x, GRU(2, return_sequences=True)(x))
        assert model.compute_output_shape((5, 7, 3)) == (5, 7, 2)


class TestOwnClass:
    def test_subclass_with_call(self) -> None:
        class Tagger(Model):
            def __init__(self) -> None:
                super().__init__()
                self.rnn = GRU(3)
                self.head = Dense(2, activation="softmax")

            def call(self, inputs: Any, training: bool = False) -> Any:
                return self.head(self.rnn(inputs, training=training))

        model, x = Tagger(), random(300, 4, 2)
        result = model.predict(x)
        same(result, model.head(model.rnn(x)))
        assert [layer.name for layer in model.layers] == ["gru", "dense"]
        assert model.count_params() == sum(w.value.size for w in model.weights)

    def test_build(self) -> None:
        class Pair(Model):
            def __init__(self) -> None:
                super().__init__()
                self.rnn, self.head = LSTM(3), Dense(2)

            def call(self, inputs: Any) -> Any:
                return self.head(self.rnn(inputs))

        model = Pair()
        model.build((None, 4, 2))
        assert model.count_params() == (2 + 3 + 1) * 12 + 4 * 2


class TestPredict:
    def test_the_answer_does_not_depend_on_the_batch_size(self) -> None:
        model, x = small_model(), random(100, 10, 3)
        expected = model.predict(x)
        for batch_size in (1, 7, 32, 1000):
            same(model.predict(x, batch_size=batch_size), expected)
        same(np.concatenate([model.predict(row[None]) for row in x]), expected)

    def test_memory_is_bounded(self) -> None:
        """The 2 GB of intermediate results do not exist at once."""
        model = Sequential([Input((None, 1)), Dense(1000), Dense(1), LSTM(2)])
        x = random(2500, 200, 1)
        tracemalloc.start()
        model.predict(x)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 300e6

    def test_no_samples(self) -> None:
        assert small_model().predict(np.zeros((0, 10, 3))).shape == (0, 2)

    def test_progress_bar(self, capsys: pytest.CaptureFixture[str]) -> None:
        model, x = small_model(), random(5, 10, 3)
        model.predict(x, batch_size=2, verbose=0)
        assert capsys.readouterr().out == ""
        model.predict(x, batch_size=2, verbose=1)
        out = re.sub(r"\x1b\[\d+m", "", capsys.readouterr().out)
        assert out.endswith("\n")
        assert "3/3 ━━━━━━━━━━━━━━━━━━━━ 0s" in out
        assert out.rstrip().endswith("/step")
        model.predict(x, batch_size=2, verbose=2)
        assert re.fullmatch(r"3/3 - 0s - \d+[mu]?s/step\n", capsys.readouterr().out)

    @pytest.mark.parametrize(
        "options", [{"batch_size": 0}, {"batch_size": 1.5}, {"steps": 0}, {"verbose": 7}]
    )
    def test_options_out_of_range(self, options: Any) -> None:
        with pytest.raises(UnsupportedError, match=f"{next(iter(options))}"):
            small_model().predict(random(2, 10, 3), **options)

    def test_inputs_of_different_length(self) -> None:
        a, b = Input((2,)), Input((2,))
        model = Model([a, b], [Dense(1)(a), Dense(1)(b)])
        with pytest.raises(ShapeError, match="same number of samples"):
            model.predict([random(3, 2), random(4, 2)])

    def test_the_output_is_not_the_callers_memory(self) -> None:
        for layer in (Dropout(0.5), Flatten()):
            model, x = Sequential([Input((3,)), layer]), np.ones((2, 3), np.float32)
            model.predict(x)[:] = 7
            same(x, np.ones((2, 3)))

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_several_inputs(self, dtype: str) -> None:
        """A list of arrays goes another way than a dictionary, which is looked into."""
        a, b = Input((3,), name="a"), Input((4, 2), name="b")
        model = Model([a, b], [Dropout(0.5)(a), LSTM(2)(b)])
        x = [random(5, 3).astype(dtype), random(5, 4, 2).astype(dtype)]
        expected = model.predict({"a": x[0], "b": x[1]}, batch_size=2)
        outputs = model.predict(x)
        for y, by_name in zip(outputs, expected, strict=True):
            same(y, by_name)
            assert y.dtype == np.float32
        kept = x[0].copy()
        outputs[0][:] = 7
        same(x[0], kept)
        with pytest.raises(
            ShapeError, match=r"input 'b' .*\(None, 4, 2\), received shape \(5, 3\)"
        ):
            model.predict(x[:1] * 2)

    @pytest.mark.parametrize("batch_size", [None, 3])
    def test_an_output_must_have_a_row_for_each_sample(self, batch_size: int | None) -> None:
        class First(Layer):
            def call(self, x: Any) -> Any:
                return x[:1]

            def compute_output_shape(self, input_shape: Any) -> Any:
                return input_shape

        model = Sequential([Input((2,)), First()], name="m")
        with pytest.raises(ShapeError, match=r"'m'.*an output has shape \(1, 2\) for 3 samples"):
            model.predict(random(3, 2), batch_size=batch_size)

    def test_a_fixed_batch_size_is_kept(self) -> None:
        model = Sequential([Input(batch_shape=(2, 3, 1)), LSTM(2, stateful=True)])
        x = random(4, 3, 1)
        first = model.predict(x)
        assert first.shape == (4, 2)
        assert not np.array_equal(model.predict(x), first)
        model.reset_states()
        same(model.predict(x), first)

    def test_many_threads(self) -> None:
        model = Sequential([Input((None, 4)), LSTM(16, return_sequences=True), GRU(8), Dense(3)])
        inputs = [random(3, 5 + i, 4, seed=i) for i in range(8)]
        expected = [model.predict(x) for x in inputs]
        wrong: list[int] = []

        def work(i: int) -> None:
            results = [model.predict(inputs[i]) for _ in range(50)]
            wrong.extend(i for y in results if not np.array_equal(y, expected[i]))

        threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []

    @pytest.mark.parametrize("inputs", [1, 2])
    def test_values_are_let_go_when_they_are_used(self, inputs: int) -> None:
        """At most two of the ten intermediate results live at once.

        A chain of layers that is called with one array has no slots to empty; with another input
        it has.
        """
        x = y = Input((1_000_000,))
        for _ in range(10):
            y = Activation("relu")(y)
        model = Model([x, Input((1,))][:inputs], y)
        values = [np.ones((1, 1_000_000), np.float32), np.ones((1, 1), np.float32)][:inputs]
        tracemalloc.start()
        model(values if inputs > 1 else values[0])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 4 * 4e6


class TestConfig:
    def models(self) -> list[Model]:
        a, b = Input((5, 3), name="a"), Input((5, 3))
        inner = Sequential([Input((5, 3)), LSTM(4, return_sequences=True), Dense(3)])
        shared = Dense(2)
        nested = Model([a, b], {"y": shared(inner(a)), "z": shared(inner(inner(b)))})
        ids = Input((None,))
        states = LSTM(3, return_state=True)(Embedding(5, 3, mask_zero=True)(ids))
        decoder = Model(ids, GRU(3)(Embedding(5, 2)(ids), initial_state=states[1]))
        return [small_model(), inner, nested, decoder]

    @pytest.mark.parametrize("index", range(4))
    def test_round_trip(self, index: int) -> None:
        model = self.models()[index]
        again = model_from_json(model.to_json())
        again.set_weights(model.get_weights())
        assert json.loads(again.to_json()) == json.loads(model.to_json())
        first, second = model.predict(self.values(model)), again.predict(self.values(model))
        for p, q in zip(nest.flatten(first), nest.flatten(second), strict=True):
            same(p, q)

    def values(self, model: Model) -> list[Any]:
        """An array for each input; ids for those without features."""
        sizes = [[3 if size is None else size for size in shape.shape] for shape in model.inputs]
        return [random(*s) if len(s) == 3 else np.arange(np.prod(s)).reshape(s) % 5 for s in sizes]

    def test_custom_objects(self) -> None:
        class Twice(Layer):
            def call(self, inputs: Any) -> Any:
                return 2 * inputs

            def compute_output_shape(self, input_shape: Any) -> Any:
                return input_shape

        model = Sequential([Input((2,)), Twice()])
        text = model.to_json()
        with pytest.raises(UnsupportedError, match=r"'Twice'.*custom_objects"):
            model_from_json(text)
        again = model_from_json(text, custom_objects={"Twice": Twice})
        same(again(np.ones((1, 2), np.float32)), [[2, 2]])

    @pytest.mark.parametrize(
        ("option", "value", "message"),
        [
            ("activation", "tanhh", "Sequential 'm': LSTM 'second': activation 'tanhh' is not kno"),
            ("kernel_initializer", "glorot", "Sequential 'm': LSTM 'second': "),
            ("units", 0, "Sequential 'm': LSTM 'second': layer 'lstm_cell"),
            ("time_mayor", 1, "Sequential 'm': layer 'second' (LSTM): unknown arguments"),
        ],
    )
    def test_errors_name_the_layer_of_the_config(
        self, option: str, value: Any, message: str
    ) -> None:
        parts = [Input((None, 2)), LSTM(2, return_sequences=True), LSTM(2, name="second")]
        config = json.loads(Sequential(parts, name="m").to_json())
        config["config"]["layers"][2]["config"][option] = value
        with pytest.raises(UnsupportedError, match=re.escape(f"model JSON: {message}")):
            model_from_json(json.dumps(config))

    def test_registered_layer(self) -> None:
        @rnnext.register_keras_serializable("tests")
        class Thrice(Layer):
            def call(self, inputs: Any) -> Any:
                return 3 * inputs

        model = Sequential([Input((2,)), Thrice()])
        assert json.loads(model.to_json())["config"]["layers"][1]["registered_name"] == (
            "tests>Thrice"
        )
        same(model_from_json(model.to_json())(np.ones((1, 2), np.float32)), [[3, 3]])

    def test_a_loop_in_the_config(self) -> None:
        x = Input((2,))
        config = Model(x, Dense(2, name="b")(Dense(2, name="a")(x))).get_config()
        node = config["layers"][1]["inbound_nodes"][0]
        node["args"][0]["config"]["keras_history"] = ["b", 0, 0]
        with pytest.raises(FileError, match=r"loops.*'a', 'b'"):
            Model.from_config(config)

    def test_a_missing_layer_in_the_config(self) -> None:
        x = Input((2,))
        config = Model(x, Dense(2)(x)).get_config()
        config["layers"][1]["inbound_nodes"][0]["args"][0]["config"]["keras_history"][0] = "no"
        with pytest.raises(FileError, match="'no'"):
            Model.from_config(config)

    def test_a_lambda_is_never_run(self) -> None:
        config = {"class_name": "__lambda__", "config": {"value": ["code"]}}
        with pytest.raises(UnsupportedError, match="lambda"):
            serialization.deserialize(config)

    def test_deepcopy_and_pickle(self) -> None:
        model, x = small_model(), random(2, 10, 3)
        expected = model.predict(x)
        for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            same(twin.predict(x), expected)
            twin.set_weights([w * 0 for w in twin.get_weights()])
        same(model.predict(x), expected)


class TestLookup:
    def test_get_layer(self) -> None:
        model = small_model()
        assert model.get_layer("dense") is model.get_layer(index=1) is model.layers[1]
        with pytest.raises(RnnextError, match=r"'lstm'.*simple_rnn"):
            model.get_layer("lstm")
        with pytest.raises(RnnextError, match="index 9"):
            model.get_layer(index=9)
        with pytest.raises(RnnextError, match="either"):
            model.get_layer()

    def test_weights_in_order(self) -> None:
        model = small_model()
        arrays = [random(*w.shape, seed=i) for i, w in enumerate(model.get_weights())]
        model.set_weights(arrays)
        for a, b in zip(model.get_weights(), arrays, strict=True):
            same(a, b)
        with pytest.raises(ShapeError):
            model.set_weights(arrays[:-1])


@pytest.mark.parametrize("kind", ["functional", "sequential"])
def test_a_clone_has_weights_of_its_own(kind: str) -> None:
    x = Input((4, 3))
    layers = [LSTM(2, name="memory"), Dense(1)]
    model = Model(x, layers[1](layers[0](x))) if kind == "functional" else Sequential([x, *layers])
    before = model.get_weights()
    clone = clone_model(model)
    assert (clone.name, clone.to_json()) == (model.name, model.to_json())
    clone.set_weights([np.ones_like(w) for w in before])
    for ours, theirs in zip(model.get_weights(), before, strict=True):
        same(ours, theirs)


@pytest.mark.parametrize("kind", ["functional", "sequential"])
def test_a_clone_is_compiled_as_the_model_is(kind: str, keras: ModuleType) -> None:
    rng = np.random.default_rng(0)
    data, target = rng.standard_normal((8, 4, 3)), rng.standard_normal((8, 2))
    results, weights = [], None
    for k in (keras, rnnext):
        x = k.layers.Input((4, 3))
        made = [k.layers.LSTM(2, name="memory"), k.layers.Dense(2)]
        graph = kind == "functional"
        model = k.Model(x, made[1](made[0](x))) if graph else k.Sequential([x, *made])
        assert not k.models.clone_model(model).compiled
        mean = k.metrics.MeanAbsoluteError(name="off")
        model.compile(k.optimizers.SGD(0.1, momentum=0.5), "mse", metrics=[mean, "mae"])
        weights = weights or model.get_weights()
        model.set_weights(weights)
        model.train_on_batch(data, target)  # the clone begins without its momentum
        clone = k.models.clone_model(model)
        clone.set_weights(weights)
        assert clone.optimizer is not model.optimizer
        clone.fit(data, target, epochs=2, shuffle=False, verbose=0)
        results.append(clone.evaluate(data, target, verbose=0, return_dict=True))
    assert results[0] == pytest.approx(results[1], rel=1e-5)


def test_a_clone_has_functions_of_compile_as_they_are() -> None:
    model = Sequential([Input((4, 3)), LSTM(2)])
    model.compile("adam", loss=lambda y, p: rnnext.ops.mean((y - p) ** 2, axis=-1))
    assert clone_model(model).loss is model.loss


@pytest.mark.parametrize("option", ["input_tensors", "clone_function"])
def test_clone_model_refuses_options_by_name(option: str) -> None:
    model = Sequential([Input((4, 3)), LSTM(2)], name="m")
    with pytest.raises(UnsupportedError, match=rf"'m'.*: {option}=3 is not supported"):
        clone_model(model, **{option: 3})


@pytest.mark.parametrize("kind", ["functional", "sequential"])
def test_a_model_inside_keeps_its_inputs_dtype(kind: str) -> None:
    """Its own policy is float32, but each of its inputs has a dtype of its own."""
    x = Input((3,), dtype="float64")
    identity = rnnext.layers.Activation("linear", dtype="float64")
    inner = Model(x, identity(x)) if kind == "functional" else Sequential([x, identity])
    x = Input((3,), dtype="float64")
    sample = np.array([[1 / 3, 2 / 3, 1 / 7]])
    np.testing.assert_array_equal(Model(x, inner(x))(sample), sample)


def test_each_connecting_of_a_sequential_counts_as_a_functional_model() -> None:
    """As Keras counts them, so that `Model: "functional_1"` is printed where Keras prints it."""
    x = Input((3,))
    stack = Sequential([Input((3,)), Dense(2)])
    assert Model(x, stack(x)).name == "functional_1"
    stack.add(Dense(2))
    stack.pop()
    assert Model(x, stack(x)).name == "functional_4"


def test_inputs_nested_in_a_list_of_as_many() -> None:
    """As many parts as inputs, but one of the parts is a list: Keras takes them nested alike."""
    a, b = Input((5, 4)), Input((3,))
    model = Model([a, [b]], [LSTM(2)(a), Dense(2)(b)])
    x, y = random(2, 5, 4), random(2, 3)
    for received, expected in zip(model.predict([x, [y]]), model([x, y]), strict=True):
        same(received, expected)
