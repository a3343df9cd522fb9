"""Model files: one reader per format, one place that understands older configs, one writer.

`load_model` and `load_weights` decide the format by content. docs/files.md lists what opens.
"""

from __future__ import annotations

from rnnext.saving.limits import Limits
from rnnext.saving.live_model import from_keras
from rnnext.saving.load import load_model, load_weights, model_from_json
from rnnext.saving.save import save_model
from rnnext.saving.upgrade import upgraded

__all__ = [
    "Limits",
    "from_keras",
    "load_model",
    "load_weights",
    "model_from_json",
    "save_model",
    "upgraded",
]
