"""Model files: one reader per format, one place that understands older configs, one writer.

`load_model` and `load_weights` decide the format by content. docs/files.md lists what opens.
"""

from __future__ import annotations

from rnnext.lazy import attach

__all__, __getattr__, __dir__ = attach(__name__)
