"""What notebooks take from Keras's `keras.preprocessing`: sequences, texts and time series."""

from rnnext import lazy as _lazy

__all__, __getattr__, __dir__ = _lazy.attach(__name__)
