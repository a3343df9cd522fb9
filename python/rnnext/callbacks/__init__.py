"""Keras's callbacks, under their Keras names: what training calls as it goes."""

from rnnext import lazy as _lazy

__all__, __getattr__, __dir__ = _lazy.attach(__name__)
