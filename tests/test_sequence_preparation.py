"""`rnnext.utils`: sequences and labels are prepared as Keras prepares them."""

from __future__ import annotations

import random
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from rnnext import utils
from rnnext.errors import DataError, ShapeError, UnsupportedError
from rnnext.layers import Dense

RAGGED = [[1, 2, 3, 4], [], [5], [6, 7]]


@pytest.mark.parametrize(
    ("sequences", "options"),
    [
        (RAGGED, {}),
        (RAGGED, {"padding": "post", "value": -1}),
        (RAGGED, {"maxlen": 2}),
        (RAGGED, {"maxlen": 2, "truncating": "post"}),
        (RAGGED, {"maxlen": 6, "padding": "post", "truncating": "post", "dtype": "float32"}),
        (RAGGED, {"value": 0.5, "dtype": "float64"}),
        ([np.ones((2, 3)), np.ones((4, 3))], {"maxlen": 3}),
        ((np.arange(3), [9]), {"padding": "post"}),
    ],
)
def test_pad_sequences(sequences: Any, options: dict[str, Any], keras: ModuleType) -> None:
    ours = utils.pad_sequences(sequences, **options)
    theirs = keras.utils.pad_sequences(sequences, **options)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


def test_sequences_that_cannot_be_padded() -> None:
    with pytest.raises(DataError, match="found 3"):
        utils.pad_sequences([[1], 3])
    with pytest.raises(ShapeError, match=r"shape \(2,\), received one of \(3,\)"):
        utils.pad_sequences([np.ones((1, 2)), np.ones((1, 3))])
    with pytest.raises(UnsupportedError, match="padding must be 'pre' or 'post', received 'left'"):
        utils.pad_sequences(RAGGED, padding="left")


@pytest.mark.parametrize(
    ("classes", "count"),
    [([0, 2, 1], None), ([[1], [0]], 4), ([[1, 0], [2, 2]], 3), (np.array([3.0, 1.0]), None)],
)
def test_to_categorical(classes: Any, count: int | None, keras: ModuleType) -> None:
    ours = utils.to_categorical(classes, count)
    theirs = keras.utils.to_categorical(classes, count)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(("classes", "count"), [([0, 3], 3), ([-1], 2)])
def test_numbers_that_are_no_class(classes: list[int], count: int) -> None:
    with pytest.raises(DataError, match=f"classes from 0 to {count - 1}, received"):
        utils.to_categorical(classes, count)


@pytest.mark.parametrize(("axis", "order"), [(-1, 2), (1, 1), (1, np.inf)])
def test_normalize(axis: int, order: Any, keras: ModuleType) -> None:
    x = np.array([[3.0, -4.0], [0.0, 0.0], [1.0, 1.0]])
    ours, theirs = utils.normalize(x, axis, order), keras.utils.normalize(x, axis, order)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


def test_normalize_columns() -> None:
    """Keras 3.15 takes the axis 0 for the last one."""
    np.testing.assert_array_equal(
        utils.normalize([[3, 0, 1], [4, 0, 0]], axis=0), [[0.6, 0, 1], [0.8, 0, 0]]
    )


def test_a_seed_is_everybodys() -> None:
    drawn = []
    for _ in range(2):
        utils.set_random_seed(7)
        drawn.append((random.random(), np.random.random()))  # noqa: NPY002
    assert drawn[0] == drawn[1]


# Windows of a series -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"batch_size": 4},
        {"batch_size": None},
        {"sequence_stride": 3, "batch_size": 2},
        {"sampling_rate": 2, "batch_size": 4},
        {"start_index": 3, "end_index": 17, "batch_size": 4},
        {"start_index": 4, "sequence_stride": 2, "sampling_rate": 2, "batch_size": 3},
        {"end_index": 2},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("kind", "with_targets"),
    [("float64", True), ("int8", False), ("list of float", False), ("list of int", True)],
)
def test_timeseries_dataset(
    options: dict[str, Any], with_targets: bool, kind: str, keras: ModuleType
) -> None:
    data: Any = np.arange(40).reshape(20, 2)
    data = data.astype(kind.split()[-1]).tolist() if kind.startswith("list") else data.astype(kind)
    targets = np.arange(20, dtype="float32") if with_targets else None
    ours = utils.timeseries_dataset_from_array(data, targets, 4, **options)
    theirs = list(
        keras.utils.timeseries_dataset_from_array(data, targets, 4, **options).as_numpy_iterator()
    )
    for _ in range(2):
        assert len(ours) == len(theirs) == len(list(ours))
        for batch, expected in zip(ours, theirs, strict=True):
            pairs = zip(batch, expected, strict=True) if with_targets else [(batch, expected)]
            for mine, other in pairs:
                assert mine.dtype == other.dtype
                np.testing.assert_array_equal(mine, other)


def test_shuffled_windows() -> None:
    def dataset(seed: int | None) -> Any:
        return utils.timeseries_dataset_from_array(
            np.arange(30), np.arange(30), 3, batch_size=8, shuffle=True, seed=seed
        )

    def epoch(batches: Any) -> list[int]:
        pairs = list(batches)
        x, y = (np.concatenate(part) for part in zip(*pairs, strict=True))
        np.testing.assert_array_equal(x, y[:, np.newaxis] + np.arange(3))
        return list(y)

    one, other = dataset(5), dataset(5)
    first, second = epoch(one), epoch(one)
    assert first != second
    assert sorted(first) == sorted(second) == list(range(28))
    assert [epoch(other), epoch(other)] == [first, second]
    assert len(epoch(dataset(None).take(2))) == 16


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start_index": 20}, "start_index must be 0 to 19 .* received 20"),
        ({"start_index": 5, "end_index": 5}, "end_index must be 6 to 19 .* received 5"),
        ({"end_index": 20}, "end_index must be 1 to 19 .* received 20"),
        ({"sampling_rate": 0}, "sampling_rate must be 1 to 19 .* received 0"),
        ({"sequence_stride": 20}, "sequence_stride must be 1 to 19 .* received 20"),
        ({"batch_size": 0}, "batch_size must be 1 or more .* received 0"),
        ({"targets": np.arange(9), "start_index": 2}, "7 targets are left .* starts 8 steps"),
    ],
)
def test_windows_that_do_not_exist(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        utils.timeseries_dataset_from_array(
            np.arange(20), **{"targets": None, "sequence_length": 4, **options}
        )


def test_a_dataset_of_batches_need_not_have_an_end() -> None:
    class Endless(utils.PyDataset):
        num_batches = None

        def __getitem__(self, index: int) -> int:
            return index

    class Unfinished(utils.PyDataset):
        pass

    endless = Endless(workers=2, use_multiprocessing=True, max_queue_size=3)
    assert [i for i, _ in zip(endless, range(3), strict=False)] == [0, 1, 2]
    assert (endless.workers, endless.use_multiprocessing, endless.max_queue_size) == (2, True, 3)
    assert utils.Sequence is utils.PyDataset
    with pytest.raises(NotImplementedError, match="Unfinished must define __len__"):
        list(Unfinished())


def test_objects_as_configs() -> None:
    config = utils.serialize_keras_object(Dense(3, name="head"))
    with utils.CustomObjectScope({}):
        assert utils.deserialize_keras_object(config).get_config()["units"] == 3


def test_no_name_leaks() -> None:
    assert set(dir(utils)) == set(utils.__all__)
    for name in ("Any", "np", "NDArray", "as_array", "DataError"):
        assert not hasattr(utils, name)
