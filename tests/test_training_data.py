"""How training data come in: the same batches in the same order as Keras's adapters give."""

from __future__ import annotations

import importlib
import warnings
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import rnnext
from rnnext import nest
from rnnext.arrays import holds_strings
from rnnext.errors import DataError, ShapeError, UnsupportedError
from rnnext.training.arrays import class_weights_of, train_validation_split
from rnnext.training.data import batches_of, pack_x_y_sample_weight, unpack_x_y_sample_weight
from rnnext.utils import PyDataset

X = np.arange(20, dtype="float64").reshape(10, 2)
Y = np.arange(10)
W = np.linspace(0, 1, 10)


def plain(batch: Any) -> Any:
    """A batch as lists, with dtypes; Keras leaves out what is not there."""
    return [
        None if part is None else nest.map_structure(describe, part)
        for part in unpack_x_y_sample_weight(batch)
    ]


def describe(leaf: Any) -> Any:
    return None if leaf is None else (str(np.asarray(leaf).dtype), np.asarray(leaf).tolist())


def epochs_of(make: Any, epochs: int) -> tuple[list[Any], list[Any]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        batches = make()
        seen = []
        for _ in range(epochs):
            batch_lists = [
                b[-1][0] if len(b) == 3 and isinstance(b[0], int) else b for b in batches
            ]
            seen.append([plain(batch) for batch in batch_lists])
            seen.append(batches.num_batches)
    ended = [w for w in caught if "ran out of data; interrupting training" in str(w.message)]
    return seen, [len(ended), sum("shuffle=True" in str(w.message) for w in caught)]


def iterator_of_keras(keras: ModuleType, *args: Any, **options: Any) -> Any:
    assert keras
    return importlib.import_module("keras.src.trainers.epoch_iterator").EpochIterator(
        *args, **options
    )


def generator(count: int) -> Any:
    for i in range(count):
        yield X[i : i + 2], Y[i : i + 2]


class Batches(PyDataset):
    def __init__(self, count: int = 4) -> None:
        super().__init__()
        self.count, self.calls = count, []

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Any:
        return X[2 * index : 2 * index + 2], Y[2 * index : 2 * index + 2]

    def on_epoch_begin(self) -> None:
        self.calls.append("begin")

    def on_epoch_end(self) -> None:
        self.calls.append("end")


def table(kind: str) -> Any:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": X[:, 0], "b": X[:, 1]})
    return frame if kind == "frame" else frame["a"]


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (lambda: (X, Y), {}),
        (lambda: (X, Y, W), {"batch_size": 3}),
        (lambda: (X,), {"batch_size": 10}),
        (lambda: (X, Y), {"batch_size": 11}),
        (lambda: (X, Y), {"steps_per_epoch": 3}),
        (lambda: (X, Y), {"batch_size": 3, "steps_per_epoch": 3}),  # goes on in the next epoch
        (lambda: (X, Y), {"batch_size": 3, "steps_per_epoch": 4}),
        (lambda: (X, Y), {"batch_size": 3, "steps_per_epoch": 6}),  # too many
        (lambda: ([X, X[:, :1]], [Y, W]), {"batch_size": 4}),
        (lambda: ({"a": X, "b": Y}, {"u": Y, "v": W}, {"u": W, "v": W}), {"batch_size": 4}),
        (lambda: ((X, Y), [Y, Y], W), {"batch_size": 4}),
        (lambda: (X, Y), {"batch_size": 4, "class_weight": {1: 2.0, 3: 0.5}}),
        (lambda: (X, np.eye(10)), {"batch_size": 4, "class_weight": {1: 2.0, 3: 0.5}}),
        (lambda: (X, Y[:, None] + 0.2), {"batch_size": 4, "class_weight": {1: 2.0}}),
        (lambda: (table("frame"), table("series")), {"batch_size": 4}),
        (lambda: (X.astype("float16"), Y.astype("int8")), {"batch_size": 4}),
        (lambda: (generator(5),), {}),
        (lambda: (generator(9),), {"steps_per_epoch": 3}),
        (lambda: (generator(5),), {"steps_per_epoch": 3}),
        (lambda: (generator(1),), {"steps_per_epoch": 3}),
        (lambda: (iter([(X, Y, W)]),), {"keras": "generator"}),
        (lambda: (generator(4),), {"shuffle": True}),
    ],
)
def test_batches_are_those_of_keras(keras: ModuleType, make: Any, options: dict[str, Any]) -> None:
    options = dict(options)
    as_generator = options.pop("keras", None)

    def theirs() -> Any:
        data = make()
        if as_generator:
            data = ((batch for batch in data[0]),)
        return iterator_of_keras(keras, *data, **options)

    def ours() -> Any:
        return batches_of(*make(), **options)

    assert epochs_of(ours, 3) == epochs_of(theirs, 3)


