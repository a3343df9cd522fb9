"""Keras's optimizers, under their Keras names. They take steps: weights, gradients, new weights."""

from rnnext import lazy as _lazy

__all__, __getattr__, __dir__ = _lazy.attach(__name__)
