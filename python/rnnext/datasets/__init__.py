"""Keras's data sets, downloaded once into Keras's cache (`~/.keras/datasets`).

Downloading needs the package `pooch`: `pip install 'rnnext[datasets]'`. Where a function has an
argument `path`, the absolute path of a file is read as it is, without a download.
"""

from rnnext import lazy as _lazy

__all__, __getattr__, __dir__ = _lazy.attach(__name__)
