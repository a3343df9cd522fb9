"""Checkpoints of models, optimizers and variables, with TensorFlow's names."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext.errors import FileError, UnsupportedError
from rnnext.layers.variable import Variable
from rnnext.saving.formats.replacement import write_file
from rnnext.tensorflow.train.state_file import checkpoint_file, latest_checkpoint, write_state

__all__ = ["Checkpoint", "CheckpointManager", "RestoreStatus"]

Arrays = Mapping[str, NDArray[Any]]


class RestoreStatus:
    """What `Checkpoint.restore` did.

    Args:
        missing: Objects of the checkpoint that are not in the file.
        unused: Objects of the file that are not in the checkpoint.
    """

    def __init__(self, missing: list[str], unused: list[str]) -> None:
        self._missing, self._unused = missing, unused

    def assert_consumed(self) -> RestoreStatus:
        """Raises AssertionError if an object of the file or of the checkpoint was left out."""
        if self._unused:
            raise AssertionError(f"The file has {self._unused}, which the checkpoint lacks.")
        return self.assert_existing_objects_matched()

    def assert_existing_objects_matched(self) -> RestoreStatus:
        """Raises AssertionError if an object of the checkpoint is not in the file."""
        if self._missing:
            raise AssertionError(f"The file lacks {self._missing}, which the checkpoint has.")
        return self

    def expect_partial(self) -> RestoreStatus:
        """Does nothing: no warning says that objects were left out."""
        return self


class Checkpoint:
    """Saves models, layers, optimizers, metrics and variables, and sets them again.

    The file is one of rnnext's, `PREFIX-NUMBER.npz`; TensorFlow's checkpoints are converted by
    `rnnext convert`, where TensorFlow is installed.

    Args:
        root: Another object to save, under the name `root`.
        **kwargs: The objects by name. They must be built when `restore` sets them.

    Raises:
        UnsupportedError: If an object has no variables.

    Example:
        >>> import os, tempfile
        >>> import numpy as np
        >>> from rnnext.layers import Dense, Input
        >>> from rnnext.models import Sequential
        >>> model = Sequential([Input((2,)), Dense(1)])
        >>> checkpoint = Checkpoint(model=model)
        >>> path = checkpoint.save(os.path.join(tempfile.mkdtemp(), "ckpt"))
        >>> saved = model.get_weights()
        >>> model.set_weights([np.zeros((2, 1)), np.zeros(1)])
        >>> _ = checkpoint.restore(path).assert_consumed()
        >>> np.array_equal(model.get_weights()[0], saved[0]), os.path.basename(path)
        (True, 'ckpt-1')
    """

    def __init__(self, root: Any = None, **kwargs: Any) -> None:
        self._objects = {**({} if root is None else {"root": root}), **kwargs}
        for name, value in self._objects.items():
            _variables_of(name, value)
            setattr(self, name, value)
        self.save_counter = Variable(np.zeros((), np.int64), name="save_counter")

    def save(self, file_prefix: str | os.PathLike[str], options: Any = None) -> str:
        """Saves the objects under the next number.

        Args:
            file_prefix: Folder and beginning of the name.
            options: Ignored.

        Returns:
            The path that `restore` takes: `file_prefix` and the number.

        Raises:
            OSError: If the file cannot be written.
        """
        self.save_counter.assign(self.save_counter.numpy() + 1)
        prefix = self.write(f"{os.fspath(file_prefix)}-{int(self.save_counter.numpy())}", options)
        write_state([prefix])
        return prefix

    def write(self, file_prefix: str | os.PathLike[str], options: Any = None) -> str:  # noqa: ARG002
        """Saves the objects under this very name.

        Args:
            file_prefix: Folder and name.
            options: Ignored.

        Returns:
            `file_prefix`.

        Raises:
            OSError: If the file cannot be written.
        """
        arrays: dict[str, NDArray[Any]] = {"save_counter/0": np.asarray(self.save_counter.numpy())}
        for name, value in self._objects.items():
            for i, variable in enumerate(_variables_of(name, value)):
                arrays[f"{name}/{i}"] = np.asarray(variable.numpy())
        content = io.BytesIO()
        np.savez(content, **arrays)  # type: ignore[arg-type]
        file = checkpoint_file(file_prefix)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_file(file, content.getvalue())
        return os.fspath(file_prefix)

    def restore(self, save_path: str | os.PathLike[str] | None, options: Any = None) -> Any:  # noqa: ARG002
        """Sets the objects to what was saved.

        Args:
            save_path: What `save` or `latest_checkpoint` returned; None changes nothing.
            options: Ignored.

        Returns:
            A status, with `assert_consumed()` and `expect_partial()`.

        Raises:
            FileError: If there is no such file, or an object has other variables.
        """
        if save_path is None:
            return RestoreStatus([], [])
        saved = _read(save_path)
        objects = {"save_counter": self.save_counter, **self._objects}
        found = {name: _fitting(save_path, saved, name, objects[name]) for name in objects}
        for pairs in found.values():
            for variable, array in pairs:
                variable.assign(array)
        in_file = {key.rpartition("/")[0] for key in saved}
        return RestoreStatus(sorted(objects.keys() - in_file), sorted(in_file - objects.keys()))

    read = restore


class CheckpointManager:
    """Keeps the last checkpoints of a folder.

    Args:
        checkpoint: What is saved.
        directory: The folder.
        max_to_keep: How many are kept; None: all.
        checkpoint_name: How the files' names begin.

    Attributes:
        checkpoints: Paths of the checkpoints, the last one last.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        directory: str | os.PathLike[str],
        max_to_keep: int | None,
        checkpoint_name: str = "ckpt",
    ) -> None:
        self.checkpoint, self.directory = checkpoint, os.fspath(directory)
        self.max_to_keep = max_to_keep
        self._prefix = os.path.join(self.directory, checkpoint_name)
        last = latest_checkpoint(self.directory)
        self.checkpoints: list[str] = [] if last is None else [last]

    @property
    def latest_checkpoint(self) -> str | None:
        """Path of the last checkpoint, or None."""
        return self.checkpoints[-1] if self.checkpoints else None

    def save(self, checkpoint_number: Any = None) -> str:
        """Saves a checkpoint, and deletes those that are too many.

        Args:
            checkpoint_number: Number in the name; None: one more than the last.

        Returns:
            Its path.

        Raises:
            OSError: If the file cannot be written.
        """
        if checkpoint_number is not None:
            self.checkpoint.save_counter.assign(int(checkpoint_number) - 1)
        path = self.checkpoint.save(self._prefix)
        self.checkpoints = [p for p in self.checkpoints if p != path] + [path]
        while self.max_to_keep and len(self.checkpoints) > self.max_to_keep:
            checkpoint_file(self.checkpoints.pop(0)).unlink(missing_ok=True)
        write_state(self.checkpoints)
        return path

    def restore_or_initialize(self) -> str | None:
        """Restores the last checkpoint.

        Returns:
            Its path, or None if there is none.
        """
        self.checkpoint.restore(self.latest_checkpoint)
        return self.latest_checkpoint


