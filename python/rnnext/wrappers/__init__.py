"""Models as estimators of scikit-learn: Keras 3's classes, and Keras 2's in `scikit_learn`."""

from rnnext import lazy as _lazy

__all__, __getattr__, __dir__ = _lazy.attach(__name__)
