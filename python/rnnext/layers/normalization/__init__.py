"""Batch, layer, group, RMS and unit normalization.

Keras 2 had a module of this name: `from keras.layers.normalization import ...` finds all layers.
"""


def __getattr__(name: str) -> object:
    from rnnext import layers

    return getattr(layers, name)
