"""Reading model files: one reader per format, one place that understands older configs.

`load_model` and `load_weights` decide the format by content. docs/files.md lists what opens.
"""

from __future__ import annotations

from rnnext.saving.limits import Limits
from rnnext.saving.load import load_model, load_weights, model_from_json

__all__ = ["Limits", "load_model", "load_weights", "model_from_json"]
