"""Pairs of words for word2vec."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["make_sampling_table", "skipgrams"]

_EULER_GAMMA = 0.577  # as many digits as Keras takes


def make_sampling_table(size: int, sampling_factor: float = 1e-5) -> NDArray[np.float64]:
    """Returns how probably `skipgrams` keeps the word of each rank, as in word2vec.

    Args:
        size: Number of ranks.
        sampling_factor: Words rarer than this are always kept.

    Returns:
        (size,), growing: frequencies are those of Zipf's law.

    Example:
        >>> make_sampling_table(4).round(4)
        array([0.0032, 0.0032, 0.0055, 0.0074])
    """
    rank = np.arange(size, dtype=np.float64)
    rank[:1] = 1
    rarity = rank * (np.log(rank) + _EULER_GAMMA) + 0.5 - 1.0 / (12.0 * rank)
    scaled = sampling_factor * rarity
    table: NDArray[np.float64] = np.minimum(1.0, scaled / np.sqrt(scaled))
    return table


def skipgrams(
    sequence: Sequence[int],
    vocabulary_size: int,
    window_size: int = 4,
    negative_samples: float = 1.0,
    shuffle: bool = True,
    categorical: bool = False,
    sampling_table: Any = None,
    seed: int | None = None,
) -> tuple[list[list[int]], list[Any]]:
    """Returns pairs of word numbers, and whether each stood together in a sequence.

    It draws from Python's `random`, as Keras does: the same seed gives the same pairs.

    Args:
        sequence: Word numbers; 0 is no word and is skipped.
        vocabulary_size: Number of words, 0 among them.
        window_size: Words up to this far apart stand together.
        negative_samples: Random pairs for each pair that stands together.
        shuffle: Whether to shuffle the pairs.
        categorical: Whether labels are `[0, 1]` and `[1, 0]` in place of 1 and 0.
        sampling_table: How probably each word is kept; see `make_sampling_table`.
        seed: Seed of the shuffling.

    Returns:
        The pairs and their labels.

    Example:
        >>> skipgrams([1, 2, 3], 4, window_size=1, negative_samples=0, shuffle=False)
        ([[1, 2], [2, 1], [2, 3], [3, 2]], [1, 1, 1, 1])
    """
    couples = _neighbours(sequence, window_size, sampling_table)
    negatives = int(len(couples) * negative_samples) if negative_samples > 0 else 0
    together, apart = ([0, 1], [1, 0]) if categorical else (1, 0)
    labels: list[Any] = [together] * len(couples) + [apart] * negatives
    if negative_samples > 0:
        words = [word for word, _ in couples]
        random.shuffle(words)
        couples += [
            [words[i % len(words)], random.randint(1, int(vocabulary_size - 1))]
            for i in range(negatives)
        ]
    if shuffle:
        seed = random.randint(0, int(10e6)) if seed is None else seed
        for values in (couples, labels):
            random.seed(seed)
            random.shuffle(values)
    return couples, labels


def _neighbours(sequence: Sequence[int], window_size: int, table: Any) -> list[list[int]]:
    """The pairs of words that stand together."""
    couples = []
    for i, word in enumerate(sequence):
        if not word or (table is not None and table[word] < random.random()):
            continue
        near = range(max(0, i - window_size), min(len(sequence), i + window_size + 1))
        couples += [[word, sequence[j]] for j in near if j != i and sequence[j]]
    return couples
