"""Compiled activations, of plain and of traced arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnext import _core

__all__ = ["activate"]


def activate(spec: Any, x: Any) -> Any:
    """Returns an activation of every element or row.

    Args:
        spec: The activation, as `rnnext._core` names it.
        x: float32 or float64, row-major.
    """
    if isinstance(x, np.ndarray):
        return _core.activate(spec, x)
    from rnnext.autodiff.rules import note

    value = x.value
    y = _core.activate(spec, value)
    return note(y, [x], lambda d: _core.differentiate(spec, value, y, np.ascontiguousarray(d)))