@pytest.mark.parametrize("steps", [None, 2, 3, 4, 5])
@pytest.mark.parametrize("class_weight", [None, {1: 2.0}])
def test_py_datasets_are_those_of_keras(
    keras: ModuleType, steps: int | None, class_weight: Any
) -> None:
    class Theirs(keras.utils.PyDataset):  # type: ignore[name-defined,misc]
        __len__, __getitem__ = Batches.__len__, Batches.__getitem__
        count = 4

    options = {"steps_per_epoch": steps, "class_weight": class_weight}
    expected = epochs_of(lambda: iterator_of_keras(keras, Theirs(), **options), 3)
    assert epochs_of(lambda: batches_of(Batches(), **options), 3) == expected
    assert epochs_of(lambda: batches_of(Theirs(), **options), 3) == expected


@pytest.mark.parametrize("steps", [None, 3])
@pytest.mark.parametrize("kind", ["known", "unknown", "endless"])
def test_tf_datasets_are_those_of_keras(keras: ModuleType, kind: str, steps: int | None) -> None:
    tf = importlib.import_module("tensorflow")
    data = tf.data.Dataset.from_tensor_slices((X.astype("float32"), Y)).batch(4)
    if kind == "unknown":
        data = data.filter(lambda x, y: True)  # noqa: ARG005
    if kind == "endless":
        data, steps = data.repeat(), 3
    options = {"steps_per_epoch": steps}
    expected = epochs_of(lambda: iterator_of_keras(keras, data, **options), 3)
    assert epochs_of(lambda: batches_of(data, **options), 3) == expected


def test_data_loaders() -> None:
    torch = pytest.importorskip("torch")
    data = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y))
    batches = batches_of(torch.utils.data.DataLoader(data, batch_size=4))
    assert batches.num_batches == 3
    for _ in range(2):
        assert [len(y) for _, y, _ in batches] == [4, 4, 2]


def test_other_iterables_and_lists() -> None:
    class Two:
        def __iter__(self) -> Any:
            return iter([(X, Y), [X[:3], Y[:3]]])

        def __len__(self) -> int:
            return 2

    batches = batches_of(Two())
    assert [[len(x) for x, _, _ in batches] for _ in range(2)] == [[10, 3], [10, 3]]
    ((x, y, w),) = batches_of(X.tolist(), Y.tolist(), W.tolist())
    assert (x.dtype, y.dtype.kind, w.dtype) == ("float32", "i", "float32")
    ((x, _, _),) = batches_of(["a", "b"], [0, 1])
    assert x.tolist() == [b"a", b"b"]


