"""Model files: one reader per format, one place that understands older configs, one writer.

`load_model` and `load_weights` decide the format by content. docs/files.md lists what opens.
"""

from rnnext import lazy as _lazy

__all__, __getattr__, __dir__ = _lazy.attach(__name__)
