"""How OpenMP's threads wait for work: set while its library is loaded, as it reads it only then."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["short_openmp_waits"]

# GNU's OpenMP lets a thread without work spin for 3 ms, on a processor that another program may
# want (LSTM 32,100,128,256 beside one: 1.3 times the pool's time). 5,000 spins are some 50 to 100
# us, about as long as waking a thread takes. Other OpenMPs know OMP_WAIT_POLICY alone.
_SHORT_WAITS = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "5000"}


@contextmanager
def short_openmp_waits() -> Iterator[None]:
    """Makes OpenMP wait briefly if its library is loaded meanwhile; the environment is restored.

    What the user has set there is left alone. An OpenMP that another library has loaded already
    stays as it is.
    """
    if any(name in os.environ for name in (*_SHORT_WAITS, "KMP_BLOCKTIME")):
        yield
        return
    os.environ.update(_SHORT_WAITS)
    try:
        yield
    finally:
        for name in _SHORT_WAITS:
            os.environ.pop(name, None)
