"""Keras's layers, under their Keras names."""

from __future__ import annotations

from rnnext.layers.activation import Activation
from rnnext.layers.cells import GRUCell, LSTMCell, SimpleRNNCell, StackedRNNCells
from rnnext.layers.dense import Dense
from rnnext.layers.dropout import Dropout
from rnnext.layers.embedding import Embedding
from rnnext.layers.flatten import Flatten
from rnnext.layers.input import Input, InputLayer
from rnnext.layers.input_spec import InputSpec
from rnnext.layers.layer import Layer
from rnnext.layers.masking import Masking
from rnnext.layers.recurrent import GRU, LSTM, SimpleRNN
from rnnext.layers.rnn import RNN

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Activation",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GRUCell",
    "Input",
    "InputLayer",
    "InputSpec",
    "LSTMCell",
    "Layer",
    "Masking",
    "SimpleRNN",
    "SimpleRNNCell",
    "StackedRNNCells",
]
