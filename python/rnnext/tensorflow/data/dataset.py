"""Datasets as TensorFlow has them: elements that are made when they are asked for.

A dataset holds how one pass through it is made, and how many elements there are, if that is known.
Nothing runs ahead: `prefetch` and the arguments about parallel calls change nothing.
"""

from __future__ import annotations

import builtins
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from rnnext import settings
from rnnext.autodiff.watchable import watchable
from rnnext.errors import DataError, ShapeError, UnsupportedError
from rnnext.tensorflow.data import elements, passes
from rnnext.tensorflow.functions import convert_to_tensor

__all__ = ["AUTOTUNE", "INFINITE_CARDINALITY", "UNKNOWN_CARDINALITY", "Dataset", "cardinality"]

AUTOTUNE = INFINITE_CARDINALITY = -1
UNKNOWN_CARDINALITY = -2

Function = Callable[..., Any]


class Dataset:
    """Elements that can be gone through again and again.

    An element is an array, or a tuple or dictionary of arrays, which have `numpy()`.

    Args:
        make: Begins a pass through the elements.
        count: How many there are, `INFINITE_CARDINALITY` or `UNKNOWN_CARDINALITY`.

    Example:
        >>> series = Dataset.range(6).window(3, shift=1, drop_remainder=True)
        >>> pairs = series.flat_map(lambda w: w.batch(3)).map(lambda w: (w[:-1], w[-1]))
        >>> for x, y in pairs.batch(4):
        ...     print(x.numpy().tolist(), y.numpy())
        [[0, 1], [1, 2], [2, 3], [3, 4]] [2 3 4 5]
    """

    def __init__(self, make: Callable[[], Iterator[Any]], count: int) -> None:
        self._make, self._count = make, count

    def __iter__(self) -> Iterator[Any]:
        """Yields the elements."""
        return self._make()

    def __len__(self) -> int:
        """Returns the number of elements.

        Raises:
            TypeError: If there is no end, or the number is not known.
        """
        if self._count < 0:
            state = "infinite" if self._count == INFINITE_CARDINALITY else "unknown"
            raise TypeError(f"The dataset length is {state}.")
        return self._count

    def __bool__(self) -> bool:
        return True

    @property
    def element_spec(self) -> Any:
        """Not there: what an element looks like is seen when it is made.

        Raises:
            UnsupportedError: Always.
        """
        raise UnsupportedError(
            "Dataset.element_spec is not there: no dataset knows its shapes before it is gone "
            "through; look at next(iter(dataset))."
        )

    def cardinality(self) -> Any:
        """Returns the number of elements; -1 if there is no end, -2 if it is not known."""
        return watchable(np.int64(self._count))

    def as_numpy_iterator(self) -> Iterator[Any]:
        """Yields the elements as arrays and numbers of NumPy."""
        for element in self:
            yield elements.mapped(lambda x: x.numpy() if hasattr(x, "numpy") else x, element)

    # What they are made of ---------------------------------------------------------------------

    @staticmethod
    def from_tensor_slices(tensors: Any, name: Any = None) -> Dataset:  # noqa: ARG004
        """Returns the parts of arrays along their first axis.

        Args:
            tensors: An array, or a tuple or dictionary of arrays, of one length.
            name: Ignored.

        Raises:
            ShapeError: If the lengths differ, or an array has no axis.
        """
        arrays = elements.as_element(tensors, _is_dataset)
        shapes = [x.shape for x in elements.leaves(arrays)]
        if not all(shapes) or len({shape[0] for shape in shapes}) != 1:
            raise ShapeError(
                "Dataset.from_tensor_slices: arrays must have one length, received the shapes "
                f"{shapes}."
            )

        def make() -> Iterator[Any]:
            for i in builtins.range(shapes[0][0]):
                yield elements.mapped(lambda x, i=i: x[i], arrays)

        return Dataset(make, shapes[0][0])

    @staticmethod
    def from_tensors(tensors: Any, name: Any = None) -> Dataset:  # noqa: ARG004
        """Returns a dataset of one element."""
        element = elements.as_element(tensors, _is_dataset)
        return Dataset(lambda: iter([element]), 1)

    @staticmethod
    def from_generator(
        generator: Callable[..., Iterable[Any]],
        output_types: Any = None,
        output_shapes: Any = None,  # noqa: ARG004
        args: Sequence[Any] | None = None,
        output_signature: Any = None,
        name: Any = None,  # noqa: ARG004
    ) -> Dataset:
        """Returns what a generator yields.

        Args:
            generator: Makes a new generator for each pass.
            output_types: Dtypes, nested as the elements.
            output_shapes: Ignored.
            args: What `generator` is given.
            output_signature: `TensorSpec`s, nested as the elements, in place of `output_types`.
            name: Ignored.

        Raises:
            DataError: If neither says what is yielded.
        """
        signature = output_types if output_signature is None else output_signature
        if signature is None:
            raise DataError("Dataset.from_generator needs output_signature or output_types.")
        given = [] if args is None else [convert_to_tensor(arg) for arg in args]

        def leaf(form: Any, value: Any) -> Any:
            _, dtype = elements.shape_of(form)
            return convert_to_tensor(value, None if dtype == "string" else dtype)

        def make() -> Iterator[Any]:
            for element in generator(*given):
                yield elements.mapped(leaf, _as_structure(signature), element)

        return Dataset(make, UNKNOWN_CARDINALITY)

    @staticmethod
    def range(*args: Any, output_type: Any = "int64", name: Any = None) -> Dataset:  # noqa: ARG004
        """Returns integers, with the arguments of Python's `range`."""
        numbers = builtins.range(*map(int, args))
        dtype = np.dtype(output_type)
        return Dataset(lambda: (watchable(dtype.type(n)) for n in numbers), len(numbers))

    @staticmethod
    def zip(*args: Any, datasets: Any = None, name: Any = None) -> Dataset:  # noqa: ARG004
        """Returns structures of the elements of several datasets, until the first one ends.

        Args:
            *args: Datasets, or one tuple or dictionary of them.
            datasets: The same by name.
            name: Ignored.
        """
        structure = args if datasets is None and len(args) > 1 else (*args, datasets)[0]
        parts = list(elements.leaves(structure))

        def make() -> Iterator[Any]:
            for row in builtins.zip(*parts, strict=False):
                remaining = iter(row)
                yield elements.mapped(lambda _, remaining=remaining: next(remaining), structure)

        counts = [part._count for part in parts]
        if UNKNOWN_CARDINALITY in counts:
            return Dataset(make, UNKNOWN_CARDINALITY)
        return Dataset(make, min((n for n in counts if n >= 0), default=INFINITE_CARDINALITY))

    # One element after the other -----------------------------------------------------------------

    def map(
        self,
        map_func: Function,
        num_parallel_calls: Any = None,  # noqa: ARG002
        deterministic: Any = None,  # noqa: ARG002
        **options: Any,  # noqa: ARG002
    ) -> Dataset:
        """Returns what a function makes of each element; a tuple's parts are its arguments."""

        def make() -> Iterator[Any]:
            for element in self:
                yield elements.as_element(elements.called_with(map_func, element), _is_dataset)

        return Dataset(make, self._count)

    def filter(self, predicate: Function, name: Any = None) -> Dataset:  # noqa: ARG002
        """Returns the elements for which a function is true."""

        def make() -> Iterator[Any]:
            return (e for e in self if bool(elements.called_with(predicate, e)))

        return Dataset(make, UNKNOWN_CARDINALITY)

    def take_while(self, predicate: Function, name: Any = None) -> Dataset:  # noqa: ARG002
        """Returns the elements before the first one for which a function is false."""
        holds = functools.partial(elements.called_with, predicate)
        return Dataset(lambda: itertools.takewhile(holds, self), UNKNOWN_CARDINALITY)

    def flat_map(self, map_func: Function, name: Any = None) -> Dataset:  # noqa: ARG002
        """Returns the elements of the datasets that a function makes of each element."""

        def make() -> Iterator[Any]:
            for element in self:
                yield from _dataset_of(elements.called_with(map_func, element), "flat_map")

        return Dataset(make, UNKNOWN_CARDINALITY)

    def interleave(
        self,
        map_func: Function,
        cycle_length: int | None = None,
        block_length: int | None = None,
        **options: Any,  # noqa: ARG002
    ) -> Dataset:
        """Returns elements of the datasets that a function makes, in turn.

        Args:
            map_func: Makes a dataset of an element.
            cycle_length: How many datasets take turns; None or less than 1: one.
            block_length: How many elements come from one at a time; None: one.
            **options: TensorFlow's, of which none changes the elements.
        """

        def make() -> Iterator[Any]:
            def inner(element: Any) -> Any:
                return _dataset_of(elements.called_with(map_func, element), "interleave")

            return passes.interleaved(self, inner, max(cycle_length or 1, 1), block_length or 1)

        return Dataset(make, UNKNOWN_CARDINALITY)

    def enumerate(self, start: int = 0, name: Any = None) -> Dataset:  # noqa: ARG002
        """Returns pairs of a number and an element."""
        return Dataset.zip(Dataset(lambda: map(_int64, itertools.count(start)), -1), self)

    # Which elements, and in which order ----------------------------------------------------------

    def take(self, count: Any, name: Any = None) -> Dataset:  # noqa: ARG002
        """Returns the first elements; -1: all."""
        number = int(count)
        if number < 0:
            return self
        known = self._count if self._count != INFINITE_CARDINALITY else number
        return Dataset(
            lambda: itertools.islice(self, number), min(known, number) if known >= 0 else known
        )

    def skip(self, count: Any, name: Any = None) -> Dataset:  # noqa: ARG002
        """Returns the elements after the first ones; -1: none."""
        number = int(count)
        if number < 0:
            return self.take(0)
        left = max(self._count - number, 0) if self._count >= 0 else self._count
        return Dataset(lambda: itertools.islice(self, number, None), left)

    def shard(self, num_shards: int, index: int, name: Any = None) -> Dataset:  # noqa: ARG002
        """Returns every `num_shards`-th element, from `index` on."""
        left = len(builtins.range(index, self._count, num_shards)) if self._count >= 0 else -2
        return Dataset(lambda: itertools.islice(self, index, None, num_shards), left)

    def repeat(self, count: Any = None, name: Any = None) -> Dataset:  # noqa: ARG002
        """Returns the elements again and again, `count` times; None or -1: without an end."""
        times = -1 if count is None else int(count)

        def make() -> Iterator[Any]:
            for _ in itertools.count() if times < 0 else builtins.range(times):
                found = False
                for element in self:
                    found = True
                    yield element
                if not found:
                    return

        if times < 0:
            return Dataset(make, INFINITE_CARDINALITY if self._count else 0)
        return Dataset(make, self._count * times if self._count >= 0 else self._count)

    def concatenate(self, dataset: Dataset, name: Any = None) -> Dataset:  # noqa: ARG002
        """Returns these elements, then those of another dataset."""
        counts = self._count, dataset._count
        return Dataset(
            lambda: itertools.chain(self, dataset), sum(counts) if min(counts) >= 0 else min(counts)
        )

    def shuffle(
        self,
        buffer_size: Any,
        seed: int | None = None,
        reshuffle_each_iteration: bool = True,
        name: Any = None,  # noqa: ARG002
    ) -> Dataset:
        """Returns the elements in a random order, which is not TensorFlow's.

        Args:
            buffer_size: Of how many next elements each one is drawn.
            seed: None: an order that `set_random_seed` makes repeatable.
            reshuffle_each_iteration: Whether each pass has an order of its own.
            name: Ignored.
        """
        number = settings.next_seed() if seed is None else seed
        shared = np.random.default_rng(number)

        def make() -> Iterator[Any]:
            fresh = reshuffle_each_iteration is False
            generator = np.random.default_rng(number) if fresh else shared
            return passes.shuffled(self, int(buffer_size), generator)

        return Dataset(make, self._count)

    def cache(self, filename: Any = "", name: Any = None) -> Dataset:  # noqa: ARG002
        """Returns the same elements, which stay in memory after the first whole pass."""
        kept: list[list[Any]] = []

        def make() -> Iterator[Any]:
            if kept:
                return iter(kept[0])
            return filling()

        def filling() -> Iterator[Any]:
            found = []
            for element in self:
                found.append(element)
                yield element
            kept.append(found)

        return Dataset(make, self._count)

    def prefetch(self, buffer_size: Any, name: Any = None) -> Dataset:  # noqa: ARG002
        """Returns the dataset: nothing runs ahead of what is asked for."""
        return self

    def with_options(self, options: Any, name: Any = None) -> Dataset:  # noqa: ARG002
        """Returns the dataset: no option changes its elements."""
        return self

    # Several elements at a time ------------------------------------------------------------------

    def batch(
        self,
        batch_size: Any,
        drop_remainder: bool = False,
        **options: Any,  # noqa: ARG002
    ) -> Dataset:
        """Returns batches of elements, along a new first axis.

        Args:
            batch_size: Elements in a batch.
            drop_remainder: Whether a last, smaller batch is left out.
            **options: TensorFlow's, of which none changes the batches.

        Raises:
            ShapeError: During a pass, if the elements of a batch differ in shape.
        """
        return self._batches(int(batch_size), drop_remainder, elements.batched)

    def padded_batch(
        self,
        batch_size: Any,
        padded_shapes: Any = None,
        padding_values: Any = None,
        drop_remainder: bool = False,
        name: Any = None,  # noqa: ARG002
    ) -> Dataset:
        """Returns batches of elements that are filled up to one shape.

        Args:
            batch_size: Elements in a batch.
            padded_shapes: For each array the sizes, None for the largest one in the batch.
            padding_values: For each array what fills it up; None: 0.
            drop_remainder: Whether a last, smaller batch is left out.
            name: Ignored.

        Example:
            >>> rows = Dataset.range(1, 4).map(lambda n: np.ones(int(n), "int32"))
            >>> next(iter(rows.padded_batch(3))).numpy()
            array([[1, 0, 0],
                   [1, 1, 0],
                   [1, 1, 1]], dtype=int32)
        """
        return self._batches(
            int(batch_size),
            drop_remainder,
            lambda part: elements.padded(part, padded_shapes, padding_values),
        )

    def ragged_batch(self, batch_size: Any, **_options: Any) -> Any:
        """Raises, as ragged tensors are not there.

        Raises:
            UnsupportedError: Always.
        """
        raise UnsupportedError(
            f"Dataset.ragged_batch: ragged tensors are not there; padded_batch({batch_size}) fills "
            "elements up to one shape, and a Masking layer or Embedding(mask_zero=True) leaves the "
            "padding out."
        )

    def _batches(self, size: int, drop: bool, join: Callable[[list[Any]], Any]) -> Dataset:
        if size < 1:
            raise UnsupportedError(f"Dataset.batch: batch_size must be 1 or more, received {size}.")
        count = self._count
        if count >= 0:
            count = count // size if drop else -(-count // size)
        return Dataset(lambda: passes.batches(self, size, drop, join), count)

    def bucket_by_sequence_length(
        self,
        element_length_func: Function,
        bucket_boundaries: Sequence[int],
        bucket_batch_sizes: Sequence[int],
        padded_shapes: Any = None,
        padding_values: Any = None,
        pad_to_bucket_boundary: bool = False,
        no_padding: bool = False,
        drop_remainder: bool = False,
        name: Any = None,  # noqa: ARG002
    ) -> Dataset:
        """Returns batches of elements of similar length.

        Args:
            element_length_func: Gives the length of an element.
            bucket_boundaries: Where a bucket ends and the next one begins.
            bucket_batch_sizes: Elements in a batch of each bucket; one more than boundaries.
            padded_shapes: See `padded_batch`.
            padding_values: See `padded_batch`.
            pad_to_bucket_boundary: Must be false.
            no_padding: Whether elements of a batch have one length already.
            drop_remainder: Whether smaller batches at the end are left out.
            name: Ignored.

        Raises:
            UnsupportedError: If `pad_to_bucket_boundary` is true.
        """
        if pad_to_bucket_boundary:
            raise UnsupportedError(
                "bucket_by_sequence_length: pad_to_bucket_boundary is not there."
            )

        def join(part: list[Any], _place: int) -> Any:
            if no_padding:
                return elements.batched(part)
            return elements.padded(part, padded_shapes, padding_values)

        def make() -> Iterator[Any]:
            return passes.buckets(
                self,
                lambda element: int(elements.called_with(element_length_func, element)),
                list(bucket_boundaries),
                list(bucket_batch_sizes),
                drop_remainder,
                join,
            )

        return Dataset(make, UNKNOWN_CARDINALITY)

    def unbatch(self, name: Any = None) -> Dataset:  # noqa: ARG002
        """Returns the parts of each element along its first axis."""
        return Dataset(lambda: passes.unbatched(self), UNKNOWN_CARDINALITY)

    def window(
        self,
        size: Any,
        shift: Any = None,
        stride: Any = 1,
        drop_remainder: bool = False,
        name: Any = None,  # noqa: ARG002
    ) -> Dataset:
        """Returns datasets of neighbouring elements; of a tuple, a tuple of datasets.

        Args:
            size: Elements in a window.
            shift: How many elements later the next window begins; None: `size`.
            stride: How many elements further the next element of a window is.
            drop_remainder: Whether smaller windows at the end are left out.
            name: Ignored.
        """
        length, step, apart = int(size), int(size if shift is None else shift), int(stride)

        def make() -> Iterator[Any]:
            for part in passes.windows(self, length, step, apart, drop_remainder):
                yield elements.mapped(_dataset_of_values, *part)

        count = self._count
        if count >= 0:
            last = count - ((length - 1) * apart if drop_remainder else 0)
            count = max(-(-last // step), 0)
        return Dataset(make, count)

    # Other ---------------------------------------------------------------------------------------

    def reduce(self, initial_state: Any, reduce_func: Function, name: Any = None) -> Any:  # noqa: ARG002
        """Returns what a function makes of a state and the next element, after the last one."""
        state = elements.as_element(initial_state, _is_dataset)
        for element in self:
            state = elements.as_element(reduce_func(state, element), _is_dataset)
        return state

    def apply(self, transformation_func: Callable[[Dataset], Any]) -> Any:
        """Returns what a function makes of the dataset."""
        return transformation_func(self)

    def get_single_element(self, name: Any = None) -> Any:  # noqa: ARG002
        """Returns the only element.

        Raises:
            DataError: If there is another number of elements.
        """
        found = list(itertools.islice(self, 2))
        if len(found) != 1:
            raise DataError("Dataset.get_single_element: the dataset has not one element.")
        return found[0]

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__}: {self._count} elements>"
            if self._count >= 0
            else (f"<{type(self).__name__}>")
        )


