"""Dense, Embedding, Input and other layers of one tensor.

Keras 2 had a module of this name: `from keras.layers.core import ...` finds all layers.
"""


def __getattr__(name: str) -> object:
    from rnnext import layers

    return getattr(layers, name)
