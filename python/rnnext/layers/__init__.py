"""Keras's layers, under their Keras names."""

from __future__ import annotations

from rnnext.layers.dense import Dense
from rnnext.layers.input import Input, InputLayer
from rnnext.layers.input_spec import InputSpec
from rnnext.layers.layer import Layer

__all__ = ["Dense", "Input", "InputLayer", "InputSpec", "Layer"]
