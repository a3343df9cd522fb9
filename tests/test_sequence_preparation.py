"""`rnnext.utils`: sequences and labels are prepared as Keras prepares them."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from rnnext import utils
from rnnext.errors import DataError, ShapeError, UnsupportedError

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
