"""Callbacks that write down how training goes, or act on it without watching a metric."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from rnnext.callbacks.callback import Callback
from rnnext.callbacks.monitors import checked_save_freq
from rnnext.errors import UnsupportedError

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "LearningRateScheduler",
    "ProgbarLogger",
    "RemoteMonitor",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
]


class BackupAndRestore(Callback):
    """Saves what is needed to go on after an interruption.

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
        self.backup_dir = backup_dir
        self.save_freq = checked_save_freq("BackupAndRestore", save_freq)
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint


class CSVLogger(Callback):
    """Writes losses and metrics into a table, one line an epoch.

    Args:
        filename: File.
        separator: What stands between two columns.
        append: Whether an existing file is continued.
    """

    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        self.filename, self.sep, self.append = os.fspath(filename), separator, append


class LearningRateScheduler(Callback):
    """Sets the learning rate before each epoch.

    Args:
        schedule: A function of the epoch and the learning rate.
        verbose: 1 prints a line.
    """

    def __init__(self, schedule: Callable[..., Any], verbose: int = 0) -> None:
        self.schedule, self.verbose = schedule, verbose


class ProgbarLogger(Callback):
    """Prints a progress bar."""


class RemoteMonitor(Callback):
    """Sends losses and metrics to a server.

    Args:
        root: Address of the server.
        path: Path on it.
        field: Name of the field of a form.
        headers: Headers of the request.
        send_as_json: Whether JSON is sent, not a form.
    """

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: dict[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        self.root, self.path, self.field = root, path, field
        self.headers, self.send_as_json = headers, send_as_json


class SwapEMAWeights(Callback):
    """Exchanges the weights for their averages while the model is evaluated.

    Args:
        swap_on_epoch: Whether also when an epoch ends.
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        self.swap_on_epoch = swap_on_epoch


class TensorBoard(Callback):
    """Writes files for TensorBoard.

    Args:
        log_dir: Folder.
        histogram_freq: Epochs between two histograms of the weights; 0: none.
        write_graph: Whether to write the graph.
        write_images: Whether to write weights as images.
        write_steps_per_second: Whether to write the speed.
        update_freq: `"epoch"`, `"batch"` or a number of batches.
        profile_batch: Batches to profile; 0: none.
        embeddings_freq: Epochs between two records of embeddings; 0: none.
        embeddings_metadata: Files that describe embeddings.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: int | str = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ) -> None:
        self.log_dir, self.histogram_freq = str(log_dir), histogram_freq
        self.write_graph, self.write_images = write_graph, write_images
        self.write_steps_per_second, self.update_freq = write_steps_per_second, update_freq
        self.profile_batch = profile_batch
        self.embeddings_freq, self.embeddings_metadata = embeddings_freq, embeddings_metadata


class TerminateOnNaN(Callback):
    """Stops training when the loss is no number.

    Args:
        raise_error: Whether to raise an error, too.
    """

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = raise_error
