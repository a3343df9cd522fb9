"""Saves a model, or its weights alone, in the format that the file's name asks for."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from rnnext.errors import FileError, UnsupportedError
from rnnext.file_endings import ENDINGS_OF_MODELS, ENDINGS_OF_WEIGHTS
from rnnext.models import Model
from rnnext.saving.formats.replacement import write_file
from rnnext.saving.keras3_meaning import is_unmasked, keras3_config
from rnnext.saving.keras3_weights import descendants
from rnnext.saving.keras3_writer import archive, weight_tree
from rnnext.saving.legacy.shared_form import legacy_config
from rnnext.saving.legacy.writer import hdf5_model, hdf5_weights
from rnnext.saving.training_state import settings_to_save
from rnnext.training.compile_config import compile_config, training_config

__all__ = ["file_format", "save_model", "save_weights"]

File = str | os.PathLike[str] | BinaryIO

# The Keras whose meaning the files have.
_KERAS_VERSION = "3.15.0"
_KERAS, _HDF5, _TREE = "keras", "h5", "weights.h5"
_SAVE_FORMATS = {"keras": _KERAS, "keras_v3": _KERAS, "h5": _HDF5, "hdf5": _HDF5}


def save_model(
    model: Model,
    filepath: File,
    overwrite: bool = True,
    zipped: bool | None = None,
    *,
    include_optimizer: bool = True,
    save_format: str | None = None,
) -> None:
    """Saves a model with its weights so that Keras and rnnext open it.

    A ``.keras`` file is for Keras 3. An ``.h5`` file is for Keras 3 and Keras 2; where Keras 2
    could not give the same answers, it does not open the file.

    A file that is there is replaced whole; if anything goes wrong it is left as it was.

    Args:
        model: A built Sequential or functional model.
        filepath: Path ending in ``.keras``, ``.h5`` or ``.hdf5``, or an open binary file.
        overwrite: Whether a file that is there may be replaced.
        zipped: Must be None or True: unzipped folders are read, but not written.
        include_optimizer: Whether the arguments of `compile` and the state of the optimizer are
            saved, so that training can go on. Arguments that have no config, such as a lambda, are
            left out with a warning, and the state with them.
        save_format: "keras" or "h5", where the name does not say it.

    Raises:
        UnsupportedError: If the name has another ending, the model is not built, or Keras 3 would
            not open it (a name with ``/``, a layer shared with a nested model) or would compute it
            differently (Keras 2's ``hard_sigmoid``). `rnnext.saving.upgraded` rewrites some of
            these.
        FileError: If there is a file and `overwrite` is False.
        OSError: If the file cannot be written.

    Example:
        >>> import io
        >>> from rnnext import saving
        >>> from rnnext.layers import LSTM, Input
        >>> from rnnext.models import Sequential
        >>> file = io.BytesIO()
        >>> saving.save_model(Sequential([Input((5, 3)), LSTM(2)]), file)
        >>> saving.load_model(file.getvalue()).output_shape
        (None, 2)
    """
    if zipped is not None and not zipped:
        raise UnsupportedError(
            f"model {model.name!r}: zipped={zipped!r} is not supported; accepted are None and True."
        )
    kind = file_format(filepath, save_format)
    _check(model, filepath, overwrite)
    config = keras3_config(model)
    if kind == _KERAS:
        settings = settings_to_save(model, compile_config) if include_optimizer else None
        if settings is not None:
            config["compile_config"] = settings
        optimizer = None if settings is None else model.optimizer
        content = archive(model, config, _KERAS_VERSION, optimizer)
    else:
        unmasked = {layer.name for layer in model.layers if is_unmasked(layer, model)}
        parts = (layer for layer in descendants(model) if not isinstance(layer, Model))
        has_masks = any(layer.makes_mask for layer in parts)
        legacy = legacy_config(config, unmasked, has_masks)
        settings = settings_to_save(model, training_config) if include_optimizer else None
        content = hdf5_model(model, legacy, _KERAS_VERSION, settings)
        if isinstance(filepath, (str, os.PathLike)):  # as Keras does for this format alone
            os.makedirs(os.path.dirname(filepath) or ".", exist_ok=True)
    write_file(filepath, content)


def save_weights(
    model: Model, filepath: File, overwrite: bool = True, *, save_format: str | None = None
) -> None:
    """Saves a model's weights alone, for `load_weights` of rnnext and Keras.

    A file that is there is replaced whole; if anything goes wrong it is left as it was.

    Args:
        model: A built model.
        filepath: Path ending in ``.weights.h5``, which Keras 3 reads, or only in ``.h5`` or
            ``.hdf5``, which Keras 2 and 3 read; or an open binary file.
        overwrite: Whether a file that is there may be replaced.
        save_format: "h5": the format of Keras 2 and 3, where the name does not say it.

    Raises:
        UnsupportedError: If the name has another ending, the model is not built, or, for
            ``.weights.h5``, a layer is shared with a nested model.
        FileError: If there is a file and `overwrite` is False.
        OSError: If the file cannot be written.

    Example:
        >>> import io
        >>> from rnnext import saving
        >>> from rnnext.layers import LSTM, Input
        >>> from rnnext.models import Sequential
        >>> file, copy = io.BytesIO(), Sequential([Input((5, 3)), LSTM(2)])
        >>> saving.save_weights(Sequential([Input((5, 3)), LSTM(2)]), file)
        >>> saving.load_weights(copy, file.getvalue())
    """
    kind = _format(filepath, save_format, ENDINGS_OF_WEIGHTS, ("h5", "hdf5"), _TREE, "weights")
    _check(model, filepath, overwrite)
    if kind == _TREE:
        optimizer = (settings_to_save(model, lambda m: {"": m.optimizer}) or {}).get("")
        write_file(filepath, weight_tree(model, optimizer=optimizer))
    else:
        write_file(filepath, hdf5_weights(model, _KERAS_VERSION))


def file_format(filepath: File, save_format: str | None = None) -> str:
    """The format in which a model is saved: "keras" or "h5".

    Args:
        filepath: Path or open binary file.
        save_format: What the caller asks for; None: what the name says.

    Raises:
        UnsupportedError: If neither says it, or they differ.
    """
    return _format(filepath, save_format, ENDINGS_OF_MODELS, tuple(_SAVE_FORMATS), _KERAS, "models")


def _format(
    filepath: File,
    save_format: str | None,
    endings: Mapping[str, str],
    accepted: Sequence[str],
    default: str,
    what: str,
) -> str:
    """The format that a name or a caller asks for.

    Args:
        filepath: Path or open binary file.
        save_format: As the caller gave it.
        endings: Formats by how names end.
        accepted: What `save_format` may be.
        default: The format for an open file.
        what: What is saved, for the errors.
    """
    is_path = isinstance(filepath, (str, os.PathLike))
    name = os.fspath(filepath) if isinstance(filepath, (str, os.PathLike)) else "<open file>"
    by_name = next((f for ending, f in endings.items() if is_path and name.endswith(ending)), None)
    if save_format:
        if save_format not in accepted:
            raise UnsupportedError(
                f"{name}: save_format={save_format!r} is not supported for {what}; accepted are "
                f"{', '.join(map(repr, accepted))} or a name that ends in {_listed(endings)}"
                + _OF_TENSORFLOW
                * (save_format == "tf")
            )
        asked = _SAVE_FORMATS[save_format]
        if by_name not in (None, _TREE, asked):
            raise UnsupportedError(
                f"{name}: save_format={save_format!r} is another format than the name says; leave "
                "out save_format or change the name."
            )
        return by_name or asked
    if not is_path:
        return default
    if by_name is None:
        raise UnsupportedError(
            f"{name}: the name does not say how to save {what}; it must end in {_listed(endings)}."
        )
    return by_name


_OF_TENSORFLOW = "; SavedModels and checkpoints are TensorFlow's own formats, which only it writes"


def _listed(endings: Mapping[str, str]) -> str:
    *most, last = endings
    return f"{', '.join(most)} or {last}"


def _check(model: Model, filepath: File, overwrite: bool) -> None:
    """Rejects a model without weights, and a file that must stay."""
    if not model.built:
        raise UnsupportedError(f"model {model.name!r} is not built, so it has no weights to save.")
    if not overwrite and isinstance(filepath, (str, os.PathLike)) and Path(filepath).exists():
        raise FileError(f"{filepath}: the file exists; overwrite=True replaces it.")
