"""Stacked cells, whole sequences at a time, beside the loop over their steps."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from rnnext import _core, layers, nest
from rnnext.layers.rnn.kernel_stack import KernelStack
from rnnext.layers.rnn.step_loop import StepLoop

CELLS: dict[str, Any] = {
    "one": lambda: [layers.LSTMCell(5)],
    "three": lambda: [layers.GRUCell(4), layers.LSTMCell(17), layers.SimpleRNNCell(3)],
    "no kernel for an activation": lambda: [
        layers.GRUCell(4, activation=np.cbrt),
        layers.LSTMCell(3),
    ],
}
BITS = (
    _core.RETURN_SEQUENCES,
    _core.RETURN_STATE,
    _core.GO_BACKWARDS,
    _core.ZERO_OUTPUT_FOR_MASK,
)
FLAGS = list(itertools.product([False, True], repeat=4))


def same_cell_twice() -> list[Any]:
    cell = layers.GRUCell(4)
    return [cell, cell]


@pytest.mark.parametrize("flags", FLAGS, ids=lambda flags: "".join("ft"[flag] for flag in flags))
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("with_state", [False, True])
@pytest.mark.parametrize("make_cells", [*CELLS.values(), same_cell_twice])
def test_same_bits_as_the_loop(
    make_cells: Any, with_state: bool, masked: bool, flags: tuple[bool, ...]
) -> None:
    rng = np.random.default_rng(1)
    stack = layers.StackedRNNCells(make_cells())
    x = rng.standard_normal((3, 6, 4)).astype("float32")
    stack.build(x[:, 0].shape)
    mask = None
    if masked:
        mask = np.array([[1, 1, 1, 0, 1, 0], [0, 0, 1, 1, 0, 1], [0, 0, 0, 0, 0, 0]], dtype=bool)
        x[~mask] = np.nan  # which must not leak
    states = None
    if with_state:
        zeros = stack.get_initial_state(3)
        drawn = nest.map_structure(lambda s: rng.standard_normal(s.shape).astype("float32"), zeros)
        states = tuple(drawn)
    bits = sum(bit * flag for bit, flag in zip(BITS, flags, strict=True)) | _core.STRICT
    expected = StepLoop(stack).run(x, states, mask, bits)
    actual = KernelStack(stack).run(x, states, mask, bits)
    assert nest.map_structure(np.shape, actual) == nest.map_structure(np.shape, expected)
    for a, b in zip(nest.flatten(actual), nest.flatten(expected), strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.isnan(a).any()


def test_layers_choose_it() -> None:
    runner = layers.RNN(CELLS["three"]())._runner()
    assert isinstance(runner, KernelStack)


class OwnCell(layers.GRUCell):
    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        return super().call(inputs * 2, states, training)


@pytest.mark.parametrize(
    "cells",
    [
        [layers.GRUCell(2), OwnCell(2)],
        [layers.GRUCell(2), layers.GRUCell(2, dtype="float64")],
    ],
    ids=["of a user's class", "of another dtype"],
)
def test_others_run_step_by_step(cells: list[Any]) -> None:
    layer = layers.RNN(cells, return_sequences=True)
    assert isinstance(layer._runner(), StepLoop)
    assert layer(np.ones((1, 3, 2), "float32")).shape == (1, 3, 2)
