"""Pooling over windows and over whole axes."""

# Keras 2 had a module of this name: `from keras.layers.core import Dense`.
from rnnext.layers import __dir__, __getattr__

__all__ = ["__dir__", "__getattr__"]
