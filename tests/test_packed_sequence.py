"""A torch PackedSequence given to Keras's layers and models: one value, or an error.

The class here is as torch's, so that the tests need no torch.
"""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import rnnext
from rnnext import layers, nest
from rnnext.errors import RnnextError

_Fields = collections.namedtuple(
    "_Fields", ["data", "batch_sizes", "sorted_indices", "unsorted_indices"]
)


class PackedSequence(_Fields):
    """As torch.nn.utils.rnn.PackedSequence: it checks its arguments."""

    def __new__(
        cls,
        data: Any,
        batch_sizes: Any = None,
        sorted_indices: Any = None,
        unsorted_indices: Any = None,
    ) -> Any:
        if batch_sizes is None:
            assert len(data) == 2
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)


PACKED = PackedSequence(np.zeros((6, 3), "float32"), np.array([2, 2, 1, 1]))
X = np.zeros((2, 4, 3), "float32")


def model() -> Any:
    return rnnext.Sequential([layers.Input((None, 3)), layers.LSTM(2)])


class Own(rnnext.Model):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = layers.LSTM(2)

    def call(self, x: Any) -> Any:
        return self.lstm(x)


def two_inputs() -> Any:
    a, b = layers.Input((None, 3)), layers.Input((None, 3))
    return rnnext.Model([a, b], layers.Add()([a, b]))


CALLS: dict[str, Callable[[], Any]] = {
    "gru": lambda: layers.GRU(2)(PACKED),
    "bidirectional": lambda: layers.Bidirectional(layers.LSTM(2))(PACKED),
    "cells": lambda: layers.RNN(layers.LSTMCell(2))(PACKED),
    "dense": lambda: layers.Dense(2)(PACKED),
    "time distributed": lambda: layers.TimeDistributed(layers.Dense(2))(PACKED),
    "masking": lambda: layers.Masking()(PACKED),
    "add": lambda: layers.Add()(PACKED),
    "mask": lambda: layers.LSTM(2)(X, mask=PACKED),
    "initial state": lambda: layers.LSTM(2)(X, initial_state=PACKED),
    "model": lambda: model()(PACKED),
    "predict": lambda: model().predict(PACKED),
    "predict_on_batch": lambda: model().predict_on_batch(PACKED),
    "deferred": lambda: rnnext.Sequential([layers.LSTM(2)])(PACKED),
    "deferred predict": lambda: rnnext.Sequential([layers.LSTM(2)]).predict(PACKED),
    "own class": lambda: Own()(PACKED),
    "own class predict": lambda: Own().predict(PACKED),
    "one of two": lambda: two_inputs()([X, PACKED]),
    "step": lambda: model().stream().step(PACKED),
    "chunk": lambda: model().stream().chunk(PACKED),
    "ops": lambda: rnnext.ops.tanh(PACKED),
}


@pytest.mark.parametrize("case", CALLS)
def test_refused_with_a_way_on(case: str) -> None:
    with pytest.raises(RnnextError, match=r"PackedSequence, .*pad_packed_sequence.*from_torch"):
        CALLS[case]()


def test_two_inputs_are_not_two_fields() -> None:
    with pytest.raises(RnnextError, match=r"list of 2 arrays .* received PackedSequence"):
        two_inputs()(PACKED)


class Pair(NamedTuple):
    a: Any
    b: Any


class Checked(collections.namedtuple("Checked", ["a", "b"])):
    """A user's, made from one argument."""

    def __new__(cls, both: Any) -> Any:
        return super().__new__(cls, *both)


@pytest.mark.parametrize("make", [Pair, lambda a, b: Checked((a, b))])
def test_a_users_named_tuple_stays_one(make: Callable[[Any, Any], Any]) -> None:
    a, b = layers.Input((3,)), layers.Input((3,))
    outer = rnnext.Model(make(a, b), make(a + b, a * b))
    ones = np.ones((2, 3), "float32")
    result = outer(make(ones, ones))
    assert type(result) is type(make(1, 2))
    np.testing.assert_array_equal(result.a, ones + ones)
    assert nest.map_structure(lambda x: x + 1, make(1, (2, 3))) == (2, (3, 4))
