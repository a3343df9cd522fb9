"""The callback that writes event files for TensorBoard, by the package tensorboard."""

from __future__ import annotations

import importlib
import os
import time
from types import ModuleType
from typing import Any

import numpy as np

from rnnext.callbacks.callback import Callback
from rnnext.callbacks.learning_rate import log_learning_rates
from rnnext.errors import UnsupportedError

__all__ = ["TensorBoard"]


class TensorBoard(Callback):
    """Writes event files for TensorBoard into `log_dir/train` and `log_dir/validation`.

    It needs the package tensorboard, not TensorFlow. Scalars, histograms of the weights and the
    model's graph of layers are written as Keras writes them.

    Args:
        log_dir: Folder.
        histogram_freq: Epochs between two histograms of the weights; 0: none.
        write_graph: Whether to write the graph of layers.
        write_images: Whether to write weights as images; not supported.
        write_steps_per_second: Whether to write the speed.
        update_freq: `"epoch"`, `"batch"` or a number of batches.
        profile_batch: Batches to profile; must be 0.
        embeddings_freq: Epochs between two records of embeddings; must be 0.
        embeddings_metadata: Files that describe embeddings; must be None.

    Raises:
        UnsupportedError: If an option is not supported.
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
        for option, value in (
            ("write_images", write_images),
            ("profile_batch", profile_batch),
            ("embeddings_freq", embeddings_freq),
            ("embeddings_metadata", embeddings_metadata),
        ):
            if value:
                raise UnsupportedError(
                    f"TensorBoard: {option}={value!r} is not supported; leave it out."
                )
        self.log_dir, self.histogram_freq = str(log_dir), histogram_freq
        self.write_graph, self.write_images = write_graph, write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self.profile_batch = profile_batch
        self.embeddings_freq, self.embeddings_metadata = embeddings_freq, embeddings_metadata
        self._writers: dict[str, Any] = {}
        self._train_batch = self._test_batch = self._batches_before_epoch = 0
        self._epoch_start = self._batch_start = 0.0

    def set_model(self, model: Any) -> None:
        """Takes the model and writes its graph.

        Raises:
            UnsupportedError: If tensorboard is not installed.
        """
        self.model = model
        self._writers = {}
        _tensorboard("summary.writer.event_file_writer")  # named at once if it is missing
        if self.write_graph and hasattr(model, "to_json"):
            self._write("train", _graph(model.to_json()), 0)

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        """Begins to count batches."""
        self._train_batch = self._batches_before_epoch = 0

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002
        """Closes the files."""
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Begins to measure the speed."""
        self._batches_before_epoch, self._epoch_start = self._train_batch, time.time()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Counts the batch."""
        self._train_batch += 1
        self._batch_start = time.time()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Writes values of the batch, if `update_freq` is not `"epoch"`."""
        if self.update_freq == "epoch" or self._train_batch % int(self.update_freq):
            return
        values = {f"batch_{name}": value for name, value in (logs or {}).items()}
        if self.write_steps_per_second:
            values["batch_steps_per_second"] = 1 / (time.time() - self._batch_start)
        self._write_scalars("train", values, self._train_batch)

    def on_test_end(self, logs: Any = None) -> None:
        """Writes the results of validation over the optimizer's steps."""
        iterations = getattr(self.model.optimizer, "iterations", None)
        if iterations is not None:
            values = {f"evaluation_{k}_vs_iterations": v for k, v in (logs or {}).items()}
            self._write_scalars("validation", values, int(iterations))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Writes losses, metrics, the learning rate, and histograms."""
        if logs:
            train = {k: v for k, v in logs.items() if not k.startswith("val_")}
            log_learning_rates(self.model.optimizer, train)
            if self.write_steps_per_second:
                steps = self._train_batch - self._batches_before_epoch
                train["steps_per_second"] = steps / (time.time() - self._epoch_start)
            validation = {k[4:]: v for k, v in logs.items() if k.startswith("val_")}
            for folder, values in (("train", train), ("validation", validation)):
                named = {f"epoch_{name}": value for name, value in values.items()}
                self._write_scalars(folder, named, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_histograms(epoch)

    def _write_histograms(self, epoch: int) -> None:
        make = _tensorboard("plugins.histogram.summary_v2").histogram_pb
        for layer in self.model.layers:
            for weight in layer.weights:
                name = f"{weight.path.replace(':', '_')}/histogram"
                self._write("train", make(name, np.asarray(weight)), epoch)

    def _write_scalars(self, folder: str, values: dict[str, Any], step: int) -> None:
        if values:
            make = _tensorboard("plugins.scalar.summary_v2").scalar_pb
            for name, value in values.items():
                self._write(folder, make(name, np.asarray(value, "float32")), step)

    def _write(self, folder: str, summary: Any, step: int) -> None:
        if folder not in self._writers:
            module = _tensorboard("summary.writer.event_file_writer")
            path = os.path.join(self.log_dir, folder)
            self._writers[folder] = module.EventFileWriter(path, filename_suffix=".v2")
        event = _tensorboard("compat.proto.event_pb2").Event(
            wall_time=time.time(), step=step, summary=summary
        )
        self._writers[folder].add_event(event)


def _graph(json_text: str) -> Any:
    """The summary that TensorBoard draws a model of layers from."""
    proto = _tensorboard("compat.proto.summary_pb2")
    types = _tensorboard("compat.proto.types_pb2")
    tensor = _tensorboard("compat.proto.tensor_pb2").TensorProto(
        dtype=types.DT_STRING, string_val=[json_text.encode()]
    )
    data = proto.SummaryMetadata.PluginData(plugin_name="graph_keras_model", content=b"1")
    metadata = proto.SummaryMetadata(plugin_data=data)
    value = proto.Summary.Value(tag="keras", metadata=metadata, tensor=tensor)
    return proto.Summary(value=[value])


def _tensorboard(module: str) -> ModuleType:
    try:
        return importlib.import_module(f"tensorboard.{module}")
    except ImportError as error:
        raise UnsupportedError(
            f"TensorBoard needs the package tensorboard: pip install tensorboard ({error})."
        ) from error
