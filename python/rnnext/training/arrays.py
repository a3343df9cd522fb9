"""Training data that are arrays: checked, split, weighted, and cut into batches."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest, settings
from rnnext.arrays import as_array, as_strings, cast, holds_strings
from rnnext.errors import DataError, ShapeError, UnsupportedError

__all__ = ["ArrayBatches", "class_weights_of", "train_validation_split"]

_DEFAULT_BATCH_SIZE = 32


class ArrayBatches:
    """Batches of arrays, a new order each time if they are shuffled.

    Nothing is copied but a batch: without shuffling not even that, if its floats are of the default
    float type.

    Args:
        x: Inputs: arrays, or a list, tuple or dictionary of them.
        y: Targets, in the same way, or None.
        sample_weight: Weights, in the same way, or None.
        batch_size: None: 32, or so that `steps` batches hold all samples.
        steps: Number of batches in an epoch, or None.
        shuffle: True, False, or `"batch"`: only inside each batch.
        class_weight: Weights by class, or None.

    Raises:
        ShapeError: If the numbers of samples differ.
        DataError: If something is not numbers; inputs may be strings.
        UnsupportedError: If arguments exclude each other.
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        sample_weight: Any,
        batch_size: int | None,
        steps: int | None,
        shuffle: bool | str,
        class_weight: dict[int, float] | None,
    ) -> None:
        x, y = _arrays(x, "x"), _arrays(y, "y")
        sample_weight = _weights_like(y, _arrays(sample_weight, "sample_weight"))
        if class_weight is not None:
            if sample_weight is not None:
                raise UnsupportedError("class_weight and sample_weight exclude each other.")
            sample_weight = class_weights_of(y, class_weight)
        self._data = (x, y, sample_weight)
        self.samples = _common_samples(self._data)
        size = batch_size or (math.ceil(self.samples / steps) if steps else _DEFAULT_BATCH_SIZE)
        self.batch_size = max(size, 1)
        self.num_batches: int | None = math.ceil(self.samples / self.batch_size)
        self._shuffle = shuffle
        self._generator = np.random.default_rng(settings.next_seed()) if shuffle else None

    def batches(self) -> Iterator[tuple[Any, Any, Any]]:
        """Yields the batches of one pass over the samples."""
        order = None
        if self._generator is not None and self._shuffle != "batch":
            order = self._generator.permutation(self.samples)
        for start in range(0, self.samples, self.batch_size):
            stop = min(start + self.batch_size, self.samples)
            rows: Any = slice(start, stop) if order is None else order[start:stop]
            if self._generator is not None and self._shuffle == "batch":
                rows = start + self._generator.permutation(stop - start)
            x, y, weights = (_batch(part, rows) for part in self._data)
            yield x, y, weights

    def begin_epoch(self) -> None:
        """Does nothing; a PyDataset is told."""

    def end_epoch(self) -> None:
        """Does nothing; a PyDataset is told."""


def train_validation_split(
    data: tuple[Any, Any, Any], validation_split: float
) -> tuple[tuple[Any, Any, Any], tuple[Any, Any, Any]]:
    """Splits arrays into those to train on and, from the end, those to validate with.

    Args:
        data: `(x, y, sample_weight)`, each an array-like, a list, tuple or dictionary of them, or
            None.
        validation_split: The share of the samples to validate with.

    Returns:
        Two such tuples. Their arrays share the memory of the given ones.

    Raises:
        UnsupportedError: If one of the two would have no samples.
        ShapeError: If the numbers of samples differ.

    Example:
        >>> import numpy as np
        >>> train, validation = train_validation_split((np.arange(5), None, None), 0.2)
        >>> train, validation
        ((array([0, 1, 2, 3]), None, None), (array([4]), None, None))
    """
    x, y, weights = (_arrays(d, n) for d, n in zip(data, ("x", "y", "sample_weight"), strict=True))
    samples = _common_samples((x, y, weights))
    split = math.floor(samples * (1.0 - validation_split))
    if not 0 < split < samples:
        raise UnsupportedError(
            f"validation_split={validation_split!r} leaves {split} of {samples} samples to train "
            f"on and {samples - split} to validate with; both must have some."
        )
    parts = []
    for rows in (slice(0, split), slice(split, samples)):
        cut = [_map(lambda a, r=rows: a[r], part) for part in (x, y, weights)]
        parts.append((cut[0], cut[1], cut[2]))
    return parts[0], parts[1]


