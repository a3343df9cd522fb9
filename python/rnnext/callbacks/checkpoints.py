"""Callbacks that save the model, or its weights, while it is trained."""

from __future__ import annotations

import json
import os
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from rnnext.callbacks.callback import Callback
from rnnext.callbacks.monitors import MonitorCallback
from rnnext.errors import FileError, UnsupportedError
from rnnext.file_endings import ENDINGS_OF_MODELS, ENDINGS_OF_WEIGHTS
from rnnext.progbar import print_message

__all__ = ["BackupAndRestore", "ModelCheckpoint"]


class _BatchCounter:
    """Tells after which batches to save: every `save_freq` of them, over epochs.

    Args:
        save_freq: `"epoch"`, or a number of batches.
        callback: How error messages call the callback.

    Raises:
        UnsupportedError: If it is neither.
    """

    def __init__(self, save_freq: int | str, callback: str) -> None:
        if save_freq != "epoch" and not isinstance(save_freq, int):
            raise UnsupportedError(
                f"{callback}: save_freq must be 'epoch' or an integer, received {save_freq!r}."
            )
        self._save_freq = save_freq
        self._since_saved = 0
        self._last_batch = -1

    def is_due(self, batch: int) -> bool:
        """Counts the batches up to this one; batches begin at 0 in each epoch."""
        if isinstance(self._save_freq, str):
            return False
        self._since_saved += batch - self._last_batch if batch > self._last_batch else batch + 1
        self._last_batch = batch
        if self._since_saved < self._save_freq:
            return False
        self._since_saved = 0
        return True


