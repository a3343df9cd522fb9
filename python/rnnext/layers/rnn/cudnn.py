"""Keras 2's layers for cuDNN, which are an LSTM and a GRU with fixed options."""

from __future__ import annotations

from typing import Any

from rnnext.errors import UnsupportedError
from rnnext.layers.rnn.gru import GRU
from rnnext.layers.rnn.lstm import LSTM

__all__ = ["CuDNNGRU", "CuDNNLSTM"]

# What cuDNN computes in one way only, and what its layers had no option for.
_FIXED = (
    *("activation", "recurrent_activation", "use_bias", "reset_after"),
    *("dropout", "recurrent_dropout", "unroll", "use_cudnn"),
)


def CuDNNLSTM(units: int, **options: Any) -> LSTM:  # noqa: N802 - Keras's name
    """Makes an `LSTM` that computes what Keras 2's layer of this name does.

    Args:
        units: Number of units H.
        **options: Those of `LSTM`, without activations, `use_bias`, dropout and `unroll`.

    Raises:
        UnsupportedError: If one of those is given.

    Example:
        >>> from rnnext.layers import CuDNNLSTM
        >>> CuDNNLSTM(4, return_sequences=True).get_config()["recurrent_activation"]
        'sigmoid'
    """
    return LSTM(units, **_checked("CuDNNLSTM", options))


def CuDNNGRU(units: int, **options: Any) -> GRU:  # noqa: N802 - Keras's name
    """Makes a `GRU` that computes what Keras 2's layer of this name does.

    Args:
        units: Number of units H.
        **options: Those of `GRU`, without activations, `use_bias`, `reset_after`, dropout and
            `unroll`.

    Raises:
        UnsupportedError: If one of those is given.
    """
    return GRU(units, reset_after=True, **_checked("CuDNNGRU", options))


def _checked(layer: str, options: dict[str, Any]) -> dict[str, Any]:
    fixed = [name for name in options if name in _FIXED]
    if fixed:
        raise UnsupportedError(
            f"{layer}: arguments {fixed} are not accepted: cuDNN computes tanh and sigmoid, with "
            f"biases and without dropout. Use {layer.removeprefix('CuDNN')}."
        )
    return options
