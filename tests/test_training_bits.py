"""Training gives the same bits at any number of threads, whoever runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import rnnext
from rnnext import _core
from rnnext.keras import layers

THREADINGS = ["pool", "openmp"] if _core.threading() == "openmp" else ["pool"]


@pytest.fixture(params=THREADINGS)
def threading(request: pytest.FixtureRequest) -> Iterator[str]:
    before = _core.threading()
    _core.set_threading(request.param)
    yield request.param
    _core.set_threading(before)


def gru_before(units: int, **options: Any) -> Any:
    return layers.GRU(units, reset_after=False, **options)


def dropping(make: Any) -> Any:
    """All layers of this kind drop inputs and states."""
    return lambda units: make(units, dropout=0.2, recurrent_dropout=0.3)


RECURRENT = {
    "SimpleRNN": layers.SimpleRNN,
    "LSTM": layers.LSTM,
    "GRU": layers.GRU,
    "GRU before": gru_before,
    "LSTM with dropout": dropping(layers.LSTM),
    "GRU before with dropout": dropping(gru_before),
    "Bidirectional": lambda units: layers.Bidirectional(layers.LSTM(units, return_sequences=True)),
}


def trained(recurrent: Callable[[int], Any], masked: bool) -> list[Any]:
    """The weights after a few steps, with more than one layer and a smaller last batch."""
    rnnext.set_random_seed(3)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 21, 33)).astype("float32")
    x[::3, 15:] = 0
    front = [layers.Masking()] if masked else []
    last = recurrent(48)
    back = [layers.GRU(16)] if isinstance(last, layers.Bidirectional) else []
    model = rnnext.keras.Sequential(
        [
            layers.Input((21, 33)),
            *front,
            layers.LSTM(40, return_sequences=True),
            layers.Dropout(0.2),
            last,
            *back,
            layers.Dense(70, activation="tanh"),
            layers.Dense(1),
        ]
    )
    model.compile("adam", "mse")
    model.fit(x, x.mean(axis=(1, 2)), batch_size=37, epochs=2, verbose=0)
    return model.get_weights()


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", RECURRENT)
def test_weights_after_steps_have_the_same_bits(
    name: str, masked: bool, threading: str, set_num_threads: Callable[[int], None]
) -> None:
    assert _core.threading() == threading
    set_num_threads(1)
    one = trained(RECURRENT[name], masked)
    for threads in (2, 3, 4):
        set_num_threads(threads)
        for a, b in zip(one, trained(RECURRENT[name], masked), strict=True):
            assert a.tobytes() == b.tobytes(), threads


def test_inputs_of_a_model_have_no_gradients_that_nobody_reads() -> None:
    """A layer's gradients are the same whether or not that of its inputs is computed."""
    from rnnext.graph.recording import Recording

    x = np.random.default_rng(0).normal(size=(3, 5, 2)).astype("float32")
    for layer in (layers.LSTM(4), layers.Bidirectional(layers.GRU(4))):
        layer.build(x.shape)
        gradients = []
        for data in (frozenset(), frozenset({id(x)})):
            recording = Recording(training=True)
            recording.data = data
            output, pullback = layer.record(recording, x)
            d_x = pullback([np.ones_like(output)])[0]
            assert (d_x is None) == bool(data)
            gradients.append([recording.gradients[id(w)] for w in layer.trainable_weights])
        for wanted, unwanted in zip(*gradients, strict=True):
            np.testing.assert_array_equal(wanted, unwanted)
