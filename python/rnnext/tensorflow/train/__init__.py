"""TensorFlow's `tf.train`: checkpoints of a training loop."""

from rnnext import lazy as _lazy

__all__, __getattr__, __dir__ = _lazy.attach(__name__)
