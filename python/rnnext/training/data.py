"""How the data of `fit` and `evaluate` come in: whatever they are, as batches, epoch by epoch."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np

from rnnext import nest, settings
from rnnext.arrays import as_array, as_strings, holds_strings
from rnnext.errors import DataError, UnsupportedError
from rnnext.models.batches import are_batches
from rnnext.models.batching import check_batch_size
from rnnext.training.arrays import ArrayBatches, class_weights_of

__all__ = [
    "EpochBatches",
    "batches_of",
    "pack_x_y_sample_weight",
    "unpack_x_y_sample_weight",
    "yields_batches",
]

# A generator's first batches, which come again if it has ended and another epoch begins.
_KEPT_BATCHES = 2

Batch = tuple[Any, Any, Any]


class _Source(Protocol):
    """Batches that can be gone through: `num_batches` of them, or None if that is unknown."""

    num_batches: int | None

    def batches(self) -> Iterator[Batch]: ...

    def begin_epoch(self) -> None: ...

    def end_epoch(self) -> None: ...


def batches_of(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    batch_size: int | None = None,
    steps_per_epoch: int | None = None,
    shuffle: bool | str = False,
    class_weight: dict[int, float] | None = None,
) -> EpochBatches:
    """Returns the batches of some data, to be gone through once an epoch.

    Args:
        x: Inputs as an array-like, or a list, tuple or dictionary of them. Or batches: a generator,
            a `PyDataset`, a `tf.data.Dataset`, a torch `DataLoader`, or any other iterable of `x`,
            `(x,)`, `(x, y)` or `(x, y, sample_weight)`.
        y: Targets of arrays; None if `x` is batches.
        sample_weight: Weights of arrays; None if `x` is batches.
        batch_size: Of arrays; None: 32, or so that `steps_per_epoch` batches hold all samples.
        steps_per_epoch: Number of batches in an epoch; None: all. The next epoch goes on where this
            one ended.
        shuffle: Whether arrays and the batches of a `PyDataset` come in a new random order each
            epoch, which `rnnext.set_random_seed` makes repeatable (the order differs from
            Keras's); `"batch"` shuffles only inside each batch of arrays.
        class_weight: Weights by class, from which come sample weights.

    Raises:
        ShapeError: If the numbers of samples differ.
        DataError: If data are not numbers, or there is no batch.
        UnsupportedError: If arguments exclude each other.

    Example:
        >>> import numpy as np
        >>> batches = batches_of(np.arange(5), np.arange(5), batch_size=2)
        >>> batches.num_batches
        3
        >>> [y.tolist() for _, y, _ in batches]
        [[0, 1], [2, 3], [4]]
    """
    if batch_size is not None:
        batch_size = check_batch_size(batch_size, "batch_size of training data")
    if steps_per_epoch is not None and (
        not isinstance(steps_per_epoch, (int, np.integer)) or steps_per_epoch < 1
    ):
        raise UnsupportedError(
            f"steps_per_epoch must be an integer >= 1 or None, received {steps_per_epoch!r}."
        )
    if not yields_batches(x):
        source: _Source = ArrayBatches(
            x, y, sample_weight, batch_size, steps_per_epoch, shuffle, class_weight
        )
        return EpochBatches(source, steps_per_epoch)
    kind = type(x).__name__
    for option, value in (("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            raise UnsupportedError(
                f"{option} must be None where x is batches ({kind}), which yield (x, y) or "
                "(x, y, sample_weight) themselves."
            )
    if batch_size is not None:
        _warn(f"batch_size={batch_size} is ignored: x ({kind}) is batches already.")
    return EpochBatches(_source_of(x, shuffle, class_weight), steps_per_epoch)


class EpochBatches:
    """Batches `(x, y, sample_weight)`; each time it is gone through is an epoch, by Keras's rules.

    With `steps_per_epoch`, an epoch goes on where the one before ended. If the data end inside an
    epoch, a warning says so and the epoch is over.

    Args:
        source: The data.
        steps_per_epoch: Number of batches in an epoch; None: all.
    """

    def __init__(self, source: _Source, steps_per_epoch: int | None = None) -> None:
        self._source = source
        self._steps_per_epoch = steps_per_epoch
        self._known = source.num_batches
        self._current: Iterator[Batch] | None = None
        self._seen = 0

    @property
    def num_batches(self) -> int | None:
        """Batches in an epoch; None if it is unknown, as before the first epoch of a generator."""
        return self._steps_per_epoch or self._known

    def reset(self) -> None:
        """Makes the next epoch begin with the first batch, also with `steps_per_epoch`."""
        self._current = None

    def __iter__(self) -> Iterator[Batch]:
        """Yields the batches of one epoch."""
        self._source.begin_epoch()
        try:
            yield from self._epoch()
        finally:  # also if training stops inside an epoch
            self._source.end_epoch()

    def _epoch(self) -> Iterator[Batch]:
        if self._current is None or self._steps_per_epoch is None:
            self._restart()
        steps = self.num_batches
        for step in itertools.count():
            if step == steps:
                break
            if self._known and self._seen >= self._known:
                self._warn_of_end()
                break
            self._seen += 1
            batch = next(self._current, None) if self._current is not None else None
            if batch is None:
                if self._known is None:
                    self._known = self._seen
                self._current = None
                self._warn_of_end()
                return
            yield batch
        if self._known and self._seen >= self._known:
            self._current = None

    def _restart(self) -> None:
        self._current, self._seen = self._source.batches(), 0

    def _warn_of_end(self) -> None:
        _warn(
            "Your input ran out of data; interrupting training. Make sure that your dataset or "
            "generator can generate at least `steps_per_epoch * epochs` batches."
        )


class _Batches:
    """An iterable of batches, gone through anew in each pass; an iterator goes on."""

    def __init__(self, data: Iterable[Any], class_weight: dict[int, float] | None) -> None:
        self._data = data
        self._class_weight = class_weight
        self.num_batches = _count(data)

    def batches(self) -> Iterator[Batch]:
        return (self._standard(batch) for batch in self._data)

    def begin_epoch(self) -> None:
        getattr(self._data, "on_epoch_begin", _do_nothing)()

    def end_epoch(self) -> None:
        getattr(self._data, "on_epoch_end", _do_nothing)()

    def _standard(self, batch: Any) -> Batch:
        x, y, weights = unpack_x_y_sample_weight(batch)
        if self._class_weight is not None:
            if weights is not None:
                raise UnsupportedError("class_weight and sample_weight exclude each other.")
            weights = class_weights_of(y, self._class_weight)
        return _as_arrays(x, "x"), _as_arrays(y, "y"), _as_arrays(weights, "sample_weight")


class _Generator(_Batches):
    """A generator or another iterator, which can be gone through once."""

    def __init__(self, data: Iterator[Any]) -> None:
        super().__init__(data, None)
        self._first = list(itertools.islice(data, _KEPT_BATCHES))
        if not self._first:
            raise DataError("the generator yields no batch; it must yield at least one.")
        self.num_batches = None

    def batches(self) -> Iterator[Batch]:
        return map(self._standard, itertools.chain(self._first, self._data))


class _PyDataset(_Batches):
    """A dataset with `__getitem__(index)`: a batch for each index, in any order."""

    def __init__(
        self, data: Any, shuffle: bool | str, class_weight: dict[int, float] | None
    ) -> None:
        super().__init__(data, class_weight)
        self._generator = np.random.default_rng(settings.next_seed()) if shuffle else None

    def batches(self) -> Iterator[Batch]:
        data: Any = self._data
        self.num_batches = _count(data)
        if self.num_batches is None:
            indices: Iterable[int] = itertools.count()
        elif self._generator is None:
            indices = range(self.num_batches)
        else:
            indices = self._generator.permutation(self.num_batches).tolist()
        return (self._standard(data[index]) for index in indices)


def _source_of(x: Any, shuffle: bool | str, class_weight: dict[int, float] | None) -> _Source:
    kind = type(x).__name__
    is_iterator = isinstance(x, Iterator)
    if _is_py_dataset(x) and not is_iterator:
        if _count(x) is not None:
            return _PyDataset(x, shuffle, class_weight)
        if shuffle:
            _warn_of_shuffle(kind)
        return _PyDataset(x, False, class_weight)
    if shuffle:
        _warn_of_shuffle(kind)
    if not is_iterator:
        return _Batches(x, class_weight)
    if class_weight is not None:
        raise UnsupportedError(
            f"class_weight is not supported where x is a generator ({kind}); let it yield "
            "(x, y, sample_weight)."
        )
    return _Generator(x)


def yields_batches(x: Any) -> bool:
    """Returns whether inputs are batches, where others are arrays."""
    return are_batches(x) or _is_py_dataset(x)


def _is_py_dataset(x: Any) -> bool:
    """Whether it has the methods of a PyDataset (Keras 2: Sequence), of whatever package."""
    return hasattr(x, "on_epoch_end") and hasattr(x, "__getitem__")


def _count(data: Any) -> int | None:
    """The number of batches, if it is known: of a PyDataset, a tf.data.Dataset, a list."""
    if hasattr(data, "num_batches"):
        count = data.num_batches
        return None if count is None else int(count)
    if callable(getattr(data, "cardinality", None)):  # negative: unknown or infinite
        count = int(data.cardinality())
        return None if count < 0 else count
    try:
        return len(data)
    except TypeError:  # no len, or, of a DataLoader, of unknown length
        return None


def _as_arrays(data: Any, name: str) -> Any:
    def array(leaf: Any) -> Any:
        if leaf is None:
            return None
        if holds_strings(leaf) and name == "x":
            return as_strings(leaf, name)
        return as_array(leaf, name)

    if isinstance(data, (list, tuple)) and not any(hasattr(d, "shape") for d in nest.flatten(data)):
        return array(data)
    return nest.map_structure(array, data)


def _do_nothing() -> None:
    """What an iterable without `on_epoch_begin` or `on_epoch_end` does."""


def _warn_of_shuffle(kind: str) -> None:
    _warn(
        f"`shuffle=True` was passed, but will be ignored since the data `x` was provided as {kind},"
        " which yields batches in its own order; pass shuffle=False."
    )


def _warn(message: str) -> None:
    warnings.warn(message, stacklevel=4)


def unpack_x_y_sample_weight(data: Any) -> Batch:
    """Returns `(x, y, sample_weight)` of a batch, with None for what it does not have.

    Args:
        data: `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`.

    Raises:
        DataError: If it is a tuple or list of another length.

    Example:
        >>> unpack_x_y_sample_weight(([1], [2]))
        ([1], [2], None)
    """
    if not isinstance(data, (list, tuple)) or nest.is_packed_sequence(data):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise DataError(
            "expected batches x, (x,), (x, y) or (x, y, sample_weight), received "
            f"{len(data)} values; several inputs go into a tuple of their own."
        )
    x, y, sample_weight = (*data, None, None)[:3]
    return x, y, sample_weight


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """Returns `x`, `(x, y)` or `(x, y, sample_weight)`: the inverse of `unpack_x_y_sample_weight`.

    Args:
        x: Inputs; several of them, without targets, go into a tuple.
        y: Targets, or None.
        sample_weight: Weights, or None.

    Example:
        >>> pack_x_y_sample_weight(1, 2)
        (1, 2)
    """
    if y is None:
        return (x,) if isinstance(x, (list, tuple)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)
