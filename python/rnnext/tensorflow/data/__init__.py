"""TensorFlow's `tf.data`: datasets whose elements are made when they are asked for."""

from rnnext import lazy as _lazy

__all__, __getattr__, __dir__ = _lazy.attach(__name__)