def _variables_of(name: str, value: Any) -> list[Any]:
    """The variables of an object: of a layer, an optimizer or a metric, or the variable itself."""
    found = getattr(value, "variables", None)
    if found is None and hasattr(value, "assign"):
        found = [value]
    if found is None:
        raise UnsupportedError(
            f"Checkpoint: {name} must be a model, a layer, an optimizer, a metric or a variable, "
            f"received a {type(value).__name__}."
        )
    return list(found)


def _read(save_path: str | os.PathLike[str]) -> Arrays:
    file = checkpoint_file(save_path)
    if not file.is_file():
        folder = Path(save_path).parent
        raise FileError(
            f"{os.fspath(save_path)}: there is no checkpoint {file.name!r} of rnnext's in "
            f"{folder}; TensorFlow's own are converted by `rnnext convert`."
        )
    with np.load(file, allow_pickle=False) as archive:
        return dict(archive)


def _fitting(
    path: str | os.PathLike[str], saved: Arrays, name: str, value: Any
) -> list[tuple[Any, NDArray[Any]]]:
    """Each variable of an object and its array; none if the file lacks the object."""
    arrays: list[NDArray[Any]] = []
    while f"{name}/{len(arrays)}" in saved:
        arrays.append(saved[f"{name}/{len(arrays)}"])
    variables = _variables_of(name, value)
    if not arrays:
        return []
    shapes = [tuple(v.shape) for v in variables]
    if shapes != [a.shape for a in arrays]:
        raise FileError(
            f"{os.fspath(path)}: {name} has variables of shapes {shapes}, the file has "
            f"{[a.shape for a in arrays]}; build the model, and the optimizer by "
            "optimizer.build(model.trainable_variables), before they are restored."
        )
    return list(zip(variables, arrays, strict=True))
