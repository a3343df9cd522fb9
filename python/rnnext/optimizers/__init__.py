"""Keras's optimizers, under their Keras names. They change weights by gradients."""

from rnnext import lazy as _lazy

__all__, __getattr__, __dir__ = _lazy.attach(__name__)
