"""Keras 2's estimators of scikit-learn, under Keras 2's name of their module."""

from rnnext import lazy as _lazy

__all__, __getattr__, __dir__ = _lazy.attach(__name__)
