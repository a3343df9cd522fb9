"""What masked steps output in some versions of Keras: changes of what a runner returned.

A runner (a kernel, or a loop over steps) lets a masked step repeat the output before it, zeros if
there is none, or output zeros.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["with_initial_state", "with_mirrored_zeros"]

Array = NDArray[Any]


def with_mirrored_zeros(results: Any, mask: Array | None) -> Any:
    """Returns what a call returned, with zeros where the mask is False in the order it came in.

    Args:
        results: A sequence of outputs (B, T, ...), or a tuple of it and the states.
        mask: (B, T), or None.
    """
    if mask is None:
        return results
    output, *states = results if isinstance(results, tuple) else (results,)
    kept = np.expand_dims(mask, tuple(range(2, output.ndim)))
    output = np.where(kept, output, np.zeros_like(output))
    return (output, *states) if states else output


def with_initial_state(results: Any, h: Array, mask: Array, return_sequences: bool) -> Any:
    """Returns what a call returned, with the state it started from where masked steps come first.

    Args:
        results: The output, or a tuple of it and the states.
        h: The state (B, ...) that the output is like.
        mask: (B, T), in the order of the steps.
        return_sequences: Whether the output has a time axis.
    """
    output, *rest = results if isinstance(results, tuple) else (results,)
    masked = ~np.logical_or.accumulate(mask, axis=1)
    if return_sequences:
        h = h[:, np.newaxis]
    else:
        masked = masked[:, -1]
    output = np.where(np.expand_dims(masked, tuple(range(masked.ndim, output.ndim))), h, output)
    return (output, *rest) if rest else output