class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights, while it is trained.

    Args:
        filepath: File; it may name the epoch and metrics: `"{epoch:02d}-{val_loss:.2f}.keras"`.
            Its ending is one of those that `Model.save` takes, or `Model.save_weights`.
        monitor: Name of the loss or metric.
        verbose: 1 prints a line.
        save_best_only: Whether only improvements are saved.
        save_weights_only: Whether the weights are saved alone.
        mode: `"min"`, `"max"` or `"auto"`: whether less is better.
        save_freq: `"epoch"`, or a number of batches.
        initial_value_threshold: What must be improved on; None: the first value.
        **kwargs: `period` of Keras 2: epochs between two files.

    Raises:
        UnsupportedError: If there is no such mode or frequency, or the ending is another one.
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: int | str = "epoch",
        initial_value_threshold: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold)
        self.filepath = os.fspath(filepath)
        endings = tuple(ENDINGS_OF_WEIGHTS if save_weights_only else ENDINGS_OF_MODELS)
        if not self.filepath.endswith(endings):
            raise UnsupportedError(
                f"ModelCheckpoint: filepath with save_weights_only={save_weights_only} must end in "
                f"one of {endings}, received {self.filepath!r}."
            )
        self.period = kwargs.pop("period", 1)
        if kwargs:
            raise UnsupportedError(f"ModelCheckpoint: unknown arguments {sorted(kwargs)}.")
        self.verbose, self.save_freq = verbose, save_freq
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self.initial_value_threshold = initial_value_threshold
        self._counter = _BatchCounter(save_freq, "ModelCheckpoint")
        self._epoch = self._epochs_since_saved = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Takes the epoch, for names of files."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Saves after every `save_freq` batches."""
        if self._counter.is_due(batch):
            self._save_if_wanted(self._epoch, batch, logs or {})

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Saves at the end of an epoch, if `save_freq` is `"epoch"`."""
        self._epochs_since_saved += 1
        if self.save_freq == "epoch" and self._epochs_since_saved >= self.period:
            self._epochs_since_saved = 0
            self._save_if_wanted(epoch, None, logs or {})

    def _save_if_wanted(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> None:
        path = self._path(epoch, batch, logs)
        if not self._is_wanted(epoch, logs, path):
            return
        if Path(path).is_dir():
            raise FileError(f"ModelCheckpoint: {path!r} is a folder; filepath must be a file.")
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        save = self.model.save_weights if self.save_weights_only else self.model.save
        save(path, overwrite=True)
        self._say(epoch, f"finished saving model to {path}")

    def _is_wanted(self, epoch: int, logs: dict[str, Any], path: str) -> bool:
        if not self.save_best_only:
            self._say(epoch, f"saving model to {path}")
            return True
        self._choose_direction()
        current = logs.get(self.monitor)
        if current is None:
            warnings.warn(f"Can save best model only with {self.monitor} available.", stacklevel=4)
            return True
        if np.ndim(current) > 0:
            warnings.warn(
                f"Can save best model only when `monitor` is a scalar value. Received: {current}. "
                "Falling back to `save_best_only=False`.",
                stacklevel=4,
            )
            return True
        best = "None" if self.best is None else f"{self.best:.5f}"
        if not self._is_improvement(current, self.best):
            self._say(epoch, f"{self.monitor} did not improve from {best}")
            return False
        improved = f"{self.monitor} improved from {best} to {current:.5f}"
        self._say(epoch, f"{improved}, saving model to {path}")
        self.best = current
        return True

    def _say(self, epoch: int, what: str) -> None:
        if self.verbose > 0:
            print_message(f"\nEpoch {epoch + 1}: {what}")

    def _path(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> str:
        values = {"epoch": epoch + 1, **({} if batch is None else {"batch": batch + 1}), **logs}
        try:
            return self.filepath.format(**values)
        except KeyError as error:
            raise UnsupportedError(
                f"ModelCheckpoint: filepath {self.filepath!r} names {error}, which is not among "
                f"{sorted(values)}."
            ) from error


class BackupAndRestore(Callback):
    """Saves what is needed to go on after an interruption.

    A run of `fit` that finds a backup sets the weights and goes on with the epoch after it.

    Args:
        backup_dir: Folder.
        save_freq: `"epoch"`, or a number of batches.
        double_checkpoint: Whether the backup before the last is kept, too.
        delete_checkpoint: Whether the backup is deleted when training has ended.

    Raises:
        UnsupportedError: If there is no folder or no such frequency.
    """

    def __init__(
        self,
        backup_dir: str,
        save_freq: int | str = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        if not backup_dir:
            raise UnsupportedError(
                f"BackupAndRestore: backup_dir must name a folder, received {backup_dir!r}."
            )
        self.backup_dir, self.save_freq = backup_dir, save_freq
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint
        self._counter = _BatchCounter(save_freq, "BackupAndRestore")
        folder = Path(backup_dir)
        self._weights, self._progress = (
            folder / "latest.weights.h5",
            folder / "training_metadata.json",
        )
        self._epoch = self._batch = 0

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        """Restores the last backup; if it is damaged, the one before."""
        if not self.model.built:
            raise UnsupportedError(
                "BackupAndRestore: the model must be built before fit(); call it on a batch, or "
                "give it an Input."
            )
        try:
            self._restore()
        except (OSError, FileError):
            if not _before(self._weights).exists():
                raise
            shutil.copy(_before(self._weights), self._weights)
            if _before(self._progress).exists():
                shutil.copy(_before(self._progress), self._progress)
            else:
                self._progress.unlink(missing_ok=True)
            self._restore()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Saves after every `save_freq` batches."""
        self._batch = batch
        if self._counter.is_due(batch):
            self._save()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Saves at the end of an epoch, if `save_freq` is `"epoch"`."""
        self._epoch, self._batch = epoch + 1, 0
        if self.save_freq == "epoch":
            self._save()

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002
        """Deletes the backup."""
        if self.delete_checkpoint and os.path.exists(self.backup_dir):
            shutil.rmtree(self.backup_dir)

    def _restore(self) -> None:
        if self._weights.exists():
            optimizer = self.model.optimizer
            if optimizer is not None and not optimizer.built:
                optimizer.build(self.model.trainable_variables)
            self.model.load_weights(os.fspath(self._weights))
        if self._progress.exists():
            self.model._initial_epoch = json.loads(self._progress.read_text("utf-8"))["epoch"]

    def _save(self) -> None:
        Path(self.backup_dir).mkdir(parents=True, exist_ok=True)
        if self.double_checkpoint:
            for path in (self._weights, self._progress):
                if path.exists():
                    shutil.copy(path, _before(path))
        self.model.save_weights(os.fspath(self._weights), overwrite=True)
        text = json.dumps({"epoch": self._epoch, "batch": self._batch})
        self._progress.write_text(text, "utf-8")


def _before(path: Path) -> Path:
    """Where the backup before the last one is."""
    return path.with_name(path.name + ".bkp")
