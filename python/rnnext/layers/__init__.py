"""Keras's layers, under their Keras names."""

from __future__ import annotations

from rnnext.lazy import attach

__all__, __getattr__, __dir__ = attach(__name__)
