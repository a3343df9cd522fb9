"""`tf.data`: the elements of TensorFlow's datasets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_reference import load_keras

import rnnext as tf
from rnnext.errors import DataError, ShapeError, UnsupportedError

keras = load_keras()
tensorflow: Any = pytest.importorskip("tensorflow")

X = np.arange(24, dtype="float32").reshape(12, 2)
Y = np.arange(12)
WORDS = ["a", "bb", "ccc"]


def ragged(t: Any) -> Any:
    """Elements of different lengths: 1, 2, ... numbers."""
    return t.data.Dataset.range(1, 7).map(lambda n: t.range(n))


def generated() -> Any:
    yield [1.0, 2.0], 1
    yield [3.0], 0


def windows_of_a_series(t: Any) -> Any:
    series = t.expand_dims(np.arange(10.0), axis=-1)
    ds = t.data.Dataset.from_tensor_slices(series)
    ds = ds.window(5, shift=2, drop_remainder=True).flat_map(lambda w: w.batch(5))
    return ds.map(lambda w: (w[:-1], w[1:])).batch(2).prefetch(1)


PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "slices": lambda t: t.data.Dataset.from_tensor_slices(X),
    "slices of a tuple": lambda t: t.data.Dataset.from_tensor_slices((X, Y)).batch(5),
    "slices of a dictionary": lambda t: t.data.Dataset.from_tensor_slices(
        ({"b": X, "a": Y}, Y)
    ).batch(5, drop_remainder=True),
    "slices of lists": lambda t: t.data.Dataset.from_tensor_slices(([1, 2], [0.5, 1.5])),
    "strings": lambda t: t.data.Dataset.from_tensor_slices(WORDS).batch(2),
    "one element": lambda t: t.data.Dataset.from_tensors((X, Y)),
    "range": lambda t: t.data.Dataset.range(2, 9, 3),
    "map": lambda t: t.data.Dataset.from_tensor_slices((X, Y)).map(
        lambda x, y: {"x": x * 2, "y": y + 1}, num_parallel_calls=t.data.AUTOTUNE
    ),
    "map to a list": lambda t: t.data.Dataset.range(3).map(lambda n: [n, n + 1]),
    "filter": lambda t: t.data.Dataset.range(9).filter(lambda n: n % 2 == 0),
    "take, skip, repeat": lambda t: t.data.Dataset.range(5).take(4).skip(1).repeat(2),
    "forever": lambda t: t.data.Dataset.range(3).repeat().take(7),
    "concatenate": lambda t: t.data.Dataset.range(2).concatenate(t.data.Dataset.range(3)),
    "zip": lambda t: t.data.Dataset.zip((t.data.Dataset.range(3), t.data.Dataset.range(5, 9))),
    "zip of two": lambda t: t.data.Dataset.zip(t.data.Dataset.range(3), t.data.Dataset.range(2)),
    "enumerate": lambda t: t.data.Dataset.range(5, 8).enumerate(start=2),
    "shard": lambda t: t.data.Dataset.range(10).shard(3, 1),
    "cache": lambda t: t.data.Dataset.range(4).cache().map(lambda n: n + 1).repeat(2),
    "unbatch": lambda t: t.data.Dataset.from_tensor_slices((X, Y)).batch(5).unbatch(),
    "take while": lambda t: t.data.Dataset.range(9).take_while(lambda n: n < 4),
    "windows": windows_of_a_series,
    "windows of windows": lambda t: (
        t.data.Dataset.range(7)
        .window(3, shift=1, stride=2, drop_remainder=True)
        .flat_map(lambda w: w.batch(3))
    ),
    "windows with a rest": lambda t: (
        t.data.Dataset.range(7).window(3).flat_map(lambda w: w.batch(3))
    ),
    "windows of pairs": lambda t: (
        t.data.Dataset.from_tensor_slices((X, Y))
        .window(4, 4)
        .flat_map(lambda x, y: t.data.Dataset.zip((x.batch(4), y.batch(4))))
    ),
    "windows with gaps": lambda t: (
        t.data.Dataset.range(11).window(2, shift=4).flat_map(lambda w: w.batch(2))
    ),
    "interleave": lambda t: t.data.Dataset.range(1, 5).interleave(
        lambda n: t.data.Dataset.from_tensors(n).repeat(5), cycle_length=2, block_length=3
    ),
    "padded": lambda t: ragged(t).padded_batch(4),
    "padded to a size": lambda t: ragged(t).padded_batch(
        4, padded_shapes=[7], padding_values=np.int64(-1)
    ),
    "padded pairs": lambda t: t.data.Dataset.zip((ragged(t), ragged(t))).padded_batch(
        3, padded_shapes=([None], [8]), drop_remainder=True
    ),
    "buckets": lambda t: ragged(t).bucket_by_sequence_length(
        lambda x: t.shape(x)[0], bucket_boundaries=[3, 5], bucket_batch_sizes=[2, 2, 2]
    ),
    "generator": lambda t: t.data.Dataset.from_generator(
        generated,
        output_signature=(
            t.TensorSpec(shape=(None,), dtype=t.float32),
            t.TensorSpec(shape=(), dtype=t.int32),
        ),
    ),
    "generator with types": lambda t: t.data.Dataset.from_generator(
        generated, (t.float32, t.int64)
    ),
    "generator with arguments": lambda t: t.data.Dataset.from_generator(
        lambda n: iter(range(int(n))), output_types=t.int32, args=[3]
    ),
    "apply": lambda t: t.data.Dataset.range(4).apply(lambda ds: ds.batch(2)),
}


def values(element: Any) -> Any:
    if isinstance(element, (tuple, list)):
        return [values(part) for part in element]
    if isinstance(element, dict):
        return {key: values(part) for key, part in sorted(element.items())}
    array = element.numpy()
    return (str(np.asarray(array).dtype), np.asarray(array).tolist())


@pytest.mark.parametrize("name", PROGRAMS)
def test_elements(name: str) -> None:
    ours, theirs = PROGRAMS[name](tf), PROGRAMS[name](tensorflow)
    assert [values(e) for e in ours] == [values(e) for e in theirs]
    assert [values(e) for e in ours] == [values(e) for e in theirs]  # and again
    assert int(ours.cardinality()) == int(theirs.cardinality())


@pytest.mark.parametrize("name", ["slices", "strings", "zip", "map"])
def test_numpy_iterator(name: str) -> None:
    ours, theirs = (PROGRAMS[name](t).as_numpy_iterator() for t in (tf, tensorflow))
    for a, b in zip(ours, theirs, strict=True):
        assert type(a) is type(b)
        np.testing.assert_equal(a, b)


def test_length() -> None:
    assert len(tf.data.Dataset.range(10).batch(4)) == 3
    with pytest.raises(TypeError, match="length is infinite"):
        len(tf.data.Dataset.range(3).repeat())
    with pytest.raises(TypeError, match="length is unknown"):
        len(tf.data.Dataset.range(3).filter(lambda _: True))
    assert tf.data.Dataset.range(3).filter(lambda _: True)  # it is true all the same


def test_shuffle() -> None:
    ds = tf.data.Dataset.range(20).shuffle(5, seed=1)
    first, second = ([int(n) for n in ds] for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(20))
    assert first != second
    assert all(n < place + 5 for place, n in enumerate(first))  # drawn from the next five
    fixed = tf.data.Dataset.range(20).shuffle(20, seed=1, reshuffle_each_iteration=False)
    assert [int(n) for n in fixed] == [int(n) for n in fixed]
    tf.random.set_seed(4)
    a = [int(n) for n in tf.data.Dataset.range(20).shuffle(20)]
    tf.random.set_seed(4)
    assert a == [int(n) for n in tf.data.Dataset.range(20).shuffle(20)]


def test_reduce_and_single_elements() -> None:
    total = tf.data.Dataset.range(5).reduce(np.int64(0), lambda s, n: s + n)
    assert total.numpy() == 10
    assert tf.data.Dataset.range(1).get_single_element().numpy() == 0
    with pytest.raises(DataError, match=r"has not one element\.$"):
        tf.data.Dataset.range(2).get_single_element()


def test_lines_of_files(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\ntwo\r\nthree", "utf-8")
    file = str(tmp_path / "a.txt")
    ours, theirs = (t.data.TextLineDataset([file, file]) for t in (tf, tensorflow))
    assert [values(e) for e in ours] == [values(e) for e in theirs]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: tf.data.Dataset.from_tensor_slices((X, Y[:3])),
            ShapeError,
            r"one length, received the shapes \[\(12, 2\), \(3,\)\]\.$",
        ),
        (lambda: list(ragged(tf).batch(2)), ShapeError, "padded_batch fills them up"),
        (
            lambda: list(ragged(tf).padded_batch(2, padded_shapes=[1])),
            ShapeError,
            r"shape \(2,\) is larger than \(1,\)\.$",
        ),
        (
            lambda: list(tf.data.Dataset.range(2).flat_map(lambda n: n)),
            DataError,
            "must return a Dataset, received 'WatchableArray'",
        ),
        (lambda: tf.data.Dataset.range(2).batch(0), UnsupportedError, "1 or more, received 0"),
        (
            lambda: tf.data.Dataset.from_generator(generated),
            DataError,
            "needs output_signature or output_types",
        ),
        (lambda: tf.data.Dataset.range(2).element_spec, UnsupportedError, "element_spec is not"),
    ],
)
def test_errors(make: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def trained(t: Any, k: Any, weights: list[Any] | None) -> tuple[list[Any], Any, Any]:
    """A model that is trained, evaluated and asked with datasets.

    Where the length is not known, Keras's first epoch counts one step more than it takes, which
    changes Adam's next steps: such a dataset is gone through once.
    """
    series = np.sin(np.arange(60) / 3).astype("float32")
    ds = t.data.Dataset.from_tensor_slices(series[:, None])
    ds = ds.window(9, shift=1, drop_remainder=True).flat_map(lambda w: w.batch(9))
    pairs = ds.map(lambda w: (w[:-1], w[-1])).batch(8)
    model = k.Sequential([k.layers.Input((8, 1)), k.layers.GRU(5), k.layers.Dense(1)])
    if weights is not None:
        model.set_weights(weights)
    start = model.get_weights()
    model.compile("adam", "mse")
    history = model.fit(pairs.take(4), validation_data=pairs.skip(4), epochs=1, verbose=0)
    x, y = (np.concatenate([np.asarray(pair[i]) for pair in pairs]) for i in (0, 1))
    known = t.data.Dataset.from_tensor_slices((x, y)).batch(16)
    model.set_weights(start)
    model.compile("sgd", "mse", metrics=["mae"])
    longer = model.fit(known, epochs=3, verbose=0).history
    endless = model.fit(known.repeat(), steps_per_epoch=3, epochs=2, verbose=0)
    answer = model.predict(pairs, verbose=0)
    evaluated = model.evaluate(pairs, verbose=0)
    courses = {"endless": endless.history["loss"], "longer": longer["loss"], "mae": longer["mae"]}
    return start, {**history.history, **courses, "evaluated": evaluated}, answer


@pytest.mark.filterwarnings("ignore::UserWarning")  # Keras's of shuffling and of unknown ends
def test_training() -> None:
    start, expected, answer = trained(tensorflow, keras, None)
    _, found, ours = trained(tf, tf.keras, start)
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-4, err_msg=key)
    np.testing.assert_allclose(ours, answer, rtol=1e-4, atol=1e-6)
