"""Model files: one reader per format, one place that understands older configs, one writer.

`load_model` and `load_weights` decide the format by content. docs/files.md lists what opens.
"""

from __future__ import annotations

from rnnext.on_demand import on_demand

# Public names by module; `__init__.pyi` says the same to type checkers.
_NAMES = {
    "limits": ("Limits",),
    "live_model": ("from_keras",),
    "load": ("load_model", "load_weights", "model_from_json"),
    "save": ("save_model", "save_weights"),
    "upgrade": ("upgraded",),
}

__all__, __getattr__, __dir__ = on_demand(__name__, _NAMES)