def class_weights_of(y: Any, class_weight: dict[int, float]) -> NDArray[Any]:
    """Returns a weight for each sample: that of its class, and 1 if the class has none.

    Args:
        y: Classes (N,) or (N, 1), or rows (..., K) of which the largest element is the class.
        class_weight: Weights by class.

    Raises:
        UnsupportedError: If there are several outputs or none.

    Example:
        >>> class_weights_of([0, 2, 1], {2: 5.0})
        array([1., 5., 1.], dtype=float32)
    """
    if not isinstance(class_weight, Mapping):
        raise UnsupportedError(
            "class_weight must be a dictionary of weights by class, such as {0: 1.0, 1: 5.0}, "
            f"received {class_weight!r}."
        )
    if (nest.is_nested(y) and any(hasattr(leaf, "shape") for leaf in nest.flatten(y))) or y is None:
        raise UnsupportedError("class_weight needs a model with a single output, and its targets.")
    classes = as_array(y, "y")
    if classes.ndim > 1:
        classes = classes[..., 0] if classes.shape[-1] == 1 else classes.argmax(axis=-1)
    if classes.ndim > 1:
        raise ShapeError(
            "class_weight needs one class a sample; y of shape "
            f"{np.shape(y)} has {classes.shape[1:]} of them. Pass sample_weight instead."
        )
    keys = np.round(classes).astype("int64").tolist()
    return np.array([class_weight.get(key, 1.0) for key in keys], settings.floatx())


def _arrays(data: Any, name: str) -> Any:
    """Array-likes as arrays; a list without arrays inside is one array, as a list of numbers."""
    if isinstance(data, (list, tuple)) and not any(
        hasattr(leaf, "shape") for leaf in nest.flatten(data)
    ):
        return _array(data, name)
    return _map(lambda leaf: _array(leaf, name), data)


def _array(data: Any, name: str) -> NDArray[Any]:
    is_text = name == "x" and holds_strings(data)  # for a TextVectorization inside the model
    array = as_strings(data, name) if is_text else as_array(data, name)
    if type(data).__name__ == "Series" and array.ndim == 1:  # of pandas: one column, as in Keras
        array = array[:, None]
    if array.ndim == 0:
        raise ShapeError(f"{name} is a single number, {array}; expected samples along an axis.")
    return array


def _map(function: Any, data: Any) -> Any:
    return nest.map_structure(lambda leaf: None if leaf is None else function(leaf), data)


def _batch(data: Any, rows: Any) -> Any:
    if data is None or type(data) is np.ndarray:
        return None if data is None else _rows(data, rows)
    return _map(lambda array: _rows(array, rows), data)


def _rows(array: NDArray[Any], rows: Any) -> NDArray[Any]:
    batch = array[rows] if isinstance(rows, slice) else array.take(rows, axis=0)
    return cast(batch, settings.floatx()) if batch.dtype.kind == "f" else batch


def _common_samples(data: tuple[Any, Any, Any]) -> int:
    sizes = [[len(a) for a in nest.flatten(part) if a is not None] for part in data]
    distinct = {size for part in sizes for size in part}
    if len(distinct) > 1:
        names = ("x", "y", "sample_weight")
        given = ", ".join(
            f"{name} sizes: {', '.join(map(str, part))}"
            for name, part in zip(names, sizes, strict=True)
            if part
        )
        raise ShapeError(f"x, y and sample_weight must have the same number of samples; {given}.")
    if distinct in (set(), {0}):
        raise DataError("x has no samples.")
    return distinct.pop()


def _weights_like(y: Any, sample_weight: Any) -> Any:
    """Weights nested as the targets; one array of a weight a sample is for all outputs."""
    if sample_weight is None or not nest.is_nested(y):
        return sample_weight
    if nest.is_nested(sample_weight):
        keys = sorted(y) if isinstance(y, dict) else len(y)
        found = sorted(sample_weight) if isinstance(sample_weight, dict) else len(sample_weight)
        if keys != found:
            raise UnsupportedError(
                f"sample_weight must have an array for each output, {keys}, received {found}."
            )
        return sample_weight
    if sample_weight.ndim != 1 and sample_weight.shape[1:] != (1,):
        raise ShapeError(
            "one sample_weight for several outputs must have shape (N,), received "
            f"{sample_weight.shape}; pass one array for each output."
        )
    return nest.map_structure(lambda _: sample_weight, y)
