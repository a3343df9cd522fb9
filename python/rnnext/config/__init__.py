"""Settings of the process, those of Keras's `keras.config` among them."""

from rnnext import lazy as _lazy

__all__, __getattr__, __dir__ = _lazy.attach(__name__)
