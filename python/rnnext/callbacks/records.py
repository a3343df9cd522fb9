"""Callbacks that write down how training goes, or stop it without watching a metric."""

from __future__ import annotations

import csv
import json
import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from rnnext.callbacks.callback import Callback
from rnnext.errors import UnsupportedError
from rnnext.progbar import print_message

__all__ = ["CSVLogger", "RemoteMonitor", "TerminateOnNaN"]


class CSVLogger(Callback):
    """Writes losses and metrics into a table, one line an epoch.

    Args:
        filename: File.
        separator: What stands between two columns.
        append: Whether an existing file is continued.

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "log.csv"
        >>> logger = CSVLogger(path)
        >>> logger.on_train_begin()
        >>> logger.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.75})
        >>> logger.on_train_end()
        >>> path.read_text().split()
        ['epoch,loss,val_loss', '0,0.5,0.75']
    """

    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        self.filename, self.sep, self.append = os.fspath(filename), separator, append
        self.keys: list[str] | None = None
        self.writer: Any = None
        self.csv_file: Any = None
        self.append_header = True

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        """Opens the file."""
        path = Path(self.filename)
        if self.append and path.exists():
            self.append_header = not path.stat().st_size
        self._close()
        self.csv_file = path.open("a" if self.append else "w", newline="", encoding="utf-8")
        self.writer = self.keys = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Writes a line; columns are those of the first epoch."""
        logs = logs or {}
        if self.keys is None:
            self.keys = sorted(logs)
            if not any(key.startswith("val_") for key in self.keys):
                # Validation may be run in later epochs only.
                self.keys += [f"val_{key}" for key in self.keys]
        if self.writer is None:
            self.writer = csv.DictWriter(
                self.csv_file, fieldnames=["epoch", *self.keys], delimiter=self.sep
            )
            if self.append_header:
                self.writer.writeheader()
        row = {key: _cell(logs.get(key, "NA")) for key in self.keys}
        self.writer.writerow({"epoch": epoch, **row})
        self.csv_file.flush()

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002
        """Closes the file."""
        self._close()
        self.writer = None

    def _close(self) -> None:
        if self.csv_file is not None and not self.csv_file.closed:
            self.csv_file.close()


def _cell(value: Any) -> Any:
    """A value as the table has it: several numbers are one quoted list."""
    is_number = isinstance(value, np.ndarray) and value.ndim == 0
    if isinstance(value, str) or is_number or not isinstance(value, Iterable):
        return value
    return f'"[{", ".join(map(str, value))}]"'


class RemoteMonitor(Callback):
    """Sends losses and metrics to a server at the end of each epoch; needs the package requests.

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

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Sends the values; warns if the server cannot be reached.

        Raises:
            UnsupportedError: If the package requests is not installed.
        """
        try:
            import requests
        except ImportError as error:
            raise UnsupportedError(
                "RemoteMonitor needs the package requests: pip install requests."
            ) from error
        is_numpy = (np.ndarray, np.generic)
        values = {k: v.item() if isinstance(v, is_numpy) else v for k, v in (logs or {}).items()}
        content: Any = {"epoch": epoch, **values}
        if self.send_as_json:
            body = {"json": content}
        else:
            body = {"data": {self.field: json.dumps(content)}}
        try:
            requests.post(self.root + self.path, headers=self.headers, **body)
        except requests.exceptions.RequestException:
            warnings.warn(f"Could not reach RemoteMonitor root server at {self.root}", stacklevel=2)


class TerminateOnNaN(Callback):
    """Stops training when the loss is no finite number.

    Args:
        raise_error: Whether to raise a RuntimeError, as Keras does, rather than stop.

    Example:
        >>> class Trained:
        ...     stop_training = False
        >>> guard = TerminateOnNaN()
        >>> guard.set_model(Trained())
        >>> guard.on_batch_end(3, {"loss": float("nan")})
        Batch 3: Invalid loss, terminating training
        >>> guard.model.stop_training
        True
    """

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """Looks at the loss."""
        loss = (logs or {}).get("loss")
        if loss is None or np.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(
                f"NaN or Inf loss encountered at batch {batch}. Loss value: {loss}. Terminating "
                "training immediately."
            )
        print_message(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True
