"""`predict` of datasets on disk, into datasets on disk, and of columns of tables."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from stream_checks import same_bits

import rnnext
from rnnext.layers import GRU, LSTM, Dense, Embedding, Input

Array = NDArray[Any]

X = np.random.default_rng(0).standard_normal((103, 7, 3)).astype("float32")


def model_of() -> Any:
    return rnnext.Sequential([Input((7, 3)), LSTM(4, return_sequences=True), GRU(3), Dense(2)])


class Counted:
    """A source: rows by slices, and what was read."""

    def __init__(self, array: Array, chunk: int | None = None) -> None:
        self._array = array
        self.shape, self.dtype = array.shape, array.dtype
        self.read: list[tuple[int, int]] = []
        if chunk is not None:
            self.chunks = (chunk, *array.shape[1:])

    def __getitem__(self, rows: slice) -> Array:
        if rows.start != rows.stop:
            self.read.append((rows.start, rows.stop))
        return self._array[rows]


class Target:
    """Takes rows by slices, and notes what was written."""

    def __init__(self, shape: tuple[int, ...], chunk: int) -> None:
        self.array = np.full(shape, np.nan, "float32")
        self.shape, self.dtype, self.chunks = shape, self.array.dtype, (chunk, *shape[1:])
        self.written: list[tuple[int, int]] = []

    def __setitem__(self, rows: slice, values: Array) -> None:
        self.written.append((rows.start, rows.stop))
        self.array[rows] = values


def hdf5(x: Array, path: Path, **options: Any) -> Any:
    return h5py.File(path / "x.h5", "w").create_dataset("x", data=x, **options)


def zarr_array(x: Array, path: Path, chunk: int = 10) -> Any:
    zarr = pytest.importorskip("zarr")
    array = zarr.open(
        str(path / "x.zarr"), mode="w", shape=x.shape, chunks=(chunk, *x.shape[1:]), dtype=x.dtype
    )
    array[:] = x
    return array


def memory_map(x: Array, path: Path) -> Any:
    np.save(path / "x.npy", x)
    return np.load(path / "x.npy", mmap_mode="r")


SOURCES = {
    "hdf5": hdf5,
    "hdf5 chunks": lambda x, path: hdf5(x, path, chunks=(10, *x.shape[1:]), compression="gzip"),
    "zarr": zarr_array,
    "memory map": memory_map,
    "slices alone": lambda x, _: Counted(x),
}


@pytest.mark.parametrize("batch_size", [None, 1, 32, 200])
@pytest.mark.parametrize("kind", SOURCES)
def test_the_answer_of_the_array(kind: str, batch_size: int | None, tmp_path: Path) -> None:
    model = model_of()
    source = SOURCES[kind](X, tmp_path)
    assert same_bits(model.predict(source, batch_size=batch_size), model.predict(X))


@pytest.mark.parametrize("kind", ["hdf5", "zarr", "slices alone"])
def test_integers_and_several_inputs(kind: str, tmp_path: Path) -> None:
    ids, x = Input((5,), name="ids", dtype="int32"), Input((7, 3), name="x")
    joined = rnnext.layers.Concatenate()([GRU(2)(Embedding(9, 3)(ids)), LSTM(2)(x)])
    model = rnnext.Model([ids, x], joined)
    tokens = np.random.default_rng(0).integers(0, 9, (103, 5))
    source = SOURCES[kind](tokens, tmp_path)
    expected = model.predict([tokens, X])
    assert same_bits(model.predict([source, X]), expected)
    assert same_bits(model.predict({"x": X, "ids": source}), expected)


class Own(rnnext.Model):
    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.dense = GRU(4), Dense(2)

    def call(self, x: Any) -> Any:
        h = self.rnn(x)
        return {"h": h, "y": self.dense(h)}


def test_a_model_of_the_users_class() -> None:
    model = Own()
    expected = model.predict(X)
    out = {"h": np.empty((103, 4), "float32"), "y": np.empty((103, 2))}
    found = model.predict(Counted(X), out=out)
    assert found is out
    assert same_bits(out["h"], expected["h"])
    np.testing.assert_array_equal(out["y"], expected["y"].astype("float64"))
    with pytest.raises(rnnext.ShapeError, match=r"nested as the model's 2 outputs, received one"):
        model.predict(X, out=out["h"])


@pytest.mark.parametrize("chunk", [1, 10, 40, 1000])
@pytest.mark.parametrize("batch_size", [1, 7, 32])
def test_chunks_are_read_and_written_once(chunk: int, batch_size: int) -> None:
    source, target = Counted(X, chunk), Target((103, 2), chunk)
    model = model_of()
    assert model.predict(source, batch_size=batch_size, out=target) is target
    assert same_bits(target.array, model.predict(X))
    for places in (source.read, target.written):
        stops = [stop for _, stop in places]
        assert [start for start, _ in places] == [0, *stops[:-1]]  # each row once, in order
        assert stops[-1] == 103
        assert all(stop % chunk == 0 for stop in stops[:-1])


@pytest.mark.parametrize("kind", ["array", "memory map", "hdf5", "zarr"])
def test_out_is_filled_and_returned(kind: str, tmp_path: Path) -> None:
    model = model_of()
    empty = np.zeros((103, 2), "float32")
    if kind == "memory map":
        out = np.memmap(tmp_path / "y.bin", "float32", "w+", shape=(103, 2))
    else:
        out = empty if kind == "array" else SOURCES[kind](empty, tmp_path)
    assert model.predict(X, out=out) is out
    assert same_bits(np.asarray(out[:]), model.predict(X))
    assert model.predict(X[:1], out=np.zeros((1, 2), "f4")).any()


def test_batches_into_out() -> None:
    model = model_of()
    out = np.zeros((103, 2), "float32")
    assert model.predict((X[i : i + 20] for i in range(0, 103, 20)), out=out) is out
    assert same_bits(out, model.predict(X))
    with pytest.raises(rnnext.ShapeError, match=r"it has 90 rows, and there are more samples"):
        model.predict((X[i : i + 20] for i in range(0, 103, 20)), out=np.zeros((90, 2)))
    with pytest.raises(rnnext.ShapeError, match=r"it has shape \(110, 2\) for 103 samples"):
        model.predict((X[i : i + 20] for i in range(0, 103, 20)), out=np.zeros((110, 2)))


@pytest.mark.parametrize(
    ("out", "kind", "message"),
    [
        (np.zeros((9, 2)), rnnext.ShapeError, r"out: it has shape \(9, 2\) for 103 samples"),
        (np.zeros((103, 3)), rnnext.ShapeError, r"the output has rows of shape \(2,\)"),
        (np.zeros((103, 2), int), rnnext.DataError, r"dtype int64 cannot hold float32 outputs"),
        ([np.zeros((103, 2))], rnnext.ShapeError, r"the model's 1 outputs, received 1 in a list"),
        ("y.npy", rnnext.DataError, r"out: received 'str'; accepted are arrays, memory maps"),
    ],
)
def test_messages_of_out(out: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        model_of().predict(X, out=out)


def test_messages_of_sources() -> None:
    model = model_of()
    with pytest.raises(rnnext.ShapeError, match=r"received shape \(103, 7, 2\)"):
        model.predict(Counted(X[:, :, :2]))
    with pytest.raises(rnnext.DataError, match=r"expected numbers"):
        model.predict(Counted(np.full((4, 7, 3), "a")))
    a, b = Input((7, 3)), Input((7, 3))
    two = rnnext.Model([a, b], [LSTM(2)(a), LSTM(2)(b)])
    with pytest.raises(rnnext.ShapeError, match=r"the same number of samples"):
        two.predict([Counted(X), X[:50]])


PROGRAM = """
import sys, resource
import h5py, numpy as np, rnnext
from rnnext.layers import LSTM, Dense, Input
rows, path = int(sys.argv[1]), sys.argv[2]
model = rnnext.Sequential([Input((100, 8)), LSTM(4), Dense(1)])
# Chunks that were never written take no room and are read as zeros.
x = h5py.File(path, "w").create_dataset("x", (rows, 100, 8), "float32", chunks=(512, 100, 8))
y = np.lib.format.open_memmap(path + ".npy", "w+", "float32", (rows, 1))
model.predict(x[:64])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
model.predict(x, out=y)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux alone")
def test_memory_is_bounded(tmp_path: Path) -> None:
    """1.3 GB through 200 MB; the batches do not grow with the data."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "400000", str(tmp_path / "x.h5")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) < 200 * 1024


# ---- columns of tables ---------------------------------------------------------------------------


def test_arrow_columns_of_fixed_size_lists() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    steps = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(X.reshape(-1)), 3)
    column = pyarrow.FixedSizeListArray.from_arrays(steps, 7)
    table = pyarrow.table({"x": pyarrow.chunked_array([column[:40], column[40:]])})
    model = model_of()
    expected = model.predict(X)
    assert same_bits(model.predict(column), expected)
    assert same_bits(model.predict(table["x"]), expected)
    assert same_bits(model.predict(column[5:9]), expected[5:9])
    flat = rnnext.Sequential([Input((21,)), Dense(2)])
    whole = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(X.reshape(-1)), 21)
    assert same_bits(flat.predict(whole), flat.predict(X.reshape(103, 21)))
    nulls = pyarrow.array([[1.0, 2.0], None], pyarrow.list_(pyarrow.float32(), 2))
    with pytest.raises(rnnext.DataError, match="it has 1 nulls"):
        flat.predict(nulls)


@pytest.mark.parametrize("of", [list, np.asarray])
def test_pandas_columns_of_lists(of: Any) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"x": [of(row.tolist()) for row in X]})
    model = model_of()
    assert same_bits(model.predict(frame["x"]), model.predict(X))
    ragged = pandas.Series([[1.0], [1.0, 2.0]])
    with pytest.raises(rnnext.DataError, match=r"received the shapes \[\(1,\), \(2,\)\]; pad them"):
        model.predict(ragged)
