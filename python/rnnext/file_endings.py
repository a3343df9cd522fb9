"""How names of files end, and which formats they mean; the first ending that fits decides."""

from __future__ import annotations

__all__ = ["ENDINGS_OF_MODELS", "ENDINGS_OF_WEIGHTS"]

ENDINGS_OF_MODELS = {".keras": "keras", ".h5": "h5", ".hdf5": "h5"}
ENDINGS_OF_WEIGHTS = {".weights.h5": "weights.h5", ".h5": "h5", ".hdf5": "h5"}
