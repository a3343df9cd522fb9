"""predict cuts along the first axis only what has its samples there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnext import layers, ops
from rnnext.errors import UnsupportedError
from rnnext.models import Model, batching

X = np.random.default_rng(0).random((70, 5, 3), dtype="float32")


def time_major(x: Any, swap: Callable[[Any], Any]) -> Model:
    """A GRU over axis 0."""
    return Model(x, swap(layers.GRU(4, return_sequences=True)(swap(x))))


SWAPS = {
    "transpose": lambda x: ops.transpose(x, (1, 0, 2)),
    "swapaxes": lambda x: ops.swapaxes(x, 0, 1),
    "moveaxis": lambda x: ops.moveaxis(x, 0, 1),
}


@pytest.mark.parametrize("swap", SWAPS)
def test_moved_first_axis(swap: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "_MEMORY_BYTES", 1)  # so that predict cuts after 32 rows
    model = time_major(layers.Input((None, 3)), SWAPS[swap])
    np.testing.assert_array_equal(model.predict(X), model(X))
    with pytest.raises(UnsupportedError, match=rf"samples of '{swap}.*' are not on the first axis"):
        model.predict(X, batch_size=32)
    x = layers.Input((None, 3))
    outer = Model(x, layers.ReLU()(model(x)))
    np.testing.assert_array_equal(outer.predict(X), outer(X))


def test_states_on_the_first_axis() -> None:
    x = layers.Input((None, 3))
    h_0 = layers.Input(batch_shape=(2, None, 4), name="h_0")
    first, second = ops.unstack(h_0, 2, axis=0)
    y, h_1 = layers.GRU(4, return_sequences=True, return_state=True)(x, initial_state=first)
    _, h_2 = layers.GRU(4, return_state=True)(y, initial_state=second)
    model = Model([x, h_0], ops.stack([h_1, h_2]))
    states = np.ones((2, 70, 4), "float32")
    np.testing.assert_array_equal(model.predict([X, states]), model([X, states]))
    with pytest.raises(UnsupportedError, match="the samples of 'h_0' are not on the first axis"):
        model.predict([X, states], batch_size=2)


def test_other_graphs_are_cut() -> None:
    x = layers.Input((5, 3))
    moved = ops.swapaxes(ops.moveaxis(ops.transpose(x, (0, 2, 1)), -1, 1), 1, 2)
    model = Model(x, layers.Permute((2, 1))(moved))
    np.testing.assert_array_equal(model.predict(X, batch_size=32), X)
    one_sample = layers.Input(batch_shape=(1, None, 3))
    stateful = Model(one_sample, layers.GRU(4, stateful=True)(one_sample))
    assert stateful.predict(X[:6, :2]).shape == (6, 4)
