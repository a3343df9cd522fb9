"""Spectra of signals: messages of rnnext.ops, and lengths that a graph does not know."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnext import ops
from rnnext.errors import DataError, RnnextError, ShapeError, UnsupportedError
from rnnext.layers import Input
from rnnext.models import Model

SIGNAL = np.sin(np.arange(60, dtype="float32")).reshape(2, 30)


@pytest.mark.parametrize(
    ("function", "args", "error", "message"),
    [
        ("fft", (SIGNAL,), UnsupportedError, "x must be a pair of arrays"),
        ("fft", ((SIGNAL, SIGNAL[:1]),), ShapeError, r"received \(2, 30\) and \(1, 30\)"),
        ("irfft", (([1, 2], [3, 4]),), DataError, "x must be floats, received int32 and int32"),
        ("rfft", (SIGNAL, 0), UnsupportedError, "fft_length must be an integer >= 1, received 0"),
        ("stft", (SIGNAL, 8, 2, 4), UnsupportedError, "sequence_length=8, fft_length=4"),
        ("stft", (SIGNAL, 4, 0, 4), UnsupportedError, "sequence_stride must be an integer >= 1"),
        ("stft", (SIGNAL, 4, 2, 4, "bell"), UnsupportedError, r"\['hamming', 'hann'\].*'bell'"),
        ("stft", (SIGNAL, 4, 2, 4, [1.0]), ShapeError, r"shape \(4,\) .* received \(1,\)"),
        ("extract_sequences", (1.0, 4, 2), ShapeError, "received a number"),
    ],
)
def test_messages(
    function: str, args: tuple[Any, ...], error: type[RnnextError], message: str
) -> None:
    with pytest.raises(error, match=f"^ops.{function}: .*{message}"):
        getattr(ops, function)(*args)


def test_lengths_that_a_graph_does_not_know() -> None:
    x = Input((None,))
    real, imag = ops.stft(x, 6, 3, 8)
    assert real.shape == imag.shape == (None, None, 5)
    whole = ops.istft((real, imag), 6, 3, 8)
    windows = ops.extract_sequences(x, 7, 2)
    assert whole.shape == (None, None)
    assert windows.shape == (None, None, 7)
    model = Model(x, [whole, windows, real])
    for length in (30, 21, 7):
        signal = SIGNAL[:, :length]
        again, cut, spectrum = model(signal)
        np.testing.assert_allclose(again, signal[:, : again.shape[1]], atol=1e-5)
        assert cut.shape[1] == 1 + (length - 7) // 2
        assert spectrum.shape[1] == 1 + length // 3
    assert ops.extract_sequences(SIGNAL[:, :5], 7, 2).shape == (2, 0, 7)
