"""Keras's `keras.mixed_precision`: the dtype policy of layers that are given none."""

from rnnext import lazy as _lazy

__all__, __getattr__, __dir__ = _lazy.attach(__name__)
