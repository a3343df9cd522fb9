"""`rnnext.datasets`: small files of the same form, read as Keras does. Nothing is downloaded."""

from __future__ import annotations

import gzip
import importlib
import json
import os
import pickle
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from rnnext import datasets
from rnnext.errors import FileError, UnsupportedError

RNG = np.random.default_rng(3)


def ragged(count: int) -> Any:
    """Lists of word numbers, as IMDB and Reuters have them."""
    lists = np.empty(count, dtype=object)
    for i in range(count):
        lists[i] = RNG.integers(1, 40, RNG.integers(2, 12)).tolist()
    return lists


@pytest.fixture
def read_by_keras(keras: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Calls a function of Keras's data sets on a local file, which has another hash."""

    def call(name: str, path: str | Path, function: str = "load_data", **options: Any) -> Any:
        assert keras
        module = importlib.import_module(f"keras.src.datasets.{name}")
        monkeypatch.setattr(module, "get_file", lambda *_args, **_kwargs: str(path))
        return getattr(module, function)(**options)

    return call


def assert_same(ours: Any, theirs: Any) -> None:
    assert isinstance(ours, tuple)
    for mine, other in zip(ours, theirs, strict=True):
        for a, b in zip(mine, other, strict=True):
            assert type(a) is type(b)
            assert (a.dtype, a.shape) == (b.dtype, b.shape)
            assert a.tolist() == b.tolist()


WORD_OPTIONS: list[dict[str, Any]] = [
    {},
    {"num_words": 20},
    {"num_words": 20, "skip_top": 8, "oov_char": None},
    {"maxlen": 9, "seed": 7},
    {"start_char": None},
    {"start_char": None, "index_from": 0},
    {"start_char": None, "index_from": None, "num_words": 30},
    {"start_char": 5, "oov_char": 6, "index_from": 7, "num_words": 30},
]


@pytest.mark.parametrize("options", WORD_OPTIONS, ids=str)
def test_imdb(options: dict[str, Any], tmp_path: Path, read_by_keras: Any) -> None:
    path = tmp_path / "reviews.npz"
    arrays = {"x_train": ragged(12), "x_test": ragged(9)}
    labels = {"y_train": RNG.integers(0, 2, 12), "y_test": RNG.integers(0, 2, 9)}
    np.savez(path, **arrays, **labels)  # type: ignore[arg-type]
    ours = datasets.imdb.load_data(path=str(path), **options)
    assert_same(ours, read_by_keras("imdb", path, **options))


@pytest.mark.parametrize("options", [*WORD_OPTIONS, {"test_split": 0.5}], ids=str)
def test_reuters(options: dict[str, Any], tmp_path: Path, read_by_keras: Any) -> None:
    path = tmp_path / "news.npz"
    np.savez(path, x=ragged(20), y=RNG.integers(0, 46, 20))
    ours = datasets.reuters.load_data(path=str(path), **options)
    assert_same(ours, read_by_keras("reuters", path, **options))


def test_texts_of_one_length(tmp_path: Path, read_by_keras: Any) -> None:
    """Keras makes one array of numbers of them."""
    path = tmp_path / "news.npz"
    texts = np.empty(10, dtype=object)
    for i in range(10):
        texts[i] = [i, i + 1]
    np.savez(path, x=texts, y=np.arange(10))
    assert_same(datasets.reuters.load_data(path=str(path)), read_by_keras("reuters", path))


@pytest.mark.parametrize("name", ["imdb", "reuters"])
def test_word_index(name: str, tmp_path: Path, read_by_keras: Any, keras: ModuleType) -> None:
    path = tmp_path / "words.json"
    path.write_text(json.dumps({"straße": 2, "the": 1}))
    ours = getattr(datasets, name).get_word_index(str(path))
    assert ours == read_by_keras(name, path, "get_word_index") == {"straße": 2, "the": 1}
    ours_labels = datasets.reuters.get_label_names()
    assert ours_labels == keras.datasets.reuters.get_label_names()


def test_mnist(tmp_path: Path, read_by_keras: Any) -> None:
    path = tmp_path / "digits.npz"
    x, y = RNG.integers(0, 256, (7, 28, 28)).astype("uint8"), np.arange(7, dtype="uint8")
    np.savez_compressed(path, x_train=x[:4], y_train=y[:4], x_test=x[4:], y_test=y[4:])
    assert_same(datasets.mnist.load_data(str(path)), read_by_keras("mnist", path))


@pytest.mark.parametrize("options", [{}, {"test_split": 0.4, "seed": 1}, {"test_split": 0}])
def test_boston_housing(options: dict[str, Any], tmp_path: Path, read_by_keras: Any) -> None:
    path = tmp_path / "houses.npz"
    np.savez(path, x=RNG.random((15, 13)), y=RNG.random(15))
    ours = datasets.boston_housing.load_data(str(path), **options)
    assert_same(ours, read_by_keras("boston_housing", path, **options))


@pytest.mark.parametrize("options", [{}, {"version": "small"}, {"test_split": 0.4, "seed": 1}])
def test_california_housing(options: dict[str, Any], tmp_path: Path, read_by_keras: Any) -> None:
    path = tmp_path / "houses.npz"
    np.savez(path, x=RNG.random((610, 8)), y=RNG.random(610))
    ours = datasets.california_housing.load_data(path=str(path), **options)
    assert_same(ours, read_by_keras("california_housing", path, **options))


def test_fashion_mnist(tmp_path: Path, keras: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files have no hash, so that they can be put into the cache."""
    folder = tmp_path / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    for part, count in (("train", 5), ("t10k", 3)):
        pictures = RNG.integers(0, 256, 784 * count).astype("uint8").tobytes()
        for kind, data in (
            ("labels-idx1", bytes(8) + bytes(range(count))),
            ("images-idx3", bytes(16) + pictures),
        ):
            (folder / f"{part}-{kind}-ubyte.gz").write_bytes(gzip.compress(data))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    config = importlib.import_module("keras.src.backend.config")
    monkeypatch.setattr(config, "_KERAS_DIR", str(tmp_path))
    assert_same(datasets.fashion_mnist.load_data(), keras.datasets.fashion_mnist.load_data())
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(b"damaged")
    with pytest.raises(FileError, match=r"t10k-labels-idx1-ubyte\.gz: cannot read it"):
        datasets.fashion_mnist.load_data()


def write_pictures(path: Path, count: int, labels: tuple[str, ...]) -> None:
    path.parent.mkdir(exist_ok=True)
    content: dict[bytes, Any] = {b"data": RNG.integers(0, 256, (count, 3072)).astype("uint8")}
    content.update({name.encode(): RNG.integers(0, 10, count).tolist() for name in labels})
    path.write_bytes(pickle.dumps(content))


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder into which an archive of pictures would have been extracted."""
    cifar = importlib.import_module("rnnext.datasets._cifar")
    monkeypatch.setattr(cifar, "get_file", lambda *_args, **_kwargs: str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("label_mode", ["fine", "coarse"])
def test_cifar100(label_mode: str, archive: Path, read_by_keras: Any) -> None:
    for part, count in (("train", 5), ("test", 2)):
        labels = ("fine_labels", "coarse_labels")
        write_pictures(archive / "cifar-100-python" / part, count, labels)
    ours = datasets.cifar100.load_data(label_mode)
    assert_same(ours, read_by_keras("cifar100", archive, label_mode=label_mode))
    with pytest.raises(UnsupportedError, match=r"label_mode must be .* received 'all'"):
        datasets.cifar100.load_data("all")


def test_cifar10(archive: Path) -> None:
    """Keras's function needs 10000 pictures a file; cifar100 compares the rest with it."""
    folder = archive / "cifar-10-batches-py"
    for part in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
        write_pictures(folder / part, 2, ("labels",))
    (x_train, y_train), (x_test, y_test) = datasets.cifar10.load_data()
    assert (x_train.shape, y_train.shape) == ((10, 32, 32, 3), (10, 1))
    assert (x_test.shape, y_test.shape) == ((2, 32, 32, 3), (2, 1))
    assert {array.dtype for array in (x_train, y_train, x_test, y_test)} == {np.dtype("uint8")}
    second = pickle.loads((folder / "data_batch_2").read_bytes())
    np.testing.assert_array_equal(x_train[3, 4, 5], second[b"data"][1].reshape(3, 32, 32)[:, 4, 5])
    assert y_train[2:4, 0].tolist() == second[b"labels"]
    (folder / "test_batch").write_bytes(pickle.dumps({b"data": os.system}))
    with pytest.raises(FileError, match=r"test_batch: cannot read the pictures: .*system"):
        datasets.cifar10.load_data()


class Malicious:
    def __reduce__(self) -> Any:
        return (os.system, ("false",))


def test_damaged_files(tmp_path: Path) -> None:
    path = tmp_path / "news.npz"
    evil = np.empty(1, dtype=object)
    evil[0] = Malicious()
    np.savez(path, x=evil, y=np.arange(1))
    with pytest.raises(FileError, match=r"cannot read the arrays \('x', 'y'\).*system"):
        datasets.reuters.load_data(str(path))
    np.savez(path, x=ragged(3))
    with pytest.raises(FileError, match=r"cannot read the arrays \('x', 'y'\)"):
        datasets.reuters.load_data(str(path))
    path.write_bytes(b"no zip file")
    with pytest.raises(FileError, match=r"news\.npz is no \.npz file"):
        datasets.reuters.load_data(str(path))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", b"no array")
    with pytest.raises(FileError, match="cannot read the arrays"):
        datasets.reuters.load_data(str(path))


def test_options_that_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, x=ragged(6), y=np.arange(6))
    with pytest.raises(UnsupportedError, match="no text is shorter than maxlen=2"):
        datasets.reuters.load_data(str(path), maxlen=2)
    with pytest.raises(UnsupportedError, match="test_split must be from 0 to 1, received 2"):
        datasets.reuters.load_data(str(path), test_split=2)
    with pytest.raises(UnsupportedError, match=r"test_split must be .* received 1"):
        datasets.boston_housing.load_data(str(path), test_split=1)
    with pytest.raises(UnsupportedError, match=r"version must be .* received 'tiny'"):
        datasets.california_housing.load_data("tiny", path=str(path))


def test_names() -> None:
    assert dir(datasets) == sorted(datasets.__all__)
    for name in datasets.__all__:
        module = getattr(datasets, name)
        assert {n for n in vars(module) if not n.startswith("_")} == set(module.__all__)
