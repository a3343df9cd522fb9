"""Dask, Ray Data and Spark: a model's answers spread over workers, the bits of `predict`."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from stream_checks import same_bits

import rnnext
import rnnext.dask
import rnnext.ray
import rnnext.spark
from rnnext.layers import GRU, LSTM, Dense, Input

X = np.random.default_rng(0).standard_normal((37, 6, 3)).astype("float32")


def model_of() -> Any:
    return rnnext.Sequential([Input((6, 3)), LSTM(4), Dense(2)])


def two_outputs() -> Any:
    a, b = Input((6, 3), name="a"), Input((3,), name="b")
    h = GRU(4, return_sequences=True)(a)
    return rnnext.Model([a, b], {"h": h, "y": Dense(2)(b)})


# ---- Dask ----------------------------------------------------------------------------------------

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")


@pytest.mark.parametrize("chunks", [(10, 6, 3), (37, 6, 3), (9, 2, 1)])
def test_dask(chunks: tuple[int, ...]) -> None:
    model = model_of()
    y = rnnext.dask.predict(model, da.from_array(X, chunks=chunks))
    assert (y.shape, y.dtype) == ((37, 2), np.float32)
    assert same_bits(y.compute(scheduler="threads"), model.predict(X))
    assert same_bits(y[5:8].compute(scheduler="synchronous"), model.predict(X)[5:8])


def test_dask_computes_nothing_before_it_is_asked() -> None:
    read = []

    def block(x: Any) -> Any:
        read.append(len(x))
        return x

    x = da.from_array(X, chunks=(10, 6, 3)).map_blocks(block, meta=X[:0])
    y = rnnext.dask.predict(model_of(), x)
    assert read == []
    y[:5].compute(scheduler="synchronous")
    assert read == [10]


def test_dask_reads_and_predicts_a_block_in_one_task() -> None:
    def read(block_id: tuple[int, ...]) -> Any:
        return X[10 * block_id[0] :][:10]

    x = da.map_blocks(read, chunks=((10, 10, 10, 7), (6,), (3,)), dtype="float32")
    model = model_of()
    (y,) = dask.optimize(rnnext.dask.predict(model, x))
    blocks = [key for key in dict(y.__dask_graph__()) if isinstance(key, tuple)]
    assert blocks == [(y.name, i, 0) for i in range(4)]  # the model is one task more
    assert same_bits(y.compute(scheduler="synchronous"), model.predict(X))


def test_dask_inputs_and_outputs_by_name() -> None:
    model = two_outputs()
    a = da.from_array(X, chunks=(10, 6, 3))
    b = da.from_array(X[:, 0], chunks=(10, 3))
    found = rnnext.dask.predict(model, {"a": a, "b": b})
    expected = model.predict([X, X[:, 0]])
    assert found["h"].chunks == ((10, 10, 10, 7), (6,), (4,))
    assert all(same_bits(found[k].compute(scheduler="threads"), expected[k]) for k in expected)


def test_dask_messages() -> None:
    model, x = model_of(), da.from_array(X, chunks=(10, 6, 3))
    with pytest.raises(rnnext.DataError, match=r"received 'ndarray'; dask.array.from_array makes"):
        rnnext.dask.predict(model, X)
    with pytest.raises(rnnext.ShapeError, match=r"expected an array of shape \(None, 6, 3\)"):
        rnnext.dask.predict(model, x[:, :, :2])
    b = da.from_array(X[:, 0], chunks=(9, 3))
    with pytest.raises(rnnext.ShapeError, match="are cut at different places"):
        rnnext.dask.predict(two_outputs(), [x, b])
    stateful = rnnext.Sequential([Input(batch_shape=(2, 6, 3)), LSTM(2, stateful=True)])
    with pytest.raises(rnnext.UnsupportedError, match="a layer with stateful=True"):
        rnnext.dask.predict(stateful, x)


def test_a_cluster_and_more_data_than_its_memory() -> None:
    """1.2 GB through two workers of 0.5 GB; each fetches the model once, with one thread each."""
    distributed = pytest.importorskip("distributed")
    model = rnnext.Sequential([Input((100, 10)), GRU(4), Dense(1)])
    rng = da.random.default_rng(0)
    x = rng.random((300_000, 100, 10), dtype="float32", chunks=(5_000, 100, 10))
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, memory_limit="500MB", dashboard_address=None
    )
    with cluster, distributed.Client(cluster) as client:
        y = rnnext.dask.predict(model, x).compute()
        assert set(client.run(rnnext.get_num_threads).values()) == {1}
    assert y.shape == (300_000, 1)
    for block in (0, 59):
        part = x.blocks[block].compute(scheduler="synchronous")
        assert same_bits(y[block * 5_000 :][: len(part)], model.predict(part))


# ---- Ray Data and Spark --------------------------------------------------------------------------


class Dataset:
    """What `ray.data.Dataset.map_batches` does, in this process, the class pickled as Ray does."""

    def __init__(self, batches: list[dict[str, Any]]) -> None:
        self.batches = batches

    def map_batches(self, function: Any, fn_constructor_args: Any, **options: Any) -> Any:
        assert options == {"concurrency": 2, "batch_format": "numpy"}
        actor = function(*pickle.loads(pickle.dumps(fn_constructor_args)))
        return Dataset([actor(batch) for batch in self.batches])


def test_ray() -> None:
    model = model_of()
    dataset = Dataset([{"x": X[:20], "id": np.arange(20)}, {"x": X[20:], "id": np.arange(17)}])
    found = rnnext.ray.predict(model, dataset, concurrency=2).batches
    assert list(found[0]) == ["x", "id", "y"]
    assert same_bits(np.concatenate([batch["y"] for batch in found]), model.predict(X))
    with pytest.raises(
        rnnext.ShapeError, match=r"has 1 outputs, received the columns \['y', 'z'\]"
    ):
        rnnext.ray.predict(model, dataset, outputs=["y", "z"])


@pytest.mark.parametrize("nested", [False, True])
def test_spark(nested: bool) -> None:
    pandas = pytest.importorskip("pandas")
    model = two_outputs()
    frame = pandas.DataFrame(
        {
            "a": [row.tolist() if nested else row.ravel().tolist() for row in X],
            "b": list(X[:, 0]),
            "id": range(37),
        }
    )
    shared = pickle.loads(pickle.dumps(model))
    run = rnnext.spark.in_pandas(lambda: shared, ["a", "b"], ["h", "y"])
    found = pandas.concat(list(run([frame[:20], frame[20:]])))
    expected = model.predict([X, X[:, 0]])
    assert found["id"].tolist() == list(range(37))
    assert same_bits(np.stack(found["h"]), expected["h"].reshape(37, -1))
    assert same_bits(np.stack(found["y"]), expected["y"])


def test_spark_messages() -> None:
    pandas = pytest.importorskip("pandas")
    run = rnnext.spark.in_pandas(model_of)
    with pytest.raises(
        rnnext.ShapeError, match=r"column 'x': rows of 4 numbers do not make inputs"
    ):
        list(run([pandas.DataFrame({"x": [[0.0] * 4]})]))

    class Own(rnnext.Model):
        pass

    with pytest.raises(rnnext.UnsupportedError, match="is not connected; accepted are functional"):
        rnnext.ray.Predictor(Own())
