"""TensorFlow's functions on strings, for `standardize` and `split` of TextVectorization."""

from rnnext import lazy as _lazy

__all__, __getattr__, __dir__ = _lazy.attach(__name__)
