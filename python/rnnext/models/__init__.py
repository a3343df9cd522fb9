"""Models, under their Keras names."""

from rnnext import lazy as _lazy

__all__, __getattr__, __dir__ = _lazy.attach(__name__)

from rnnext.models import sequential as _sequential  # noqa: E402, F401 - so that configs find it