def cardinality(dataset: Dataset) -> Any:
    """Returns the number of elements of a dataset; -1 if there is no end, -2 if unknown."""
    return dataset.cardinality()


def _is_dataset(x: Any) -> bool:
    return isinstance(x, Dataset)


def _int64(number: int) -> Any:
    return watchable(np.int64(number))


def _dataset_of(result: Any, method: str) -> Dataset:
    if not isinstance(result, Dataset):
        raise DataError(
            f"Dataset.{method}: the function must return a Dataset, received "
            f"{type(result).__name__!r}."
        )
    return result


def _dataset_of_values(*values: Any) -> Dataset:
    return Dataset(lambda: iter(values), len(values))


def _as_structure(signature: Any) -> Any:
    """A signature whose lists are tuples; a TensorSpec, a named tuple, is a leaf."""
    if hasattr(signature, "dtype") and hasattr(signature, "shape"):
        return _Leaf(signature)
    if isinstance(signature, (list, tuple)):
        return tuple(map(_as_structure, signature))
    if isinstance(signature, dict):
        return {key: _as_structure(value) for key, value in signature.items()}
    return signature


class _Leaf:
    """What is told about an array."""

    def __init__(self, spec: Any) -> None:
        self.shape, self.dtype = spec.shape, spec.dtype
