"""One pass through a dataset that is made of others: what each transformation yields."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from rnnext.tensorflow.data import elements

__all__ = ["batches", "buckets", "interleaved", "shuffled", "unbatched", "windows"]


def batches(
    source: Iterable[Any],
    size: int,
    drop_remainder: bool,
    join: Callable[[list[Any]], Any],
) -> Iterator[Any]:
    """Yields `size` elements at a time, joined."""
    iterator = iter(source)
    while part := list(itertools.islice(iterator, size)):
        if len(part) < size and drop_remainder:
            return
        yield join(part)


def unbatched(source: Iterable[Any]) -> Iterator[Any]:
    """Yields the parts of each element along the first axis."""
    for element in source:
        for i in range(len(next(elements.leaves(element)))):
            yield elements.mapped(lambda x, i=i: x[i], element)


def shuffled(
    source: Iterable[Any], buffer_size: int, generator: np.random.Generator
) -> Iterator[Any]:
    """Yields elements in a random order: each is drawn from the next `buffer_size` ones."""
    buffer: list[Any] = []
    for element in source:
        if len(buffer) < buffer_size:
            buffer.append(element)
            continue
        place = int(generator.integers(buffer_size))
        yield buffer[place]
        buffer[place] = element
    generator.shuffle(buffer)
    yield from buffer


def windows(
    source: Iterable[Any], size: int, shift: int, stride: int, drop_remainder: bool
) -> Iterator[list[Any]]:
    """Yields lists of `size` elements, `stride` apart; the next begins `shift` elements later."""
    reach = (size - 1) * stride + 1
    held: deque[Any] = deque()
    iterator = iter(source)
    while True:
        held.extend(itertools.islice(iterator, reach - len(held)))
        if not held or (len(held) < reach and drop_remainder):
            return
        yield list(itertools.islice(held, 0, reach, stride))
        for _ in range(shift):
            if held:
                held.popleft()
            else:
                next(iterator, None)


def interleaved(
    source: Iterable[Any], make: Callable[[Any], Iterable[Any]], cycle_length: int, block: int
) -> Iterator[Any]:
    """Yields `block` elements of each of `cycle_length` datasets in turn."""
    waiting = iter(source)
    open_ones: list[Iterator[Any] | None] = [
        iter(make(element)) for element in itertools.islice(waiting, cycle_length)
    ]
    while any(one is not None for one in open_ones):
        for i, one in enumerate(open_ones):
            if one is None:
                continue
            part = list(itertools.islice(one, block))
            yield from part
            if len(part) < block:
                following = next(waiting, open_ones)
                open_ones[i] = None if following is open_ones else iter(make(following))


def buckets(
    source: Iterable[Any],
    length_of: Callable[[Any], int],
    boundaries: list[int],
    sizes: list[int],
    drop_remainder: bool,
    join: Callable[[list[Any], int], Any],
) -> Iterator[Any]:
    """Yields batches of elements of similar length; `join` is given the number of the bucket."""
    waiting: list[list[Any]] = [[] for _ in sizes]
    for element in source:
        place = int(np.searchsorted(boundaries, length_of(element), side="right"))
        waiting[place].append(element)
        if len(waiting[place]) == sizes[place]:
            yield join(waiting[place], place)
            waiting[place] = []
    if not drop_remainder:
        for place, part in enumerate(waiting):
            if part:
                yield join(part, place)
