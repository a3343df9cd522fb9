"""Whatever is handed over: the right answer, or an error that says what is wrong."""

from __future__ import annotations

import array
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnext import activations
from rnnext.errors import DataError, RnnextError, ShapeError, UnsupportedError
from rnnext.layers import (
    GRU,
    LSTM,
    Activation,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    InputLayer,
    LSTMCell,
    SimpleRNN,
    StackedRNNCells,
    TimeDistributed,
)
from rnnext.models import Model, Sequential

X = np.random.default_rng(0).normal(size=(2, 4, 3)).astype(np.float32)


class WithArray:
    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return X if dtype is None else X.astype(dtype)


class WithDLPack:
    def __dlpack__(self, **options: Any) -> Any:
        return X.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return X.__dlpack_device__()


def strided() -> Any:
    wide = np.zeros((4, 8, 6), np.float32)
    wide[::2, ::2, ::2] = X
    return wide[::2, ::2, ::2]


def read_only() -> Any:
    x = X.copy()
    x.flags.writeable = False
    return x


def unaligned() -> Any:
    buffer = np.zeros(X.nbytes + 1, np.uint8)
    x = buffer[1:].view(np.float32).reshape(X.shape)
    x[:] = X
    return x


# Forms of the same numbers. float16 and integers have numbers of their own, see below.
FORMS: dict[str, Callable[[], Any]] = {
    "strided": strided,
    "fortran order": lambda: np.asfortranarray(X),
    "reversed": lambda: X[::-1].copy()[::-1],
    "byte-swapped": lambda: X.astype(X.dtype.newbyteorder()),
    "float64": lambda: X.astype(np.float64),
    "long double": lambda: X.astype(np.longdouble),
    "read-only": read_only,
    "unaligned": unaligned,
    "subclass": lambda: X.view(np.recarray),
    "object array": lambda: X.astype(object),
    "lists": lambda: X.tolist(),
    "tuples of arrays": lambda: tuple(tuple(row) for row in X),
    "__array__": WithArray,
    "__dlpack__": WithDLPack,
    "memoryview": lambda: memoryview(X),
}


# A list of arrays is several inputs to a layer; a model knows how many it has.
@pytest.mark.parametrize("form", [form for form in FORMS if form != "tuples of arrays"])
@pytest.mark.parametrize(
    "make", [SimpleRNN, LSTM, GRU, Dense], ids=["SimpleRNN", "LSTM", "GRU", "Dense"]
)
def test_any_form_of_numbers_into_a_layer(make: Any, form: str) -> None:
    layer = make(5)
    expected = layer(X)
    np.testing.assert_array_equal(layer(FORMS[form]()), expected)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("method", ["predict", "__call__"])
def test_any_form_of_numbers_into_a_model(method: str, form: str) -> None:
    model = Sequential([Input((4, 3)), LSTM(5), Dense(2)])
    np.testing.assert_array_equal(getattr(model, method)(FORMS[form]()), model.predict(X))


@pytest.mark.parametrize("dtype", ["int8", "int64", "uint16", "bool", "float16"])
def test_other_number_types(dtype: str) -> None:
    x = (X * 3).astype(dtype)
    for layer in (GRU(5), Dense(2), Sequential([Input((4, 3)), LSTM(2)])):
        np.testing.assert_array_equal(layer(x), layer(x.astype(np.float32)))


