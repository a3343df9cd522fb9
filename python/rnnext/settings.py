"""Settings of the process: threads, instruction set, random seed, default float type."""

from __future__ import annotations

import os
import threading

from rnnext import _core
from rnnext.errors import UnsupportedError

__all__ = [
    "available_isas",
    "epsilon",
    "floatx",
    "get_num_threads",
    "image_data_format",
    "isa",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_num_threads",
    "set_random_seed",
]

_FLOAT_TYPES = ("float32", "float64")

_floatx = "float32"
_epsilon = 1e-7
_seed_lock = threading.Lock()
_random_seed: int | None = None
_seeds_given = 0


def set_num_threads(n: int) -> None:
    """Sets how many threads one call of a layer may use.

    Args:
        n: At least 1. The answer does not depend on it.

    Raises:
        UnsupportedError: If `n` is not a positive integer.

    Example:
        >>> import rnnext
        >>> before = rnnext.get_num_threads()
        >>> rnnext.set_num_threads(1)
        >>> rnnext.get_num_threads()
        1
        >>> rnnext.set_num_threads(before)
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise UnsupportedError(f"set_num_threads: expected an integer >= 1, received {n!r}.")
    _core.set_num_threads(n)


def get_num_threads() -> int:
    """Returns how many threads one call of a layer may use."""
    return _core.get_num_threads()


def isa() -> str:
    """Returns the name of the instruction set the kernels run on, e.g. `"avx512"`."""
    return _core.isa()


def available_isas() -> tuple[str, ...]:
    """Returns the instruction sets that this build has and this processor can run."""
    return tuple(_core.available_isas())


def floatx() -> str:
    """Returns the float type of layers that are made without a `dtype`."""
    return _floatx


def set_floatx(value: str) -> None:
    """Sets the float type of layers that are made without a `dtype` from now on.

    Args:
        value: `"float32"` or `"float64"`.

    Raises:
        UnsupportedError: For any other value.
    """
    global _floatx
    if value not in _FLOAT_TYPES:
        raise UnsupportedError(f"set_floatx: expected one of {_FLOAT_TYPES}, received {value!r}.")
    _floatx = value


def epsilon() -> float:
    """Returns the small number that keeps losses from dividing by zero and from infinity."""
    return _epsilon


def set_epsilon(value: float) -> None:
    """Sets the small number that keeps losses from dividing by zero and from infinity.

    Args:
        value: A number.
    """
    global _epsilon
    _epsilon = float(value)


def image_data_format() -> str:
    """Returns `"channels_last"`, the `data_format` of layers that are given none."""
    return "channels_last"


def set_image_data_format(data_format: str) -> None:
    """Does nothing for `"channels_last"`, which layers that are given no `data_format` have.

    Args:
        data_format: `"channels_last"`.

    Raises:
        UnsupportedError: For any other value; give it to the layers.
    """
    if data_format != "channels_last":
        raise UnsupportedError(
            f"set_image_data_format: only 'channels_last' is accepted, received {data_format!r}; "
            "layers have an argument data_format."
        )


def set_random_seed(seed: int) -> None:
    """Makes the initial weights of layers created from now on repeatable.

    The numbers are not TensorFlow's for the same seed; their distribution is. Python's `random` and
    `numpy.random` are seeded, too, as Keras does.

    Args:
        seed: A non-negative integer.

    Example:
        >>> import rnnext
        >>> from rnnext.layers import Dense
        >>> rnnext.set_random_seed(1)
        >>> a, b = Dense(2), Dense(2)
        >>> rnnext.set_random_seed(1)
        >>> c = Dense(2)
        >>> for layer in (a, b, c):
        ...     layer.build((None, 3))
        >>> bool((a.get_weights()[0] == c.get_weights()[0]).all())
        True
        >>> bool((a.get_weights()[0] == b.get_weights()[0]).all())
        False
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise UnsupportedError(f"set_random_seed: expected an integer >= 0, received {seed!r}.")
    global _random_seed, _seeds_given
    with _seed_lock:
        _random_seed, _seeds_given = seed, 0
    # Neither is imported before: numpy.random takes as long to import as all of rnnext.
    import random

    import numpy as np

    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 (what Keras programs draw from)


def next_seed() -> tuple[int, int]:
    """Returns the seed of one initializer that was given none.

    It is a pair, which NumPy's generators mix into one: the process's seed and how many came
    before. A layer whose weights are read from a file takes seeds and draws nothing, so this does
    not draw either: numpy.random takes as long to import as all of rnnext.
    """
    global _random_seed, _seeds_given
    with _seed_lock:
        if _random_seed is None:
            _random_seed = int.from_bytes(os.urandom(16), "little")
        _seeds_given += 1
        return _random_seed, _seeds_given
