"""Keras's callbacks, under their Keras names. They hold and check their options.

Training, which calls them, comes in a later version of rnnext.
"""

from rnnext import lazy as _lazy

__all__, __getattr__, __dir__ = _lazy.attach(__name__)
