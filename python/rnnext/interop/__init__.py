"""Models made from the live objects of another library, which is not imported."""

from __future__ import annotations

from rnnext.interop.torch_model import from_torch

__all__ = ["from_torch"]