def test_buffer_protocol() -> None:
    layer = Dense(2)
    row = array.array("d", [1.0, 2.0, 3.0])
    model = Sequential([Input((1,)), Dense(1)])
    assert model.predict(row).shape == (3, 1)  # a missing last axis of size 1, as in Keras
    np.testing.assert_array_equal(layer([row]), layer([[1.0, 2.0, 3.0]]))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("text", "<U4"),
        ([["a", "b", "c"]], "<U1"),
        (np.array([[None, 1.0, 2.0]]), "NoneType"),
        ([[1, 2], [3]], "inhomogeneous"),
        (np.zeros((2, 3), complex), "complex128"),
        (np.zeros((2, 3), "datetime64[s]"), "datetime64"),
        (np.zeros((2, 3), [("a", float)]), "'a'"),
        (np.ma.masked_array(np.zeros((2, 3)), mask=True), "MaskedArray"),
        (object(), "object"),
    ],
    ids=["text", "texts", "None", "ragged", "complex", "dates", "records", "masked", "object"],
)
def test_what_is_no_array_of_numbers(value: Any, reason: str) -> None:
    layer = Dense(2, name="head")
    with pytest.raises(DataError, match=rf"(?s)'head'.*{reason}"):
        layer(value)
    model = Sequential([Input((3,), name="features"), Dense(2)])
    with pytest.raises(DataError, match=rf"(?s)'features'.*{reason}"):
        model.predict(value)


@pytest.mark.parametrize("make", [SimpleRNN, LSTM, GRU, Dense])
@pytest.mark.parametrize("value", [None, {"a": X}, [], [X], [X, X]])
def test_what_is_no_single_array(make: Any, value: Any) -> None:
    layer = make(2, name="memory")
    for _ in range(2):  # before and after it is built
        with pytest.raises(RnnextError, match="'memory'"):
            layer(value)
        layer(X)


def test_a_call_without_input() -> None:
    for layer in (LSTM(2), Sequential([Input((4, 3)), LSTM(2)])):
        with pytest.raises(UnsupportedError, match="missing a required argument"):
            layer()


@pytest.mark.parametrize("device", ["__array__", "__dlpack__"])
def test_an_array_that_cannot_be_read(device: str) -> None:
    def refuse(*_args: Any, **_options: Any) -> Any:
        raise BufferError("the array is on another device")

    foreign = type("Foreign", (), {device: refuse, "__dlpack_device__": refuse})()
    with pytest.raises(DataError, match=r"'dense'.*another device"):
        Dense(2, name="dense")(foreign)


