"""Pooling over windows and over whole axes.

Keras 2 had a module of this name: `from keras.layers.pooling import ...` finds all layers.
"""


def __getattr__(name: str) -> object:
    from rnnext import layers

    return getattr(layers, name)
