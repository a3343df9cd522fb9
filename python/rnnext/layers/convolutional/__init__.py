"""Convolutions along one to three axes.

Keras 2 had a module of this name: `from keras.layers.convolutional import ...` finds all layers.
"""


def __getattr__(name: str) -> object:
    from rnnext import layers

    return getattr(layers, name)
