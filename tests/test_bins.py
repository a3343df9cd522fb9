"""Hashing, HashedCrossing and Discretization beside Keras's."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from text_twins import INTEGERS, MODES, SHAPES, STRINGS, Array, Options, assert_same, twins

from rnnext import layers, serialization
from rnnext.errors import DataError, ShapeError, UnsupportedError
from rnnext.layers.preprocessing.fingerprints import farmhash64, siphash64

tensorflow = importlib.import_module("tensorflow")


class TestHashing:
    @pytest.mark.parametrize("mode", [*MODES, {"dtype": "int32"}])
    @pytest.mark.parametrize("options", [{}, {"salt": 5}, {"salt": [1, -2]}])
    def test_against_keras(self, options: Options, mode: Options) -> None:
        theirs, ours = twins("Hashing", num_bins=7, **options, **mode)
        for x in (STRINGS, STRINGS[None], INTEGERS, INTEGERS[:, None] * 10**12, INTEGERS / 2):
            assert_same(theirs, ours, x)
        again = serialization.deserialize(serialization.serialize(ours))
        np.testing.assert_array_equal(again(STRINGS), ours(STRINGS))
        assert_same(type(theirs).from_config(ours.get_config()), ours, STRINGS)

    @pytest.mark.parametrize(("mask", "x"), [("", STRINGS), (5, INTEGERS)])
    def test_mask_value(self, mask: Any, x: Array) -> None:
        assert_same(*twins("Hashing", num_bins=4, mask_value=mask), x)

    @pytest.mark.parametrize("size", [0, 1, 3, 4, 7, 8, 16, 17, 32, 33, 64, 65, 128, 129, 1000])
    def test_hashes_of_any_length(self, size: int) -> None:
        """Beside TensorFlow's own operations, in 2**62 bins."""
        string = bytes(np.random.default_rng(size).integers(0, 256, size, np.uint8))
        operations = tensorflow.strings
        fast = operations.to_hash_bucket_fast([string], 2**62).numpy()[0]
        strong = operations.to_hash_bucket_strong([string], 2**62, key=[7, -9]).numpy()[0]
        assert farmhash64(string) % 2**62 == fast
        assert siphash64(string, (7, -9)) % 2**62 == strong

    @pytest.mark.parametrize("mode", ["int", "one_hot"])
    @pytest.mark.parametrize("shape", SHAPES[:3])
    def test_crossing(self, shape: tuple[int, ...], mode: str) -> None:
        features = [np.resize(x, shape) for x in (STRINGS, INTEGERS, STRINGS[::-1])]
        assert_same(*twins("HashedCrossing", num_bins=50, output_mode=mode), features)

    def test_what_is_refused(self) -> None:
        with pytest.raises(UnsupportedError, match="num_bins must be an integer >= 1, received 0"):
            layers.Hashing(0)
        with pytest.raises(UnsupportedError, match="dtype must be 'int32' or 'int64'"):
            layers.Hashing(3, dtype="float32")
        cross = layers.HashedCrossing(5)
        with pytest.raises(DataError, match="a list of two or more arrays"):
            cross(np.array(["a"]))
        with pytest.raises(ShapeError, match="arrays of one shape"):
            cross([np.array(["a"]), np.array([1, 2])])
        with pytest.raises(DataError, match="expected strings or integers, received float64"):
            cross([np.array(["a"]), np.array([1.5])])


class TestDiscretization:
    @pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
    @pytest.mark.parametrize("mode", MODES)
    def test_against_keras(self, mode: Options, dtype: str) -> None:
        theirs, ours = twins("Discretization", bin_boundaries=[-1.0, 0.1, 1.0], **mode)
        values = np.array([0.1, -3, 1, 1.5, -1, 0.5])
        for shape in SHAPES:
            assert_same(theirs, ours, np.resize(values, shape).astype(dtype))
        assert ours.get_config() == {**theirs.get_config(), "name": ours.name}

    def test_values_at_the_edges(self) -> None:
        x = np.array([np.nan, 0.1, np.float32(0.1), np.inf, -np.inf, 1.0])
        assert_same(*twins("Discretization", bin_boundaries=[0.1, 1.0]), x)

    @pytest.mark.parametrize("num_bins", [2, 3, 7, 50])
    @pytest.mark.parametrize("epsilon", [0.01, 0.05, 0.3])
    def test_adapt(self, num_bins: int, epsilon: float) -> None:
        rng = np.random.default_rng(0)
        for data in (
            rng.normal(size=300),
            rng.normal(size=(40, 3)),
            [rng.normal(size=30), rng.normal(size=200)],
            rng.integers(0, 9, 50),
        ):
            theirs, ours = twins("Discretization", num_bins=num_bins, epsilon=epsilon)
            theirs.adapt(data)
            ours.adapt(data)
            assert ours.bin_boundaries == theirs.bin_boundaries
            again = layers.Discretization.from_config(ours.get_config())
            assert (again.bin_boundaries, again.num_bins) == (ours.bin_boundaries, num_bins)

    def test_what_is_refused(self) -> None:
        with pytest.raises(UnsupportedError, match="give either bin_boundaries or num_bins"):
            layers.Discretization()
        with pytest.raises(DataError, match="a list of rising numbers"):
            layers.Discretization([2.0, 1.0])
        with pytest.raises(DataError, match=r"has no boundaries; call its adapt\(\)"):
            layers.Discretization(num_bins=3)([1.0])
        with pytest.raises(UnsupportedError, match="so it cannot adapt; give it num_bins"):
            layers.Discretization([1.0]).adapt([1.0])
