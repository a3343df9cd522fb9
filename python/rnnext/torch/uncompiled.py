"""How a module runs inside what `torch.compile` compiles: as it is, between two graphs.

Imported only where the compiler is: `torch.compiler.disable` imports it, which takes long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

__all__ = ["run_uncompiled"]


@torch.compiler.disable
def run_uncompiled(function: Callable[..., Any], *arguments: Any) -> Any:
    """Returns `function(*arguments)`, which the compiler does not look into."""
    return function(*arguments)
