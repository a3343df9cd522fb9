"""Messages that help: the name that was meant, and what a stateful model was built for."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnnext
from rnnext.errors import RnnextError, ShapeError, UnsupportedError
from rnnext.layers import GRU, LSTM, Dense

X = np.zeros((2, 5, 4), "float32")


class TestDidYouMean:
    """Mistyped names: the message ends with the right one."""

    @pytest.mark.parametrize(
        ("call", "meant"),
        [
            (lambda: LSTM(3, retrun_sequences=True), "return_sequences"),
            (lambda: LSTM(3, input_shap=(3, 4)), "input_shape"),
            (lambda: LSTM(3, zero_output_for_masks=True), "zero_output_for_mask"),
            (lambda: rnnext.layers.GRUCell(3, recurent_dropout=0.1), "recurrent_dropout"),
            (lambda: rnnext.layers.Embedding(3, 4, input_lenght=3), "input_length"),
            (lambda: rnnext.layers.Bidirectional(LSTM(2), mergemode="sum"), "merge_mode"),
            (lambda: rnnext.layers.Conv1D(3, 2, stride=2), "strides"),
            (lambda: rnnext.layers.concatenate([X, X], axiss=1), "axis"),
            (lambda: rnnext.Input(shpe=(3,)), "shape"),
            (lambda: rnnext.Sequential(layer=[]), "layers"),
            (lambda: rnnext.Model(input=rnnext.Input((3,)), outputs=[]), "inputs"),
            (lambda: rnnext.ops.softmax(X, axs=1), "axis"),
            (lambda: LSTM(3)(X, maskk=None), "mask"),
            (lambda: Dense(3, activation="rleu"), "relu"),
            (lambda: Dense(3, kernel_initializer="glorot_unifrom"), "glorot_uniform"),
            (lambda: Dense(3, kernel_constraint="maxnorm_"), "MaxNorm"),
            (lambda: Dense(3, dtype="flaot32"), "float32"),
            (lambda: rnnext.Sequential([Dense(2, name="head")]).get_layer("haed"), "head"),
        ],
    )
    def test_name(self, call: Any, meant: str) -> None:
        with pytest.raises(RnnextError, match=rf"Did you mean '{meant}'\?$"):
            call()

    def test_no_guess_where_nothing_is_near(self) -> None:
        with pytest.raises(UnsupportedError, match=r"'momentum'.*\]\.$"):
            LSTM(3, momentum=0.9)


class TestStatefulBatch:
    """A stateful model that is given another number of samples than it has states."""

    MAKERS = (
        lambda: LSTM(3, stateful=True),
        lambda: rnnext.layers.Bidirectional(GRU(3, stateful=True)),
        lambda: rnnext.layers.RNN([rnnext.layers.GRUCell(2)], stateful=True),
    )

    @pytest.mark.parametrize("make", MAKERS)
    @pytest.mark.parametrize(("samples", "batch_size"), [(1, None), (3, None), (3, 2), (4, 4)])
    def test_predict(self, make: Any, samples: int, batch_size: int | None) -> None:
        model = rnnext.Sequential([rnnext.Input(batch_shape=(2, 5, 4)), make()])
        x = np.ones((samples, 5, 4), "float32")
        before = model.predict(x[:1].repeat(2, 0))
        model.reset_states()
        message = (
            rf"stateful=True.* 2 samples of the batch it was built for; .*received .*{samples}"
        )
        with pytest.raises(ShapeError, match=message):
            model.predict(x, batch_size=batch_size)
        np.testing.assert_array_equal(model.predict(x[:1].repeat(2, 0)), before)

    @pytest.mark.parametrize("samples", [1, 3])
    def test_call(self, samples: int) -> None:
        model = rnnext.Sequential([rnnext.Input(batch_shape=(2, 5, 4)), LSTM(3, stateful=True)])
        message = rf"\(LSTM\): stateful=True.* 2 samples.*received a batch of {samples}\."
        with pytest.raises(ShapeError, match=message):
            model(np.ones((samples, 5, 4), "float32"))

    def test_multiples_are_predicted_batch_by_batch(self) -> None:
        model = rnnext.Sequential([rnnext.Input(batch_shape=(2, 5, 4)), LSTM(3, stateful=True)])
        x = np.ones((4, 5, 4), "float32")
        y = model.predict(x)
        model.reset_states()
        np.testing.assert_array_equal(model.predict(x, batch_size=2), y)
        assert not np.array_equal(y[:2], y[2:])


# What a message may end in instead: another message, or a hint that is a sentence.
_CARRIED = (
    r"\{(error(\.strerror)?|hint|reason|install|said|one\.advice|(did_you_mean|_described)\(.*)\}"
)


def _ending(message: ast.expr) -> str:
    """The last part of the text of a message; a value in it is in braces."""
    if isinstance(message, ast.BinOp):
        return _ending(message.right)
    if isinstance(message, ast.JoinedStr):
        last = message.values[-1]
        message = last.value if isinstance(last, ast.FormattedValue) else last
        if isinstance(last, ast.FormattedValue):
            return f"{{{ast.unparse(message)}}}"
    return message.value if isinstance(message, ast.Constant) else "."  # made elsewhere


def test_messages_end_in_a_full_stop() -> None:
    """So does every message that is written where it is raised."""
    package = Path(rnnext.__file__).parent
    wrong, count = [], 0
    for file in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.Raise) or not isinstance(node.exc, ast.Call):
                continue
            if isinstance(node.exc.func, ast.Attribute):  # which adds the stop
                continue
            for message in node.exc.args[:1]:
                count += 1
                ending = str(_ending(message)).rstrip()
                if not re.search(r"([.?!]|\.\))$", ending) and not re.fullmatch(_CARRIED, ending):
                    wrong.append(f"{file.relative_to(package)}:{node.lineno}: {ending}")
    assert count > 500
    assert not wrong, "\n".join(wrong)