class TestShapes:
    @pytest.mark.parametrize("shape", [(4, 3), (2, 4, 3, 1), (3,), ()])
    @pytest.mark.parametrize("make", [SimpleRNN, LSTM, GRU])
    def test_rank_of_a_recurrent_layer(self, make: Any, shape: Any) -> None:
        layer = make(2, name="memory")
        message = r"'memory'.*3 axes.*\(batch, time, features\).*received shape"
        for _ in range(2):  # before and after it is built
            with pytest.raises(ShapeError, match=message):
                layer(np.zeros(shape, np.float32))
            layer(X)

    @pytest.mark.parametrize("make", [SimpleRNN, LSTM, GRU])
    def test_width_of_a_recurrent_layer(self, make: Any) -> None:
        layer = make(2, name="memory")
        layer(X)
        with pytest.raises(ShapeError, match=r"'memory'.*size 3 on axis -1.*\(2, 4, 5\)"):
            layer(np.zeros((2, 4, 5), np.float32))

    def test_dense(self) -> None:
        layer = Dense(2, name="head")
        layer(X)
        with pytest.raises(ShapeError, match=r"'head'.*size 3 on axis -1.*\(2, 4\)"):
            layer(np.zeros((2, 4), np.float32))
        with pytest.raises(ShapeError, match=r"'head'.*at least 2 axes.*\(3,\)"):
            layer(np.zeros(3, np.float32))

    @pytest.mark.parametrize("shape", [(2, 5, 3), (2, 4, 2), (2, 4), (2, 4, 3, 2)])
    def test_model(self, shape: Any) -> None:
        model = Sequential([Input((4, 3), name="series"), LSTM(2)])
        for run in (model.predict, model):
            with pytest.raises(ShapeError, match=rf"'series'.*\(None, 4, 3\).*\{shape}"[:-1]):
                run(np.zeros(shape, np.float32))

    def test_no_time_steps(self) -> None:
        empty = np.zeros((2, 0, 3), np.float32)
        for layer in (SimpleRNN(2), LSTM(2, return_sequences=True), GRU(2, activation=np.tanh)):
            for _ in range(2):
                with pytest.raises(ShapeError, match=r"at least one time step.*\(2, 0, 3\)"):
                    layer(empty)
                layer(X)

    def test_no_samples(self) -> None:
        empty = np.zeros((0, 4, 3), np.float32)
        assert SimpleRNN(2)(empty).shape == (0, 2)
        assert LSTM(2, return_sequences=True)(empty).shape == (0, 4, 2)
        assert [s.shape for s in LSTM(2, return_state=True)(empty)] == [(0, 2)] * 3
        assert GRU(2)(empty, mask=np.zeros((0, 4), bool)).shape == (0, 2)
        assert Dense(2)(empty).shape == (0, 4, 2)
        assert Flatten()(empty).shape == (0, 12)
        assert Embedding(3, 2)(np.zeros((0, 4), int)).shape == (0, 4, 2)

    def test_non_finite_values_stay_in_their_sample(self) -> None:
        layer, x = LSTM(2), X.copy()
        expected = layer(x)
        x[0, 1, 1] = np.nan
        result = layer(x)
        assert np.isnan(result[0]).all()
        np.testing.assert_array_equal(result[1], expected[1])

    @pytest.mark.parametrize(
        "state",
        [
            [np.zeros((2, 3))],
            [np.zeros((2, 4))] * 2,
            [np.zeros((3, 3))] * 2,
            [np.zeros((2, 3))] * 3,
        ],
    )
    def test_initial_state(self, state: Any) -> None:
        with pytest.raises(
            ShapeError, match=r"initial_state of layer 'memory'.*\[\(2, 3\), \(2, 3\)\].*received"
        ):
            LSTM(3, name="memory")(X, initial_state=state)

    @pytest.mark.parametrize("activation", ["tanh", np.tanh])
    @pytest.mark.parametrize(
        ("inputs", "states", "reason"),
        [
            (X[:, 0, :2], [np.zeros((2, 4))] * 2, r"size 3 on axis -1.*received shape \(2, 2\)"),
            (X, [np.zeros((2, 4))] * 2, r"2 axes.*received shape \(2, 4, 3\)"),
            (X[:, 0], [np.zeros((2, 4))], r"states of shapes .*received \[\(2, 4\)\]"),
            (X[:, 0], [np.zeros((2, 3))] * 2, r"states of shapes \[\(2, 4\), \(2, 4\)\]"),
            (X[:, 0], [np.zeros((3, 4))] * 2, r"states of shapes .*received \[\(3, 4\)"),
        ],
    )
    def test_one_step_of_a_cell(
        self, inputs: Any, states: Any, reason: str, activation: Any
    ) -> None:
        cell = LSTMCell(4, activation=activation, name="step")
        cell.build((None, 3))
        with pytest.raises(ShapeError, match=f"layer 'step' .*{reason}"):
            cell(inputs, states)

    def test_one_step_of_stacked_cells(self) -> None:
        cells = StackedRNNCells([LSTMCell(4), LSTMCell(4)], name="stack")
        cells.build((None, 3))
        with pytest.raises(ShapeError, match=r"'stack' .* states of 2 cells, received 1"):
            cells(X[:, 0], cells.get_initial_state(2)[:1])

    def test_steps_that_do_not_fit_the_layer_of_each_step(self) -> None:
        with pytest.raises(ShapeError, match=r"'image' \(Conv2D\) .*received shape \(None, 3\)"):
            TimeDistributed(Conv2D(2, 3, name="image"))(Input((4, 3)))

    def test_weights_that_are_no_list(self) -> None:
        with pytest.raises(DataError, match="list of weights"):
            Dense(2).set_weights(5)  # type: ignore[arg-type]

    def test_unknown_number_of_features(self) -> None:
        with pytest.raises(ShapeError, match="last axis"):
            LSTM(2)(Input((None, None)))
        with pytest.raises(ShapeError, match="last axis"):
            Dense(2)(Input((None,)))


