"""Settings of the process: threads, instruction set, random seed, default float type."""

from __future__ import annotations

import os
import sys
import threading

from rnnext.errors import UnsupportedError
from rnnext.fork_safety import held_at_fork
from rnnext.openmp_waiting import short_openmp_waits

with short_openmp_waits():  # the first import of the extension, which loads OpenMP
    from rnnext import _core

__all__ = [
    "__version__",
    "available_isas",
    "epsilon",
    "floatx",
    "get_num_threads",
    "get_threading",
    "image_data_format",
    "isa",
    "register_threadpoolctl",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_num_threads",
    "set_random_seed",
    "set_threading",
]

__version__: str = _core.__version__

_FLOAT_TYPES = ("float32", "float64")

_floatx = "float32"
_epsilon = 1e-7
_seed_lock = held_at_fork(threading.Lock())
_random_seed: int | None = None
_seeds_given = 0


def set_num_threads(n: int) -> None:
    """Sets how many threads one call of a layer may use.

    Args:
        n: From 1 to 1024. The answer does not depend on it.

    Raises:
        UnsupportedError: If `n` is not an integer from 1 to 1024.

    Example:
        >>> import rnnext
        >>> before = rnnext.get_num_threads()
        >>> rnnext.set_num_threads(1)
        >>> rnnext.get_num_threads()
        1
        >>> rnnext.set_num_threads(before)
    """
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= _core.MAX_THREADS:
        raise UnsupportedError(
            f"set_num_threads: expected an integer >= 1 and <= {_core.MAX_THREADS}, received {n!r}."
        )
    _core.set_num_threads(n)


def get_num_threads() -> int:
    """Returns how many threads one call of a layer may use.

    Initially this is the first number of `OMP_NUM_THREADS` in the environment, if it is one from 1
    to 1024, or else the number of processors that the process may use, by its affinity mask and by
    its container's quota of processor time. It is smaller than what `set_num_threads` set where
    OpenMP's threads are limited, by `threadpoolctl.threadpool_limits` or `OMP_THREAD_LIMIT`.
    """
    return _core.get_num_threads()


def get_threading() -> str:
    """Returns who shares out long loops over samples: `"openmp"` or `"pool"`.

    Where it is OpenMP, rnnext's own pool of threads still runs short calls, and threads that work
    on one sample together. In a forked child, whose OpenMP has lost its threads, it is the pool.
    """
    return _core.threading()


def set_threading(name: str) -> None:
    """Sets who shares out long loops over samples. The answer does not depend on it.

    The environment variable `RNNEXT_THREADING` sets it, too.

    Args:
        name: `"openmp"`, the default of builds that have it, or `"pool"`, which costs less where
            other processes keep the processors busy.

    Raises:
        UnsupportedError: If this build has no such way, with those that it has.

    Example:
        >>> import rnnext
        >>> before = rnnext.config.get_threading()
        >>> rnnext.config.set_threading("pool")
        >>> rnnext.config.get_threading()
        'pool'
        >>> rnnext.config.set_threading(before)
    """
    if not isinstance(name, str):
        raise UnsupportedError(f"set_threading: expected a name, received {name!r}.")
    try:
        _core.set_threading(name)
    except ValueError as error:
        raise UnsupportedError(str(error)) from None


def register_threadpoolctl() -> None:
    """Lets the library `threadpoolctl` see and limit the number of `set_num_threads`.

    `import rnnext` does this if `threadpoolctl` has been imported before. Without it
    `threadpool_limits` limits rnnext in builds with OpenMP, in the thread that calls it; with it in
    all builds and threads.

    Raises:
        ImportError: If `threadpoolctl` (3.2 or later) is not installed.
    """
    from rnnext.threadpools import register

    register()


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


if hasattr(sys.modules.get("threadpoolctl"), "register"):  # it has that since 3.2
    register_threadpoolctl()
