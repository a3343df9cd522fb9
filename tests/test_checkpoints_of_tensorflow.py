"""tf.train.Checkpoint in a loop with a GradientTape: paths, numbers and files as TensorFlow's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_reference import load_keras

import rnnext
from rnnext.errors import FileError, UnsupportedError

keras = load_keras()
tensorflow = pytest.importorskip("tensorflow")
TF: dict[str, Any] = {"rnnext": rnnext, "tensorflow": tensorflow}
X = np.random.default_rng(0).standard_normal((4, 5, 3)).astype("float32")


class Encoder(rnnext.Model):
    def __init__(self) -> None:
        super().__init__()
        self.gru = rnnext.layers.GRU(4)

    def call(self, x: Any) -> Any:
        return self.gru(x)


def step(model: Any, optimizer: Any) -> None:
    with rnnext.GradientTape() as tape:
        loss = rnnext.reduce_mean(model(X) ** 2)
    weights = model.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))


def test_a_run_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    encoder, optimizer = Encoder(), rnnext.keras.optimizers.Adam(0.1)
    checkpoint = rnnext.train.Checkpoint(optimizer=optimizer, encoder=encoder)
    step(encoder, optimizer)
    checkpoint.save(file_prefix=tmp_path / "training" / "ckpt")
    step(encoder, optimizer)
    expected = [w.copy() for w in encoder.get_weights()]
    path = rnnext.train.latest_checkpoint(tmp_path / "training")
    checkpoint.restore(path).assert_consumed()
    assert int(optimizer.iterations) == 1
    assert not np.allclose(encoder.get_weights()[0], expected[0])
    step(encoder, optimizer)
    for received, weight in zip(encoder.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(received, weight)


def paths_of(tf: Any, folder: Path) -> list[Any]:
    """What is returned along the way; files are of each library's own format."""
    value = tf.Variable([1.0, 2.0])
    checkpoint = tf.train.Checkpoint(value=value)
    found: list[Any] = [tf.train.latest_checkpoint(str(folder))]
    found += [checkpoint.save(str(folder / "a")) for _ in range(2)]
    found.append(checkpoint.write(str(folder / "b")))
    found.append(tf.train.latest_checkpoint(str(folder)))
    value.assign([5.0, 6.0])
    checkpoint.restore(found[1]).expect_partial()
    found += [value.numpy().tolist(), int(checkpoint.save_counter.numpy())]
    checkpoint.restore(None)
    manager = tf.train.CheckpointManager(checkpoint, str(folder / "m"), max_to_keep=2)
    found += [manager.latest_checkpoint, manager.restore_or_initialize()]
    found += [manager.save() for _ in range(3)]
    found += [list(manager.checkpoints), manager.save(checkpoint_number=9)]
    value.assign([7.0, 8.0])
    again = tf.train.CheckpointManager(checkpoint, str(folder / "m"), max_to_keep=2)
    found += [again.latest_checkpoint, again.restore_or_initialize(), value.numpy().tolist()]
    return [
        [os.path.relpath(p, folder) if isinstance(p, str) else p for p in part]
        if isinstance(part, list)
        else os.path.relpath(part, folder)
        if isinstance(part, str)
        else part
        for part in found
    ]


def test_paths_and_numbers_are_those_of_tensorflow(tmp_path: Path) -> None:
    ours, theirs = (paths_of(tf, tmp_path / name) for name, tf in TF.items())
    assert ours == theirs
    for folder in ("rnnext/m/checkpoint", "rnnext/checkpoint"):
        assert (tmp_path / folder).is_file()
    kept = {p.stem for p in (tmp_path / "rnnext" / "m").glob("*.npz")}
    theirs_kept = {p.stem for p in (tmp_path / "tensorflow" / "m").glob("*.index")}
    assert kept == theirs_kept


@pytest.mark.parametrize("tf", TF.values(), ids=TF)
def test_what_a_file_lacks(tf: Any, tmp_path: Path) -> None:
    a, b = tf.Variable(1.0), tf.Variable(2.0)
    path = tf.train.Checkpoint(a=a).save(str(tmp_path / "c"))
    status = tf.train.Checkpoint(a=a, b=b).restore(path)
    with pytest.raises(AssertionError):
        status.assert_existing_objects_matched()
    path = tf.train.Checkpoint(a=a, b=b).save(str(tmp_path / "c"))
    status = tf.train.Checkpoint(a=a).restore(path)
    status.assert_existing_objects_matched()
    with pytest.raises(AssertionError):
        status.assert_consumed()


def test_refused(tmp_path: Path) -> None:
    train: Any = rnnext.train
    encoder = Encoder()
    encoder(X)
    path = train.Checkpoint(encoder=encoder).save(tmp_path / "c")
    with pytest.raises(FileError, match=r"encoder has variables of shapes \[\], the file has \[\("):
        train.Checkpoint(encoder=Encoder()).restore(path)
    with pytest.raises(FileError, match=r"there is no checkpoint 'x-1\.npz' of rnnext's"):
        train.Checkpoint(encoder=encoder).restore(tmp_path / "x-1")
    with pytest.raises(UnsupportedError, match=r"Checkpoint: n must be a model, .* received a int"):
        train.Checkpoint(n=3)
