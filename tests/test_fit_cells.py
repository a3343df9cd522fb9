"""Courses of training of recurrent layers beside Keras: dropout in cells, stacks, own cells."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from same_dropout import use_computed_masks
from test_cell_gradients import minimal_cell, two_state_cell
from test_fit import (
    F,
    N,
    T,
    assert_fits,
    assert_same_logs,
    assert_same_weights,
    draw,
    keras,
    padded,
    stack,
    twins,
)

import rnnext

HEAD = (lambda k: k.Dense(1),)


def body(*make: Any, shape: Any = (T, F)) -> Any:
    return stack(*make, *HEAD, shape=shape)


@pytest.mark.parametrize("cell", ["SimpleRNN", "LSTM", "GRU"])
def test_dropout_in_cells(cell: str, monkeypatch: Any) -> None:
    use_computed_masks(monkeypatch, keras, per_sample=False)
    build = body(
        lambda k: k.Masking(),
        lambda k: getattr(k, cell)(4, dropout=0.2, recurrent_dropout=0.3, return_sequences=True),
        lambda k: k.Bidirectional(getattr(k, cell)(3, recurrent_dropout=0.4)),
    )
    assert_fits(build, padded(), draw(N, 1, seed=9))


def test_stacked_cells(monkeypatch: Any) -> None:
    use_computed_masks(monkeypatch, keras, per_sample=False)
    build = body(
        lambda k: k.RNN([k.LSTMCell(4, dropout=0.2), k.GRUCell(3)], return_sequences=True),
        lambda k: k.RNN(k.StackedRNNCells([k.GRUCell(3, recurrent_dropout=0.3), k.LSTMCell(2)])),
    )
    assert_fits(build, draw(N, T, F), draw(N, 1, seed=9))


@pytest.mark.parametrize("make", [minimal_cell, two_state_cell])
def test_own_cells(make: Any) -> None:
    def build(k: Any) -> Any:
        return k.models.Sequential(
            [
                k.layers.Input((T, F)),
                k.layers.Masking(),
                k.layers.RNN(make(k, "float32"), return_sequences=True),
                k.layers.RNN([k.layers.GRUCell(3), make(k, "float32")], go_backwards=True),
                k.layers.Dense(1),
            ]
        )

    assert_fits(build, padded(), draw(N, 1, seed=9))


@pytest.mark.parametrize("rates", [{}, {"dropout": 0.2, "recurrent_dropout": 0.3}], ids=str)
def test_conv_lstm(rates: Any, monkeypatch: Any) -> None:
    use_computed_masks(monkeypatch, keras, per_sample=False)
    build = body(
        lambda k: k.ConvLSTM2D(2, 2, padding="same", return_sequences=True, **rates),
        lambda k: k.BatchNormalization(),
        lambda k: k.ConvLSTM2D(2, 2, **rates),
        lambda k: k.Flatten(),
        shape=(3, 4, 3, 2),
    )
    assert_fits(build, draw(N, 3, 4, 3, 2), draw(N, 1, seed=9))


def test_a_stateful_stack() -> None:
    def build(k: Any) -> Any:
        layer = k.layers.RNN([k.layers.LSTMCell(3), k.layers.GRUCell(2)], stateful=True)
        return k.models.Sequential(
            [k.layers.Input(batch_shape=(5, T, F)), layer, k.layers.Dense(1)]
        )

    theirs, ours = twins(build)
    x, y = draw(N, T, F), draw(N, 1, seed=9)
    options = {"batch_size": 5, "epochs": 2, "shuffle": False, "verbose": 0}
    expected = theirs.fit(x, y, **options).history
    assert_same_logs(ours.fit(x, y, **options).history, expected)
    assert_same_weights(ours, theirs)


def test_a_cell_as_a_layer() -> None:
    """An unrolled network, written with cells in a functional model."""

    def build(k: Any) -> Any:
        x = k.layers.Input((F,))
        cell = k.layers.LSTMCell(4)
        zeros = k.layers.Dense(4, kernel_initializer="zeros")(x)
        h, states = cell(x, [zeros, zeros])
        h, _ = cell(x, states)
        return k.models.Model(x, k.layers.Dense(1)(h))

    assert_fits(build, draw(N, F), draw(N, 1, seed=9))


def test_dropout_of_a_fit_is_repeatable() -> None:
    def weights(seed: int) -> Any:
        rnnext.set_random_seed(seed)
        model = body(lambda k: k.GRU(4, dropout=0.3, recurrent_dropout=0.3))(rnnext)
        model.compile("adam", "mse")
        model.fit(draw(N, T, F), draw(N, 1), epochs=2, verbose=0)
        return np.concatenate([w.ravel() for w in model.get_weights()])

    np.testing.assert_array_equal(weights(1), weights(1))
    assert not np.array_equal(weights(1), weights(2))
