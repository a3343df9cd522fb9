"""The table that `model.summary()` prints, beside Keras's."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import rnnext
from rnnext.errors import UnsupportedError
from rnnext.layers import LSTM, Dense, Input, SimpleRNN
from rnnext.models import Model, Sequential


@pytest.fixture(autouse=True)
def fresh_names() -> None:
    rnnext.clear_session()


def small_model() -> Sequential:
    return Sequential([Input((10, 3)), SimpleRNN(5), Dense(2)])


class TestSummary:
    def test_stack(self) -> None:
        lines: list[str] = []
        small_model().summary(print_fn=lines.append, line_length=60)
        assert lines[0].splitlines() == [
            'Model: "sequential"',
            "┏━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━┓",
            "┃ Layer (type)             ┃ Output Shape      ┃   Param # ┃",
            "┡━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━┩",
            "│ simple_rnn (SimpleRNN)   │ (None, 5)         │        45 │",
            "├──────────────────────────┼───────────────────┼───────────┤",
            "│ dense (Dense)            │ (None, 2)         │        12 │",
            "└──────────────────────────┴───────────────────┴───────────┘",
            " Total params: 57 (228.00 B)",
            " Trainable params: 57 (228.00 B)",
            " Non-trainable params: 0 (0.00 B)",
        ]

    def test_graph_shows_connections(self, capsys: pytest.CaptureFixture[str]) -> None:
        a, b = Input((4, 2), name="a"), Input((4, 2), name="b")
        rnn = LSTM(3, return_state=True)
        model = Model([a, b], [*rnn(a), *rnn(b)])
        model.layers[-1].trainable = False
        model.summary(line_length=110)
        out = capsys.readouterr().out
        assert "Connected to" in out
        assert "a[0][0], b[0][0]" in out
        assert "[(None, 3), (None, 3)," in out
        assert " Non-trainable params: 72 (288.00 B)" in out

    def test_unbuilt(self, capsys: pytest.CaptureFixture[str]) -> None:
        Sequential([Dense(2)]).summary()
        assert "0 (unbuilt)" in capsys.readouterr().out

    def test_nested_layers(self, capsys: pytest.CaptureFixture[str]) -> None:
        model = Sequential([small_model(), Dense(1)])
        model.summary(expand_nested=True, show_trainable=True)
        out = capsys.readouterr().out
        assert "└ simple_rnn (SimpleRNN)" in out
        assert "Trainable" in out

    @pytest.mark.parametrize("length", [5, None])
    def test_layers_of_a_model_built_for_unknown_sizes(
        self, length: int | None, capsys: pytest.CaptureFixture[str]
    ) -> None:
        class Own(Model):
            def __init__(self) -> None:
                super().__init__()
                self.memory = LSTM(3, return_sequences=True)
                self.head = Dense(2)

            def call(self, x: Any) -> Any:
                return self.head(self.memory(x))

        model = Own()
        model.build((None, length, 4))
        model.summary()
        out = capsys.readouterr().out
        assert f"(None, {length}, 3)" in out
        assert f"(None, {length}, 2)" in out

    def test_layer_range(self, capsys: pytest.CaptureFixture[str]) -> None:
        model = small_model()
        model.summary(layer_range=["dense", "simple"])
        both = capsys.readouterr().out
        model.summary(layer_range=["dense", "dense"])
        one = capsys.readouterr().out
        assert "simple_rnn" in both
        assert "simple_rnn" not in one
        assert "dense (Dense)" in one

    @pytest.mark.parametrize("layer_range", [["dense"], ["dense", 1], ["dense", "gru"]])
    def test_bad_layer_range(self, layer_range: Any) -> None:
        with pytest.raises(UnsupportedError, match="layer_range"):
            small_model().summary(layer_range=layer_range)


def decoder(library: Any) -> Any:
    layers = library.layers
    sequence, h, c = layers.Input((None, 2)), layers.Input((4,)), layers.Input((4,))
    outputs = layers.LSTM(4, return_sequences=True, return_state=True)(
        sequence, initial_state=[h, c]
    )
    return library.Model([sequence, h, c], [layers.Dense(3)(outputs[0]), *outputs[1:]])


def twice(library: Any) -> Any:
    layers = library.layers
    x, shared = layers.Input((5, 3)), layers.LSTM(3)
    return library.Model(x, layers.Add()([shared(x), shared(x)]))


def nested(library: Any) -> Any:
    layers = library.layers
    inner = library.Sequential(
        [layers.Input((5, 3)), layers.LSTM(3, return_sequences=True)], name="inner"
    )
    x = layers.Input((5, 3))
    return library.Model(x, layers.GRU(2, trainable=False)(inner(x)))


def own_class(library: Any) -> Any:
    layers = library.layers

    class Own(library.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.blocks = [layers.LSTM(3, return_sequences=True), layers.LSTM(2, return_state=True)]
            self.unused = layers.Dense(1)

        def call(self, x: Any) -> Any:
            for block in self.blocks:
                x = block(x)
            return x[0]

    model = Own()
    model(np.ones((4, 5, 3), np.float32))
    return model


def ids_and_words(library: Any) -> tuple[Any, Any]:
    ids = library.layers.Input((5,), name="ids")
    return ids, library.layers.Embedding(10, 4, mask_zero=True)(ids)


def masked(library: Any) -> Any:
    layers, (ids, words) = library.layers, ids_and_words(library)
    states = layers.GRU(4, return_sequences=True)(layers.Dropout(0.2)(words))
    return library.Model(ids, layers.Dense(2)(layers.Bidirectional(layers.LSTM(3))(states)))


def masked_by_value(library: Any) -> Any:
    layers, x = library.layers, library.layers.Input((5, 3), name="x")
    both = layers.Bidirectional(layers.LSTM(2, return_sequences=True, return_state=True))
    return library.Model(x, both(layers.Masking()(x)))


def shared_masked(library: Any) -> Any:
    layers = library.layers
    a, b = layers.Input((5,), name="a"), layers.Input((5,), name="b")
    embed, rnn = layers.Embedding(10, 4, mask_zero=True), layers.LSTM(3, return_sequences=True)
    return library.Model([a, b], layers.Concatenate()([rnn(embed(a)), rnn(embed(b))]))


def joined_masks(library: Any) -> Any:
    layers, (ids, words) = library.layers, ids_and_words(library)
    both = layers.Concatenate()([words, layers.Dense(2)(words)])
    cells = [layers.LSTMCell(2), layers.GRUCell(3)]
    return library.Model(ids, layers.RNN(cells)(layers.Multiply()([both, both])))


def attention(library: Any) -> Any:
    layers, (ids, words) = library.layers, ids_and_words(library)
    seen = layers.Attention()([words, words])
    pooled = layers.GlobalAveragePooling1D()(layers.TimeDistributed(layers.Dense(3))(words))
    many = layers.MultiHeadAttention(2, 3)(words, words)
    return library.Model(ids, [layers.LSTM(2)(seen), layers.GRU(2)(many), pooled])


def mask_by_name_is_no_node(library: Any) -> Any:
    layers, (ids, words) = library.layers, ids_and_words(library)
    return library.Model(ids, layers.LSTM(2)(words, training=False))


def nested_masked(library: Any) -> Any:
    layers, (ids, words) = library.layers, ids_and_words(library)
    inner = library.Model(
        ids, layers.LSTM(3, return_sequences=True, trainable=False)(words), name="inner"
    )
    stack = library.Sequential([layers.Input((5, 3)), layers.GRU(2)], name="stack")
    a, b = layers.Input((5, 4)), layers.Input((5, 4))
    last = layers.LSTM(2, return_sequences=True)(layers.Add()([a, b]))
    pair = library.Model([a, b], last, name="pair")
    x = layers.Input((5,), name="x")
    other = layers.Embedding(3, 4, mask_zero=True)(x)
    return library.Model(x, [stack(inner(x)), layers.GRU(3)(pair([other, other]))])


def masked_stack(library: Any) -> Any:
    layers = library.layers
    return library.Sequential(
        [layers.Input((5,)), layers.Embedding(10, 4, mask_zero=True), layers.LSTM(3)]
    )


def two_heads_in_a_row(library: Any) -> Any:
    layers, x = library.layers, library.layers.Input((5, 3), name="x")
    first = layers.Dense(2)(x)
    return library.Model(x, [first, layers.Dense(3)(first)])


def unused_input(library: Any) -> Any:
    layers, (ids, words) = library.layers, ids_and_words(library)
    return library.Model([ids, layers.Input((2,), name="unused")], layers.LSTM(2)(words))


MASKED = [
    masked,
    masked_by_value,
    shared_masked,
    joined_masks,
    attention,
    mask_by_name_is_no_node,
    nested_masked,
    masked_stack,
    two_heads_in_a_row,
    unused_input,
]


# Keras says so of every model that makes its layers in its constructor and has no build().
@pytest.mark.filterwarnings(r"ignore:`build\(\)` was called on layer 'own':UserWarning")
@pytest.mark.filterwarnings(r"ignore:Layer '\w+' .* does not support masking:UserWarning")
@pytest.mark.parametrize("make", [decoder, twice, nested, own_class, *MASKED])
@pytest.mark.parametrize(
    ("options", "columns"),
    [
        ({}, "80"),
        ({}, "200"),
        ({"line_length": 75}, "80"),
        ({"expand_nested": True, "show_trainable": True}, "200"),
    ],
    ids=["narrow", "wide", "line_length", "all"],
)
def test_text_is_that_of_keras(
    make: Callable[[Any], Any],
    options: dict[str, Any],
    columns: str,
    keras: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    keras.backend.clear_session()
    texts: list[str] = []
    for library in (keras, rnnext):
        make(library).summary(print_fn=texts.append, **options)
    theirs, ours = ([line.rstrip() for line in text.splitlines()] for text in texts)
    assert ours == [line for line in theirs if line]


def test_names_of_masks_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """The symbolic masks are made once, and no other answer depends on them."""
    monkeypatch.setenv("COLUMNS", "200")
    model = shared_masked(rnnext)
    texts: list[str] = []
    ids = [np.array([[1, 2, 0, 0, 3]]), np.array([[0, 2, 0, 1, 3]])]
    before, config = model.predict(ids), model.to_json()
    for _ in range(2):
        model.summary(print_fn=texts.append)
    assert "not_equal_1 (NotEqual)" in texts[0]
    assert texts[0] == texts[1]
    np.testing.assert_array_equal(model.predict(ids), before)
    assert model.to_json() == config
    assert [layer.name for layer in model.operations] == [
        *("a", "b", "embedding", "lstm", "concatenate")
    ]


def test_summary_of_a_loaded_file_has_the_rows_once(
    tmp_path: Any, keras: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    keras.backend.clear_session()
    theirs = shared_masked(keras)
    theirs.save(tmp_path / "model.keras")
    texts: list[str] = []
    theirs.summary(print_fn=texts.append)
    rnnext.load_model(tmp_path / "model.keras").summary(print_fn=texts.append)
    expected, ours = ([line.rstrip() for line in text.splitlines()] for text in texts)
    assert ours == [line for line in expected if line]


def test_a_mask_of_the_users_own_is_not_asked_for_symbols() -> None:
    class Own(rnnext.layers.Layer):
        def call(self, x: Any) -> Any:
            return x

        def compute_mask(self, x: Any, previous_mask: Any = None) -> Any:  # noqa: ARG002
            return np.asarray(x)[..., 0] > 0

    x = Input((4, 2))
    model = Model(x, LSTM(3)(Own()(x)))
    texts: list[str] = []
    model.summary(print_fn=texts.append)
    assert "LSTM" in texts[0]


def test_names_may_meet(tmp_path: Any, keras: ModuleType) -> None:
    """An operation of a file and one that Keras adds can both be called not_equal."""
    keras.backend.clear_session()
    masked(keras).save(tmp_path / "model.keras")
    loaded = rnnext.load_model(tmp_path / "model.keras")
    rnnext.clear_session()
    model = Model(loaded.input, [loaded.output, LSTM(2)(loaded.get_layer("embedding").output)])
    texts: list[str] = []
    model.summary(print_fn=texts.append)
    assert texts[0].count("(NotEqual)") == 2


def test_metrics_names() -> None:
    model = small_model()
    assert model.metrics_names == []
