"""Where layers take random numbers from, and what dropout multiplies by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import settings
from rnnext.autodiff.tape import active

__all__ = ["dropout_factors", "dropout_of", "generator_of"]


def generator_of(owner: Any, recording: Any = None) -> np.random.Generator:
    """Returns the generator that a layer draws from.

    That is one of its own if it has a seed; else in training that of the pass, and in any other
    call one that `rnnext.set_random_seed` makes repeatable.

    Args:
        owner: A layer with an attribute `seed`.
        recording: The pass, if it is known; else that of the running trace.
    """
    if owner.seed is not None:
        own: Any = owner.__dict__.get("_generator")
        if own is None:
            own = owner.__dict__["_generator"] = np.random.default_rng(abs(int(owner.seed)))
        return own  # type: ignore[no-any-return]
    if recording is None and active.tape is not None:
        recording = active.tape.recording
    if recording is not None:
        return recording.generator  # type: ignore[no-any-return]
    return np.random.default_rng(settings.next_seed())


def dropout_factors(
    generator: np.random.Generator,
    rate: float,
    shape: Sequence[int],
    dtype: Any,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Returns what values are multiplied by: 0 with probability `rate`, else `1 / (1 - rate)`.

    Args:
        generator: Where the numbers are from.
        rate: The probability.
        shape: Shape of the result.
        dtype: Its dtype.
        out: An array of this shape and dtype to write it into, or None.
    """
    factors = np.empty(shape, dtype) if out is None else out
    if rate >= 1:
        factors.fill(0)
        return factors
    drawn = factors if factors.dtype == np.float32 else np.empty(shape, np.float32)
    generator.random(dtype=np.float32, out=drawn)
    np.multiply(drawn >= rate, factors.dtype.type(1 / (1 - rate)), out=factors)
    return factors


def dropout_of(owner: Any, training: Any) -> Callable[[Any], Any] | None:
    """Returns what applies the dropout of a layer; None if nothing is dropped.

    Args:
        owner: A layer with attributes `dropout`, its rate, and `seed`.
        training: Whether this is training.
    """
    if not training or not owner.dropout > 0:
        return None
    return lambda x: x * dropout_factors(generator_of(owner), owner.dropout, x.shape, x.dtype)