def test_shuffling() -> None:
    def orders(shuffle: Any, epochs: int = 2) -> list[Any]:
        batches = batches_of(X, Y, batch_size=4, shuffle=shuffle)
        return [
            [(y.tolist(), (x[:, 0] / 2).tolist()) for x, y, _ in batches] for _ in range(epochs)
        ]

    rnnext.set_random_seed(3)
    first = orders(True)
    rnnext.set_random_seed(3)
    assert orders(True) == first
    assert orders(True) != first
    assert first[0] != first[1]
    for epoch in first:
        assert all(y == x for y, x in epoch)
        assert sorted(value for y, _ in epoch for value in y) == list(range(10))
    for epoch in orders("batch"):
        assert [sorted(y) for y, _ in epoch] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    data = Batches(4)
    batches = batches_of(data, shuffle=True)
    epochs = [[int(y[0]) for _, y, _ in batches] for _ in range(4)]
    assert all(sorted(epoch) == [0, 2, 4, 6] for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1
    assert data.calls == ["begin", "end"] * 4


def test_nothing_is_copied_but_what_is_cast() -> None:
    x = X.astype("float32")
    for batch, _, _ in batches_of(x, Y, batch_size=3):
        assert np.shares_memory(batch, x)
    train, validation = train_validation_split((x, Y, None), 0.3)
    assert np.shares_memory(train[0], x)
    assert np.shares_memory(validation[0], x)


@pytest.mark.parametrize("split", [0.1, 0.2, 0.25, 0.33, 0.5, 0.85])
def test_validation_split_is_that_of_keras(keras: ModuleType, split: float) -> None:
    assert keras
    theirs = importlib.import_module("keras.src.trainers.data_adapters.array_slicing")
    data = ({"a": X.astype("float32"), "b": [Y, Y]}, (Y, None), None)
    expected = theirs.train_validation_split(data, split)
    found = train_validation_split(data, split)
    for ours, sliceables in zip(found, expected, strict=True):
        leaves = [None if s is None else np.asarray(s).tolist() for s in nest.flatten(sliceables)]
        assert [None if a is None else a.tolist() for a in nest.flatten(ours)] == leaves


def test_the_epoch_ends_where_training_stops() -> None:
    data = Batches(4)
    batches = iter(batches_of(data))
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    assert data.calls == ["begin", "end"]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: batches_of(X, Y[:9]), ShapeError, r"same number.*x sizes: 10, y sizes: 9\."),
        (lambda: batches_of([X, X[:3]], Y), ShapeError, "x sizes: 10, 3, y sizes: 10"),
        (lambda: batches_of(X[:0], Y[:0]), DataError, "x has no samples"),
        (lambda: batches_of(X, np.array(["a"] * 10)), DataError, "y: expected numbers"),
        (lambda: batches_of(X, Y, batch_size=0), UnsupportedError, "batch_size .*received 0"),
        (lambda: batches_of(X, Y, steps_per_epoch=0), UnsupportedError, "steps_per_epoch must be"),
        (lambda: batches_of(generator(2), Y), UnsupportedError, r"y must be None .*\(generator\)"),
        (lambda: batches_of(Batches(), None, W), UnsupportedError, "sample_weight must be None"),
        (lambda: batches_of(generator(0)), DataError, "the generator yields no batch"),
        (
            lambda: batches_of(generator(2), class_weight={0: 1.0}),
            UnsupportedError,
            r"class_weight is not supported where x is a generator",
        ),
        (
            lambda: batches_of(X, Y, W, class_weight={0: 1.0}),
            UnsupportedError,
            "class_weight and sample_weight exclude",
        ),
        (
            lambda: batches_of(X, [Y, Y], class_weight={0: 1.0}),
            UnsupportedError,
            "class_weight needs a model with a single output",
        ),
        (lambda: batches_of(X, [Y, Y], X), ShapeError, r"must have shape \(N,\), received \(10, 2"),
        (lambda: batches_of(X, [Y, Y], [W]), UnsupportedError, "an array for each output, 2, rec"),
        (lambda: list(batches_of(iter([(X,) * 4]))), DataError, "received 4 values"),
        (lambda: train_validation_split((X, Y, None), 0.9), UnsupportedError, "leaves 0 of 10"),
        (lambda: train_validation_split((X, Y, None), 1.0), UnsupportedError, "leaves 0 of 10"),
        (lambda: class_weights_of(np.zeros((2, 3, 4)), {}), ShapeError, "one class a sample"),
    ],
)
def test_refused(make: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_a_batch_size_of_batches_is_ignored() -> None:
    with pytest.warns(UserWarning, match=r"batch_size=3 is ignored: x \(generator\) is batches"):
        batches_of(generator(2), batch_size=3)


def test_packing_is_that_of_keras(keras: ModuleType) -> None:
    for values in ((1,), ([1],), (1, 2), (1, 2, 3)):
        packed = pack_x_y_sample_weight(*values)
        assert packed == keras.utils.pack_x_y_sample_weight(*values)
        assert unpack_x_y_sample_weight(packed) == keras.utils.unpack_x_y_sample_weight(packed)


def test_numbers_are_not_taken_for_strings() -> None:
    for values in ([1.0], [[1, 2]], 3, []):
        assert not holds_strings(values)
