"""`rnnext.explain`: the formulas' numbers are the kernel's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rnnext
from rnnext.layers import GRU, LSTM, RNN, Bidirectional, Dense, LSTMCell, SimpleRNN

LAYERS = [
    lambda: SimpleRNN(3, name="layer"),
    lambda: SimpleRNN(3, activation="relu", use_bias=False, name="layer"),
    lambda: LSTM(7, name="layer"),
    lambda: LSTM(3, go_backwards=True, return_sequences=True, stateful=False, name="layer"),
    lambda: GRU(3, name="layer"),
    lambda: GRU(3, reset_after=False, name="layer"),
    lambda: GRU(3, use_bias=False, dtype="float64", name="layer"),
    lambda: RNN(LSTMCell(3), name="layer"),
]


def built(layer: Any) -> Any:
    layer.build((None, None, 4))
    for weight in layer.weights:
        weight.assign(np.random.default_rng(1).standard_normal(weight.shape) / 2)
    return layer


@pytest.mark.parametrize("step", [0, 1, -1])
@pytest.mark.parametrize("make", LAYERS)
def test_by_hand_is_what_the_kernel_computes(make: Any, step: int) -> None:
    layer = built(make())
    x = np.random.default_rng(0).standard_normal((2, 5, 4))
    (section,) = rnnext.explain(layer, x, step=step, sample=1).sections
    trace = layer.trace(x)
    for line in section.lines:
        assert (line.kernel == trace[line.formula.name][1, step]).all()
        assert line.difference < 1e-6
        assert np.abs(line.by_hand).max() > 0
    assert (section.x == x[1, trace.steps[step]].astype(layer.compute_dtype)).all()


@pytest.mark.parametrize("name", ["z", "r", "g", "h"])
def test_a_wrong_weight_shows(name: str) -> None:
    """The two columns are computed apart: a kernel with other weights differs in every line."""
    layer = built(GRU(3))
    layer(np.zeros((1, 1, 4)))
    packed = layer.cell._packed
    layer.cell.kernel.assign(2 * layer.cell.kernel.value)
    layer.cell.__dict__["_packed"] = packed
    (section,) = rnnext.explain(layer).sections
    assert {line.formula.name: line.difference > 1e-3 for line in section.lines}[name]


def test_text_and_table() -> None:
    layer = built(LSTM(5, name="lstm"))
    text = str(rnnext.explain(layer))
    assert text.startswith("layer 'lstm' (LSTM): one step takes x (4,), h' (5,) and c' (5,)")
    assert "their columns are i 0:5, f 5:10, g 10:15, o 15:20" in text
    assert "c = f * c' + i * g" in text
    assert "by hand, float64" in text
    table = rnnext.explain(layer)._repr_html_()
    assert "<td style='text-align:left'>f * c&#x27; + i * g</td>" in table
    assert table.count("<tr>") == 7
    both = Bidirectional(GRU(2))
    both.build((None, None, 4))
    assert len(rnnext.explain(both).sections) == 2


def test_messages() -> None:
    with pytest.raises(
        rnnext.UnsupportedError, match=r"accepted are SimpleRNN, LSTM, GRU and a Bi"
    ):
        rnnext.explain(Dense(2))
    with pytest.raises(rnnext.UnsupportedError, match=r"has no weights yet; build it or call it"):
        rnnext.explain(LSTM(2))
    with pytest.raises(rnnext.ShapeError, match=r"sample 0, step 3 of an input of 1 samples and 3"):
        rnnext.explain(built(LSTM(2)), step=3)