class TestEmbeddingIds:
    def test_whole_floats_are_ids(self) -> None:
        layer = Embedding(4, 2)
        np.testing.assert_array_equal(layer(np.array([[0.0, 3.0]])), layer([[0, 3]]))

    @pytest.mark.parametrize("value", [4, -1, 2**40])
    def test_out_of_range(self, value: int) -> None:
        layer = Embedding(4, 2, name="words")
        with pytest.raises(DataError, match=rf"'words'.*id {value} is out of range.*0 to 3"):
            layer(np.array([[0, value]]))

    @pytest.mark.parametrize("value", [1.5, np.nan, np.inf])
    def test_no_whole_number(self, value: float) -> None:
        with pytest.raises(DataError, match=f"'words'.*whole numbers.*{value}"):
            Embedding(4, 2, name="words")(np.array([[0, value]]))

    def test_large_ids_are_not_rounded_on_the_way(self) -> None:
        """The input is declared float32, which has no 2**24 + 1."""
        table = np.zeros((2**24 + 2, 1), np.float32)
        table[-1] = 1
        model = Sequential([Input((1,)), Embedding(len(table), 1, weights=table)])
        assert model.predict(np.array([[2**24 + 1]]))[0, 0, 0] == 1


class TestOptions:
    @pytest.mark.parametrize("make", [SimpleRNN, LSTM, GRU, Dense])
    @pytest.mark.parametrize("units", [0, -1, 2.5, "3", True, None])
    def test_units(self, make: Any, units: Any) -> None:
        with pytest.raises(
            UnsupportedError, match="units must be an integer >= 1, received "
        ) as error:
            make(units)
        assert str(error.value).endswith(f"received {units!r}.")

    def test_unknown_option(self) -> None:
        with pytest.raises(UnsupportedError, match=r"'m' \(LSTM\).*time_mayor.*accepted.*units"):
            LSTM(2, time_mayor=True, name="m")

    @pytest.mark.parametrize("make", [SimpleRNN, LSTM, GRU])
    def test_the_cell_of_a_layer_that_makes_it_is_no_option(self, make: Any) -> None:
        with pytest.raises(UnsupportedError, match=r"unknown arguments \['cell'\]") as caught:
            make(2, cell=None)
        assert "'units'" in str(caught.value).partition("accepted: ")[2]
        with pytest.raises(UnsupportedError, match="unknown arguments") as caught:
            make(2, time_mayor=True)
        assert "'cell'" not in str(caught.value)

    def test_a_recurrent_layer_on_a_last_output(self) -> None:
        advice = r"3 axes \(batch, time, features\), received shape .*return_sequences=True"
        with pytest.raises(ShapeError, match=advice):
            Sequential([Input((None, 3)), LSTM(2), GRU(2)])
        layer = GRU(2)
        for _ in range(2):  # before it is built and after
            with pytest.raises(ShapeError, match=r"shape \(4, 3\)\. .*x\[np\.newaxis\]\.$"):
                layer(np.zeros((4, 3)))
            layer(np.zeros((1, 4, 3)))
        with pytest.raises(ShapeError, match=r"received shape \(1, 1, 4, 3\)\.$"):
            layer(np.zeros((1, 1, 4, 3)))

    def test_unknown_call_argument(self) -> None:
        message = r"'m' \(LSTM\).*'initial_states'.*constants.*Did you mean 'initial_state'\?$"
        with pytest.raises(UnsupportedError, match=message):
            LSTM(2, name="m")(X, initial_states=None)

    @pytest.mark.parametrize("make", [Dense, Activation, SimpleRNN])
    def test_unknown_activation(self, make: Any) -> None:
        options = {} if make is Activation else {"units": 2}
        with pytest.raises(UnsupportedError, match=r"'tanhh'.*accepted.*'tanh'"):
            make(activation="tanhh", **options)

    def test_unknown_activation_parameter(self) -> None:
        with pytest.raises(UnsupportedError, match=r"'relu'.*slope"):
            activations.get({"class_name": "relu", "config": {"slope": 0.1}})

    @pytest.mark.parametrize("option", ["activation", "recurrent_activation"])
    def test_glu_in_a_cell(self, option: str) -> None:
        with pytest.raises(UnsupportedError, match=rf"{option}='glu'"):
            LSTM(2, **{option: "glu"})

    def test_unknown_initializer(self) -> None:
        with pytest.raises(UnsupportedError, match=r"'glorot'.*accepted.*glorot_uniform"):
            Dense(2, kernel_initializer="glorot")

    @pytest.mark.parametrize("dtype", ["float8", "bfloat16x", "int32", {"class_name": "Foo"}])
    def test_unknown_dtype(self, dtype: Any) -> None:
        with pytest.raises(UnsupportedError, match="dtype"):
            Dense(2, dtype=dtype)

    @pytest.mark.parametrize("rate", [-0.1, 1.1, "half"])
    def test_dropout_rate(self, rate: Any) -> None:
        with pytest.raises(UnsupportedError, match="rate"):
            Dropout(rate)

    @pytest.mark.parametrize(
        "options", [{"lora_rank": 2}, {"quantization_config": {"mode": "int8"}}]
    )
    def test_options_that_would_change_the_answer(self, options: Any) -> None:
        for make in (lambda: Dense(2, **options), lambda: Embedding(2, 2, **options)):
            with pytest.raises(UnsupportedError, match="not supported"):
                make()

    @pytest.mark.parametrize(
        "options",
        [{}, {"shape": (2,), "batch_shape": (None, 2)}, {"shape": "ab"}, {"shape": (-1,)}],
    )
    def test_input_shape(self, options: Any) -> None:
        with pytest.raises(ShapeError, match="shape"):
            InputLayer(**options)

    @pytest.mark.parametrize("option", ["sparse", "ragged", "optional"])
    def test_inputs_that_are_no_dense_arrays(self, option: str) -> None:
        with pytest.raises(UnsupportedError, match=option):
            Input((2,), **{option: True})

    @pytest.mark.parametrize("name", ["", 3])
    def test_names(self, name: Any) -> None:
        with pytest.raises(RnnextError, match="name"):
            Dense(2, name=name)


