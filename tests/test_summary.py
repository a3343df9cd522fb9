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


# Keras says so of every model that makes its layers in its constructor and has no build().
@pytest.mark.filterwarnings(r"ignore:`build\(\)` was called on layer 'own':UserWarning")
@pytest.mark.parametrize("make", [decoder, twice, nested, own_class])
@pytest.mark.parametrize(
    "options",
    [{}, {"line_length": 75}, {"expand_nested": True, "show_trainable": True}],
    ids=lambda options: "+".join(options) or "default",
)
def test_text_is_that_of_keras(
    make: Callable[[Any], Any], options: dict[str, Any], keras: ModuleType
) -> None:
    keras.backend.clear_session()
    texts: list[str] = []
    for library in (keras, rnnext):
        make(library).summary(print_fn=texts.append, **options)
    theirs, ours = ([line.rstrip() for line in text.splitlines()] for text in texts)
    assert ours == [line for line in theirs if line]
