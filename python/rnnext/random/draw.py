"""Random arrays. The numbers are not TensorFlow's for the same seed; their distribution is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import initializers, settings
from rnnext.autodiff.watchable import with_numpy
from rnnext.dtypes import standard_dtype_name
from rnnext.ops.promotion import as_tensor

__all__ = [
    "SeedGenerator",
    "categorical",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
]

Array = NDArray[Any]


class SeedGenerator:
    """Gives a function of this module another seed each time that it is passed as `seed`.

    Args:
        seed: None: one that `set_random_seed` makes repeatable.
        name: Its name.

    Example:
        >>> seeds = SeedGenerator(1)
        >>> bool((normal((3,), seed=seeds) == normal((3,), seed=seeds)).any())
        False
    """

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        self.name = name or "seed_generator"
        self._initial_seed = seed
        self._first = settings.next_seed() if seed is None else (seed,)
        self._given = 0

    def next(self) -> tuple[int, ...]:
        """Returns the next seed, integers that NumPy's generators take."""
        self._given += 1
        return (*self._first, self._given)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {"seed": self._initial_seed}


def _generator(seed: Any) -> np.random.Generator:
    if isinstance(seed, SeedGenerator):
        return np.random.default_rng(seed.next())
    return np.random.default_rng(settings.next_seed() if seed is None else seed)


@with_numpy
def normal(
    shape: Sequence[int],
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: Any = None,
    seed: Any = None,
) -> Array:
    """Returns numbers of a normal distribution.

    Args:
        shape: Sizes.
        mean: Its mean.
        stddev: Its standard deviation.
        dtype: A float type; None: the default one.
        seed: None: numbers that `set_random_seed` makes repeatable.

    Example:
        >>> bool((normal((3,), seed=1) == normal((3,), seed=1)).all())
        True
    """
    drawn = _generator(seed).normal(mean, stddev, tuple(shape))
    return np.asarray(drawn).astype(standard_dtype_name(dtype))


@with_numpy
def truncated_normal(
    shape: Sequence[int],
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: Any = None,
    seed: Any = None,
) -> Array:
    """Returns numbers of a normal distribution, none further from its mean than `2 * stddev`.

    Args:
        shape: Sizes.
        mean: Its mean.
        stddev: Its standard deviation.
        dtype: A float type; None: the default one.
        seed: None: numbers that `set_random_seed` makes repeatable.
    """
    if isinstance(seed, SeedGenerator):
        seed = int(_generator(seed).integers(2**31))
    draw = initializers.TruncatedNormal(mean, stddev, seed)
    return np.asarray(draw(tuple(shape), standard_dtype_name(dtype)))


@with_numpy
def uniform(
    shape: Sequence[int],
    minval: float = 0.0,
    maxval: float | None = None,
    dtype: Any = None,
    seed: Any = None,
) -> Array:
    """Returns evenly distributed numbers.

    Args:
        shape: Sizes.
        minval: Lower limit.
        maxval: Upper limit, which is not reached; None: 1.
        dtype: Float or integer type; None: the default float type.
        seed: None: numbers that `set_random_seed` makes repeatable.
    """
    name = standard_dtype_name(dtype)
    if np.dtype(name).kind in "iu":
        integers: Array = randint(shape, minval, maxval, name, seed)
        return integers
    limit = 1.0 if maxval is None else maxval
    return np.asarray(_generator(seed).uniform(minval, limit, tuple(shape))).astype(name)


@with_numpy
def randint(
    shape: Sequence[int], minval: Any, maxval: Any, dtype: Any = "int32", seed: Any = None
) -> Array:
    """Returns evenly distributed integers.

    Args:
        shape: Sizes.
        minval: The smallest.
        maxval: One more than the largest.
        dtype: Integer type.
        seed: None: numbers that `set_random_seed` makes repeatable.
    """
    return np.asarray(_generator(seed).integers(minval, maxval, tuple(shape))).astype(dtype)


@with_numpy
def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Array:
    """Returns the slices of an array along `axis` in random order."""
    return np.asarray(_generator(seed).permutation(as_tensor(x), axis=axis))


@with_numpy
def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Array:
    """Returns classes drawn by their probabilities.

    Args:
        logits: (N, K) logarithms of the probabilities, up to a constant of each row.
        num_samples: How many to draw for each row.
        dtype: Integer type.
        seed: None: numbers that `set_random_seed` makes repeatable.

    Returns:
        (N, num_samples) integers from 0 to K - 1.
    """
    rows = as_tensor(logits)
    # The largest of the logits with Gumbel noise is a sample of the distribution.
    noise = _generator(seed).gumbel(size=(rows.shape[0], num_samples, rows.shape[1]))
    return np.asarray(np.argmax(rows[:, None, :] + noise, axis=-1)).astype(dtype)
