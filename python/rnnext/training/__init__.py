"""Training: how data come in, and what `compile` is given, computed batch by batch."""

from rnnext import lazy as _lazy

__all__, __getattr__, __dir__ = _lazy.attach(__name__)