class TestModelInputs:
    def two_inputs(self) -> Model:
        a, b = Input((2,), name="a"), Input((3,), name="b")
        return Model([a, b], [Dense(1)(a), Dense(1)(b)])

    @pytest.mark.parametrize("count", [1, 3])
    def test_number(self, count: int) -> None:
        with pytest.raises(ShapeError, match=rf"\['a', 'b'\].*received {count} values"):
            self.two_inputs().predict([np.zeros((1, 2))] * count)

    def test_an_array_where_a_list_is_needed(self) -> None:
        with pytest.raises(ShapeError, match=r"list of 2 arrays.*received ndarray"):
            self.two_inputs().predict(np.zeros((2, 2)))

    def test_names(self) -> None:
        with pytest.raises(ShapeError, match=r"\['a', 'b'\].*received \['a', 'c'\]"):
            self.two_inputs().predict({"a": np.zeros((1, 2)), "c": np.zeros((1, 3))})

    def test_a_list_of_one(self) -> None:
        model = Sequential([Input((4, 3)), GRU(2)])
        np.testing.assert_array_equal(model.predict([X]), model.predict(X))
        by_name = model.predict({model.input_names[0]: X})
        np.testing.assert_array_equal(by_name, model.predict(X))

    def test_symbolic_tensors_have_no_values(self) -> None:
        x = Input((3,))
        with pytest.raises(TypeError, match="KerasTensor"):
            np.tanh(x)
        with pytest.raises(TypeError, match="symbolic"):
            np.asarray(x)
        with pytest.raises(TypeError, match="symbolic"):
            bool(x)
