"""SavedModel folders and checkpoints, which only an installed TensorFlow reads."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest
from rnnext.errors import FileError
from rnnext.packages import load_package
from rnnext.saving.formats.source import TensorFlowFile

_PURPOSE = "`rnnext convert` of a TensorFlow {}"
_INSTALL = "tensorflow tf_keras"
_LAYER = "layer_with_weights-"

Answers = Callable[[Sequence[NDArray[Any]]], list[NDArray[Any]]]


def load_in_tensorflow(file: TensorFlowFile, config: str | None) -> tuple[Any, Answers]:
    """Opens something that only TensorFlow reads.

    Loading a SavedModel runs what TensorFlow finds in it: open only those that you trust.

    Args:
        file: What it is, and where.
        config: Path of the architecture, as ``model.to_json()`` wrote it; checkpoints need it.

    Returns:
        The model, in Keras 2, and a function that gives its outputs for a list of inputs.

    Raises:
        MissingPackageError: TensorFlow or tf_keras is not installed.
        FileError: No Keras model is in it, or TensorFlow cannot open it; says what it said.
        OSError: `config` cannot be read.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # its start-up notes would bury the result
    tensorflow = load_package("tensorflow", _PURPOSE.format(file.kind), _INSTALL)
    keras = load_package("tf_keras", _PURPOSE.format(file.kind), _INSTALL)
    if file.kind == "SavedModel":
        model = _saved_model(keras, file.path)
    else:
        if config is None:
            raise FileError(
                f"{file.path}: a TensorFlow checkpoint holds weights without an architecture; "
                "add --config MODEL.json, which model.to_json() wrote."
            )
        model = _from_checkpoint(tensorflow, keras, file.path, config)
    # A model of its own takes a list of inputs, whatever structure the first one has.
    flat = keras.Model(model.inputs, model.outputs)

    def answers(inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        outputs = flat(list(inputs), training=False)
        return [np.asarray(tensor) for tensor in nest.flatten(outputs)]

    return model, answers


def _saved_model(keras: Any, folder: Path) -> Any:
    try:
        model = keras.models.load_model(folder, compile=False)
    except Exception as error:  # TensorFlow has no error class of its own for it
        raise FileError(f"{folder}: TensorFlow cannot open it: {error}") from error
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise FileError(
            f"{folder}: a SavedModel without a Keras model of layers, as model.export() and "
            "subclassed models write it; only its author's code knows the layers."
        )
    return model


def _from_checkpoint(tensorflow: Any, keras: Any, path: Path, config: str) -> Any:
    prefix = str(path)
    if path.is_dir():
        prefix = tensorflow.train.latest_checkpoint(prefix) or _only_index(path)
    text = Path(config).read_bytes()
    try:
        model = keras.models.model_from_json(text.decode())
    except Exception as error:
        raise FileError(f"{config}: Keras 2 cannot make a model of it: {error}") from error
    try:
        names = tensorflow.train.load_checkpoint(prefix).get_variable_to_shape_map()
        target = tensorflow.train.Checkpoint(**{_model_name(names, prefix) or "root": model})
        # An optimizer that the model does not have is no error; a weight that is not found is.
        target.read(prefix).expect_partial().assert_existing_objects_matched()
    except FileError:
        raise
    except Exception as error:
        raise FileError(f"{prefix}: does not fit {config}: {error}") from error
    return model


def _only_index(folder: Path) -> str:
    """The prefix of the only checkpoint in a folder that does not say which one is the newest."""
    found = sorted(folder.glob("*.index"))
    if len(found) != 1:
        raise FileError(
            f"{folder}: checkpoints {[path.stem for path in found]}: name one, such as "
            f"{folder / 'PREFIX'}."
        )
    return str(found[0].with_suffix(""))


def _model_name(names: Sequence[str], prefix: str) -> str:
    """What the checkpoint calls the model; empty if the model is all it was made of."""
    roots = {name.partition(_LAYER)[0].rstrip("/") for name in names if _LAYER in name}
    roots = {root for root in roots if "/" not in root and not root.startswith(".")}
    if len(roots) != 1:
        raise FileError(
            f"{prefix}: expected one Keras model, found {sorted(roots) or 'none'}; it has "
            f"{sorted(names)[:5]}."
        )
    return roots.pop()
