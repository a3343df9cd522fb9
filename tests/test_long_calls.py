"""Calls that take long are cut into slices: the same bits, and Ctrl-C is noticed between them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest
from stream_checks import same_bits

from rnnext.layers import GRU, LSTM, Bidirectional, Dense, SimpleRNN

STEPS, UNITS = 40_000, 32

CELLS = {
    "simple_rnn": lambda **kw: SimpleRNN(4 * UNITS, **kw),
    "lstm": lambda **kw: LSTM(UNITS, **kw),
    "gru": lambda **kw: GRU(UNITS, **kw),
}


def inputs(batch: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((batch, STEPS, 4)).astype("float32")


def mask_of(batch: int) -> np.ndarray:
    """Whole slices are masked, at the beginning of some samples and at the end of others."""
    mask = np.random.default_rng(1).random((batch, STEPS)) < 0.7
    for b in range(batch):
        start = (b * STEPS) // (batch + 2)
        mask[b, start : start + 30_000] = False
    return mask


@pytest.mark.parametrize("masked", ["all", "masked", "zeros"])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_slices_have_the_bits_of_one_run(cell: str, backwards: bool, masked: str) -> None:
    batch = 14
    layer = CELLS[cell](
        return_sequences=True,
        return_state=True,
        go_backwards=backwards,
        zero_output_for_mask=masked == "zeros",
    )
    x, mask = inputs(batch), None if masked == "all" else mask_of(batch)
    states = [np.full((batch, layer.units), 0.3, "float32")] * layer.cell.state_count
    whole = layer(x, mask=mask, initial_state=states)
    for b in (0, 5, batch - 1):  # one sample is short enough for one run
        one = slice(b, b + 1)
        alone = layer(
            x[one],
            mask=None if mask is None else mask[one],
            initial_state=[state[one] for state in states],
        )
        assert all(same_bits(y[one], z) for y, z in zip(whole, alone, strict=True))


def test_the_last_output_of_a_slice_that_is_masked_to_its_end() -> None:
    layer = LSTM(UNITS)
    x, mask = inputs(14), mask_of(14)
    mask[:, 500:] = False
    assert same_bits(layer(x, mask=mask), layer(x[:, :500], mask=mask[:, :500]))


def test_both_directions() -> None:
    layer = Bidirectional(LSTM(UNITS, return_sequences=True))
    x = inputs(14)
    assert same_bits(layer(x)[3:4], layer(x[3:4]))


def test_dense() -> None:
    layer = Dense(512)
    x = np.random.default_rng(0).standard_normal((9000, 512)).astype("float32")
    assert same_bits(layer(x)[8000:8100], layer(x[8000:8100]))


PROGRAM = """
import signal, sys, numpy as np, rnnext
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background jobs ignore
from rnnext.layers import *
layer = {layer}
x = np.zeros({shape}, "float32")
layer(x[:1, :2])
print("ready", flush=True)
while True:
    layer(x)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to a process there")
@pytest.mark.parametrize(
    ("layer", "shape"),
    [("LSTM(512)", (64, 4000, 256)), ("LSTM(128)", (1, 2_000_000, 4))],
    ids=["many samples", "many steps"],
)
def test_ctrl_c_ends_a_long_call(layer: str, shape: tuple[int, ...]) -> None:
    """The whole call would take half a minute; no time is asserted, only that it did not end."""
    program = PROGRAM.format(layer=layer, shape=shape).replace("while True:\n    layer(x)", "")
    program += "layer(x)\nprint('ended')\n"
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    printed, errors = process.communicate(timeout=300)
    assert printed == ""
    assert "KeyboardInterrupt" in errors


class StoppedError(Exception):
    pass


def call_often(layer: Any, x: np.ndarray) -> None:
    for _ in range(100):
        layer(x)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers")
def test_a_handler_that_raises_is_heard_and_the_layer_goes_on() -> None:
    layer = LSTM(256)
    x = np.zeros((64, 2000, 256), "float32")
    expected = layer(x[:1])

    def handler(*_: Any) -> None:
        raise StoppedError

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(StoppedError):
            call_often(layer, x)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert same_bits(layer(x[:1]), expected)
