"""Keras's optimizers, under their Keras names. They hold and check their options.

Training comes in a later version of rnnext; until then `compile` keeps an optimizer and no more.
"""

from rnnext import lazy as _lazy

__all__, __getattr__, __dir__ = _lazy.attach(__name__)
